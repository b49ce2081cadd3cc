//! Tests of the client: the matching by itself, and the driver against brokers that play a part.

mod driver;
mod matching;
