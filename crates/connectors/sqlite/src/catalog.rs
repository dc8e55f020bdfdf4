//! What is in a file: tables, columns, keys, indexes, and in which order a table can be read.

use rusqlite::{Connection, OptionalExtension};
use syncline_sql::{Dialect, KeyColumn};
use syncline_types::{
    Check, Code, Column, DefaultValue, Error, ForeignKey, Generated, Identity, Index, IndexPart,
    NativeSql, Result, TableInfo, TableName, TableSchema, field,
};

use crate::clauses::Clauses;
use crate::database::map_error;
use crate::definition;
use crate::density::Density;
use crate::sample;
use crate::types::{Affinity, Meaning, meaning, with_zeros};

/// Tables and views of a file that are a user's own, by name.
pub(crate) struct Listing {
    pub(crate) tables: Vec<String>,
    pub(crate) views: Vec<String>,
    /// Tables that a module of the library makes up, such as a text index.
    pub(crate) virtuals: Vec<String>,
}

impl Listing {
    /// What of the file is not copied, for people.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.views.is_empty() {
            let names = self.views.join(", ");
            notes.push(format!("views are not copied (--query copies the rows of one): {names}"));
        }
        if !self.virtuals.is_empty() {
            notes.push(format!("virtual tables are not copied: {}", self.virtuals.join(", ")));
        }
        notes
    }
}

/// Whether the name is one of ours: positions, side tables.
pub(crate) fn is_own(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with("_syncline_")
}

/// Lists what is there.
pub(crate) fn list(connection: &Connection) -> Result<Listing> {
    let sql = "SELECT name, type FROM pragma_table_list WHERE schema = 'main' \
               AND type IN ('table', 'view', 'virtual') ORDER BY name";
    let mut statement = connection.prepare(sql).map_err(map_error)?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .map_err(map_error)?;
    let mut listing = Listing { tables: Vec::new(), views: Vec::new(), virtuals: Vec::new() };
    for row in rows {
        let (name, kind) = row.map_err(map_error)?;
        if name.to_ascii_lowercase().starts_with("sqlite_") || is_own(&name) {
            continue;
        }
        match kind.as_str() {
            "view" => listing.views.push(name),
            "virtual" => listing.virtuals.push(name),
            _ => listing.tables.push(name),
        }
    }
    Ok(listing)
}

/// In which order a table can be read, and what a place in it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// By the rowid, under a name that no column hides.
    Rowid {
        /// Its name, quoted.
        name: String,
        /// It is a column of the table, so that VACUUM leaves it as it is.
        stable: bool,
    },
    /// By the key of a table WITHOUT ROWID.
    Key(Vec<KeyColumn>),
    /// Columns hide all names of the rowid.
    None,
}

/// What pragmas tell of a column.
struct RawColumn {
    name: String,
    declared: String,
    not_null: bool,
    default: Option<String>,
    /// Its place in the primary key, from 1.
    key: i64,
    /// 0 for a plain column; 2 and 3 for generated ones.
    hidden: i64,
}

/// A table as the file describes it.
pub(crate) struct Table {
    name: String,
    columns: Vec<RawColumn>,
    without_rowid: bool,
    sql: String,
    /// What its text says.
    clauses: Clauses,
    foreign_keys: Vec<ForeignKey>,
    /// Indexes that a CREATE INDEX or a UNIQUE made.
    indexes: Vec<Index>,
    /// The texts of the first, in the order they were made.
    index_texts: Vec<String>,
    primary_index: Option<String>,
    notes: Vec<String>,
}

impl Table {
    /// Reads the description of a table; `None` when there is none of that name.
    pub(crate) fn load(connection: &Connection, name: &str) -> Result<Option<Table>> {
        Self::read(connection, name).map_err(map_error)
    }

