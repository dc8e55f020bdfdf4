//! Which followed table a relation of the log is, and what has become of its definition. The log
//! tells names and types as they were there; what it does not tell (keys, defaults, the words of
//! types) is looked up in the catalog, which may be ahead of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::Field;
use syncline_connector::Follow;
use syncline_types::{
    Code, Column, DefaultValue, Error, Result, SchemaEffect, TableName, TableSchema, field,
};

use super::message::Relation;
use super::table::Table;
use super::watch::Watch;
use crate::catalog;
use crate::connect::{Connect, Purpose, Session};
use crate::error;
use crate::types::COLLATION_SCHEMA;

/// The tables that are followed, before they come by in the log.
pub(super) struct Tables {
    connect: Connect,
    session: Option<Session>,
    follow: Follow,
    /// The publication is ours: whatever is in it is followed.
    own: bool,
    /// By name, as they are at the place where reading began.
    named: HashMap<TableName, Arc<TableSchema>>,
    /// Those of them that there were in the catalog when reading began, by oid.
    oids: HashMap<u32, TableName>,
}

/// What a relation is to the reader.
pub(super) enum Seen {
    /// Its rows are handed on.
    Followed(Box<Table>),
    /// Its rows are passed over.
    Ignored,
    /// It is told (as each part of a table is), and must have no rows of its own.
    Stranger(TableName),
}

impl Seen {
    pub(super) fn table(&self) -> Option<&Table> {
        match self {
            Seen::Followed(table) => Some(table),
            _ => None,
        }
    }

    /// The table that a row is of, if it is handed on.
    pub(super) fn of_row(&mut self) -> Result<Option<&mut Table>> {
        match self {
            Seen::Followed(table) => Ok(Some(table)),
            Seen::Ignored => Ok(None),
            Seen::Stranger(name) => {
                let message = format!(
                    "the log has rows of {name}, which is none of the tables that are followed: \
                     one of them may have been renamed while nobody read"
                );
                Err(Error::new(Code::TableChanged, message))
            }
        }
    }
}

/// What a relation is, and became.
pub(super) struct Bound {
    pub(super) seen: Seen,
    /// What became of the table here, with the name it had before.
    pub(super) effects: Vec<(TableName, SchemaEffect)>,
}

type Without = BTreeMap<String, Vec<String>>;

impl Tables {
    pub(super) fn new(
        connect: Connect,
        follow: &Follow,
        own: bool,
        oids: HashMap<u32, TableName>,
    ) -> Self {
        let named = follow.tables.iter().map(|t| (t.name.clone(), Arc::clone(t))).collect();
        Self { connect, session: None, follow: follow.clone(), own, named, oids }
    }

    /// A session for looking at the catalog.
    pub(super) async fn session(&mut self) -> Result<&Session> {
        if self.session.as_ref().is_none_or(|s| !s.is_open()) {
            let session = self.connect.open(Purpose::Read).await?;
            // Whoever changes a table's definition and does not end holds up the look, not the log.
            session.run("SET lock_timeout = '1s'", "looking at the catalog").await?;
            self.session = Some(session);
        }
        self.session.as_ref().ok_or_else(|| Error::bug("a session that was just made is gone"))
    }

    /// Whole old rows are wanted.
    pub(super) fn old_images(&self) -> bool {
        self.follow.old_images
    }

    /// The oids of tables that there were when reading began.
    pub(super) fn oids(&self) -> impl Iterator<Item = u32> {
        self.oids.keys().copied()
    }

    /// The table of that oid as it is known before it comes by in the log.
    pub(super) fn named(&self, oid: u32) -> Option<&Arc<TableSchema>> {
        self.named.get(self.oids.get(&oid)?)
    }

    /// Takes note that a table which has not come by yet has changed.
    pub(super) fn became(&mut self, oid: u32, effect: &SchemaEffect) {
        let Some(name) = self.oids.get(&oid).cloned() else { return };
        match effect {
            SchemaEffect::Renamed(table) | SchemaEffect::Altered { after: table, .. } => {
                self.named.remove(&name);
                self.oids.insert(oid, table.name.clone());
                self.named.insert(table.name.clone(), Arc::clone(table));
            }
            SchemaEffect::Dropped => {
                self.named.remove(&name);
                self.oids.remove(&oid);
            }
            SchemaEffect::Created(_) | SchemaEffect::Truncated => {}
        }
    }

