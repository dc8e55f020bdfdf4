//! The tables that are followed, as they are at the place the log has been read to.

use std::collections::HashMap;
use std::sync::Arc;

use syncline_types::{Code, Error, NativeSql, Result, TableName, TableSchema};

use super::charset::Charsets;
use super::event::Query;
use super::map::{Layout, TableMap};
use super::state::Effects;

/// What a statement does.
#[derive(Default)]
pub(crate) struct Meaning {
    pub(crate) effects: Effects,
    pub(crate) statement: Option<NativeSql>,
    /// A transaction goes on behind it.
    pub(crate) opens: bool,
}

/// A followed table.
#[derive(Debug)]
struct Followed {
    /// With the columns wanted.
    wanted: Arc<TableSchema>,
    /// With all it had when the log was opened: it may be what the log is about.
    present: Option<TableSchema>,
}

/// All followed tables.
pub(crate) struct Tables {
    followed: HashMap<TableName, Followed>,
    charsets: Charsets,
}

impl Tables {
    /// Tables as they are at the place from which the log is read, and, where they are there, as
    /// they are now.
    pub(crate) fn new(
        tables: &[Arc<TableSchema>],
        mut present: HashMap<TableName, TableSchema>,
        charsets: Charsets,
    ) -> Self {
        let followed = tables.iter().map(|table| {
            let present = present.remove(&table.name);
            (table.name.clone(), Followed { wanted: Arc::clone(table), present })
        });
        Self { followed: followed.collect(), charsets }
    }

    /// The table of that name, with the columns wanted, if it is followed.
    pub(crate) fn followed(&self, name: &TableName) -> Option<&Arc<TableSchema>> {
        self.followed.get(name).map(|f| &f.wanted)
    }

    /// How rows of a followed table lie in the log.
    pub(crate) fn layout(&self, map: &TableMap) -> Result<Layout> {
        let unknown = || Error::bug(format!("{} is not followed", map.name));
        let followed = self.followed.get(&map.name).ok_or_else(unknown)?;
        let mut whole = vec![&*followed.wanted];
        whole.extend(&followed.present);
        Layout::new(map, &followed.wanted, &whole, &self.charsets)
    }

    /// What a statement does to the tables.
    pub(crate) fn understand(&mut self, query: &Query<'_>) -> Result<Meaning> {
        let _ = (query, Code::LogUnreadable);
        Ok(Meaning::default())
    }
}