    fn read(connection: &Connection, name: &str) -> rusqlite::Result<Option<Table>> {
        // Names compare without regard to case in SQLite.
        let found = connection
            .query_row(
                "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' \
                 AND lower(name) = lower(?1)",
                [name],
                |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)),
            )
            .optional()?;
        let Some((name, without_rowid)) = found else { return Ok(None) };
        let sql: String = connection.query_row(
            "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1",
            [&name],
            |row| row.get(0),
        )?;
        let mut columns = connection.prepare_cached(
            "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1) \
             WHERE hidden <> 1 ORDER BY cid",
        )?;
        let columns = columns
            .query_map([&name], |row| {
                Ok(RawColumn {
                    name: row.get(0)?,
                    declared: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                    not_null: row.get(2)?,
                    default: row.get(3)?,
                    key: row.get(4)?,
                    hidden: row.get(5)?,
                })
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let mut table = Table {
            clauses: Clauses::read(&sql),
            name,
            columns,
            without_rowid,
            sql,
            foreign_keys: Vec::new(),
            indexes: Vec::new(),
            index_texts: Vec::new(),
            primary_index: None,
            notes: Vec::new(),
        };
        table.read_indexes(connection)?;
        table.read_foreign_keys(connection)?;
        table.note_triggers(connection)?;
        Ok(Some(table))
    }

    fn read_indexes(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut list = connection.prepare_cached(
            "SELECT name, \"unique\", origin, partial FROM pragma_index_list(?1) ORDER BY seq DESC",
        )?;
        let rows = list.query_map([&self.name], |row| {
            let (name, unique): (String, bool) = (row.get(0)?, row.get(1)?);
            Ok((name, unique, row.get::<_, String>(2)?, row.get::<_, bool>(3)?))
        })?;
        let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut uniques = self.clauses.uniques.iter().cloned();
        for (name, unique, origin, partial) in rows {
            if origin == "pk" {
                self.primary_index = Some(name);
                continue;
            }
            let mut index = self.index_over(connection, &name)?;
            index.unique = unique;
            if origin == "u" {
                // The index of a UNIQUE constraint has a name that only SQLite may give.
                let made_up = format!("{}_unique_{}", self.name, self.indexes.len() + 1);
                index.name = uniques.next().flatten().unwrap_or(made_up);
                index.constraint = true;
            } else {
                let sql: String = connection.query_row(
                    "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?1",
                    [&name],
                    |row| row.get(0),
                )?;
                if partial || index.definition.is_some() {
                    let over = definition::index_definition(&sql).unwrap_or_default();
                    index.definition = Some(NativeSql::new(Dialect::Sqlite.id(), over));
                }
                index.name = name;
                self.index_texts.push(sql);
            }
            self.indexes.push(index);
        }
        Ok(())
    }

    /// The index's parts; with a definition where they do not say it all.
    fn index_over(&self, connection: &Connection, index: &str) -> rusqlite::Result<Index> {
        let mut statement = connection.prepare_cached(
            "SELECT name, \"desc\", coll FROM pragma_index_xinfo(?1) WHERE key = 1 ORDER BY seqno",
        )?;
        let parts = statement.query_map([index], |row| {
            let name: Option<String> = row.get(0)?;
            Ok((name, row.get::<_, bool>(1)?, row.get::<_, String>(2)?))
        })?;
        let (mut plain, mut simple, mut texts) = (Vec::new(), true, Vec::new());
        for part in parts {
            // The name of an expression is NULL.
            let (Some(column), descending, collation) = part? else {
                simple = false;
                continue;
            };
            let quoted = Dialect::Sqlite.quote(&column);
            let order = if descending { " DESC" } else { "" };
            texts.push(format!("{quoted} COLLATE {}{order}", Dialect::Sqlite.quote(&collation)));
            simple &= self.collation(&column).eq_ignore_ascii_case(&collation);
            plain.push(IndexPart { column, prefix: None, descending });
        }
        let mut index = Index::new("", plain, false);
        if !simple {
            let sql = format!("({})", texts.join(", "));
            index.definition = Some(NativeSql::new(Dialect::Sqlite.id(), sql));
        }
        Ok(index)
    }

    fn collation(&self, column: &str) -> &str {
        self.clauses.column(column).and_then(|c| c.collation.as_deref()).unwrap_or("BINARY")
    }

    fn read_foreign_keys(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut spelled = connection.prepare_cached(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(?1)",
        )?;
        for reference in &self.clauses.references {
            let parent: Option<String> =
                spelled.query_row([&reference.table], |row| row.get(0)).optional()?;
            let attributes = reference.attributes.join(" ");
            let columns = reference.columns.iter().map(|name| self.spelled(name)).collect();
            self.foreign_keys.push(ForeignKey {
                name: reference.name.clone().unwrap_or_default(),
                columns,
                references: TableName::bare(parent.unwrap_or_else(|| reference.table.clone())),
                referenced: reference.referenced.clone(),
                on_delete: reference.on_delete,
                on_update: reference.on_update,
                attributes: (!attributes.is_empty())
                    .then(|| NativeSql::new(Dialect::Sqlite.id(), attributes)),
            });
        }
        Ok(())
    }

    /// A column's name as the table spells it.
    fn spelled(&self, name: &str) -> String {
        let found = self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name));
        found.map_or_else(|| name.to_owned(), |c| c.name.clone())
    }

    fn note_triggers(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' \
             AND lower(tbl_name) = lower(?1) ORDER BY name",
        )?;
        let names: Vec<String> = statement
            .query_map([&self.name], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        if !names.is_empty() {
            self.notes.push(format!("triggers are not copied: {}", names.join(", ")));
        }
        Ok(())
    }

    /// Whether values of another class than a column's are refused by SQLite itself.
    fn is_strict(&self) -> bool {
        is_strict(&self.clauses.options)
    }

    /// Its name as the file spells it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The names of its columns.
    pub(crate) fn columns(&self) -> Vec<&str> {
        self.columns.iter().map(|c| c.name.as_str()).collect()
    }

    /// The names of those it computes by itself.
    pub(crate) fn computed(&self) -> Vec<&str> {
        self.columns.iter().filter(|c| c.hidden > 1).map(|c| c.name.as_str()).collect()
    }

    /// The statement that made it.
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    /// The column that is the rowid by another name: a sole key that has no index of its own.
    fn rowid_column(&self) -> Option<&RawColumn> {
        let mut keys = self.columns.iter().filter(|c| c.key > 0);
        let sole = keys.next().filter(|_| keys.next().is_none())?;
        (!self.without_rowid && self.primary_index.is_none()).then_some(sole)
    }

    fn primary_key(&self) -> Vec<&RawColumn> {
        let mut keys: Vec<&RawColumn> = self.columns.iter().filter(|c| c.key > 0).collect();
        keys.sort_by_key(|c| c.key);
        keys
    }

    /// In which order it can be read.
    pub(crate) fn order(&self, connection: &Connection) -> Result<Order> {
        if self.without_rowid {
            let index = self.primary_index.clone().unwrap_or_default();
            return key_columns(connection, &index).map(Order::Key).map_err(map_error);
        }
        if let Some(column) = self.rowid_column() {
            return Ok(Order::Rowid { name: Dialect::Sqlite.quote(&column.name), stable: true });
        }
        let hidden = |alias: &&str| self.columns.iter().any(|c| c.name.eq_ignore_ascii_case(alias));
        let free = ["rowid", "_rowid_", "oid"].into_iter().find(|alias| !hidden(alias));
        Ok(free.map_or(Order::None, |name| Order::Rowid { name: name.into(), stable: false }))
    }

    /// The table with the Arrow types of its columns, where need be by a look at `sample` rows.
    pub(crate) fn describe(&self, connection: &Connection, sample: u32) -> Result<TableInfo> {
        let mut notes = self.notes.clone();
        let mut meanings: Vec<Meaning> =
            self.columns.iter().map(|c| meaning(&c.declared)).collect();
        let soft: Vec<usize> = (0..meanings.len()).filter(|n| meanings[*n].soft).collect();
        if !soft.is_empty() {
            let names: Vec<String> =
                soft.iter().map(|n| Dialect::Sqlite.quote(&self.columns[*n].name)).collect();
            let table = Dialect::Sqlite.quote(&self.name);
            let sql = format!("SELECT {} FROM {table}", names.join(", "));
            let wanted: Vec<Meaning> = soft.iter().map(|n| meanings[*n].clone()).collect();
            let seen = sample::look(connection, &sql, &wanted, sample)?;
            for (n, seen) in soft.into_iter().zip(seen) {
                let declared = &self.columns[n].declared;
                let settled =
                    seen.settle(&meanings[n], Affinity::within(declared, self.is_strict()));
                notes.extend(sample::note_on(
                    &self.columns[n].name,
                    declared,
                    &meanings[n],
                    &settled,
                ));
                meanings[n] = settled;
            }
        }
        let columns =
            self.columns.iter().zip(&meanings).map(|(c, m)| self.column(connection, c, m));
        let schema = TableSchema {
            columns: columns.collect::<Result<_>>()?,
            primary_key: self.primary_key().into_iter().map(|c| c.name.clone()).collect(),
            indexes: self.indexes.clone(),
            checks: self.checks(),
            foreign_keys: self.foreign_keys.clone(),
            options: (!self.clauses.options.is_empty())
                .then(|| NativeSql::new(Dialect::Sqlite.id(), &self.clauses.options)),
            statements: std::iter::once(&self.sql)
                .chain(&self.index_texts)
                .map(|sql| NativeSql::new(Dialect::Sqlite.id(), sql))
                .collect(),
            ..TableSchema::new(TableName::bare(&self.name), [])
        };
        let mut rows = None;
        match self.order(connection)? {
            Order::Rowid { name, stable } => {
                let table = Dialect::Sqlite.quote(&self.name);
                let density = Density::measure(connection, &table, &name, 2).map_err(map_error)?;
                rows = Some(density.rows());
                if !stable {
                    notes.push(
                        "no INTEGER PRIMARY KEY: a run goes on only while the file's schema is \
                         unchanged, because VACUUM may number the rows anew"
                            .into(),
                    );
                }
            }
            Order::Key(_) => {}
            Order::None => notes.push(
                "columns hide the rowid, so the table is read in one piece that starts over when \
                 the run is interrupted"
                    .into(),
            ),
        }
        Ok(TableInfo { schema, rows, bytes: None, notes })
    }

    fn checks(&self) -> Vec<Check> {
        let check = |(name, condition): &(Option<String>, String)| Check {
            name: name.clone(),
            condition: NativeSql::new(Dialect::Sqlite.id(), condition),
            enforced: true,
        };
        self.clauses.checks.iter().map(check).collect()
    }

    fn column(&self, connection: &Connection, raw: &RawColumn, m: &Meaning) -> Result<Column> {
        let is_rowid = self.rowid_column().is_some_and(|c| c.name == raw.name);
        let in_key = self.without_rowid && raw.key > 0;
        let nullable = !(raw.not_null || is_rowid || in_key);
        let identity = (is_rowid && definition::counts_up(&self.sql))
            .then(|| self.identity(connection))
            .transpose()?;
        let text = self.clauses.column(&raw.name);
        let generated = (raw.hidden >= 2).then(|| Generated {
            expression: NativeSql::new(
                Dialect::Sqlite.id(),
                text.and_then(|c| c.generated.as_deref()).unwrap_or_default(),
            ),
            stored: raw.hidden == 3,
        });
        let collation = text.and_then(|c| c.collation.as_deref());
        let collated = collation.map(|name| (field::COLLATION, name.to_owned()));
        let affinity = Affinity::within(&raw.declared, self.is_strict());
        let made = with_zeros(m.field(&raw.name, nullable, &raw.declared), affinity);
        Ok(Column {
            field: field::with(made, collated),
            default: raw.default.as_deref().filter(|_| generated.is_none()).and_then(default),
            identity,
            generated,
            comment: None,
            attributes: collation.map(|name| {
                let sql = format!("COLLATE {}", Dialect::Sqlite.quote(name));
                NativeSql::new(Dialect::Sqlite.id(), sql)
            }),
        })
    }

    fn identity(&self, connection: &Connection) -> Result<Identity> {
        let last: Option<i64> = connection
            .query_row("SELECT seq FROM sqlite_sequence WHERE name = ?1", [&self.name], |r| {
                r.get(0)
            })
            .optional()
            .map_err(map_error)?;
        Ok(Identity { always: false, next: last.map(|n| i128::from(n) + 1) })
    }
}