    /// Which table the relation is. `before` is what was known under its oid.
    pub(super) async fn bind(
        &mut self,
        relation: Relation,
        before: Option<(&Arc<TableSchema>, &Relation)>,
        without: &mut Without,
        watch: &mut Watch,
    ) -> Result<Bound> {
        let name = TableName::new(relation.schema.clone(), relation.name.clone());
        let known = before.map(|(schema, _)| Arc::clone(schema)).or_else(|| self.by(&relation));
        let Some(known) = known else {
            // Added for a reader that is to come, or one that is missed here.
            let missed = self.own && self.gone().next().is_some();
            let seen = if missed { Seen::Stranger(name) } else { Seen::Ignored };
            return Ok(Bound { seen, effects: Vec::new() });
        };
        let mut effects = Vec::new();
        let mut schema = known;
        if schema.name != name {
            let renamed =
                Arc::new(TableSchema { name: name.clone(), ..TableSchema::clone(&schema) });
            if let Some(left) = without.remove(&schema.name.to_string()) {
                without.insert(name.to_string(), left);
            }
            effects.push((schema.name.clone(), SchemaEffect::Renamed(Arc::clone(&renamed))));
            schema = renamed;
        }
        let columns_before = before.map(|(_, relation)| relation);
        let same_columns = columns_before.is_some_and(|b| b.columns == relation.columns);
        if !same_columns {
            let left = without.get(&name.to_string()).cloned().unwrap_or_default();
            let renamed = self.renamed(&schema, columns_before, &relation, watch).await?;
            let (after, renamed, left) = self.altered(&schema, &relation, renamed, &left).await?;
            match left.is_empty() {
                true => without.remove(&name.to_string()),
                false => without.insert(name.to_string(), left),
            };
            if let Some(after) = after {
                let after = Arc::new(after);
                let effect = SchemaEffect::Altered { after: Arc::clone(&after), renamed };
                effects.push((name, effect));
                schema = after;
            }
        }
        let table = Table::new(schema, relation, self.follow.old_images);
        Ok(Bound { seen: Seen::Followed(Box::new(table)), effects })
    }

    /// Tables of which the catalog did not have the names any more when reading began.
    fn gone(&self) -> impl Iterator<Item = &Arc<TableSchema>> {
        self.named.values().filter(|t| !self.oids.values().any(|n| *n == t.name))
    }

    /// The followed table that comes by for the first time.
    fn by(&self, relation: &Relation) -> Option<Arc<TableSchema>> {
        let name = TableName::new(relation.schema.clone(), relation.name.clone());
        if let Some(of_oid) = self.oids.get(&relation.oid)
            && let Some(table) = self.named.get(of_oid)
        {
            return Some(Arc::clone(table));
        }
        if let Some(table) = self.named.get(&name) {
            return Some(Arc::clone(table));
        }
        // Renamed before reading began: the one that the catalog did not have any more.
        let has = |c: &Column| {
            c.generated.is_some() || relation.columns.iter().any(|r| r.name == c.name())
        };
        let mut gone = self.gone().filter(|t| t.columns.iter().all(has));
        match (gone.next(), gone.next()) {
            (Some(table), None) => Some(Arc::clone(table)),
            _ => None,
        }
    }

