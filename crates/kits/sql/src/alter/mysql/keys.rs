//! Keys: how they are written, what the server calls them, and in which order it keeps them.

use syncline_types::{
    ForeignKey, Index, IndexPart, NativeSql, ReferentialAction, TableSchema, field,
};

use super::draft::Ground;
use super::{Read, Unread, charsets};
use crate::Dialect;
use crate::script::{Lexer, Rules, Session, TokenKind as Kind, Tokens};

/// Bytes of an index in InnoDB.
const ROOM: u64 = 3072;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Primary,
    Unique,
    Plain,
    Fulltext,
    Spatial,
}

/// A key as it is said.
#[derive(Debug, Clone)]
pub(super) struct NewKey {
    pub(super) name: Option<String>,
    pub(super) what: What,
    pub(super) parts: Vec<IndexPart>,
    /// ` USING BTREE`
    pub(super) using: bool,
    pub(super) comment: Option<String>,
    /// `INVISIBLE` (MySQL), `IGNORED` (MariaDB).
    pub(super) hidden: bool,
    /// Made for a foreign key, unless another serves.
    pub(super) generated: bool,
}

impl NewKey {
    pub(super) fn plain(parts: Vec<IndexPart>) -> Self {
        Self {
            name: None,
            what: What::Plain,
            parts,
            using: false,
            comment: None,
            hidden: false,
            generated: false,
        }
    }

    pub(super) fn primary(parts: Vec<IndexPart>) -> Self {
        Self { what: What::Primary, ..Self::plain(parts) }
    }

    pub(super) fn unique(parts: Vec<IndexPart>) -> Self {
        Self { what: What::Unique, ..Self::plain(parts) }
    }
}

/// `(a, b(10) DESC)`
fn parts(tokens: &mut Tokens<'_>, ground: &Ground<'_>) -> Read<Vec<IndexPart>> {
    if !tokens.eat_punct(b'(') {
        return Err(Unread::new("a key has no columns"));
    }
    let mut parts = Vec::new();
    loop {
        let column =
            tokens.name().ok_or_else(|| Unread::new("a key over an expression is not read"))?;
        let mut part = IndexPart { column, prefix: None, descending: false };
        if tokens.eat_punct(b'(') {
            let token = tokens.bump().filter(|t| t.kind == Kind::Number);
            let number = token.and_then(|t| tokens.lexer.string(&t).parse().ok());
            if number.is_none() || !tokens.eat_punct(b')') {
                return Err(Unread::new("a key over an expression is not read"));
            }
            part.prefix = number;
        }
        if tokens.eat("DESC") {
            // Older servers of MariaDB read the word, and do nothing.
            part.descending = !ground.maria || ground.version >= (10, 8, 0);
        } else {
            tokens.eat("ASC");
        }
        parts.push(part);
        if tokens.eat_punct(b')') {
            return Ok(parts);
        }
        if !tokens.eat_punct(b',') {
            return Err(Unread::new("a key's columns are not read"));
        }
    }
}

fn using(tokens: &mut Tokens<'_>, key: &mut NewKey) -> Read<()> {
    while tokens.eat("USING") || tokens.eat("TYPE") {
        if !tokens.eat("BTREE") {
            return Err(Unread::new("a key that is no B-tree is not read"));
        }
        key.using = true;
    }
    Ok(())
}

/// What stands behind a key's columns.
fn options(tokens: &mut Tokens<'_>, key: &mut NewKey) -> Read<()> {
    loop {
        using(tokens, key)?;
        if tokens.eat("COMMENT") {
            let comment = tokens.text().ok_or_else(|| Unread::new("a comment is no text"))?;
            key.comment = Some(comment).filter(|c| !c.is_empty());
        } else if tokens.eat("VISIBLE") || tokens.eat_all(&["NOT", "IGNORED"]) {
            key.hidden = false;
        } else if tokens.eat("INVISIBLE") || tokens.eat("IGNORED") {
            key.hidden = true;
        } else if ends(tokens) {
            return Ok(());
        } else {
            return Err(Unread::new(format!("of a key is not read: {}", tokens.rest())));
        }
    }
}

/// Whether an item of a list ends here.
pub(super) fn ends(tokens: &Tokens<'_>) -> bool {
    tokens.peek().is_none()
        || tokens.is_punct(b',')
        || tokens.is_punct(b')')
        || tokens.is_punct(b';')
}

