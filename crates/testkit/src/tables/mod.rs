//! Tables to move: those of TPC-H, and random ones.

mod random;
mod tpch;

pub use random::random_table;
pub use tpch::{TPCH, tpch_batches, tpch_csv, tpch_schema};