    /// Columns that have another name than before. `before` is how the log told the table last.
    async fn renamed(
        &mut self,
        schema: &TableSchema,
        before: Option<&Relation>,
        relation: &Relation,
        watch: &mut Watch,
    ) -> Result<Vec<(String, String)>> {
        let after: Vec<String> = relation.columns.iter().map(|c| c.name.clone()).collect();
        let found = match before {
            Some(before) => {
                let names: Vec<String> = before.columns.iter().map(|c| c.name.clone()).collect();
                if names == after {
                    return Ok(Vec::new());
                }
                let session = self.session().await?;
                match watch.renamed(session, before, relation).await? {
                    Some(found) => Some(found),
                    None => renamed(&names, &after),
                }
            }
            // Columns that are left out do not count, nor those that the log does not have.
            None => {
                let plain = schema.columns.iter().filter(|c| c.generated.is_none());
                let names: Vec<String> = plain.map(|c| c.name().to_owned()).collect();
                renamed(&names, &after).map(|_| Vec::new())
            }
        };
        found.ok_or_else(|| {
            let message = format!(
                "{}: its columns have changed places, and the log does not tell whether by their \
                 names or with their values",
                schema.name
            );
            Error::new(Code::TableChanged, message)
                .hint("start over with --fresh, so that it is copied anew")
        })
    }

    /// The table with the relation's columns, when they are others than it has; columns that have
    /// another name; and those that are not read.
    async fn altered(
        &mut self,
        schema: &TableSchema,
        relation: &Relation,
        renamed: Vec<(String, String)>,
        left: &[String],
    ) -> Result<(Option<TableSchema>, Vec<(String, String)>, Vec<String>)> {
        let new_name = |old: &str| {
            let found = renamed.iter().find(|(from, _)| from == old);
            found.map_or_else(|| old.to_owned(), |(_, to)| to.clone())
        };
        let has = |name: &str| relation.columns.iter().any(|c| c.name == name);
        let left: Vec<String> = left.iter().map(|n| new_name(n)).filter(|n| has(n)).collect();
        let renamed: Vec<(String, String)> =
            renamed.iter().filter(|(old, _)| schema.index_of(old).is_some()).cloned().collect();
        let of_table: Vec<(String, u32, i32)> = relation
            .columns
            .iter()
            .filter(|c| !left.contains(&c.name))
            .map(|c| (c.name.clone(), c.ty, c.modifier))
            .collect();
        let session = self.session().await?;
        let fields = catalog::types(session, &of_table).await.map_err(|e| match e.code() {
            Code::Bug => Error::new(
                Code::LogUnreadable,
                format!("{}: a type that the log names is not there any more", schema.name),
            ),
            _ => e,
        })?;
        let own = |column: &&Column| column.generated.is_none();
        let unaltered = renamed.is_empty()
            && schema.columns.iter().filter(own).count() == fields.len()
            && fields.iter().all(|f| schema.column(f.name()).is_some_and(|c| same(&c.field, f)));
        if unaltered {
            return Ok((None, renamed, left));
        }
        let name = &schema.name;
        let place = name.schema.as_deref();
        let found = catalog::relations(session, place, Some(&name.name)).await?;
        let found: Vec<_> = found.into_iter().filter(|r| r.oid == relation.oid).collect();
        let described = catalog::describe(session, &found).await?.pop().map(|info| info.schema);
        let wanted = |c: &Column| match c.generated {
            Some(_) => schema.columns.iter().any(|o| new_name(o.name()) == c.name()),
            None => !left.iter().any(|n| n == c.name()),
        };
        let agrees = |described: &TableSchema| {
            let plain: Vec<_> =
                described.columns.iter().filter(|c| c.generated.is_none() && wanted(c)).collect();
            plain.len() == fields.len()
                && plain.iter().zip(&fields).all(|(c, f)| c.name() == f.name() && same(&c.field, f))
        };
        let after = match described.clone().filter(agrees) {
            Some(mut described) => {
                described.columns.retain(wanted);
                described
            }
            None => {
                let filled = filled(session, relation.oid).await?;
                patched(schema, fields, &renamed, described.as_ref(), &filled)
            }
        };
        Ok((Some(after), renamed, left))
    }
}

/// Columns that have another name now: a column keeps its place when it is renamed, and a new one
/// comes last. `None` when names have changed places, which may mean one thing or another.
fn renamed(before: &[String], after: &[String]) -> Option<Vec<(String, String)>> {
    let stayed = |names: &[String], others: &[String]| -> Vec<String> {
        names.iter().filter(|n| others.contains(n)).cloned().collect()
    };
    if stayed(before, after) != stayed(after, before) {
        return None;
    }
    if before.len() != after.len() {
        return Some(Vec::new());
    }
    let pairs = before.iter().zip(after).filter(|(b, a)| b != a);
    let pairs: Vec<_> = pairs.map(|(b, a)| (b.clone(), a.clone())).collect();
    let fresh = |(b, a): &(String, String)| !after.contains(b) && !before.contains(a);
    Some(if pairs.iter().all(fresh) { pairs } else { Vec::new() })
}

