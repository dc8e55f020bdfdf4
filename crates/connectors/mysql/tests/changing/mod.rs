//! A database whose tables change, what is understood of it, and another that follows.

mod chance;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::Field;
use syncline_connector::Source;
use syncline_sql::Dialect;
use syncline_sql::alter::{Logged, NativeColumn, Surroundings, Understood, alter, understand};
use syncline_testkit::{Database, Kind};
use syncline_types::{
    DefaultValue, ReferentialAction, SchemaEffect, TableName, TableSchema, TableSelection, field,
};

pub(crate) use chance::{Chance, statement};

use crate::rig;

/// What the server itself says of types and character sets: the field of a column is the one that
/// the connector's catalog shows of a table that has it.
struct Asked {
    kind: Kind,
    version: (u16, u16, u16),
    scratch: Database,
    source: Box<dyn Source>,
    fields: RefCell<HashMap<String, Field>>,
    known: RefCell<BTreeMap<TableName, Arc<TableSchema>>>,
    runtime: tokio::runtime::Handle,
}

impl Asked {
    fn discover(&self, name: &str) -> TableSchema {
        let runtime = self.runtime.clone();
        let (source, name) = (&*self.source, name.to_owned());
        std::thread::scope(|scope| {
            let task = scope.spawn(move || runtime.block_on(rig::found(source, &name)));
            task.join().unwrap().schema
        })
    }
}

impl Surroundings for Asked {
    fn table(&self, name: &TableName) -> Option<Arc<TableSchema>> {
        self.known.borrow().get(name).cloned()
    }

    fn tables(&self, _database: &str) -> Vec<TableName> {
        self.known.borrow().keys().cloned().collect()
    }

    fn maria(&self) -> bool {
        self.kind == Kind::MariaDb
    }

    fn version(&self) -> (u16, u16, u16) {
        self.version
    }

    fn field(&self, column: &NativeColumn<'_>) -> Field {
        let texts = match (column.charset, column.collation) {
            (Some(charset), Some(collation)) if column.native != "json" => {
                format!(" CHARACTER SET {charset} COLLATE {collation}")
            }
            _ => String::new(),
        };
        let null = if column.nullable { "NULL" } else { "NOT NULL" };
        let line = format!("{}{texts} {null}", column.native);
        let known = self.fields.borrow().get(&line).cloned();
        let found = known.unwrap_or_else(|| {
            self.scratch.execute("DROP TABLE IF EXISTS scratch");
            // What counts as a key's column is NOT NULL, whatever is said.
            let sql = match column.native.split_once(" SRID") {
                Some((base, srid)) => format!("CREATE TABLE scratch (c {base} {null} SRID{srid})"),
                None => format!("CREATE TABLE scratch (c {line})"),
            };
            self.scratch.execute(&sql);
            let found = self.discover("scratch").columns.remove(0).field;
            self.fields.borrow_mut().insert(line.clone(), found.clone());
            found
        });
        let native = field::native(&found, "mysql").unwrap();
        assert_eq!(native, column.native, "the server spells the type otherwise");
        assert_eq!(field::get(&found, field::COLLATION), column.collation, "{line}");
        let length = ["char", "varchar", "binary", "varbinary"]
            .contains(&native.split(['(', ' ']).next().unwrap());
        if length {
            assert_eq!(field::length(&found), column.length, "{line}");
        }
        found.with_name(column.name)
    }

    fn collation(&self, charset: &str) -> Option<String> {
        self.scratch.value(&format!(
            "SELECT DEFAULT_COLLATE_NAME FROM information_schema.CHARACTER_SETS \
             WHERE CHARACTER_SET_NAME = '{charset}'"
        ))
    }

    fn charset(&self, collation: &str) -> Option<String> {
        let rows = self.scratch.rows(&format!(
            "SELECT CHARACTER_SET_NAME FROM information_schema.COLLATIONS \
             WHERE COLLATION_NAME = '{collation}'"
        ));
        rows.into_iter().next()?.remove(0)
    }

    fn database(&self, name: &str) -> Option<(String, String)> {
        let rows = self.scratch.rows(&format!(
            "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME \
             FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{name}'"
        ));
        let row = rows.into_iter().next()?;
        Some((row[0].clone()?, row[1].clone()?))
    }
}

