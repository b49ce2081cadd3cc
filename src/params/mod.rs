//! Parameters: bodies to values and back, at the edges only.
//!
//! The broker carries bodies and never looks into them; workers, clients, the gateway and whoever
//! looks on do, here. A parameter frame is a tag and a payload ([`tag`]),
//! which [`Param`] decodes; payloads are JSON
//! ([`json`]) or PHP's serialization. Web forms become parameters by PHP's rules
//! ([`query`], [`multipart`]).
//!
//! Everything here reads foreign input: nothing panics, recurses as deep as the input says, or
//! allocates by a length that the input declares.

pub mod array;
pub(crate) mod float;
pub mod json;
pub mod multipart;
mod param;
pub mod php;
pub mod query;
pub mod tag;

pub use float::Precision;
pub use param::{Options, Param, ParamError};