/// Whether what follows a table's brackets says STRICT.
pub(crate) fn is_strict(options: &str) -> bool {
    options.split(',').any(|word| word.trim().eq_ignore_ascii_case("STRICT"))
}

/// The columns of a key, each compared as the key's own index does.
fn key_columns(connection: &Connection, index: &str) -> rusqlite::Result<Vec<KeyColumn>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, coll FROM pragma_index_xinfo(?1) WHERE key = 1 ORDER BY seqno",
    )?;
    let columns = statement.query_map([index], |row| {
        let collate: String = row.get(1)?;
        Ok(KeyColumn {
            name: row.get(0)?,
            cast: None,
            collate: Some(Dialect::Sqlite.quote(&collate)),
        })
    })?;
    columns.collect()
}

/// A default as the file has it: the text of an expression.
fn default(sql: &str) -> Option<DefaultValue> {
    let text = sql.trim();
    let native = || DefaultValue::Native { store: "sqlite".into(), sql: format!("({text})") };
    let unquoted = text
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
        .filter(|inner| !inner.replace("''", "").contains('\''))
        .map(|inner| inner.replace("''", "'"));
    if let Some(value) = unquoted {
        return Some(DefaultValue::Value(value));
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match text.to_ascii_uppercase().as_str() {
        "NULL" => None,
        "TRUE" => Some(DefaultValue::Value("1".into())),
        "FALSE" => Some(DefaultValue::Value("0".into())),
        "CURRENT_TIMESTAMP" => Some(DefaultValue::CurrentTimestamp),
        _ if number => Some(DefaultValue::Value(text.trim_start_matches('+').into())),
        _ => Some(native()),
    }
}

/// An error for a table that is not there, with the nearest name.
pub(crate) fn no_such_table(name: &TableName, listing: &Listing) -> Error {
    if listing.views.iter().any(|view| view.eq_ignore_ascii_case(&name.name)) {
        return Error::new(
            Code::TableNotFound,
            format!("{name} is a view, and views are not copied"),
        )
        .hint(format!("--query 'SELECT * FROM {}' copies its rows", name.name));
    }
    let near = syncline_types::did_you_mean(&name.name, listing.tables.iter().map(String::as_str));
    Error::new(Code::TableNotFound, format!("there is no table {name}{near}"))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;

    fn open(sql: &str) -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(sql).unwrap();
        db
    }

    fn table(db: &Connection, name: &str) -> Table {
        Table::load(db, name).unwrap().unwrap()
    }

    #[test]
    fn columns_keys_and_indexes_are_found() {
        let db = open(
            "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT NOT NULL DEFAULT 'it''s',
               b INT DEFAULT (1 + 1), c DECIMAL(9,2) UNIQUE, d AS (a || b), e DEFAULT CURRENT_TIMESTAMP);
             CREATE INDEX by_a ON t (a DESC, b);
             CREATE INDEX odd ON t (lower(a));
             INSERT INTO t (id, a) VALUES (41, 'x');",
        );
        let info = table(&db, "T").describe(&db, 10).unwrap();
        let schema = &info.schema;
        assert_eq!(schema.name, TableName::bare("t"));
        assert_eq!(schema.primary_key, ["id"]);
        assert_eq!(schema.columns[0].identity, Some(Identity { always: false, next: Some(42) }));
        assert!(!schema.columns[0].field.is_nullable());
        assert_eq!(schema.columns[1].default, Some(DefaultValue::Value("it's".into())));
        let native = DefaultValue::Native { store: "sqlite".into(), sql: "(1 + 1)".into() };
        assert_eq!(schema.columns[2].default, Some(native));
        assert_eq!(*schema.columns[3].field.data_type(), DataType::Decimal128(9, 2));
        assert_eq!(schema.columns[4].generated.as_ref().unwrap().expression.sql, "a || b");
        assert_eq!(schema.columns[5].default, Some(DefaultValue::CurrentTimestamp));
        let indexes: Vec<_> = schema.indexes.iter().map(|i| (i.name.as_str(), i.unique)).collect();
        assert_eq!(indexes, [("t_unique_1", true), ("by_a", false), ("odd", false)]);
        assert!(schema.indexes[1].parts[0].descending);
        let odd = schema.indexes[2].definition.as_ref().unwrap();
        assert_eq!((odd.sql.as_str(), schema.indexes[2].parts.len()), ("(lower(a))", 0));
        assert_eq!(info.rows, Some(1));
    }

    #[test]
    fn the_order_of_reading_is_one_that_holds() {
        let db = open(
            "CREATE TABLE a (id INTEGER PRIMARY KEY);
             CREATE TABLE b (id INT PRIMARY KEY);
             CREATE TABLE c (rowid TEXT, oid TEXT);
             CREATE TABLE d (rowid TEXT, oid TEXT, _rowid_ TEXT);
             CREATE TABLE e (x TEXT, y INT, PRIMARY KEY (y, x COLLATE NOCASE)) WITHOUT ROWID;
             CREATE TABLE f (id INTEGER PRIMARY KEY DESC);",
        );
        let order = |name: &str| table(&db, name).order(&db).unwrap();
        let rowid = |name: &str, stable| Order::Rowid { name: name.into(), stable };
        assert_eq!(order("a"), rowid("\"id\"", true));
        assert_eq!(order("b"), rowid("rowid", false));
        assert_eq!(order("c"), rowid("_rowid_", false));
        assert_eq!(order("d"), Order::None);
        assert_eq!(order("f"), rowid("rowid", false));
        let Order::Key(key) = order("e") else { panic!("a key") };
        assert_eq!(
            syncline_sql::order_by(Dialect::Sqlite, &key),
            "\"y\" COLLATE \"BINARY\", \"x\" COLLATE \"NOCASE\""
        );
    }

    #[test]
    fn types_that_say_nothing_are_settled_by_values() {
        let db = open(
            "CREATE TABLE t (a, b STRING, c DATETIME, d DATE, e DATETIME);
             INSERT INTO t VALUES (1, 'x', 1700000000, '2020-01-01', '2020-01-01 10:00');
             INSERT INTO t VALUES (2.5, 3, 1700000001, 'soon', NULL);",
        );
        let info = table(&db, "t").describe(&db, 10).unwrap();
        let types: Vec<_> =
            info.schema.columns.iter().map(|c| c.field.data_type().to_string()).collect();
        assert_eq!(types, ["Utf8", "Utf8", "Int64", "Date32", "Timestamp(µs)"]);
        assert_eq!(info.notes.len(), 4, "{:?}", info.notes);
    }

    #[test]
    fn views_are_not_tables() {
        let db =
            open("CREATE TABLE t (a); CREATE VIEW v AS SELECT 1; CREATE TABLE _syncline_x (a)");
        let listing = list(&db).unwrap();
        assert_eq!(
            (listing.tables.as_slice(), listing.views.as_slice()),
            (&["t".to_owned()][..], &["v".to_owned()][..])
        );
        assert!(no_such_table(&TableName::bare("v"), &listing).message().contains("view"));
        assert!(Table::load(&db, "v").unwrap().is_none());
    }
}
