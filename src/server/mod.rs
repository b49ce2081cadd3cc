//! The loop that owns broker, transport and store; and the clock.
