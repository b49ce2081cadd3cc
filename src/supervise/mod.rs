//! What keeps the programs of a site running: their configuration, their processes, their files.

pub mod admin;
pub mod control;
pub mod php_config;
pub mod program;