/// A database that changes, and one that follows it by the statements made from what was
/// understood.
pub(crate) struct Course {
    kind: Kind,
    from: Database,
    to: Database,
    asked: Asked,
    source: Box<dyn Source>,
    target: Box<dyn Source>,
    understood: usize,
    unclear: Vec<String>,
    wrong: Vec<String>,
    pub(crate) shows_refused: bool,
}

impl Course {
    pub(crate) async fn new(kind: Kind, from: Database, to: Database) -> Self {
        let scratch = syncline_testkit::Server::shared(kind).unwrap().database();
        let text = scratch.value("SELECT VERSION()").unwrap();
        let numbers: Vec<u16> =
            text.split(['.', '-']).take(3).map(|n| n.parse().unwrap()).collect();
        let asked = Asked {
            kind,
            version: (numbers[0], numbers[1], numbers[2]),
            source: rig::source(&scratch.url()),
            scratch,
            fields: RefCell::default(),
            known: RefCell::default(),
            runtime: tokio::runtime::Handle::current(),
        };
        let (source, target) = (rig::source(&from.url()), rig::source(&to.url()));
        Self {
            kind,
            from,
            to,
            asked,
            source,
            target,
            understood: 0,
            unclear: Vec::new(),
            wrong: Vec::new(),
            shows_refused: false,
        }
    }

    /// The tables as they are.
    pub(crate) fn tables(&self) -> Vec<Arc<TableSchema>> {
        self.asked.known.borrow().values().cloned().collect()
    }

    async fn catalog(source: &dyn Source) -> BTreeMap<TableName, Arc<TableSchema>> {
        let all = TableSelection::parse::<&str>(&[], &[]).unwrap();
        let found = source.discover(&all).await.unwrap();
        found.into_iter().map(|i| (i.schema.name.clone(), Arc::new(i.schema))).collect()
    }

    /// Runs a statement, and holds what is understood of it against the catalog. What the server
    /// refuses is in no log.
    #[allow(clippy::print_stderr, reason = "read when a course goes wrong")]
    pub(crate) async fn step(&mut self, sql: &str) {
        const MODE: &str = "SET sql_mode='ALLOW_INVALID_DATES'";
        let mut session = self.from.session();
        session.execute(MODE);
        if let Err(refused) = session.try_execute(sql) {
            if self.shows_refused {
                eprintln!("{:?}: refused: {refused}: {sql}", self.kind);
            }
            return;
        }
        let database = self.from.name().to_owned();
        let logged =
            Logged { sql, database: Some(&database), sql_mode: 0, explicit_timestamps: true };
        let understood = tokio::task::block_in_place(|| understand(&logged, &self.asked));
        let shown = Self::catalog(&*self.source).await;
        let mut effects = Vec::new();
        match understood {
            Understood::Irrelevant => {}
            Understood::Effects(all) => effects = all,
            Understood::Unclear { tables, why, .. } => {
                self.unclear.push(format!("{why}: {sql}"));
                // As the source does: what the server shows now.
                for name in tables {
                    let before = self.asked.known.borrow().get(&name).cloned();
                    effects.push(match (before, shown.get(&name)) {
                        (Some(_), Some(after)) => {
                            let (after, renamed) = (Arc::clone(after), Vec::new());
                            self.follow_anew(&name, &after);
                            (name, SchemaEffect::Altered { after, renamed })
                        }
                        (None, Some(after)) => (name, SchemaEffect::Created(Arc::clone(after))),
                        (Some(_), None) => (name, SchemaEffect::Dropped),
                        (None, None) => continue,
                    });
                }
            }
        }
        self.understood += 1;
        for (name, effect) in effects {
            self.follow(&name, &effect, sql).await;
        }
        let known = self.asked.known.borrow().clone();
        let names = |tables: &BTreeMap<TableName, _>| -> Vec<TableName> {
            tables.keys().cloned().collect()
        };
        assert_eq!(names(&known), names(&shown), "{sql}");
        for (name, table) in &known {
            if let Some(difference) = difference(table, &shown[name]) {
                self.wrong.push(format!("{:?}: {sql}\n{difference}", self.kind));
            }
        }
        self.compare_follower(&shown, sql).await;
        *self.asked.known.borrow_mut() = shown;
    }