/// A key behind CREATE TABLE's bracket or ADD; `None` when a column stands there. A foreign key or
/// a check is told apart by the caller. `constraint`: the name behind CONSTRAINT.
pub(super) fn read(
    tokens: &mut Tokens<'_>,
    ground: &Ground<'_>,
    constraint: Option<String>,
) -> Read<Option<NewKey>> {
    let what = if tokens.eat_all(&["PRIMARY", "KEY"]) {
        What::Primary
    } else if tokens.eat("UNIQUE") {
        let _ = tokens.eat("KEY") || tokens.eat("INDEX");
        What::Unique
    } else if tokens.is("FULLTEXT") || tokens.is("SPATIAL") {
        let what = if tokens.is("FULLTEXT") { What::Fulltext } else { What::Spatial };
        tokens.at += 1;
        let _ = tokens.eat("KEY") || tokens.eat("INDEX");
        what
    } else if tokens.eat("KEY") || tokens.eat("INDEX") {
        What::Plain
    } else {
        return Ok(None);
    };
    tokens.eat_all(&["IF", "NOT", "EXISTS"]);
    let mut key = NewKey { what, ..NewKey::plain(Vec::new()) };
    if !tokens.is_punct(b'(') && !tokens.is("USING") {
        key.name = tokens.name();
    }
    key.name = key.name.or(constraint).filter(|_| what != What::Primary);
    using(tokens, &mut key)?;
    key.parts = parts(tokens, ground)?;
    options(tokens, &mut key)?;
    Ok(Some(key))
}

/// CREATE INDEX, behind its first words.
pub(super) fn created(tokens: &mut Tokens<'_>, ground: &Ground<'_>, key: &mut NewKey) -> Read<()> {
    key.parts = parts(tokens, ground)?;
    loop {
        using(tokens, key)?;
        if tokens.eat("COMMENT") {
            let comment = tokens.text().ok_or_else(|| Unread::new("a comment is no text"))?;
            key.comment = Some(comment).filter(|c| !c.is_empty());
        } else if tokens.eat("VISIBLE") || tokens.eat_all(&["NOT", "IGNORED"]) {
            key.hidden = false;
        } else if tokens.eat("INVISIBLE") || tokens.eat("IGNORED") {
            key.hidden = true;
        } else if tokens.eat("ALGORITHM") || tokens.eat("LOCK") || tokens.eat("WAIT") {
            tokens.eat_punct(b'=');
            tokens.at += 1;
        } else if tokens.eat("NOWAIT") {
        } else if ends(tokens) {
            return Ok(());
        } else {
            return Err(Unread::new(format!("of an index is not read: {}", tokens.rest())));
        }
    }
}

/// REFERENCES and what follows.
pub(super) fn references(
    tokens: &mut Tokens<'_>,
    ground: &Ground<'_>,
    name: Option<String>,
    columns: Vec<String>,
) -> Read<ForeignKey> {
    let unread = || Unread::new("a foreign key is not read");
    if !tokens.eat("REFERENCES") {
        return Err(unread());
    }
    let references = tokens.table().ok_or_else(unread)?;
    let referenced = tokens.names();
    if referenced.len() != columns.len() {
        return Err(unread());
    }
    let unsaid = match ground.maria {
        true => ReferentialAction::Restrict,
        false => ReferentialAction::NoAction,
    };
    let (mut on_delete, mut on_update) = (unsaid, unsaid);
    loop {
        let of = if tokens.eat_all(&["ON", "DELETE"]) {
            &mut on_delete
        } else if tokens.eat_all(&["ON", "UPDATE"]) {
            &mut on_update
        } else if tokens.eat("MATCH") {
            tokens.at += 1;
            continue;
        } else {
            break;
        };
        let two = ["NO ACTION", "SET NULL", "SET DEFAULT"];
        let found = two.into_iter().find(|two| {
            let words: Vec<&str> = two.split(' ').collect();
            tokens.eat_all(&words)
        });
        let found = found.or_else(|| ["RESTRICT", "CASCADE"].into_iter().find(|w| tokens.eat(w)));
        *of = found.and_then(ReferentialAction::parse).ok_or_else(unread)?;
    }
    Ok(ForeignKey {
        name: name.unwrap_or_default(),
        columns,
        references,
        referenced,
        on_delete,
        on_update,
        attributes: None,
    })
}

