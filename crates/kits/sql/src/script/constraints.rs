//! Constraints and indexes: within CREATE TABLE's brackets, behind ALTER TABLE … ADD, and CREATE
//! INDEX.

use syncline_types::field::{self, LOGICAL, NATIVE};
use syncline_types::{
    Check, Column, ForeignKey, Index, IndexPart, ReferentialAction, TableName, TableSchema,
};

use super::lexer::Kind;
use super::native::UserTypes;
use super::tokens::Tokens;
use crate::Dialect;

/// What an index is over.
pub(crate) struct Over {
    /// The plain columns among it.
    pub(crate) parts: Vec<IndexPart>,
    /// These are all it is over.
    pub(crate) plain: bool,
}

impl Tokens<'_> {
    /// A column or a constraint, within CREATE TABLE's brackets or behind ALTER TABLE … ADD.
    pub(crate) fn item(&mut self, table: &mut TableSchema, types: &UserTypes) {
        let dialect = self.session.rules.dialect;
        let mysql = dialect == Dialect::Mysql;
        let start = self.at;
        let mut name = None;
        if self.eat("CONSTRAINT") {
            let words = ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "EXCLUDE"];
            name = if words.iter().any(|w| self.is(w)) { None } else { self.name() };
        }
        if self.is("PRIMARY") && self.is_at(1, "KEY") {
            self.primary(table, name);
        } else if self.is("UNIQUE") {
            self.unique(table, name, start);
        } else if mysql && (self.is("KEY") || self.is("INDEX")) {
            self.at += 1;
            self.mysql_key(table, name, false, start);
        } else if mysql
            && (self.is("FULLTEXT")
                || self.is("SPATIAL")
                || self.is("VECTOR") && (self.is_at(1, "KEY") || self.is_at(1, "INDEX")))
        {
            self.at += 1;
            let _ = self.eat("KEY") || self.eat("INDEX");
            let own = if self.is_punct(b'(') { None } else { self.name() };
            let over = self.key_parts();
            let parts = over.map(|o| o.parts).unwrap_or_default();
            self.skip_item();
            let definition = Some(self.native(self.between(start, self.at)));
            let name = own.or(name).unwrap_or_else(|| index_name(table, &parts, false));
            table.indexes.push(Index { definition, ..Index::new(name, parts, false) });
        } else if self.is("CHECK") && self.ahead(1).is_some_and(|t| t.kind == Kind::Punct(b'(')) {
            self.table_check(table, name);
        } else if self.is("FOREIGN") && self.is_at(1, "KEY") {
            self.at += 2;
            if !self.is_punct(b'(') {
                let own = self.name();
                name = name.or(own);
            }
            let columns = self.names();
            if self.eat("REFERENCES") {
                self.references(table, name, columns);
            }
        } else if self.is("EXCLUDE")
            && (self.is_at(1, "USING")
                || self.ahead(1).is_some_and(|t| t.kind == Kind::Punct(b'(')))
        {
            let from = self.at;
            self.skip_item();
            let definition = Some(self.native(self.between(from, self.at)));
            let name = name.unwrap_or_else(|| index_name(table, &[], false));
            let index = Index::new(name, Vec::new(), false);
            table.indexes.push(Index { definition, constraint: true, ..index });
        } else if self.is("LIKE")
            || mysql
                && self.is("PERIOD")
                && !self.ahead(1).is_none_or(|t| t.kind == Kind::Punct(b','))
        {
            // Not a part of a table that every store has.
        } else if let Some(column) = self.column(table, types) {
            table.columns.push(column);
        }
    }

    /// PRIMARY KEY, not behind a column. In PostgreSQL it has a name, and may have options.
    fn primary(&mut self, table: &mut TableSchema, name: Option<String>) {
        let from = self.at;
        self.at += 2;
        let over = self.key_parts();
        table.primary_key = over.into_iter().flat_map(|o| o.parts).map(|p| p.column).collect();
        if self.session.rules.dialect != Dialect::Postgres {
            return;
        }
        let behind = self.at;
        self.skip_item();
        let usual = format!("{}_pkey", table.name.name);
        let name = name.unwrap_or_else(|| usual.clone());
        if self.at > behind || name != usual {
            let words = self.between(from, self.at);
            let name = Dialect::Postgres.quote(&name);
            table.statements.push(self.native(format!("ADD CONSTRAINT {name} {words}")));
        }
    }

    /// Over everything up to the comma or the bracket that ends the item.
    pub(crate) fn skip_item(&mut self) {
        while self.peek().is_some() && !self.is_punct(b',') && !self.is_punct(b')') {
            self.skip_one();
        }
    }

    /// UNIQUE, not behind a column.
    fn unique(&mut self, table: &mut TableSchema, name: Option<String>, start: usize) {
        let from = self.at;
        self.at += 1;
        let dialect = self.session.rules.dialect;
        if dialect == Dialect::Mysql {
            let _ = self.eat("KEY") || self.eat("INDEX");
            return self.mysql_key(table, name, true, start);
        }
        let distinct = self.eat_all(&["NULLS", "NOT", "DISTINCT"]);
        let _ = self.eat_all(&["NULLS", "DISTINCT"]);
        let Some(over) = self.key_parts() else { return };
        let behind = self.at;
        self.skip_item();
        let simple = over.plain && !distinct && behind == self.at;
        push_index(table, name, over.parts, true, dialect);
        // SQLite's constraint says what follows the table's name in an index.
        let words = if dialect == Dialect::Sqlite { from + 1 } else { from };
        let definition = self.native(self.between(words, self.at));
        if let Some(index) = table.indexes.last_mut().filter(|_| !simple) {
            index.definition = Some(definition);
        }
    }

    /// `name (a, b(10)) USING BTREE`, behind KEY.
    fn mysql_key(
        &mut self,
        table: &mut TableSchema,
        constraint: Option<String>,
        unique: bool,
        start: usize,
    ) {
        let own = if self.is_punct(b'(') || self.is("USING") { None } else { self.name() };
        let Some(over) = self.key_parts() else { return };
        // A B-tree is what every key is; comments and sizes change nothing of it.
        let mut simple = over.plain;
        while self.peek().is_some() && !self.is_punct(b',') && !self.is_punct(b')') {
            simple &= !(self.is("HASH") || self.is("RTREE") || self.is("INVISIBLE"));
            simple &= !(self.is("IGNORED") || self.is("PARSER") || self.is("CLUSTERING"));
            self.skip_one();
        }
        let name = own.or(constraint).unwrap_or_else(|| index_name(table, &over.parts, unique));
        let definition = (!simple).then(|| self.native(self.between(start, self.at)));
        table.indexes.push(Index { definition, ..Index::new(name, over.parts, unique) });
    }

    /// CHECK of a table.
    fn table_check(&mut self, table: &mut TableSchema, name: Option<String>) {
        self.at += 1;
        if self.ahead(1).is_some_and(|t| self.lexer.is(t, "JSON_VALID")) {
            let mark = self.mark();
            self.at += 3;
            let column = self.name();
            let column = table.columns.iter_mut().find(|c| Some(c.name()) == column.as_deref());
            let plain = self.is_punct(b')');
            self.back_to(mark);
            if let Some(column) = column.filter(|_| plain) {
                mark_json(column);
                self.brackets();
                return;
            }
        }
        self.push_check(table, name);
    }

    /// CHECK of a column: MariaDB calls it by the column's name.
    pub(crate) fn column_check(
        &mut self,
        column: &mut Column,
        table: &mut TableSchema,
        name: Option<String>,
    ) {
        self.at += 1;
        // `json_valid(column)` is how MariaDB says JSON.
        if self.is_at(1, "JSON_VALID") {
            mark_json(column);
            self.brackets();
            return;
        }
        let mysql = self.session.rules.dialect == Dialect::Mysql;
        self.push_check(table, name.or_else(|| mysql.then(|| column.name().to_owned())));
    }

    /// `(condition) NOT ENFORCED`
    fn push_check(&mut self, table: &mut TableSchema, name: Option<String>) {
        let Some(condition) = self.brackets() else { return };
        if self.session.rules.dialect == Dialect::Postgres {
            return self.postgres_check(table, name, &condition);
        }
        let enforced = !self.eat_all(&["NOT", "ENFORCED"]);
        self.eat("ENFORCED");
        let condition = self.native(self.bare(&condition));
        table.checks.push(Check { name, condition, enforced });
    }

    /// One that old rows need not fulfil, or that children do not have, is made by an action.
    fn postgres_check(&mut self, table: &mut TableSchema, name: Option<String>, condition: &str) {
        let mut words = String::new();
        let mut valid = true;
        loop {
            if self.eat_all(&["NO", "INHERIT"]) {
                words.push_str(" NO INHERIT");
            } else if self.eat_all(&["NOT", "VALID"]) || self.eat_all(&["NOT", "ENFORCED"]) {
                words.push_str(" NOT VALID");
                valid = false;
            } else if !self.eat("ENFORCED") {
                break;
            }
        }
        let mut name = name;
        if !words.is_empty() {
            let named = name.get_or_insert_with(|| format!("{}_check", table.name.name));
            let named = Dialect::Postgres.quote(named);
            let action = format!("ADD CONSTRAINT {named} CHECK ({condition}){words}");
            table.statements.push(self.native(action));
        }
        let condition = self.native(condition);
        table.checks.push(Check { name, condition, enforced: valid });
    }

    /// What follows REFERENCES.
    pub(crate) fn references(
        &mut self,
        table: &mut TableSchema,
        name: Option<String>,
        columns: Vec<String>,
    ) {
        let Some(references) = self.table() else { return };
        let referenced = self.names();
        // MariaDB shows RESTRICT by saying nothing.
        let unsaid = match self.session.maria {
            true => ReferentialAction::Restrict,
            false => ReferentialAction::NoAction,
        };
        let (mut on_delete, mut on_update) = (unsaid, unsaid);
        let mut attributes: Vec<String> = Vec::new();
        loop {
            let from = self.at;
            if self.eat_all(&["ON", "DELETE"]) {
                on_delete = self.action();
                if self.is_punct(b'(') {
                    // Only these columns are emptied.
                    self.skip_one();
                    attributes.push(self.between(from, self.at));
                }
            } else if self.eat_all(&["ON", "UPDATE"]) {
                on_update = self.action();
            } else if self.eat("MATCH") {
                if !self.is("SIMPLE") {
                    attributes.extend(
                        self.peek().map(|t| self.lexer.string(t)).map(|how| format!("MATCH {how}")),
                    );
                }
                self.skip_one();
            } else if self.eat("DEFERRABLE") || self.eat_all(&["NOT", "DEFERRABLE"]) {
                if self.eat("INITIALLY") {
                    self.at += 1;
                }
                let words = self.between(from, self.at);
                if words.eq_ignore_ascii_case("NOT DEFERRABLE")
                    && self.session.rules.dialect != Dialect::Sqlite
                {
                    continue;
                }
                attributes.push(words.to_uppercase());
            } else if self.eat_all(&["NOT", "VALID"]) {
                attributes.push("NOT VALID".into());
            } else {
                break;
            }
        }
        let attributes = attributes.join(" ");
        table.foreign_keys.push(ForeignKey {
            name: name.unwrap_or_default(),
            columns,
            references,
            referenced,
            on_delete,
            on_update,
            attributes: (!attributes.is_empty()).then(|| self.native(attributes)),
        });
    }

    fn action(&mut self) -> ReferentialAction {
        let word = |n: usize| self.ahead(n).map(|t| self.lexer.string(t)).unwrap_or_default();
        let two = ReferentialAction::parse(&format!("{} {}", word(0), word(1)));
        let action = two.or_else(|| ReferentialAction::parse(&word(0)));
        self.at += if two.is_some() { 2 } else { 1 };
        action.unwrap_or_default()
    }

    /// `(a, b(10) DESC)`, with a method before it.
    pub(crate) fn key_parts(&mut self) -> Option<Over> {
        while self.eat("USING") {
            self.at += 1;
        }
        if !self.eat_punct(b'(') {
            return None;
        }
        let mut over = Over { parts: Vec::new(), plain: true };
        while !self.eat_punct(b')') {
            self.peek()?;
            let call = self.ahead(1).is_some_and(|t| t.kind == Kind::Punct(b'('));
            let number = self.ahead(2).is_some_and(|t| t.kind == Kind::Number);
            match if call && !number { None } else { self.name() } {
                Some(column) => {
                    over.parts.push(IndexPart { column, prefix: None, descending: false });
                }
                None => over.plain = false,
            }
            self.key_part_options(&mut over);
            self.eat_punct(b',');
        }
        Some(over)
    }

    fn key_part_options(&mut self, over: &mut Over) {
        while self.peek().is_some() && !self.is_punct(b',') && !self.is_punct(b')') {
            let number = self.ahead(1).filter(|t| t.kind == Kind::Number);
            if let Some(number) = number.filter(|_| self.is_punct(b'('))
                && let Some(part) = over.parts.last_mut()
            {
                part.prefix = self.lexer.string(number).parse().ok();
                self.skip_one();
            } else if self.eat("DESC") {
                if let Some(part) = over.parts.last_mut() {
                    part.descending = true;
                }
            } else if !self.eat("ASC") {
                over.plain = false;
                self.skip_one();
            }
        }
    }

    /// What follows CREATE INDEX: the table's name, and the index.
    pub(crate) fn created_index(&mut self, unique: bool) -> Option<(TableName, Index)> {
        self.eat("CONCURRENTLY");
        self.eat_all(&["IF", "NOT", "EXISTS"]);
        let name = self.table()?.name;
        // MySQL takes the method before ON, too.
        let tree = !self.is("USING") || self.is_at(1, "BTREE");
        while self.eat("USING") {
            self.at += 1;
        }
        if !self.eat("ON") {
            return None;
        }
        self.eat("ONLY");
        let table = self.table()?;
        let from = self.at;
        let tree = tree && (!self.is("USING") || self.is_at(1, "BTREE"));
        let over = self.key_parts();
        let simple = tree && self.peek().is_none() && over.as_ref().is_some_and(|o| o.plain);
        let parts = over.map(|o| o.parts).unwrap_or_default();
        let definition = (!simple).then(|| self.native(self.between(from, self.end)));
        Some((table, Index { definition, ..Index::new(name, parts, unique) }))
    }
}

