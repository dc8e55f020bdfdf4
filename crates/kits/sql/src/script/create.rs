//! CREATE TABLE: columns with their options, and what stands behind the brackets.

use syncline_types::field::{self, CHARSET, COLLATION};
use syncline_types::{
    Column, Generated, Identity, IndexPart, Partitioning, TableName, TableSchema,
};

use super::constraints::push_index;
use super::lexer::Kind;
use super::native::{self, UserTypes};
use super::sequence::{Options, is_serial, whole_type};
use super::tokens::Tokens;
use crate::Dialect;
use crate::actions::COLLATION_SCHEMA;

/// What follows a table's columns and is no part of it.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// Tables it inherits columns from.
    pub(crate) inherits: Vec<TableName>,
    /// What is not copied, for people.
    pub(crate) notes: Vec<String>,
    /// Columns that count by sequences of these options.
    pub(crate) counted: Vec<(String, Options)>,
}

/// Words between CREATE and TABLE.
const KINDS: [&str; 6] = ["GLOBAL", "LOCAL", "TEMPORARY", "TEMP", "UNLOGGED", "FOREIGN"];

impl Tokens<'_> {
    /// CREATE … TABLE: the table and what stands behind its columns. `None` for other statements
    /// and for tables without a list of columns.
    pub(crate) fn create_table(&mut self, types: &UserTypes) -> Option<(TableSchema, Extras)> {
        if !self.eat("CREATE") {
            return None;
        }
        self.eat_all(&["OR", "REPLACE"]);
        let mut unlogged = false;
        for word in KINDS {
            unlogged |= self.eat(word) && word == "UNLOGGED";
        }
        if !self.eat("TABLE") {
            return None;
        }
        self.eat_all(&["IF", "NOT", "EXISTS"]);
        let mut table = TableSchema::new(self.table()?, []);
        if !self.eat_punct(b'(') || self.is("LIKE") {
            return None;
        }
        if unlogged && self.session.rules.dialect == Dialect::Postgres {
            table.statements.push(self.native("SET UNLOGGED"));
        }
        while !self.eat_punct(b')') {
            self.peek()?;
            self.item(&mut table, types);
            // What an item leaves is not known to us.
            while self.peek().is_some() && !self.is_punct(b',') && !self.is_punct(b')') {
                self.skip_one();
            }
            self.eat_punct(b',');
        }
        let mut extras = match self.session.rules.dialect {
            Dialect::Mysql => self.mysql_options(&mut table),
            Dialect::Postgres => self.postgres_options(&mut table),
            Dialect::Sqlite | Dialect::Ansi => self.other_options(&mut table),
        };
        settle_key(&mut table, self.session.rules.dialect);
        extras.counted = std::mem::take(&mut self.counted);
        Some((table, extras))
    }

    /// `ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COMMENT='x' PARTITION BY …`
    fn mysql_options(&mut self, table: &mut TableSchema) -> Extras {
        let mut options: Vec<String> = Vec::new();
        let (mut next, mut charset, mut collation) = (None, None, None);
        while self.peek().is_some() {
            let from = self.at;
            if self.is("PARTITION") && self.is_at(1, "BY") {
                let by = self.native(self.between(from, self.end));
                table.partitioning = Some(Partitioning { by, partitions: Vec::new() });
                break;
            }
            self.eat("DEFAULT");
            let counts = self.is("AUTO_INCREMENT");
            let comments = self.is("COMMENT");
            let charsets = self.is("CHARSET") || self.is("CHARACTER") && self.is_at(1, "SET");
            let collates = self.is("COLLATE");
            self.at +=
                if self.is("CHARACTER") || self.is("DATA") || self.is("INDEX") { 2 } else { 1 };
            let is_set = self.eat_punct(b'=');
            let value = self.peek().filter(|t| {
                is_set || counts || comments || charsets || collates || t.kind == Kind::Number
            });
            let value = value.map(|t| self.lexer.string(t));
            if value.is_some() {
                self.skip_one();
            }
            if counts {
                next = value.and_then(|v| v.parse().ok());
            } else if comments {
                table.comment = value.filter(|c| !c.is_empty());
            } else {
                options.push(self.between(from, self.at));
                if charsets {
                    charset = value;
                } else if collates {
                    collation = value;
                }
            }
            self.eat_punct(b',');
        }
        let options = options.join(" ");
        table.options = (!options.is_empty()).then(|| self.native(options));
        for column in &mut table.columns {
            if let Some(identity) = &mut column.identity {
                identity.next = next;
            }
            let text = native::takes_charset(&column.field);
            if text && field::get(&column.field, CHARSET).is_none() {
                let own = field::get(&column.field, COLLATION).is_some();
                let pairs = charset.iter().map(|c| (CHARSET, c.clone()));
                let collation = collation.iter().filter(|_| !own).map(|c| (COLLATION, c.clone()));
                column.field = field::with(column.field.clone(), pairs.chain(collation));
            }
        }
        Extras::default()
    }

    /// `INHERITS (a) PARTITION BY RANGE (b) WITH (fillfactor='70')`
    fn postgres_options(&mut self, table: &mut TableSchema) -> Extras {
        let mut extras = Extras::default();
        while self.peek().is_some() {
            let from = self.at;
            if self.eat_all(&["PARTITION", "BY"]) {
                let from = self.at;
                while self.peek().is_some() && !self.is_punct(b'(') {
                    self.at += 1;
                }
                self.skip_one();
                let by = self.native(self.between(from, self.at));
                table.partitioning = Some(Partitioning { by, partitions: Vec::new() });
            } else if self.eat("INHERITS") && self.eat_punct(b'(') {
                while let Some(parent) = self.table() {
                    extras.inherits.push(parent);
                    self.eat_punct(b',');
                }
            } else if self.eat("WITH") && self.is_punct(b'(') {
                self.skip_one();
                table.options = Some(self.native(self.between(from, self.at)));
            } else if self.eat("TABLESPACE") {
                let name = self.name().unwrap_or_default();
                let note =
                    format!("it lies in tablespace {name}; the copy lies in the target's own");
                extras.notes.push(note);
            } else if self.eat("USING") {
                let name = self.name().filter(|name| name != "heap");
                extras.notes.extend(name.map(|name| {
                    format!("its access method {name} is not kept: the copy has the target's own")
                }));
            } else {
                self.skip_one();
            }
        }
        extras
    }

    /// `STRICT, WITHOUT ROWID`
    fn other_options(&mut self, table: &mut TableSchema) -> Extras {
        let words: Vec<String> =
            self.tokens[self.at..self.end].iter().map(|t| self.lexer.string(t)).collect();
        let options = words.join(" ").replace(" ,", ",");
        if self.session.rules.dialect == Dialect::Sqlite && !options.is_empty() {
            table.options = Some(self.native(options));
        }
        self.at = self.end;
        Extras::default()
    }

    /// A column: name, type, options.
    pub(crate) fn column(&mut self, table: &mut TableSchema, types: &UserTypes) -> Option<Column> {
        let dialect = self.session.rules.dialect;
        let name = self.name()?;
        let mut native = self.native_type();
        if dialect == Dialect::Mysql || dialect == Dialect::Postgres {
            native = lower_outside_quotes(&native);
        }
        let mut column = Column::new(native::field(dialect, &name, &native, true, types));
        if is_serial(&native) {
            column.identity = Some(Identity { always: false, next: None });
            if dialect == Dialect::Postgres {
                let ty = whole_type(&native);
                column.field = field::with(column.field, [(field::NATIVE, ty.clone())]);
                column.field.set_nullable(false);
                let options = Options { ty: Some(ty), serial: true, ..Options::default() };
                self.counted.push((name, options));
            } else if dialect == Dialect::Mysql {
                let native = [(field::NATIVE, "bigint(20) unsigned".to_owned())];
                column.field = field::with(column.field, native);
                column.field.set_nullable(false);
                let part = IndexPart { column: name, prefix: None, descending: false };
                push_index(table, None, vec![part], true, dialect);
            }
        }
        let mut attributes: Vec<String> = Vec::new();
        let mut constraint = None;
        while self.peek().is_some() && !self.is_punct(b',') && !self.is_punct(b')') {
            if self.eat("CONSTRAINT") {
                constraint = self.name();
                continue;
            }
            self.option(&mut column, table, &mut constraint, &mut attributes);
        }
        if !attributes.is_empty() {
            column.attributes = Some(self.native(attributes.join(" ")));
        }
        Some(column)
    }

    fn option(
        &mut self,
        column: &mut Column,
        table: &mut TableSchema,
        constraint: &mut Option<String>,
        attributes: &mut Vec<String>,
    ) {
        let name = column.name().to_owned();
        if self.eat_all(&["NOT", "NULL"]) {
            column.field.set_nullable(false);
        } else if self.eat("DEFAULT") {
            self.default(column);
        } else if self.eat("PRIMARY") {
            self.eat("KEY");
            table.primary_key = vec![name];
        } else if self.eat("UNIQUE") {
            self.eat("KEY");
            let part = IndexPart { column: name, prefix: None, descending: false };
            let constraint = constraint.take();
            push_index(table, constraint, vec![part], true, self.session.rules.dialect);
        } else if self.eat("AUTO_INCREMENT") || self.eat("AUTOINCREMENT") {
            column.identity = Some(Identity { always: false, next: None });
        } else if self.eat("COMMENT") {
            column.comment = self.text().filter(|c| !c.is_empty());
        } else if self.eat("COLLATE") {
            let collation = self.collation();
            if let Some((_, collation)) = collation.first()
                && self.session.rules.dialect == Dialect::Sqlite
            {
                attributes.push(format!("COLLATE {}", Dialect::Sqlite.quote(collation)));
            }
            column.field = field::with(column.field.clone(), collation);
        } else if self.eat_all(&["CHARACTER", "SET"]) || self.eat("CHARSET") {
            self.eat_punct(b'=');
            let charset = self.name();
            column.field = field::with(column.field.clone(), charset.map(|c| (CHARSET, c)));
        } else if self.eat("GENERATED") {
            let always = self.eat("ALWAYS");
            self.eat_all(&["BY", "DEFAULT"]);
            if self.eat_all(&["AS", "IDENTITY"]) {
                column.identity = Some(Identity { always, next: None });
                column.field.set_nullable(false);
                let mut options = Options::default();
                if self.eat_punct(b'(') {
                    options = self.sequence_options();
                    self.eat_punct(b')');
                }
                self.counted.push((name, options));
            }
        } else if self.is("AS") && self.ahead(1).is_some_and(|t| t.kind == Kind::Punct(b'(')) {
            self.at += 1;
            let expression = self.brackets().unwrap_or_default();
            let expression = self.native(self.bare(&expression));
            let stored = self.is("STORED") || self.is("PERSISTENT");
            let _ = self.eat("STORED") || self.eat("PERSISTENT") || self.eat("VIRTUAL");
            column.generated = Some(Generated { expression, stored });
        } else if self.is("CHECK") {
            self.column_check(column, table, constraint.take());
        } else if self.eat("REFERENCES") {
            self.references(table, constraint.take(), vec![name]);
        } else if self.session.rules.dialect == Dialect::Mysql {
            attributes.extend(self.mysql_attribute());
        } else if self.session.rules.dialect == Dialect::Postgres && self.eat("STORAGE") {
            attributes.extend(self.name().map(|how| format!("STORAGE {how}")));
        } else if self.session.rules.dialect == Dialect::Postgres && self.eat("COMPRESSION") {
            attributes.extend(self.name().map(|how| format!("COMPRESSION {how}")));
        } else {
            self.skip_one();
        }
    }

    /// What follows COLLATE: the collation's name, and its schema where it is not the server's.
    pub(crate) fn collation(&mut self) -> Vec<(&'static str, String)> {
        let qualified = self.ahead(1).is_some_and(|t| t.kind == Kind::Punct(b'.'));
        let Some(name) = self.table() else { return Vec::new() };
        let own = qualified && self.session.rules.dialect == Dialect::Postgres;
        let schema = name.schema.filter(|schema| own && schema != "pg_catalog");
        let schema = schema.map(|schema| (COLLATION_SCHEMA, schema));
        std::iter::once((COLLATION, name.name)).chain(schema).collect()
    }

    /// `ON UPDATE CURRENT_TIMESTAMP(6)`, `INVISIBLE`, `SRID 4326` and others that say no more of
    /// the column's values.
    fn mysql_attribute(&mut self) -> Option<String> {
        let from = self.at;
        if self.eat_all(&["ON", "UPDATE"]) {
            self.skip_one();
            if self.is_punct(b'(') {
                self.skip_one();
            }
            return Some(self.between(from, self.at));
        }
        let alone = self.is("NULL") || self.is("KEY") || self.is("VIRTUAL");
        if alone || self.is("VISIBLE") {
            self.at += 1;
            return None;
        }
        let valued = ["COLUMN_FORMAT", "STORAGE", "SRID", "REF_SYSTEM_ID", "WITHOUT", "WITH"]
            .iter()
            .any(|word| self.is(word));
        self.skip_one();
        if valued {
            self.eat_punct(b'=');
            self.skip_one();
            self.eat("VERSIONING");
        }
        Some(self.between(from, self.at))
    }
}