/// The keys of a statement, under the names that the server gives them.
pub(super) fn add_keys(table: &mut TableSchema, new: Vec<NewKey>, ground: &Ground<'_>) -> Read<()> {
    let mut made: Vec<(Index, bool)> = Vec::new();
    for mut key in new {
        for part in &mut key.parts {
            settle(table, part, &key.what)?;
        }
        if key.what == What::Primary {
            if !table.primary_key.is_empty() || key.parts.iter().any(|p| p.prefix.is_some()) {
                return Err(Unread::new("a primary key is not read"));
            }
            table.primary_key = key.parts.iter().map(|p| p.column.clone()).collect();
            continue;
        }
        check_room(table, &key)?;
        let name = match &key.name {
            Some(name) => name.clone(),
            None => free_name(table, &made, &key.parts[0].column),
        };
        if !key.generated {
            serves_another(table, &key)?;
        }
        made.push((index(name, &key, ground), key.generated));
    }
    let all: Vec<(Index, bool)> = table.indexes.drain(..).map(|i| (i, false)).chain(made).collect();
    let covers = |wide: &[IndexPart], parts: &[IndexPart]| {
        wide.len() >= parts.len()
            && wide.iter().zip(parts).all(|(a, b)| {
                a.column.to_lowercase() == b.column.to_lowercase() && a.prefix.is_none()
            })
    };
    let by_primary = |parts: &[IndexPart]| {
        table.primary_key.len() >= parts.len()
            && table.primary_key.iter().zip(parts).all(|(a, b)| *a == b.column)
    };
    for (at, (index, generated)) in all.iter().enumerate() {
        let served = *generated
            && (by_primary(&index.parts)
                || all.iter().enumerate().any(|(n, (other, also))| {
                    n != at
                        && !is_special(other)
                        && covers(&other.parts, &index.parts)
                        && (!also || other.parts.len() > index.parts.len() || n < at)
                }));
        if !served {
            table.indexes.push(index.clone());
        }
    }
    Ok(())
}

/// Whether the index is of another kind than a B-tree.
fn is_special(index: &Index) -> bool {
    let definition = index.definition.as_ref().map_or("", |d| d.sql.as_str());
    definition.starts_with("FULLTEXT") || definition.starts_with("SPATIAL")
}

/// The column as the table spells it; a prefix that is all of it is none.
fn settle(table: &TableSchema, part: &mut IndexPart, what: &What) -> Read<()> {
    let lower = part.column.to_lowercase();
    let column = table.columns.iter().find(|c| c.name().to_lowercase() == lower);
    let column = column
        .ok_or_else(|| Unread::new(format!("a key is over {}, which is not there", part.column)))?;
    part.column = column.name().to_owned();
    let native = field::native(&column.field, "mysql").unwrap_or_default();
    let base = native.split(['(', ' ']).next().unwrap_or_default();
    let whole = matches!(base, "char" | "varchar" | "binary" | "varbinary");
    let all = whole && part.prefix.map(u64::from) >= field::length(&column.field);
    let long = base.ends_with("text") || base.ends_with("blob") || native == "json";
    if all || !whole && !long {
        part.prefix = None;
    }
    if long && part.prefix.is_none() && !matches!(what, What::Fulltext | What::Spatial) {
        return Err(Unread::new(format!("a key is over all of {}, a {base}", part.column)));
    }
    Ok(())
}

/// Indexes over columns that are others now: a prefix goes where the type has none, or where it is
/// all of the column.
pub(super) fn settled(table: &mut TableSchema, changed: &[String]) -> Read<()> {
    let mut indexes = table.indexes.clone();
    for index in &mut indexes {
        if !index.parts.iter().any(|p| changed.contains(&p.column)) {
            continue;
        }
        let definition = index.definition.as_ref().map_or("", |d| d.sql.as_str());
        if definition.contains(" USING HASH") {
            let why = format!("index {} may be of another kind", index.name);
            return Err(Unread::new(why));
        }
        let what = if is_special(index) { What::Fulltext } else { What::Plain };
        let before = index.parts.clone();
        for part in &mut index.parts {
            settle(table, part, &what)?;
        }
        if index.definition.is_some() && before != index.parts {
            return Err(Unread::new(format!("index {} is over other prefixes", index.name)));
        }
        check_room(table, &NewKey { what, ..NewKey::plain(index.parts.clone()) })?;
    }
    table.indexes = indexes;
    Ok(())
}

/// Whether the key fits as it is said: one that does not may have been cut.
fn check_room(table: &TableSchema, key: &NewKey) -> Read<()> {
    if matches!(key.what, What::Fulltext | What::Spatial) {
        return Ok(());
    }
    let mut total = 0;
    for part in &key.parts {
        let column = table.column(&part.column);
        let charset = column.and_then(|c| field::get(&c.field, field::CHARSET));
        let length = column.and_then(|c| field::length(&c.field));
        let characters = part.prefix.map(u64::from).or(length).unwrap_or(8);
        let bytes = characters * charset.map_or(1, charsets::width);
        total += bytes;
        if bytes > ROOM {
            return Err(Unread::new("a key may have been cut to what fits"));
        }
    }
    if total > ROOM {
        return Err(Unread::new("a key may have been cut to what fits"));
    }
    Ok(())
}

