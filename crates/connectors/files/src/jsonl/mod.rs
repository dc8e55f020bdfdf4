//! JSON Lines: one object a line. A missing key is NULL.

pub(crate) mod reader;
pub(crate) mod scanner;
pub(crate) mod writer;
