//! Tables to move: those of TPC-H, random ones, and one whose rows are numbered.

mod numbered;
mod random;
mod tpch;

pub use numbered::numbered_sqlite;
pub use random::random_table;
pub use tpch::{TPCH, tpch_batches, tpch_csv, tpch_schema};