/// An index that was made for a foreign key goes, when another serves; which ones were is not known.
fn serves_another(table: &TableSchema, key: &NewKey) -> Read<()> {
    let serves = |index: &&Index| {
        !index.unique
            && index.definition.is_none()
            && index.parts.len() <= key.parts.len()
            && index.parts.iter().zip(&key.parts).all(|(a, b)| a.column == b.column)
            && table.foreign_keys.iter().any(|fk| {
                fk.columns.iter().eq(index.parts.iter().map(|p| &p.column))
                    && (index.name == fk.name || fk.columns.first() == Some(&index.name))
            })
    };
    match table.indexes.iter().find(serves) {
        Some(index) => {
            Err(Unread::new(format!("index {} may have gone, as another serves", index.name)))
        }
        None => Ok(()),
    }
}

fn free_name(table: &TableSchema, made: &[(Index, bool)], column: &str) -> String {
    let taken = |name: &str| {
        let lower = name.to_lowercase();
        lower == "primary"
            || table
                .indexes
                .iter()
                .chain(made.iter().map(|(i, _)| i))
                .any(|i| i.name.to_lowercase() == lower)
    };
    if !taken(column) {
        return column.to_owned();
    }
    (2..).map(|n| format!("{column}_{n}")).find(|name| !taken(name)).unwrap_or_default()
}

fn index(name: String, key: &NewKey, ground: &Ground<'_>) -> Index {
    let unique = key.what == What::Unique;
    let index = Index::new(name, key.parts.clone(), unique);
    let word = match key.what {
        What::Unique => "UNIQUE ",
        What::Fulltext => "FULLTEXT ",
        What::Spatial => "SPATIAL ",
        What::Plain | What::Primary => "",
    };
    let special = matches!(key.what, What::Fulltext | What::Spatial);
    if !special && !key.using && key.comment.is_none() && !key.hidden {
        return index;
    }
    let part = |p: &IndexPart| {
        let prefix = p.prefix.map(|n| format!("({n})")).unwrap_or_default();
        let order = if p.descending { " DESC" } else { "" };
        format!("{}{prefix}{order}", Dialect::Mysql.quote(&p.column))
    };
    let parts: Vec<String> = key.parts.iter().map(part).collect();
    let mut sql = format!("{word}KEY {} ({})", Dialect::Mysql.quote(&index.name), parts.join(","));
    if key.using {
        sql.push_str(" USING BTREE");
    }
    if let Some(comment) = &key.comment {
        sql.push_str(&format!(" COMMENT {}", Dialect::Mysql.string(comment)));
    }
    if key.hidden {
        sql.push_str(if ground.maria { " IGNORED" } else { " /*!80000 INVISIBLE */" });
    }
    Index { definition: Some(NativeSql::new("mysql", sql)), ..index }
}

/// An index in words of its own, without a column that goes.
pub(super) fn without(of: &Index, column: &str, ground: &Ground<'_>) -> Read<Index> {
    let why = || Unread::new(format!("index {} is over a column that goes", of.name));
    let sql = of.definition.as_ref().map_or("", |d| d.sql.as_str());
    let sql = sql.replace("/*!80000", "").replace("*/", "");
    let session = Session::new(Rules::of(Dialect::Mysql));
    let lexer = Lexer::whole(sql.as_bytes(), session.rules);
    let mut tokens = Tokens::of(lexer, &session).ok_or_else(why)?;
    let mut key = read(&mut tokens, ground, None)?.ok_or_else(why)?;
    key.parts.retain(|p| p.column != column);
    Ok(index(of.name.clone(), &key, ground))
}

/// In the order in which the servers keep them: unique ones first, those that take no NULL and
/// whole ones among them before the others; texts' own last.
pub(super) fn sorted(table: &mut TableSchema) {
    let columns = &table.columns;
    let rank = |index: &Index| {
        let null =
            |p: &IndexPart| columns.iter().any(|c| c.name() == p.column && c.field.is_nullable());
        let fulltext = index.definition.as_ref().is_some_and(|d| d.sql.starts_with("FULLTEXT"));
        if !index.unique {
            return (true, false, false, fulltext);
        }
        let cut = index.parts.iter().any(|p| p.prefix.is_some());
        (false, index.parts.iter().any(null), cut, false)
    };
    let mut indexes = std::mem::take(&mut table.indexes);
    indexes.sort_by_key(rank);
    table.indexes = indexes;
}
