//! A column as CREATE TABLE and ALTER TABLE write it.

use syncline_types::{Column, DefaultValue, Identity, NativeSql};

use super::draft::{Ground, NewCheck, Said, generated};
use super::keys::ends;
use super::types::Type;
use super::{NativeColumn, Read, Unread, charsets, defaults, expression, types};
use crate::Dialect;
use crate::alter::compare::Place;
use crate::script::Tokens;

/// What the words behind a column's type say.
#[derive(Default)]
struct Words {
    null: Option<bool>,
    default: Option<Option<DefaultValue>>,
    on_update: Option<String>,
    counts: bool,
    primary: bool,
    unique: bool,
    comment: Option<String>,
    expression: Option<(String, bool)>,
    check: Option<NewCheck>,
    invisible: bool,
    unversioned: bool,
    srid: Option<String>,
    place: Option<Place>,
}

/// A column, from its name on.
pub(super) fn read(tokens: &mut Tokens<'_>, ground: &Ground<'_>) -> Read<Said> {
    let name = tokens.name().ok_or_else(|| Unread::new("a column has no name"))?;
    let mut found = types::read(tokens, ground)?;
    let mut words = Words::default();
    while !ends(tokens) {
        word(tokens, ground, &name, &mut found, &mut words)?;
    }
    said(ground, &name, found, words)
}

fn word(
    tokens: &mut Tokens<'_>,
    ground: &Ground<'_>,
    name: &str,
    found: &mut Type,
    words: &mut Words,
) -> Read<()> {
    if tokens.eat_all(&["NOT", "NULL"]) {
        words.null = Some(false);
    } else if tokens.eat("NULL") {
        words.null = Some(true);
    } else if tokens.eat("DEFAULT") {
        words.default = Some(defaults::read(tokens, found, ground)?);
    } else if tokens.eat_all(&["SERIAL", "DEFAULT", "VALUE"]) {
        found.serial = true;
    } else if tokens.eat_all(&["ON", "UPDATE"]) {
        if !defaults::is_now(tokens) {
            return Err(Unread::new("ON UPDATE is not read"));
        }
        words.on_update = Some(on_update(ground, defaults::now(tokens)?));
    } else if tokens.eat("AUTO_INCREMENT") {
        words.counts = true;
    } else if tokens.eat("UNIQUE") {
        tokens.eat("KEY");
        words.unique = true;
    } else if tokens.eat_all(&["PRIMARY", "KEY"]) || tokens.eat("KEY") || tokens.eat("PRIMARY") {
        words.primary = true;
    } else if tokens.eat("COMMENT") {
        let comment = tokens.text().ok_or_else(|| Unread::new("a comment is no text"))?;
        words.comment = Some(comment).filter(|c| !c.is_empty());
    } else if tokens.eat("COLLATE") {
        let collation = tokens.name().or_else(|| tokens.text());
        found.collation = collation.map(|c| charsets::collation_name(&c));
    } else if tokens.eat_all(&["GENERATED", "ALWAYS"]) || tokens.is("AS") {
        computed(tokens, ground, words)?;
    } else if tokens.is("CHECK") || tokens.is("CONSTRAINT") {
        check(tokens, ground, name, words)?;
    } else if tokens.eat("INVISIBLE") {
        words.invisible = true;
    } else if tokens.eat("VISIBLE") {
        words.invisible = false;
    } else if tokens.eat_all(&["WITHOUT", "SYSTEM", "VERSIONING"]) {
        words.unversioned = true;
    } else if tokens.eat("SRID") {
        let number = tokens.bump().map(|t| tokens.lexer.string(&t));
        words.srid = number;
    } else if tokens.eat("FIRST") {
        words.place = Some(Place::First);
    } else if tokens.eat("AFTER") {
        let after = tokens.name().ok_or_else(|| Unread::new("AFTER names no column"))?;
        words.place = Some(Place::After(after));
    } else {
        return Err(Unread::new(format!("of column {name} is not read: {}", tokens.rest())));
    }
    Ok(())
}

/// As the server shows it.
fn on_update(ground: &Ground<'_>, digits: u64) -> String {
    let word = if ground.maria { "current_timestamp" } else { "CURRENT_TIMESTAMP" };
    match digits {
        0 if ground.maria => format!("ON UPDATE {word}()"),
        0 => format!("ON UPDATE {word}"),
        n => format!("ON UPDATE {word}({n})"),
    }
}

