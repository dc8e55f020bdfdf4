//! The tables that rows' events name by numbers, and the rows of those that are followed.

use std::collections::HashMap;
use std::sync::Arc;

use syncline_types::{Error, Result, TableName};

use super::event::{cut, unreadable};
use super::inflate;
use super::map::{self, Layout, TableMap};
use super::plan::{self, Plan};
use super::set::Set;
use super::tables::Tables;
use crate::wire::packet::Fields;

/// A table under the number that rows' events name it by.
struct Numbered {
    /// The map's bytes behind the number.
    map: Vec<u8>,
    /// `None` when it is not followed.
    open: Option<Open>,
}

/// A followed table, and the plans for the events met so far.
struct Open {
    layout: Arc<Layout>,
    plans: Vec<Arc<Plan>>,
}

/// So many numbers are remembered at most.
const MOST: usize = 10_000;

/// All numbers that were given so far.
pub(crate) struct Maps {
    numbered: HashMap<u64, Numbered>,
    old_images: bool,
}

impl Maps {
    pub(crate) fn new(old_images: bool) -> Self {
        Self { numbered: HashMap::new(), old_images }
    }

    /// Numbers or tables are others from here on.
    pub(crate) fn clear(&mut self) {
        self.numbered.clear();
    }

    /// Takes the map of a table.
    pub(crate) fn table(&mut self, tables: &Tables, body: &[u8]) -> Result<()> {
        let (id, rest) = map::table_id(body)?;
        if self.numbered.get(&id).is_some_and(|n| n.map == rest) {
            return Ok(());
        }
        if self.numbered.len() > MOST {
            // Numbers rise: those of long ago were given up.
            self.numbered.retain(|number, _| *number > id.saturating_sub(MOST as u64 / 2));
        }
        let (database, name) = map::name(rest).ok_or_else(cut)?;
        let name = TableName::new(String::from_utf8_lossy(database), String::from_utf8_lossy(name));
        // A table that was opened anew has another number and is the same for all that.
        let same = self.numbered.values().find(|n| n.map == rest).and_then(|n| n.open.as_ref());
        let open = match (tables.follows(&name), same) {
            (false, _) => None,
            (true, Some(same)) => {
                Some(Open { layout: Arc::clone(&same.layout), plans: same.plans.clone() })
            }
            (true, None) => {
                let map = TableMap::read(rest).ok_or_else(cut)?;
                let layout = tables.layout(&map)?;
                Some(Open { layout: Arc::new(layout), plans: Vec::new() })
            }
        };
        self.numbered.insert(id, Numbered { map: rest.to_vec(), open });
        Ok(())
    }

    /// Puts rows that were written, changed or deleted into the set, and says how many; `None` when
    /// their table is not followed.
    pub(crate) fn rows(&mut self, number: u8, body: &[u8], set: &mut Set) -> Result<Option<u32>> {
        let (id, rest) = map::table_id(body)?;
        let Some(numbered) = self.numbered.get_mut(&id) else {
            // It ends a statement of which nothing was to be told.
            if id == 0xFF_FFFF {
                return Ok(None);
            }
            return Err(unreadable(format!("rows of table number {id}, which was not named")));
        };
        let Some(open) = &mut numbered.open else { return Ok(None) };
        let (kind, version_2, packed) = match number {
            23 => (plan::Kind::Insert, false, false),
            24 => (plan::Kind::Update, false, false),
            25 => (plan::Kind::Delete, false, false),
            30 => (plan::Kind::Insert, true, false),
            31 => (plan::Kind::Update, true, false),
            32 => (plan::Kind::Delete, true, false),
            166 => (plan::Kind::Insert, false, true),
            167 => (plan::Kind::Update, false, true),
            168 => (plan::Kind::Delete, false, true),
            169 => (plan::Kind::Insert, true, true),
            170 => (plan::Kind::Update, true, true),
            171 => (plan::Kind::Delete, true, true),
            _ => return Err(partial(&open.layout)),
        };
        let mut fields = Fields(rest);
        fields.u16().ok_or_else(cut)?;
        if version_2 {
            let extra = fields.u16().ok_or_else(cut)?;
            fields.take(usize::from(extra).saturating_sub(2)).ok_or_else(cut)?;
        }
        let count = usize::try_from(fields.int().ok_or_else(cut)?).unwrap_or(usize::MAX);
        if count != open.layout.cells.len() {
            return Err(unreadable(format!("{}: {count} columns", open.layout.table.name)));
        }
        let first = fields.take(count.div_ceil(8)).ok_or_else(cut)?;
        let second = match kind {
            plan::Kind::Update => fields.take(count.div_ceil(8)).ok_or_else(cut)?,
            _ => &[],
        };
        let bits = (first, second);
        let plan = match open.plans.iter().find(|p| p.fits(kind, bits)) {
            Some(plan) => Arc::clone(plan),
            None => {
                let plan = Plan::new(&open.layout, kind, bits, self.old_images)?;
                // MINIMAL images of wide tables differ a lot.
                if open.plans.len() > 64 {
                    open.plans.clear();
                }
                open.plans.push(Arc::new(plan));
                Arc::clone(&open.plans[open.plans.len() - 1])
            }
        };
        let before = set.places;
        let inflated;
        let rows = match packed {
            true => {
                inflated = inflate::event(fields.0)?;
                inflated.as_slice()
            }
            false => fields.0,
        };
        set.bytes += rows.len();
        plan.rows(rows, set)?;
        Ok(Some(set.places - before))
    }
}

fn partial(layout: &Layout) -> Error {
    let text =
        format!("{}: the log tells changes inside of JSON documents only", layout.table.name);
    unreadable(text).hint("SET GLOBAL binlog_row_value_options=''; then start over with --fresh")
}
