//! What the broker shows of itself, as JSON.
