//! SQL as text, shared by connectors: how each dialect quotes names and values ([`Dialect`]),
//! the table it would make for another store's ([`adapt`]) and the statements that make it
//! ([`create_table`], [`create_indexes`], [`foreign_keys`], [`partitions`], [`comments`],
//! [`mod@actions`]), values as literals ([`ColumnWriter`]),
//! key ranges as conditions ([`KeyRange`]), tables that change ([`mod@alter`]).
//!
//! Pure: no I/O. Talking to servers is left to the connectors, conversion of values to the engine.

pub mod alter;
mod ddl;
mod dialect;
mod expression;
mod key;
mod literal;
mod mapping;
pub mod moment;
pub mod script;

pub use ddl::{
    actions, adapt, comments, create_indexes, create_table, foreign_keys, index_clause, partitions,
};
pub use dialect::Dialect;
pub use key::{KeyColumn, KeyRange, KeyValue, order_by, predicate};
pub use literal::{ColumnWriter, push_decimal, write_literal};