/// Whether both are of one type.
fn same(a: &Field, b: &Field) -> bool {
    let told = |f: &Field| {
        let mut metadata = f.metadata().clone();
        // The log does not tell it.
        metadata.remove(field::COLLATION);
        metadata.remove(COLLATION_SCHEMA);
        metadata
    };
    a.data_type() == b.data_type() && told(a) == told(b)
}

/// What the rows that were there got as columns were added, by the columns' names.
async fn filled(session: &Session, oid: u32) -> Result<HashMap<String, String>> {
    let sql = "SELECT attname::text, (attmissingval::text::text[])[1] FROM pg_catalog.pg_attribute \
               WHERE attrelid = $1 AND atthasmissing AND NOT attisdropped";
    let rows = session.client.query(sql, &[&oid]).await;
    let rows = rows.map_err(|e| error::of(e, "looking at what added columns hold"))?;
    Ok(rows.iter().filter_map(|row| Some((row.get(0), row.get::<_, Option<String>>(1)?))).collect())
}

/// The table with these columns, as far as it is known: the catalog has gone on already. A column
/// that is new has what `filled` says in the rows that were there, or the default it has by now.
fn patched(
    schema: &TableSchema,
    fields: Vec<Field>,
    renamed: &[(String, String)],
    present: Option<&TableSchema>,
    filled: &HashMap<String, String>,
) -> TableSchema {
    let old_name = |new: &str| {
        let found = renamed.iter().find(|(_, to)| to == new);
        found.map_or_else(|| new.to_owned(), |(from, _)| from.clone())
    };
    let new_name = |old: &String| {
        let found = renamed.iter().find(|(from, _)| from == old);
        found.map_or_else(|| old.clone(), |(_, to)| to.clone())
    };
    let columns: Vec<Column> = fields
        .into_iter()
        .map(|field| match schema.column(&old_name(field.name())) {
            Some(old) if same(&old.field, &field.clone().with_name(old.name())) => {
                let name = field.name().clone();
                Column { field: old.field.clone().with_name(name), ..old.clone() }
            }
            Some(_) => Column::new(field.with_nullable(true)),
            None => {
                let by_now = present.and_then(|p| p.column(field.name()));
                let by_now = by_now.filter(|c| same(&c.field, &field));
                let default = match filled.get(field.name()) {
                    Some(value) => Some(DefaultValue::Value(value.clone())),
                    None => by_now.and_then(|c| c.default.clone()),
                };
                Column { default, ..Column::new(field.with_nullable(true)) }
            }
        })
        .collect();
    let has = |name: &String| columns.iter().any(|c| c.name() == name);
    let mut key: Vec<String> = schema.primary_key.iter().map(new_name).collect();
    if !key.iter().all(has) {
        key.clear();
    }
    let mut indexes = schema.indexes.clone();
    for part in indexes.iter_mut().flat_map(|i| &mut i.parts) {
        part.column = new_name(&part.column);
    }
    indexes.retain(|i| i.parts.iter().all(|p| has(&p.column)));
    TableSchema { columns, primary_key: key, indexes, ..schema.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_told_by_their_places_where_that_is_certain() {
        let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let found = |before: &str, after: &str| renamed(&names(before), &names(after));
        let pairs = |pairs: &[(&str, &str)]| {
            Some(pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>())
        };
        assert_eq!(found("a b c", "a x c"), pairs(&[("b", "x")]));
        assert_eq!(found("a b c", "x b y"), pairs(&[("a", "x"), ("c", "y")]));
        assert_eq!(found("a b", "a b c"), pairs(&[]));
        assert_eq!(found("a b c", "a c d"), pairs(&[]), "one went and one came");
        assert_eq!(found("a b", "b a"), None, "traded, or made anew");
    }
}
