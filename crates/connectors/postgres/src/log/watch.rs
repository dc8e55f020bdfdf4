//! Changes of definitions that the log does not tell: a table that was dropped, an index that was
//! made, a column that no row has come by in yet. The catalog is looked at now and then; what is
//! found there takes effect once the log has been read as far as it went at that moment.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use syncline_types::{Result, SchemaEffect, TableName, TableSchema};
use tokio::time::Instant;

use super::message::Relation;
use super::place::Lsn;
use crate::catalog;
use crate::connect::Session;
use crate::error;

/// How often the catalog is looked at.
const EVERY: Duration = Duration::from_secs(3);

/// From so many tables on, all tables of the database are listed to find those that changed.
const MANY: usize = 20;

/// Looks at the catalog, and keeps what it found until its time.
#[derive(Default)]
pub(super) struct Watch {
    due: Option<Instant>,
    /// What was there last time, by oid.
    seen: HashMap<u32, Mark>,
    found: Vec<Found>,
}

/// What tells that a table may have changed, and the numbers of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    name: TableName,
    versions: String,
    columns: Vec<(i16, String)>,
}

/// What became of a table.
pub(super) struct Found {
    pub(super) oid: u32,
    /// The log has to be read up to here first.
    at: Lsn,
    /// Its definition, and columns with other names; `None` when it is gone.
    pub(super) now: Option<(TableSchema, Vec<(String, String)>)>,
}

