//! CREATE TABLE.

use std::sync::Arc;

use syncline_types::{Partitioning, TableName, TableSchema};

use super::draft::{Draft, Ground, NewCheck, move_names, signature};
use super::options::Options;
use super::{Logged, Read, Surroundings, Unread, column, expression, keys};
use crate::script::Tokens;

/// A list of columns and keys in brackets, and what stands behind it, from the bracket on.
pub(super) fn columns(
    tokens: &mut Tokens<'_>,
    logged: &Logged<'_>,
    at: &dyn Surroundings,
    name: &TableName,
) -> Read<TableSchema> {
    let mut ground = Ground::new(logged, at);
    let mark = tokens.mark();
    // What stands behind the columns says their character set; and expressions may speak of
    // columns that come later.
    tokens.skip_one();
    let mut options = Options::default();
    tail(tokens, &mut options, &mut None)?;
    let unknown = || Unread::new("the database's character set is not known");
    let database = name.schema.as_deref().and_then(|d| at.database(d));
    let told = options.charset.is_some() || options.collation.is_some();
    match database {
        Some((charset, collation)) => (ground.charset, ground.collation) = (charset, collation),
        None if told => {}
        None => return Err(unknown()),
    }
    if options.get("ENGINE").is_none() {
        options.set("ENGINE", Some(super::options::engine(at.engine())));
    }
    (ground.charset, ground.collation) = options.settle(&ground)?;
    let mut partitioning = None;
    for pass in 0..2 {
        tokens.back_to(mark);
        let mut draft = Draft::new(&ground, TableSchema::new(name.clone(), []));
        items(tokens, &ground, &mut draft)?;
        tail(tokens, &mut Options::default(), &mut partitioning)?;
        let mut table = draft.finish()?;
        if pass == 1 {
            options.write(&mut table);
            table.partitioning = partitioning;
            return Ok(table);
        }
        ground.names = expression::names(&table);
    }
    Err(unknown())
}

/// `( item, … )`
fn items(tokens: &mut Tokens<'_>, ground: &Ground<'_>, draft: &mut Draft<'_, '_>) -> Read<()> {
    if !tokens.eat_punct(b'(') {
        return Err(Unread::new("a table has no columns"));
    }
    loop {
        item(tokens, ground, draft)?;
        if tokens.eat_punct(b')') {
            return Ok(());
        }
        if !tokens.eat_punct(b',') {
            return Err(Unread::new(format!("of a table is not read: {}", tokens.rest())));
        }
    }
}

/// A column, a key or a condition.
pub(super) fn item(
    tokens: &mut Tokens<'_>,
    ground: &Ground<'_>,
    draft: &mut Draft<'_, '_>,
) -> Read<()> {
    if !constraint(tokens, ground, draft)? {
        let said = column::read(tokens, ground)?;
        draft.add(said);
    }
    Ok(())
}

/// A key, a foreign key or a condition; false when a column stands there.
pub(super) fn constraint(
    tokens: &mut Tokens<'_>,
    ground: &Ground<'_>,
    draft: &mut Draft<'_, '_>,
) -> Read<bool> {
    let mut name = None;
    let named = tokens.eat("CONSTRAINT");
    if named && !["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"].iter().any(|w| tokens.is(w)) {
        tokens.eat_all(&["IF", "NOT", "EXISTS"]);
        name = tokens.name();
    }
    if tokens.is("FOREIGN") && tokens.is_at(1, "KEY") {
        tokens.at += 2;
        tokens.eat_all(&["IF", "NOT", "EXISTS"]);
        let own = if tokens.is_punct(b'(') { None } else { tokens.name() };
        let columns = tokens.names();
        let key = keys::references(tokens, ground, name.or(own), columns)?;
        draft.new_references.push(key);
        return Ok(true);
    }
    if tokens.is("CHECK")
        && tokens.ahead(1).is_some_and(|t| t.kind == crate::script::TokenKind::Punct(b'('))
    {
        tokens.at += 1;
        let condition = column::bracketed(tokens, ground)?;
        let enforced = !tokens.eat_all(&["NOT", "ENFORCED"]);
        tokens.eat("ENFORCED");
        draft.new_checks.push(NewCheck { name, condition, enforced });
        return Ok(true);
    }
    if tokens.is("PERIOD") && tokens.is_at(1, "FOR") || tokens.is("LIKE") {
        return Err(Unread::new("a table with periods is not read"));
    }
    match keys::read(tokens, ground, name)? {
        Some(key) => {
            draft.new_keys.push(key);
            Ok(true)
        }
        None if named => Err(Unread::new("a constraint is not read")),
        None => Ok(false),
    }
}

/// Options and partitions, up to the end.
fn tail(
    tokens: &mut Tokens<'_>,
    options: &mut Options,
    partitioning: &mut Option<Partitioning>,
) -> Read<()> {
    loop {
        if tokens.is("PARTITION") && tokens.is_at(1, "BY") {
            let from = tokens.at;
            let end = tokens.end;
            let sql = tokens.between(from, end);
            *partitioning = Some(Partitioning { by: tokens.native(sql), partitions: Vec::new() });
            tokens.at = end;
        } else if tokens.eat_punct(b',') || tokens.eat_punct(b';') {
        } else if tokens.eat_all(&["START", "TRANSACTION"]) {
            // The rows of CREATE … SELECT follow in the log.
        } else if tokens.peek().is_none() {
            return Ok(());
        } else if !options.read(tokens)? {
            return Err(Unread::new(format!("of a table is not read: {}", tokens.rest())));
        }
    }
}

/// CREATE TABLE … LIKE.
pub(super) fn like(
    logged: &Logged<'_>,
    at: &dyn Surroundings,
    name: &TableName,
    model: &Arc<TableSchema>,
) -> TableSchema {
    let ground = Ground::new(logged, at);
    let mut table = TableSchema { foreign_keys: Vec::new(), ..(**model).clone() };
    move_names(&mut table, name, ground.maria);
    for identity in table.columns.iter_mut().filter_map(|c| c.identity.as_mut()) {
        identity.next = None;
    }
    table.statements = vec![signature(&ground)];
    table
}
