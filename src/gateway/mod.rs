//! The HTTP door: a client like any other.
