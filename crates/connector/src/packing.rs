//! Rows handed on as they are. Where source and target are of one connector, have columns of the
//! same types, and nothing in between looks at a value, taking each row apart and putting it
//! together again is work for nothing: the rows pass in the form in which the store sends them.
//!
//! Packed rows are a batch with a single binary column; each of its values is a whole row, in a
//! form that is the connector's own matter. Positions, counts and limits are those of other rows.
//! The engine unpacks a row that the target refuses, for the dead letters.

use std::sync::{Arc, LazyLock};

use arrow::array::{BinaryArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use syncline_types::{Error, Result, TableSchema};

/// How a source packs rows.
#[derive(Debug, Clone)]
pub struct Packing {
    /// The name of the form.
    pub form: &'static str,
    /// The columns that are packed, in their order.
    pub table: Arc<TableSchema>,
}

/// A batch of packed rows.
///
/// # Errors
/// [`syncline_types::Code::Bug`] when a row is NULL.
pub fn packed(rows: BinaryArray) -> Result<RecordBatch> {
    static SCHEMA: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(Schema::new(vec![Field::new("row", DataType::Binary, false)])));
    RecordBatch::try_new(Arc::clone(&SCHEMA), vec![Arc::new(rows)])
        .map_err(|e| Error::bug("packed rows do not make a batch").because(e))
}
