//! The tables as they are at the place the log has been read to: those that are followed, and what
//! else is known of their databases.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::Field;
use syncline_sql::alter::{Logged, NativeColumn, Surroundings, Understood, understand};
use syncline_types::{
    Code, Error, NativeSql, Result, SchemaEffect, TableName, TableSchema, TableSelection,
};

use super::charset::Charsets;
use super::event::{Query, unreadable};
use super::map::{Layout, TableMap};
use super::state::Effects;
use super::words::Words;
use crate::catalog;
use crate::native::{Described, STORE, field_of, of_flavor};
use crate::wire::{Conn, Flavor};

/// What a statement does.
#[derive(Default)]
pub(crate) struct Meaning {
    pub(crate) effects: Effects,
    pub(crate) statement: Option<NativeSql>,
    /// A transaction goes on behind it.
    pub(crate) opens: bool,
}

/// All tables that are known.
pub(crate) struct Tables {
    /// As they are at the place of the log. Those that are not followed are as they were when the
    /// log was opened.
    known: HashMap<TableName, Arc<TableSchema>>,
    followed: HashSet<TableName>,
    /// Followed ones as they were when the log was opened: it may be what the log is about.
    present: HashMap<TableName, Arc<TableSchema>>,
    /// Those that have triggers.
    triggered: HashSet<TableName>,
    charsets: Charsets,
    selection: TableSelection,
    database: Option<String>,
    words: Words,
    /// Some column's character set may have to be learnt.
    unlearnt: bool,
}

impl Tables {
    /// Tables as they are at the place from which the log is read, and as they are now.
    pub(crate) async fn load(
        conn: &mut Conn,
        tables: &[Arc<TableSchema>],
        selection: &TableSelection,
        database: Option<&str>,
    ) -> Result<Self> {
        let words = Words::load(conn).await?;
        let mut databases: Vec<&str> =
            tables.iter().filter_map(|t| t.name.schema.as_deref()).chain(database).collect();
        databases.sort_unstable();
        databases.dedup();
        let mut present: HashMap<TableName, Arc<TableSchema>> = HashMap::new();
        for name in catalog::names(conn, &databases).await? {
            // One that cannot be looked at does not matter unless it is followed.
            if let Ok(Some(found)) = catalog::table(conn, &name).await {
                present.insert(name, Arc::new(found.info.schema));
            }
        }
        let mut known = present.clone();
        known.extend(tables.iter().map(|t| (t.name.clone(), Arc::clone(t))));
        let followed: HashSet<TableName> = tables.iter().map(|t| t.name.clone()).collect();
        present.retain(|name, _| followed.contains(name));
        let mut all = Self {
            known,
            followed,
            present,
            triggered: catalog::triggered(conn, &databases).await?,
            charsets: Charsets::default(),
            selection: selection.clone(),
            database: database.map(str::to_owned),
            words,
            unlearnt: true,
        };
        all.learn(conn).await?;
        Ok(all)
    }

    /// Whether [`Tables::learn`] is due.
    pub(crate) fn unlearnt(&self) -> bool {
        self.unlearnt
    }

    /// Learns the character sets of all followed tables.
    pub(crate) async fn learn(&mut self, conn: &mut Conn) -> Result<()> {
        let mut tables: Vec<&TableSchema> = Vec::new();
        for name in &self.followed {
            tables.extend(self.known.get(name).map(|t| &**t));
            tables.extend(self.present.get(name).map(|t| &**t));
        }
        self.charsets.learn(conn, &tables).await?;
        self.unlearnt = false;
        Ok(())
    }

    /// Whether the table of that name is followed.
    pub(crate) fn follows(&self, name: &TableName) -> bool {
        self.followed.contains(name)
    }

    /// How rows of a followed table lie in the log.
    pub(crate) fn layout(&self, map: &TableMap) -> Result<Layout> {
        let unknown = || Error::bug(format!("{} is not followed", map.name));
        let wanted = self.known.get(&map.name).ok_or_else(unknown)?;
        let mut whole: Vec<&TableSchema> = vec![wanted];
        whole.extend(self.present.get(&map.name).map(|t| &**t));
        Layout::new(map, wanted, &whole, &self.charsets)
    }

    /// Whether a table of that name, made now, is to be followed.
    fn selects(&self, name: &TableName) -> bool {
        // Bare patterns, and none at all, are about the tables of one database.
        let elsewhere = self.database.is_some()
            && !self.selection.crosses_schemas()
            && name.schema != self.database;
        !elsewhere
            && !catalog::is_ours(name)
            && self.selection.selects(name, self.database.as_deref())
    }

