//! Sequences of the columns that are written go on after the values that came, so that the target
//! could take over from the source: moved after a flush, at most once a second.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{max, min};
use arrow::datatypes::{DataType, Int16Type, Int32Type, Int64Type};
use syncline_types::Result;

use super::tables::Prepared;
use crate::catalog::Sequence;
use crate::connect::Session;
use crate::error;

/// How long moving them again is put off.
const REST: Duration = Duration::from_secs(1);

/// The furthest values that came and that the sequences have not been told of.
#[derive(Default)]
pub(super) struct Sequences {
    ahead: HashMap<String, (Sequence, i64)>,
    /// What each sequence was moved to.
    moved: HashMap<String, i64>,
    last: Option<Instant>,
}

impl Sequences {
    /// Rows with those cells were written.
    pub(super) fn seen(&mut self, prepared: &Prepared, cells: &[ArrayRef]) {
        for (at, sequence) in &prepared.counted {
            let up = sequence.increment > 0;
            let Some(value) = cells.get(*at).and_then(|cell| furthest(cell, up)) else { continue };
            let further = |than: i64| if up { value > than } else { value < than };
            let name = &sequence.name;
            if self.moved.get(name).is_some_and(|moved| !further(*moved)) {
                continue;
            }
            if self.ahead.get(name).is_none_or(|(_, ahead)| further(*ahead)) {
                self.ahead.insert(name.clone(), (sequence.clone(), value));
            }
        }
    }

    /// Tells the sequences, outside of a transaction: they are no part of any. What was undone in
    /// the meantime leaves a gap, as everywhere.
    pub(super) async fn move_on(&mut self, session: &Session) -> Result<()> {
        if self.ahead.is_empty() || self.last.is_some_and(|last| last.elapsed() < REST) {
            return Ok(());
        }
        for (name, (sequence, value)) in std::mem::take(&mut self.ahead) {
            let further = if sequence.increment > 0 { ">" } else { "<" };
            let sql = format!(
                "SELECT pg_catalog.setval($1::text::pg_catalog.regclass, $2, true) FROM {name} \
                 WHERE $2 {further} last_value OR $2 = last_value AND NOT is_called"
            );
            let value = if sequence.increment > 0 { value.min(sequence.max) } else { value };
            let set = session.client.query(&sql, &[&name, &value]).await;
            set.map_err(|e| error::of(e, format!("setting the sequence {name}")))?;
            self.moved.insert(name, value);
        }
        self.last = Some(Instant::now());
        Ok(())
    }

    /// A definition has changed: what was known may be of sequences that are gone.
    pub(super) fn forget(&mut self) {
        self.ahead.clear();
        self.moved.clear();
    }
}

fn furthest(cell: &ArrayRef, up: bool) -> Option<i64> {
    macro_rules! furthest {
        ($type:ty) => {{
            let values = cell.as_primitive::<$type>();
            (if up { max(values) } else { min(values) }).map(i64::from)
        }};
    }
    match cell.data_type() {
        DataType::Int16 => furthest!(Int16Type),
        DataType::Int32 => furthest!(Int32Type),
        DataType::Int64 => furthest!(Int64Type),
        _ => None,
    }
}
