//! How commands start: what they tell the service manager, and what they say if they cannot.

mod errors;
mod notify;
