//! The tests of the whole, a module a subject: one program, so that it is linked once.

mod support;

mod admin;
mod config;
mod console;
mod deploy;
mod docs;
mod durable;
mod end_to_end;
mod exit_status;
mod fleet;
mod gateway;
mod hostile;
mod http_clients;
mod interop;
mod logs;
mod packaging;
mod php_config;
mod php_oracle;
mod php_site;
mod readme;
mod recovery;
mod site;
mod startup;
mod switching;
mod worker;
