//! Parameters: bodies to values and back, at the edges only.