/// Columns of a primary key take no NULL; in SQLite only where it says so, or the key is the rowid,
/// or takes its place, and in STRICT tables.
pub(crate) fn settle_key(table: &mut TableSchema, dialect: Dialect) {
    let options = table.options.as_ref().and_then(|o| o.of(Dialect::Sqlite.id()));
    let options = options.unwrap_or_default().to_ascii_uppercase();
    let takes_none = options.contains("WITHOUT ROWID") || options.contains("STRICT");
    for name in table.primary_key.clone() {
        // A key may spell its column in another case.
        let Some(at) = table.columns.iter().position(|c| c.name().eq_ignore_ascii_case(&name))
        else {
            continue;
        };
        let column = &mut table.columns[at];
        let rowid = field::native(&column.field, "sqlite")
            .is_some_and(|n| n.eq_ignore_ascii_case("integer"));
        let sole = rowid && table.primary_key.len() == 1;
        if dialect != Dialect::Sqlite || sole || takes_none {
            column.field.set_nullable(false);
        }
        let exact = column.name().to_owned();
        if let Some(part) = table.primary_key.iter_mut().find(|part| **part == name) {
            *part = exact;
        }
    }
}

/// `DECIMAL(1,2) Unsigned` in lower case; what stands in quotes stays.
fn lower_outside_quotes(text: &str) -> String {
    let mut quote = None;
    text.chars()
        .map(|c| match quote {
            Some(open) => {
                if c == open {
                    quote = None;
                }
                c
            }
            None => {
                if matches!(c, '\'' | '"' | '`') {
                    quote = Some(c);
                }
                c.to_ascii_lowercase()
            }
        })
        .collect()
}
