//! The program `zmws`.
fn main() {}
