//! How commands start: what they tell the service manager, and what they say if they cannot.

mod support;

#[path = "startup/errors.rs"]
mod errors;
#[path = "startup/notify.rs"]
mod notify;
