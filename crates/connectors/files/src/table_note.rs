//! What files note of a table beyond its columns' types: keys, indexes, checks, foreign keys,
//! defaults and comments, so that a table that went through a file is made as it was.
//!
//! Parquet and Arrow files hold the note in their metadata; a text file has it beside itself, in a
//! sidecar, when that is asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use arrow::datatypes::Field;
use serde::{Deserialize, Serialize};
use syncline_types::{Code, Column, Error, Generated, Result, TableSchema, field};

use crate::os_error;
use crate::parts;

/// Key of the note, whose value is the table as JSON.
pub(crate) const TABLE_KEY: &str = "syncline.table";

/// Key of a field's metadata that tells how the column was computed where it came from. A file
/// holds its values like any other's.
const GENERATED: &str = "syncline.generated";

/// Key of a field's metadata that tells that its floats cannot be NaN or infinite.
const FINITE: &str = field::FINITE;

/// The field without NaN among its decimals: JSON has no word for it; Parquet keeps no more digits
/// of a decimal than its precision asks for, and what stands for NaN has more. Such values are
/// refused.
pub(crate) fn without_nan(column: &Field) -> Field {
    let mut metadata = column.metadata().clone();
    if column.data_type().is_decimal() {
        metadata.remove(field::SPECIAL);
    }
    column.clone().with_metadata(metadata)
}

/// The field, saying that its numbers cannot be NaN or infinite, nor its JSON be `null`.
pub(crate) fn finite(column: &Field) -> Field {
    field::with(column.clone(), [(FINITE, "true".to_owned())])
}

/// The note for a table.
pub(crate) fn table_text(table: &TableSchema) -> Option<String> {
    serde_json::to_string(table).ok()
}

/// Makes a computed column one whose values are kept, and notes how it was computed.
pub(crate) fn keep_values(column: &mut Column) {
    let Some(generated) = column.generated.take() else { return };
    let text = serde_json::to_string(&generated).ok();
    column.field = field::with(column.field.clone(), text.map(|text| (GENERATED, text)));
}

/// The other way: a column whose field has the note is a computed one again.
fn compute_again(column: &mut Column) {
    let mut metadata = column.field.metadata().clone();
    metadata.remove(FINITE);
    if let Some(text) = metadata.remove(GENERATED) {
        column.generated = serde_json::from_str::<Generated>(&text).ok();
    }
    column.field = column.field.clone().with_metadata(metadata);
}

/// Completes a table found in a file by what the file notes of it. A note that does not fit the
/// columns is of another writer, or of an older table, and is left alone.
pub(crate) fn complete(table: &mut TableSchema, notes: &HashMap<String, String>) {
    let noted =
        notes.get(TABLE_KEY).and_then(|text| serde_json::from_str::<TableSchema>(text).ok());
    if let Some(noted) = noted {
        fill(table, noted, false);
    }
    table.columns.iter_mut().for_each(compute_again);
}

/// Takes over what was noted, with the columns' types where they are the note's to say.
fn fill(table: &mut TableSchema, noted: TableSchema, types: bool) -> bool {
    let same = noted.columns.len() == table.columns.len()
        && noted.columns.iter().zip(&table.columns).all(|(a, b)| a.name() == b.name());
    if !same {
        return false;
    }
    let columns = table.columns.drain(..).zip(noted.columns);
    let columns = columns.map(|(found, noted)| {
        let field = if types { noted.field.clone() } else { found.field };
        Column { field, ..noted }
    });
    *table = TableSchema {
        columns: columns.collect(),
        name: table.name.clone(),
        ..TableSchema { columns: Vec::new(), ..noted }
    };
    true
}

/// The file beside a text file that says what its columns are.
pub(crate) fn sidecar(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".schema.json");
    PathBuf::from(name)
}

/// Whether a file says what another file's columns are.
pub(crate) fn is_sidecar(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".schema.json")
}

/// What a sidecar holds.
#[derive(Serialize, Deserialize)]
struct Sidecar {
    /// Version of its form.
    v: u32,
    table: TableSchema,
}

/// Writes a text file's sidecar.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_sidecar(path: &Path, table: &TableSchema) -> Result<()> {
    let text = serde_json::to_vec_pretty(&Sidecar { v: 1, table: table.clone() })
        .map_err(|e| Error::bug("a table's schema as JSON").because(e))?;
    parts::write_whole(&sidecar(path), &text)
}

/// What a sidecar was good for, for people.
pub(crate) enum Said {
    /// It has given the columns their types.
    Types(String),
    /// It does not fit the file.
    Nothing(String),
}

impl Said {
    /// The text.
    pub(crate) fn note(self) -> String {
        match self {
            Said::Types(note) | Said::Nothing(note) => note,
        }
    }
}

/// Gives a text file's columns the types of its sidecar, where it has one. With `by_key` the
/// columns found may be some of the sidecar's, in any order.
///
/// # Errors
/// [`Code::Corrupt`] for one that cannot be read.
pub(crate) fn by_sidecar(
    path: &Path,
    table: &mut TableSchema,
    by_key: bool,
) -> Result<Option<Said>> {
    let place = sidecar(path);
    let text = match std::fs::read(&place) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(os_error::of(&place, "read", e)),
    };
    let bad = |e: serde_json::Error| {
        let message = format!("{}: it says no schema: {e}", place.display());
        Error::new(Code::Corrupt, message).hint("remove the file, or read with ?schema=false")
    };
    let found: Sidecar = serde_json::from_slice(&text).map_err(bad)?;
    if by_key && table.columns.iter().all(|c| found.table.column(c.name()).is_some()) {
        table.columns.clone_from(&found.table.columns);
    }
    let place = place.display();
    Ok(Some(if found.v == 1 && fill(table, found.table, true) {
        table.columns.iter_mut().for_each(compute_again);
        Said::Types(format!("types are those of {place}"))
    } else {
        Said::Nothing(format!("{place} has other columns than the file, and is not gone by"))
    }))
}
