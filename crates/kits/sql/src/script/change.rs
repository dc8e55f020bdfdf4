//! What the statements of a script that hold no rows say about tables: made, dropped, given keys,
//! indexes, comments, counters.

use syncline_types::{Identity, Index, TableName, TableSchema};

use super::create::Tokens;
use super::native::UserTypes;

/// What a statement without rows says about tables.
pub(crate) enum Change {
    /// Nothing about tables.
    Nothing,
    /// It carries or changes rows in a way that is not read; how.
    Refused(String),
    /// A table, and those it inherits columns from.
    Create(TableSchema, Vec<TableName>),
    /// A partition with its parent's columns.
    Child(TableName, TableName),
    Drop(Vec<TableName>),
    Alter(TableName),
    Index(TableName, Index),
    Partial(TableName, String),
    Comment(TableName, Option<String>, Option<String>),
    Enum(String, Vec<String>),
    Domain(String, String),
    Sequence(String, i128),
    Owned(String, TableName, String),
}

pub(crate) fn read(tokens: &mut Tokens<'_>, types: &UserTypes) -> Change {
    if tokens.is("CREATE") {
        return create(tokens, types).unwrap_or(Change::Nothing);
    }
    let change = if tokens.eat_all(&["DROP", "TABLE"]) {
        tokens.eat_all(&["IF", "EXISTS"]);
        let mut names = Vec::new();
        while let Some(name) = tokens.table() {
            names.push(name);
            if !tokens.next_action() {
                break;
            }
        }
        Some(Change::Drop(names))
    } else if tokens.eat_all(&["ALTER", "TABLE"]) {
        skip_only(tokens);
        tokens.table().map(Change::Alter)
    } else if tokens.eat_all(&["ALTER", "SEQUENCE"]) {
        owned(tokens)
    } else if tokens.eat_all(&["COMMENT", "ON"]) {
        comment(tokens)
    } else if tokens.eat("SELECT") {
        setval(&tokens.rest())
    } else {
        None
    };
    change.unwrap_or(Change::Nothing)
}

fn skip_only(tokens: &mut Tokens<'_>) {
    tokens.eat_all(&["IF", "EXISTS"]);
    tokens.eat("ONLY");
}

fn create(tokens: &mut Tokens<'_>, types: &UserTypes) -> Option<Change> {
    if tokens.eat_all(&["CREATE", "TYPE"]) {
        let name = tokens.table()?.name;
        let mut members = Vec::new();
        if !tokens.eat_all(&["AS", "ENUM"]) {
            return None;
        }
        tokens.open();
        while let Some(member) = tokens.text() {
            members.push(member);
            tokens.next_comma();
        }
        return Some(Change::Enum(name, members));
    }
    if tokens.eat_all(&["CREATE", "DOMAIN"]) {
        let name = tokens.table()?.name;
        tokens.eat("AS");
        return Some(Change::Domain(name, tokens.native_type()));
    }
    let unique = tokens.eat_all(&["CREATE", "UNIQUE", "INDEX"]);
    if unique || tokens.eat_all(&["CREATE", "INDEX"]) {
        return index(tokens, unique);
    }
    let start = tokens.mark();
    if let Some((table, extras)) = tokens.create_table(types) {
        return Some(Change::Create(table, extras.inherits));
    }
    tokens.back_to(start);
    tokens.eat("CREATE");
    for word in ["TEMPORARY", "TEMP", "UNLOGGED"] {
        tokens.eat(word);
    }
    if !tokens.eat("TABLE") {
        return None;
    }
    tokens.eat_all(&["IF", "NOT", "EXISTS"]);
    let name = tokens.table()?;
    if tokens.eat_all(&["PARTITION", "OF"]) || tokens.eat("LIKE") {
        return Some(Change::Child(name, tokens.table()?));
    }
    let selects = tokens.rest().to_ascii_uppercase().contains("SELECT");
    selects.then(|| Change::Refused(format!("CREATE TABLE {name} … SELECT is not read")))
}

fn index(tokens: &mut Tokens<'_>, unique: bool) -> Option<Change> {
    tokens.eat("CONCURRENTLY");
    tokens.eat_all(&["IF", "NOT", "EXISTS"]);
    let name = tokens.table()?.name;
    if !tokens.eat("ON") {
        return None;
    }
    tokens.eat("ONLY");
    let table = tokens.table()?;
    let parts = tokens.key_parts();
    let partial = tokens.rest().to_ascii_uppercase().contains("WHERE");
    match parts.filter(|_| !partial) {
        Some(parts) => Some(Change::Index(table, Index::new(name, parts, unique))),
        None => Some(Change::Partial(table, name)),
    }
}