pub(crate) fn mark_json(column: &mut Column) {
    let pairs = [(LOGICAL, "json".to_owned()), (NATIVE, "json".to_owned())];
    column.field = field::with(column.field.clone(), pairs);
}

impl Tokens<'_> {
    /// An expression of MySQL without the brackets that its server puts around all of it.
    pub(crate) fn bare<'t>(&self, text: &'t str) -> &'t str {
        if self.session.rules.dialect != Dialect::Mysql {
            return text;
        }
        let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) else {
            return text;
        };
        let mut depth = 0_i32;
        let mut quote = None;
        let mut escaped = false;
        for c in inner.chars() {
            if std::mem::take(&mut escaped) {
                continue;
            }
            match (quote, c) {
                (Some('\''), '\\') => escaped = true,
                (Some(open), c) if open == c => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"' | '`') => quote = Some(c),
                (None, '(') => depth += 1,
                (None, ')') => depth -= 1,
                (None, _) => {}
            }
            if depth < 0 {
                return text;
            }
        }
        inner
    }
}

fn index_name(table: &TableSchema, parts: &[IndexPart], unique: bool) -> String {
    let columns: Vec<&str> = parts.iter().map(|p| p.column.as_str()).collect();
    format!("{}_{}_{}", table.name.name, columns.join("_"), if unique { "key" } else { "idx" })
}

/// Adds a UNIQUE constraint, or what a dialect makes of it, naming it when it has no name.
pub(crate) fn push_index(
    table: &mut TableSchema,
    name: Option<String>,
    parts: Vec<IndexPart>,
    unique: bool,
    dialect: Dialect,
) {
    let name = name.unwrap_or_else(|| match (dialect, parts.first()) {
        (Dialect::Mysql, Some(part)) => part.column.clone(),
        _ => index_name(table, &parts, unique),
    });
    let constraint = matches!(dialect, Dialect::Postgres | Dialect::Sqlite | Dialect::Ansi);
    table.indexes.push(Index { constraint, ..Index::new(name, parts, unique) });
}