    /// The follower is the very same; where it is not, it is made so for what comes next.
    async fn compare_follower(&mut self, shown: &BTreeMap<TableName, Arc<TableSchema>>, sql: &str) {
        let there = Self::catalog(&*self.target).await;
        for (name, table) in shown {
            let theirs = there.get(&TableName::new(self.to.name(), &name.name)).map(|theirs| {
                let mut theirs = (**theirs).clone();
                theirs.name = name.clone();
                for key in &mut theirs.foreign_keys {
                    key.references.schema = name.schema.clone();
                }
                difference(&theirs, table)
            });
            match theirs {
                Some(None) => continue,
                Some(Some(difference)) => {
                    self.wrong.push(format!("follower, {:?}: {sql}\n{difference}", self.kind));
                }
                None => self.wrong.push(format!("follower, {:?}: {sql}: no {name}", self.kind)),
            }
            self.follow_anew(name, table);
        }
    }

    /// At the end: only these statements were unclear.
    #[allow(clippy::print_stderr, reason = "read when a course goes wrong")]
    pub(crate) fn end(&self, unclear: &[&str]) {
        for told in &self.unclear {
            eprintln!("{:?}: unclear: {told}", self.kind);
        }
        for told in &self.wrong {
            eprintln!("wrong: {told}");
        }
        if unclear.is_empty() {
            assert!(self.unclear.len() * 3 <= self.understood, "{:#?}", self.unclear);
        } else {
            let strange = |told: &&String| !unclear.iter().any(|sql| told.ends_with(sql));
            let strange: Vec<&String> = self.unclear.iter().filter(strange).collect();
            assert!(strange.is_empty(), "{strange:#?}");
        }
        assert!(self.understood > 20, "{}", self.understood);
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n\n"));
    }

    fn created(&self, database: &Database, table: &str) -> String {
        database.rows(&format!("SHOW CREATE TABLE `{}`", table.replace('`', "``")))[0][1]
            .clone()
            .unwrap()
    }

    /// The table as the source's is, made anew.
    fn follow_anew(&self, name: &TableName, _after: &TableSchema) {
        let sql = self.created(&self.from, &name.name);
        let quoted = name.name.replace('`', "``");
        let mut session = self.to.session();
        session.execute("SET foreign_key_checks=0, sql_mode='ALLOW_INVALID_DATES'");
        session.execute(&format!("DROP TABLE IF EXISTS `{quoted}`"));
        session.execute(&sql);
    }

    /// The effect, on what is known and on the database that follows.
    async fn follow(&mut self, name: &TableName, effect: &SchemaEffect, sql: &str) {
        let at = |name: &TableName| TableName::new(self.to.name(), &name.name);
        let mut session = self.to.session();
        session.execute("SET foreign_key_checks=0, sql_mode='ALLOW_INVALID_DATES'");
        let dialect = Dialect::Mysql;
        let known = &self.asked.known;
        match effect {
            SchemaEffect::Created(table) => {
                known.borrow_mut().insert(name.clone(), Arc::clone(table));
                let created = self.created(&self.from, &name.name);
                session.execute(&created);
            }
            SchemaEffect::Dropped => {
                known.borrow_mut().remove(name);
                session.execute(&syncline_sql::alter::drop(dialect, &at(name)));
            }
            SchemaEffect::Truncated => {
                session.execute(&syncline_sql::alter::truncate(dialect, &at(name)));
            }
            SchemaEffect::Renamed(table) => {
                known.borrow_mut().remove(name);
                known.borrow_mut().insert(table.name.clone(), Arc::clone(table));
                for sql in syncline_sql::alter::rename(dialect, &at(name), &at(&table.name)) {
                    session.execute(&sql);
                }
            }
            SchemaEffect::Altered { after, renamed } => {
                let before = known.borrow_mut().insert(name.clone(), Arc::clone(after)).unwrap();
                let (before, after) = (self.under(&before), self.under(after));
                let present = self.present(&at(name)).await;
                let said = alter(dialect, &present, &before, &after, renamed).unwrap();
                for statement in &said.statements {
                    if let Err(error) = session.try_execute(statement) {
                        self.wrong.push(format!("{:?}: {sql}\n{statement}: {error}", self.kind));
                    }
                }
                // Once more: there is nothing left to be done.
                let present = self.present(&at(name)).await;
                let again = alter(dialect, &present, &before, &after, renamed).unwrap();
                let again: Vec<String> = again.statements;
                let of_expressions = |s: &String| {
                    s.contains(" AS (")
                        || s.contains("CHECK (")
                        || s.contains("CONSTRAINT")
                        || s.contains("PARTITION")
                        || s.contains("DEFAULT (")
                        || s.contains("(uuid())")
                };
                let again: Vec<&String> = again.iter().filter(|s| !of_expressions(s)).collect();
                if !again.is_empty() {
                    self.wrong.push(format!("{:?}: {sql}: twice: {again:#?}", self.kind));
                }
            }
        }
    }

