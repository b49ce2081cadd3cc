//! What keeps the programs of a site running: their configuration, their processes, their files.

pub mod admin;
mod backoff;
mod child;
pub mod config;
pub mod control;
mod files;
mod identity;
mod leftovers;
mod logs;
mod notify_socket;
pub mod php_config;
mod process;
mod process_table;
pub mod program;
mod supervisor;
#[cfg(test)]
mod tests;

pub use child::{open_log, user_may_start};
pub use identity::{NAME_MARK, RUN_DIR_MARK};
pub use notify_socket::{NOTIFY_MARK, Notice, Unfinished};
pub use supervisor::{ClaimError, Listening, Load, Logs, OWN_LOG, Phase, Signalled, Supervisor, Task};