    /// What a statement does to the tables, which are then as they are behind it.
    pub(crate) fn understand(&mut self, query: &Query<'_>) -> Result<Meaning> {
        let explicit = query.explicit_timestamps.unwrap_or(self.words.explicit_timestamps);
        let logged = Logged {
            sql: &query.sql,
            database: query.database.as_deref(),
            sql_mode: query.sql_mode,
            explicit_timestamps: explicit,
        };
        let opens = query.sql.trim_end().to_ascii_uppercase().ends_with("START TRANSACTION");
        let statement = Some(NativeSql::new(STORE, query.sql.trim()));
        let effects = match understand(&logged, self) {
            Understood::Irrelevant => Vec::new(),
            Understood::Effects(effects) => effects,
            Understood::Unclear { tables, why, rows } => {
                self.unclear(&query.sql, &tables, &why, rows)?;
                Vec::new()
            }
        };
        let mut told = Effects::new();
        for (name, effect) in effects {
            if self.take(&name, &effect, &query.sql)? {
                told.push((name, effect));
            }
        }
        Ok(Meaning { effects: told, statement, opens })
    }

    /// A statement that is not understood: it must not be about what is followed.
    fn unclear(&self, sql: &str, tables: &[TableName], why: &str, rows: bool) -> Result<()> {
        let ours = |name: &&TableName| {
            self.follows(name) || self.selects(name) || rows && self.triggered.contains(name)
        };
        let Some(table) = tables.iter().find(ours) else { return Ok(()) };
        let shown: String = sql.trim().chars().take(200).collect();
        let (what, hint) = match rows {
            true => (
                "changed rows that the log does not tell",
                "have every session log rows (binlog_format=ROW), then start over with --fresh",
            ),
            false => ("is not understood", "start over with --fresh once the table is at rest"),
        };
        Err(unreadable(format!("{table}: the statement {what} ({why}): {shown}")).hint(hint))
    }

    /// Takes over what became of a table. True when it is to be told.
    fn take(&mut self, name: &TableName, effect: &SchemaEffect, sql: &str) -> Result<bool> {
        let followed = self.follows(name);
        match effect {
            SchemaEffect::Created(table) => {
                self.known.insert(table.name.clone(), Arc::clone(table));
                self.present.remove(&table.name);
                let selected = self.selects(&table.name);
                if selected {
                    self.followed.insert(table.name.clone());
                    self.unlearnt = true;
                }
                return Ok(selected);
            }
            SchemaEffect::Altered { after, .. } => {
                self.known.insert(name.clone(), Arc::clone(after));
                self.unlearnt |= followed;
            }
            SchemaEffect::Renamed(after) => {
                if !followed && (self.selects(&after.name) || self.follows(&after.name)) {
                    let shown: String = sql.trim().chars().take(200).collect();
                    let text = format!(
                        "{} took the place of {}, which is followed, and its rows were not: {shown}",
                        name, after.name
                    );
                    return Err(Error::new(Code::TableChanged, text)
                        .hint("copy the table anew: start over with --fresh"));
                }
                self.known.remove(name);
                self.present.remove(name);
                self.known.insert(after.name.clone(), Arc::clone(after));
                if followed {
                    self.followed.remove(name);
                    self.followed.insert(after.name.clone());
                }
            }
            SchemaEffect::Truncated => {}
            SchemaEffect::Dropped => {
                self.known.remove(name);
                self.present.remove(name);
                self.followed.remove(name);
            }
        }
        Ok(followed)
    }
}

impl Surroundings for Tables {
    fn table(&self, name: &TableName) -> Option<Arc<TableSchema>> {
        self.known.get(name).cloned()
    }

    fn tables(&self, database: &str) -> Vec<TableName> {
        let of = |name: &&TableName| name.schema.as_deref() == Some(database);
        self.known.keys().filter(of).cloned().collect()
    }

    fn maria(&self) -> bool {
        self.words.flavor == Flavor::MariaDb
    }

    fn version(&self) -> (u16, u16, u16) {
        self.words.version
    }

    fn engine(&self) -> &str {
        &self.words.engine
    }

    fn field(&self, column: &NativeColumn<'_>) -> Field {
        let described = Described {
            name: column.name,
            native: column.native,
            nullable: column.nullable,
            charset: column.charset,
            collation: column.collation,
            length: column.length,
        };
        of_flavor(field_of(&described), self.words.flavor)
    }

    fn collation(&self, charset: &str) -> Option<String> {
        self.words.collation(charset)
    }

    fn charset(&self, collation: &str) -> Option<String> {
        self.words.charset(collation)
    }

    fn database(&self, name: &str) -> Option<(String, String)> {
        self.words.databases.get(name).cloned()
    }
}