fn computed(tokens: &mut Tokens<'_>, ground: &Ground<'_>, words: &mut Words) -> Read<()> {
    if !tokens.eat("AS") || !tokens.is_punct(b'(') {
        return Err(Unread::new("a generated column is not read"));
    }
    let sql = bracketed(tokens, ground)?;
    let stored = tokens.eat("STORED") || tokens.eat("PERSISTENT");
    if !stored {
        tokens.eat("VIRTUAL");
    }
    words.expression = Some((sql, stored));
    Ok(())
}

/// What brackets hold, as an expression.
pub(super) fn bracketed(tokens: &mut Tokens<'_>, ground: &Ground<'_>) -> Read<String> {
    let from = tokens.at + 1;
    tokens.skip_one();
    let to = tokens.at.saturating_sub(1);
    if to <= from {
        return Err(Unread::new("an expression is empty"));
    }
    expression::said(tokens, from, to, &ground.names)
}

fn check(
    tokens: &mut Tokens<'_>,
    ground: &Ground<'_>,
    column: &str,
    words: &mut Words,
) -> Read<()> {
    let mut name = None;
    if tokens.eat("CONSTRAINT") && !tokens.is("CHECK") {
        name = tokens.name();
    }
    if !tokens.eat("CHECK") || !tokens.is_punct(b'(') || words.check.is_some() {
        return Err(Unread::new(format!("a constraint of column {column} is not read")));
    }
    let condition = bracketed(tokens, ground)?;
    let enforced = !tokens.eat_all(&["NOT", "ENFORCED"]);
    tokens.eat("ENFORCED");
    // MariaDB keeps it in the column's line, and calls it by the column's name.
    let name = if ground.maria { Some(column.to_owned()) } else { name };
    words.check = Some(NewCheck { name, condition, enforced });
    Ok(())
}

fn said(ground: &Ground<'_>, name: &str, mut found: Type, mut words: Words) -> Read<Said> {
    let counts = words.counts || found.serial;
    let unique = words.unique || found.serial;
    let mut nullable = words.null.unwrap_or(true);
    if counts || words.primary || found.serial {
        nullable = false;
    }
    if found.base == "timestamp" && !ground.explicit_timestamps {
        let told = words.null == Some(true)
            || words.null == Some(false) && words.default.is_some()
            || words.expression.is_some();
        if !told {
            return Err(Unread::new(format!(
                "what timestamp {name} holds by default is not known"
            )));
        }
    }
    let (mut charset, mut collation) = (None, None);
    if found.text {
        let texts = ground.texts(found.charset.as_deref(), found.collation.as_deref())?;
        (charset, collation) = (Some(texts.0), Some(texts.1));
    } else if found.json {
        (charset, collation) = (found.charset.take(), found.collation.take());
    }
    let width = charset.as_deref().map_or(1, charsets::width);
    if found.base == "varchar" && found.length.unwrap_or(0) * width > 65_535 {
        return Err(Unread::new(format!("column {name} may have become a text")));
    }
    let valid = format!("json_valid({})", Dialect::Mysql.quote(name));
    let own_check = words.check.as_ref().is_some_and(|c| c.condition == valid);
    if found.json && words.check.is_some() && !own_check {
        return Err(Unread::new(format!("column {name} is JSON with a check")));
    }
    if found.native == "longtext" && own_check && collation.as_deref() == Some("utf8mb4_bin") {
        found.native = "json".into();
    }
    if own_check && found.native == "json" {
        words.check = None;
    }
    if let Some(srid) = &words.srid {
        found.native.push_str(&format!(" SRID {srid}"));
    }
    let field = ground.at.field(&NativeColumn {
        name,
        native: &found.native,
        nullable,
        charset: charset.as_deref(),
        collation: collation.as_deref(),
        length: found.length.filter(|_| found.base != "bit"),
    });
    let mut attributes: Vec<String> = words.on_update.into_iter().collect();
    if words.invisible {
        attributes.push("INVISIBLE".into());
    }
    if words.unversioned {
        attributes.push("WITHOUT SYSTEM VERSIONING".into());
    }
    let attributes = attributes.join(" ");
    let column = Column {
        default: words.default.flatten(),
        identity: counts.then_some(Identity { always: false, next: None }),
        generated: words.expression.map(|(sql, stored)| generated(sql, stored)),
        comment: words.comment,
        attributes: (!attributes.is_empty()).then(|| NativeSql::new("mysql", attributes)),
        field,
    };
    Ok(Said { column, primary: words.primary, unique, check: words.check, place: words.place })
}
