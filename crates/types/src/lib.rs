//! The words of Syncline as types: tables and their columns, splits, positions, batches, errors.
//!
//! Everything here is plain data without I/O. How data moves stands in the engine; how a store is
//! read or written stands in the connectors; how SQL looks in each dialect stands in the SQL kit.

mod batch;
mod change;
mod definition;
pub mod error;
pub mod field;
mod flaw;
mod hints;
mod nearest;
mod position;
mod run;
mod selection;
mod split;
mod table;

pub use batch::{ChangeBatch, Element, Reject};
pub use change::{ChangeSet, Commit, LogElement, Op, RowChanges, SchemaChange, SchemaEffect};
pub use definition::{
    Adapted, Check, ForeignKey, Generated, NativeSql, Partition, Partitioning, ReferentialAction,
    Requirement,
};
pub use error::{Code, Error, ErrorKind, Result};
pub use flaw::Flaw;
pub use hints::in_terms_of_jobs;
pub use nearest::{did_you_mean, nearest};
pub use position::Position;
pub use run::{RunEvent, RunState};
pub use selection::{Pattern, TableSelection};
pub use split::Split;
pub use table::{
    Column, DefaultValue, Identity, Index, IndexPart, TableInfo, TableName, TableSchema,
};