    async fn present(&self, name: &TableName) -> TableSchema {
        rig::found(&*self.target, &name.name).await.schema
    }

    /// The table in the database that follows.
    fn under(&self, table: &TableSchema) -> TableSchema {
        let mut table = table.clone();
        table.name.schema = Some(self.to.name().to_owned());
        for key in &mut table.foreign_keys {
            key.references.schema = Some(self.to.name().to_owned());
        }
        table
    }
}

/// A definition without what is spelled in more than one way: expressions keep their words, and
/// the order of conditions and foreign keys means nothing.
fn normal(table: &TableSchema) -> TableSchema {
    let mut table = table.clone();
    table.statements.clear();
    for column in &mut table.columns {
        if let Some(identity) = &mut column.identity {
            identity.next = None;
        }
        if let Some(generated) = &mut column.generated {
            generated.expression.sql = words(&generated.expression.sql);
        }
        if let Some(DefaultValue::Native { sql, .. }) = &mut column.default {
            *sql = words(sql);
        }
    }
    for check in &mut table.checks {
        check.condition.sql = words(&check.condition.sql);
    }
    table.checks.sort_by_key(|c| c.name.clone());
    table.foreign_keys.sort_by_key(|k| k.name.clone());
    for key in &mut table.foreign_keys {
        // The same to the engines, and MariaDB shows now one and now the other.
        for action in [&mut key.on_delete, &mut key.on_update] {
            if *action == ReferentialAction::Restrict {
                *action = ReferentialAction::NoAction;
            }
        }
    }
    // A server that alters a table in place leaves them in an order of its own.
    table.indexes.sort_by_key(|i| i.name.clone());
    if let Some(partitioning) = &mut table.partitioning {
        partitioning.by.sql = words(&partitioning.by.sql).replace("engine=innodb", "");
    }
    table
}

/// What of two definitions is not the same: of the first with `-`, of the second with `+`.
fn difference(ours: &TableSchema, theirs: &TableSchema) -> Option<String> {
    let lines = |table: &TableSchema| -> Vec<String> {
        let table = normal(table);
        let column = |c: &syncline_types::Column| {
            let metadata: BTreeMap<_, _> = c.field.metadata().iter().collect();
            let (name, data_type) = (c.name(), c.field.data_type());
            let rest = (&c.default, &c.identity, &c.generated, &c.comment, &c.attributes);
            format!("{name:?} {data_type} {} {metadata:?} {rest:?}", c.field.is_nullable())
        };
        let mut lines: Vec<String> = table.columns.iter().map(column).collect();
        lines.extend(table.indexes.iter().map(|i| format!("{i:?}")));
        lines.extend(table.checks.iter().map(|c| format!("{c:?}")));
        lines.extend(table.foreign_keys.iter().map(|k| format!("{k:?}")));
        lines.push(format!("{:?} {:?}", table.name, table.primary_key));
        lines.push(format!("{:?} {:?} {:?}", table.comment, table.options, table.partitioning));
        lines
    };
    let (ours, theirs) = (lines(ours), lines(theirs));
    if ours == theirs {
        return None;
    }
    let only = |mark: &str, a: &[String], b: &[String]| -> Vec<String> {
        a.iter().filter(|l| !b.contains(l)).map(|l| format!("  {mark} {l}")).collect()
    };
    let mut told = only("-", &ours, &theirs);
    told.extend(only("+", &theirs, &ours));
    if told.is_empty() {
        told.push(format!("  in another order: {ours:#?} {theirs:#?}"));
    }
    Some(told.join("\n"))
}

fn words(sql: &str) -> String {
    let sql = sql.replace("_utf8mb4", "").replace("_latin1", "").replace("\\'", "'");
    sql.to_lowercase()
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '`'))
        .collect()
}