/// `ALTER SEQUENCE s OWNED BY table.column`
fn owned(tokens: &mut Tokens<'_>) -> Option<Change> {
    tokens.eat_all(&["IF", "EXISTS"]);
    let sequence = tokens.table()?.name;
    if !tokens.eat_all(&["OWNED", "BY"]) {
        return None;
    }
    let (table, column) = tokens.column_of_table()?;
    Some(Change::Owned(sequence, table, column))
}

fn comment(tokens: &mut Tokens<'_>) -> Option<Change> {
    if tokens.eat("TABLE") {
        let table = tokens.table()?;
        tokens.eat("IS");
        return Some(Change::Comment(table, None, tokens.text()));
    }
    if !tokens.eat("COLUMN") {
        return None;
    }
    let (table, column) = tokens.column_of_table()?;
    tokens.eat("IS");
    Some(Change::Comment(table, Some(column), tokens.text()))
}

/// `pg_catalog.setval('sequence', 3, true)`
fn setval(call: &str) -> Option<Change> {
    let (_, arguments) = call.split_once("setval(")?;
    let (name, rest) = arguments.strip_prefix('\'')?.split_once('\'')?;
    let mut numbers = rest.trim_start_matches(',').split([',', ')']).map(str::trim);
    let last: i128 = numbers.next()?.parse().ok()?;
    let called = numbers.next() != Some("false");
    Some(Change::Sequence(name.to_owned(), last + i128::from(called)))
}

/// The actions of ALTER TABLE. The error says what is not read.
pub(crate) fn alter(
    tokens: &mut Tokens<'_>,
    table: &mut TableSchema,
    types: &UserTypes,
    sequence: &mut Option<(String, String)>,
) -> Result<(), String> {
    tokens.eat_all(&["ALTER", "TABLE"]);
    skip_only(tokens);
    tokens.table();
    loop {
        if tokens.eat("ADD") {
            tokens.eat("COLUMN");
            tokens.item(table, types);
        } else if tokens.eat_all(&["ALTER", "COLUMN"]) || tokens.eat("ALTER") {
            let name = tokens.name().unwrap_or_default();
            if let Some(at) = table.index_of(&name) {
                alter_column(tokens, table, at, sequence);
            }
        } else if tokens.is("MODIFY") || tokens.is("CHANGE") {
            let rename = tokens.eat("CHANGE");
            tokens.eat("MODIFY");
            tokens.eat("COLUMN");
            let old = if rename { tokens.name() } else { None };
            if let Some(column) = tokens.column(table, types) {
                let name = old.unwrap_or_else(|| column.name().to_owned());
                if name != column.name() {
                    return Err(format!("renaming column {name} is not read"));
                }
                if let Some(at) = table.index_of(&name) {
                    table.columns[at] = column;
                }
            }
        } else if tokens.is("AUTO_INCREMENT") {
            let next = tokens.rest().rsplit('=').next().and_then(|n| n.trim().parse().ok());
            for identity in table.columns.iter_mut().filter_map(|c| c.identity.as_mut()) {
                identity.next = next;
            }
        } else if tokens.is("DROP") || tokens.is("RENAME") {
            return Err(format!("ALTER TABLE {} … {} is not read", table.name, tokens.rest()));
        }
        if !tokens.next_action() {
            return Ok(());
        }
    }
}

fn alter_column(
    tokens: &mut Tokens<'_>,
    table: &mut TableSchema,
    at: usize,
    sequence: &mut Option<(String, String)>,
) {
    let column = &mut table.columns[at];
    if tokens.eat_all(&["SET", "DEFAULT"]) {
        tokens.default(column);
    } else if tokens.eat_all(&["SET", "NOT", "NULL"]) {
        column.field.set_nullable(false);
    } else if tokens.eat_all(&["ADD", "GENERATED"]) {
        let always = tokens.eat("ALWAYS");
        column.identity = Some(Identity { always, next: None });
        tokens.eat_all(&["BY", "DEFAULT"]);
        tokens.eat_all(&["AS", "IDENTITY"]);
        tokens.open();
        if tokens.eat_all(&["SEQUENCE", "NAME"])
            && let Some(name) = tokens.table()
        {
            *sequence = Some((name.name, column.name().to_owned()));
        }
    }
}
