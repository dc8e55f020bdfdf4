//! Comparisons that are under way in this process, and how far they are.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use syncline_engine::VerifyEvent;
use utoipa::ToSchema;

/// How far a comparison is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct VerificationProgress {
    /// Which look at the tables it is, from 1: after a repair, and where rows are on their way,
    /// everything is looked at once more. 0 while it waits for its turn.
    pass: u32,
    /// Tables to compare.
    tables: u64,
    /// Tables compared.
    tables_done: u64,
    /// The target table that was read last.
    table: Option<String>,
    /// Rows of the source that were read, or are known to be equal by a checksum.
    rows: u64,
    /// Rows of the source, as far as every table can tell.
    rows_estimated: Option<u64>,
    /// From 0 to 1, where anything is known to tell it by.
    share: Option<f64>,
}

/// Comparisons that are under way.
#[derive(Default)]
pub(crate) struct Comparing(Mutex<HashMap<String, VerificationProgress>>);

impl Comparing {
    fn all(&self) -> MutexGuard<'_, HashMap<String, VerificationProgress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One begins, or waits for its turn.
    pub(crate) fn begin(&self, id: &str) {
        self.all().insert(id.to_owned(), VerificationProgress::default());
    }

    /// One tells something.
    pub(crate) fn hear(&self, id: &str, event: &VerifyEvent) {
        let mut all = self.all();
        let Some(progress) = all.get_mut(id) else { return };
        match event {
            VerifyEvent::Comparing { tables, rows_estimated } => {
                progress.pass += 1;
                progress.tables = tables.len() as u64;
                progress.tables_done = 0;
                progress.rows = 0;
                progress.rows_estimated = *rows_estimated;
            }
            VerifyEvent::Progress { table, all, .. } => {
                *progress = VerificationProgress {
                    pass: all.pass,
                    tables: all.tables,
                    tables_done: all.tables_done,
                    table: Some(table.clone()),
                    rows: all.rows,
                    rows_estimated: all.rows_estimated,
                    share: all.share,
                };
            }
            _ => {}
        }
    }

    /// One has ended.
    pub(crate) fn end(&self, id: &str) {
        self.all().remove(id);
    }

    /// How far one is, while it is under way here.
    pub(crate) fn of(&self, id: &str) -> Option<VerificationProgress> {
        self.all().get(id).cloned()
    }
}
