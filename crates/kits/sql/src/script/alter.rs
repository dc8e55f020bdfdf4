//! ALTER TABLE: what dumps complete their tables with, and people too.

use syncline_types::{Identity, NativeSql, TableName, TableSchema};

use super::native::UserTypes;
use super::tokens::Tokens;
use crate::Dialect;

/// What ALTER TABLE says beyond the table's own columns and keys.
#[derive(Debug, Default)]
pub(crate) struct Beyond {
    /// A sequence counts up the column of this name.
    pub(crate) sequence: Option<(String, String)>,
    /// A table becomes a partition of this one, and which rows it takes.
    pub(crate) partition: Option<(TableName, String)>,
}

/// The actions of ALTER TABLE. The error says what is not read.
pub(crate) fn alter(
    tokens: &mut Tokens<'_>,
    table: &mut TableSchema,
    types: &UserTypes,
) -> Result<Beyond, String> {
    let mut beyond = Beyond::default();
    tokens.eat_all(&["ALTER", "TABLE"]);
    tokens.skip_only();
    tokens.table();
    loop {
        if tokens.eat("ADD") {
            add(tokens, table, types)?;
        } else if tokens.eat_all(&["ALTER", "COLUMN"]) || tokens.eat("ALTER") {
            let name = tokens.name().unwrap_or_default();
            if let Some(at) = table.index_of(&name) {
                alter_column(tokens, table, at, &mut beyond);
            }
        } else if tokens.is("MODIFY") || tokens.is("CHANGE") {
            modify(tokens, table, types)?;
        } else if tokens.is("AUTO_INCREMENT") {
            let next = tokens.rest().rsplit('=').next().and_then(|n| n.trim().parse().ok());
            for identity in table.columns.iter_mut().filter_map(|c| c.identity.as_mut()) {
                identity.next = next;
            }
        } else if tokens.eat_all(&["ATTACH", "PARTITION"]) {
            if let Some(part) = tokens.table() {
                beyond.partition = Some((part, tokens.rest()));
            }
        } else if tokens.is("DROP") || tokens.is("RENAME") {
            return Err(format!("ALTER TABLE {} … {} is not read", table.name, tokens.rest()));
        }
        if !tokens.next_action() {
            return Ok(beyond);
        }
    }
}

fn add(tokens: &mut Tokens<'_>, table: &mut TableSchema, types: &UserTypes) -> Result<(), String> {
    tokens.eat("COLUMN");
    tokens.eat_all(&["IF", "NOT", "EXISTS"]);
    if tokens.is("PARTITION") {
        return Err(format!("ALTER TABLE {} ADD {} is not read", table.name, tokens.rest()));
    }
    if tokens.session.rules.dialect == Dialect::Mysql && tokens.is_punct(b'(') {
        tokens.open();
    }
    let columns = table.columns.len();
    let first = tokens.at;
    tokens.item(table, types);
    if table.columns.len() > columns {
        // Where MySQL puts it.
        let after = tokens.tokens[first..tokens.at]
            .iter()
            .any(|t| tokens.lexer.is(t, "AFTER") || tokens.lexer.is(t, "FIRST"));
        if after {
            let table = &table.name;
            return Err(format!("ALTER TABLE {table} ADD a column between others is not read"));
        }
    }
    Ok(())
}

fn modify(
    tokens: &mut Tokens<'_>,
    table: &mut TableSchema,
    types: &UserTypes,
) -> Result<(), String> {
    let rename = tokens.eat("CHANGE");
    tokens.eat("MODIFY");
    tokens.eat("COLUMN");
    let old = if rename { tokens.name() } else { None };
    let Some(column) = tokens.column(table, types) else { return Ok(()) };
    let name = old.unwrap_or_else(|| column.name().to_owned());
    if name != column.name() {
        return Err(format!("renaming column {name} is not read"));
    }
    if let Some(at) = table.index_of(&name) {
        table.columns[at] = column;
    }
    Ok(())
}

fn alter_column(tokens: &mut Tokens<'_>, table: &mut TableSchema, at: usize, beyond: &mut Beyond) {
    let store = tokens.session.rules.dialect.id();
    let column = &mut table.columns[at];
    if tokens.eat_all(&["SET", "DEFAULT"]) {
        tokens.default(column);
    } else if tokens.eat_all(&["SET", "NOT", "NULL"]) {
        column.field.set_nullable(false);
    } else if tokens.is("SET") && (tokens.is_at(1, "STORAGE") || tokens.is_at(1, "COMPRESSION")) {
        tokens.eat("SET");
        let more = tokens.upto_comma();
        let mut words = column.attributes.take().map(|a| a.sql).unwrap_or_default();
        if !words.is_empty() {
            words.push(' ');
        }
        column.attributes = Some(NativeSql::new(store, words + &more));
    } else if tokens.eat_all(&["ADD", "GENERATED"]) {
        let always = tokens.eat("ALWAYS");
        column.identity = Some(Identity { always, next: None });
        tokens.eat_all(&["BY", "DEFAULT"]);
        tokens.eat_all(&["AS", "IDENTITY"]);
        tokens.open();
        if tokens.eat_all(&["SEQUENCE", "NAME"])
            && let Some(name) = tokens.table()
        {
            beyond.sequence = Some((name.name, column.name().to_owned()));
        }
    }
}

impl Tokens<'_> {
    /// Over `IF EXISTS ONLY`.
    pub(crate) fn skip_only(&mut self) {
        self.eat_all(&["IF", "EXISTS"]);
        self.eat("ONLY");
    }

    /// The text up to the next comma that stands in no bracket.
    fn upto_comma(&mut self) -> String {
        let from = self.at;
        while self.peek().is_some() && !self.is_punct(b',') {
            self.skip_one();
        }
        self.between(from, self.at)
    }
}