/// The rows of the catalogs that make a definition: each version of one has a number of its own.
const MARKS: &str = "
SELECT c.oid, n.nspname::text, c.relname::text,
       pg_catalog.concat_ws(' ', c.xmin,
         (SELECT pg_catalog.string_agg(a.attname || a.xmin::text, ',' ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0),
         (SELECT pg_catalog.string_agg(i.indexrelid::text || ':' || i.xmin::text, ','
                                       ORDER BY i.indexrelid)
          FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid),
         (SELECT pg_catalog.string_agg(d.xmin::text, ',' ORDER BY d.adnum)
          FROM pg_catalog.pg_attrdef d WHERE d.adrelid = c.oid),
         (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a
          JOIN pg_catalog.pg_enum e ON e.enumtypid = a.atttypid WHERE a.attrelid = c.oid)),
       (SELECT pg_catalog.array_agg(a.attnum ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
       (SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY($1::oid[])";

impl Watch {
    /// Whether it is time to look.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_none_or(|due| Instant::now() >= due)
    }

    /// What the log says itself, in its place, is not said again.
    pub(super) fn told(&mut self, oid: u32) {
        self.found.retain(|f| f.oid != oid);
    }

    /// The next change whose time has come.
    pub(super) fn next(&mut self, read: Lsn) -> Option<Found> {
        let at = self.found.iter().position(|f| f.at <= read)?;
        Some(self.found.remove(at))
    }

    /// Columns of a table that have another name than before, by their numbers; `None` when the
    /// catalog was ahead of the log, then or now, so that it does not tell.
    pub(super) async fn renamed(
        &mut self,
        session: &Session,
        before: &Relation,
        after: &Relation,
    ) -> Result<Option<Vec<(String, String)>>> {
        let numbered = |mark: &Mark, relation: &Relation| {
            let has = |name: &String| relation.columns.iter().any(|c| c.name == *name);
            let of: Vec<_> = mark.columns.iter().filter(|(_, name)| has(name)).cloned().collect();
            let same = of.iter().map(|(_, name)| name).eq(relation.columns.iter().map(|c| &c.name));
            same.then_some(of)
        };
        let Some(old) = self.seen.get(&before.oid).and_then(|mark| numbered(mark, before)) else {
            return Ok(None);
        };
        let Some(mark) = marks(session, &[after.oid]).await?.remove(&after.oid) else {
            return Ok(None);
        };
        let Some(new) = numbered(&mark, after) else { return Ok(None) };
        // What has been told here is not found anew.
        self.seen.insert(after.oid, mark);
        Ok(Some(renamed(&old, &new)))
    }

    /// Looks at the tables of these oids.
    pub(super) async fn look(&mut self, session: &Session, oids: &[u32]) -> Result<()> {
        self.due = Some(Instant::now() + EVERY);
        let marks = marks(session, oids).await?;
        let changed: Vec<(u32, TableName)> = marks
            .iter()
            .filter(|(oid, mark)| self.seen.get(oid) != Some(mark))
            .map(|(oid, mark)| (*oid, mark.name.clone()))
            .collect();
        let described = describe(session, &changed).await?;
        // Whatever is seen there was committed before this.
        let sql = "SELECT pg_catalog.pg_current_wal_insert_lsn()::text";
        let row = session.client.query_one(sql, &[]).await;
        let row = row.map_err(|e| error::of(e, "looking for the log's end"))?;
        let at = Lsn::of_server(row.get(0))?;
        for (oid, schema) in described {
            let (before, now) = (self.seen.get(&oid), marks.get(&oid));
            let renamed = match (before, now) {
                (Some(before), Some(now)) => renamed(&before.columns, &now.columns),
                _ => Vec::new(),
            };
            self.told(oid);
            self.found.push(Found { oid, at, now: Some((schema, renamed)) });
        }
        for oid in oids.iter().filter(|oid| !marks.contains_key(oid)) {
            self.told(*oid);
            self.found.push(Found { oid: *oid, at, now: None });
        }
        self.seen = marks;
        Ok(())
    }
}

async fn marks(session: &Session, oids: &[u32]) -> Result<HashMap<u32, Mark>> {
    let rows = session.client.query(MARKS, &[&oids]).await;
    let rows = rows.map_err(|e| error::of(e, "looking at the tables' definitions"))?;
    let marks = rows.iter().map(|row| {
        let name = TableName::new(row.get::<_, String>(1), row.get::<_, String>(2));
        let numbers: Vec<i16> = row.get::<_, Option<Vec<i16>>>(4).unwrap_or_default();
        let names: Vec<String> = row.get::<_, Option<Vec<String>>>(5).unwrap_or_default();
        let columns = numbers.into_iter().zip(names).collect();
        (row.get(0), Mark { name, versions: row.get(3), columns })
    });
    Ok(marks.collect())
}

async fn describe(
    session: &Session,
    tables: &[(u32, TableName)],
) -> Result<Vec<(u32, TableSchema)>> {
    let mut relations = Vec::new();
    if tables.len() < MANY {
        for (_, name) in tables {
            let schema = name.schema.as_deref();
            relations.extend(catalog::relations(session, schema, Some(&name.name)).await?);
        }
    } else {
        relations = catalog::relations(session, None, None).await?;
    }
    relations.retain(|r| tables.iter().any(|(oid, _)| *oid == r.oid));
    let infos = catalog::describe(session, &relations).await?;
    Ok(relations.iter().map(|r| r.oid).zip(infos.into_iter().map(|i| i.schema)).collect())
}

/// Columns that have the same number and another name.
fn renamed(before: &[(i16, String)], now: &[(i16, String)]) -> Vec<(String, String)> {
    let pairs = before.iter().filter_map(|(number, old)| {
        let (_, new) = now.iter().find(|(n, _)| n == number)?;
        (old != new).then(|| (old.clone(), new.clone()))
    });
    pairs.collect()
}

/// What became of a table that is known as `schema`, as far as what is there `now` is other than
/// that. `without`: columns that are not read.
pub(super) fn effects(
    schema: &Arc<TableSchema>,
    now: TableSchema,
    renamed: &[(String, String)],
    without: &mut BTreeMap<String, Vec<String>>,
) -> Vec<(TableName, SchemaEffect)> {
    let mut effects = Vec::new();
    let mut schema = Arc::clone(schema);
    if schema.name != now.name {
        if let Some(left) = without.remove(&schema.name.to_string()) {
            without.insert(now.name.to_string(), left);
        }
        let after = TableSchema { name: now.name.clone(), ..TableSchema::clone(&schema) };
        let after = Arc::new(after);
        effects.push((schema.name.clone(), SchemaEffect::Renamed(Arc::clone(&after))));
        schema = after;
    }
    let new_name = |old: &str| {
        let found = renamed.iter().find(|(from, _)| from == old);
        found.map_or_else(|| old.to_owned(), |(_, to)| to.clone())
    };
    let place = now.name.to_string();
    if let Some(left) = without.get_mut(&place) {
        left.iter_mut().for_each(|name| *name = new_name(name));
        left.retain(|name| now.column(name).is_some());
    }
    let left = without.get(&place).cloned().unwrap_or_default();
    let mut now = now;
    now.columns.retain(|c| match c.generated {
        Some(_) => schema.columns.iter().any(|o| new_name(o.name()) == c.name()),
        None => !left.iter().any(|l| l == c.name()),
    });
    let renamed: Vec<(String, String)> = renamed
        .iter()
        .filter(|(old, new)| {
            // Two may trade their names.
            let traded = renamed.iter().any(|(other, _)| other == new);
            schema.column(old).is_some() && (schema.column(new).is_none() || traded)
        })
        .cloned()
        .collect();
    let same = schema.columns.len() == now.columns.len()
        && schema.columns.iter().zip(&now.columns).all(|(a, b)| {
            a.field == b.field && a.default == b.default && a.generated == b.generated
        })
        && schema.primary_key == now.primary_key
        && schema.indexes == now.indexes;
    if !same || !renamed.is_empty() {
        let name = schema.name.clone();
        effects.push((name, SchemaEffect::Altered { after: Arc::new(now), renamed }));
    }
    effects
}
