//! Types of columns, as statements write them and as the servers' catalogs show them.

use super::charsets;
use super::draft::Ground;
use super::{Read, Unread, mode};
use crate::Dialect;
use crate::script::TokenKind as Kind;
use crate::script::Tokens;

/// A type, as the catalog shows it, with what the statement says of its character set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Type {
    /// `int(10) unsigned`
    pub(super) native: String,
    /// `int`
    pub(super) base: String,
    /// `CHARACTER_MAXIMUM_LENGTH` of what has one in its type.
    pub(super) length: Option<u64>,
    /// Digits behind the point, or of a second.
    pub(super) scale: Option<u64>,
    pub(super) unsigned: bool,
    pub(super) members: Vec<String>,
    /// It holds texts in a character set.
    pub(super) text: bool,
    pub(super) charset: Option<String>,
    pub(super) collation: Option<String>,
    /// SERIAL: NOT NULL AUTO_INCREMENT UNIQUE.
    pub(super) serial: bool,
    /// MariaDB's JSON, with its check.
    pub(super) json: bool,
}

/// Reads a type and the character set behind it.
pub(super) fn read(tokens: &mut Tokens<'_>, ground: &Ground<'_>) -> Read<Type> {
    let word = tokens
        .peek()
        .filter(|t| t.kind == Kind::Word)
        .map(|t| tokens.lexer.string(t).to_ascii_lowercase())
        .ok_or_else(|| Unread::new("a column has no type"))?;
    tokens.at += 1;
    if ground.sql_mode & mode::ORACLE != 0 {
        return Err(Unread::new("types of sql_mode=ORACLE are not read"));
    }
    let mut found = match number(&word, tokens, ground)? {
        Some(found) => found,
        None => other(&word, tokens, ground)?,
    };
    if found.text || matches!(found.base.as_str(), "binary" | "varbinary") {
        texts(tokens, ground, &mut found)?;
    }
    Ok(found)
}

fn plain(base: &str) -> Type {
    Type { native: base.into(), base: base.into(), ..Type::default() }
}

/// `(a)` or `(a, b)`, of numbers.
fn arguments(tokens: &mut Tokens<'_>) -> Read<Vec<u64>> {
    let mut numbers = Vec::new();
    if !tokens.eat_punct(b'(') {
        return Ok(numbers);
    }
    loop {
        let token = tokens.bump().filter(|t| t.kind == Kind::Number);
        let number = token.and_then(|t| tokens.lexer.string(&t).parse().ok());
        numbers.push(number.ok_or_else(|| Unread::new("a type's argument is no number"))?);
        if tokens.eat_punct(b')') {
            return Ok(numbers);
        }
        if !tokens.eat_punct(b',') {
            return Err(Unread::new("a type's arguments are not read"));
        }
    }
}

/// Whole and broken numbers.
fn number(word: &str, tokens: &mut Tokens<'_>, ground: &Ground<'_>) -> Read<Option<Type>> {
    // Base, width shown for signed and unsigned values.
    let whole = match word {
        "tinyint" | "int1" => ("tinyint", 4, 3),
        "bool" | "boolean" => {
            return Ok(Some(Type { native: "tinyint(1)".into(), ..plain("tinyint") }));
        }
        "smallint" | "int2" => ("smallint", 6, 5),
        "mediumint" | "int3" | "middleint" => ("mediumint", 9, 8),
        "int" | "integer" | "int4" => ("int", 11, 10),
        "bigint" | "int8" => ("bigint", 20, 20),
        "serial" => {
            let native = if ground.maria { "bigint(20) unsigned" } else { "bigint unsigned" };
            return Ok(Some(Type {
                native: native.into(),
                unsigned: true,
                serial: true,
                ..plain("bigint")
            }));
        }
        _ => return broken(word, tokens, ground),
    };
    let (base, signed_width, unsigned_width) = whole;
    let arguments = arguments(tokens)?;
    let (unsigned, zerofill) = signs(tokens);
    let own = arguments.first().copied().filter(|n| *n > 0 || !ground.maria);
    let width = own.unwrap_or(if unsigned { unsigned_width } else { signed_width });
    let shown = ground.maria
        || ground.version < (8, 0, 19)
        || zerofill
        || base == "tinyint" && arguments.first() == Some(&1) && !unsigned;
    let mut native = if shown { format!("{base}({width})") } else { base.to_owned() };
    native.push_str(if unsigned { " unsigned" } else { "" });
    native.push_str(if zerofill { " zerofill" } else { "" });
    Ok(Some(Type { native, unsigned, ..plain(base) }))
}

fn signs(tokens: &mut Tokens<'_>) -> (bool, bool) {
    let (mut unsigned, mut zerofill) = (false, false);
    loop {
        if tokens.eat("UNSIGNED") {
            unsigned = true;
        } else if tokens.eat("ZEROFILL") {
            (unsigned, zerofill) = (true, true);
        } else if !tokens.eat("SIGNED") {
            return (unsigned, zerofill);
        }
    }
}

fn broken(word: &str, tokens: &mut Tokens<'_>, ground: &Ground<'_>) -> Read<Option<Type>> {
    let mut base = match word {
        "decimal" | "dec" | "numeric" | "fixed" => "decimal",
        "float" | "float4" => "float",
        "double" | "float8" => "double",
        "real" if ground.sql_mode & mode::REAL_AS_FLOAT != 0 => "float",
        "real" => "double",
        _ => return Ok(None),
    };
    if word == "double" {
        tokens.eat("PRECISION");
    }
    let arguments = arguments(tokens)?;
    let (unsigned, zerofill) = signs(tokens);
    let mut scale = None;
    let mut native = match (base, arguments.as_slice()) {
        ("decimal", numbers) => {
            let precision = numbers.first().copied().filter(|n| *n > 0).unwrap_or(10);
            scale = Some(numbers.get(1).copied().unwrap_or(0));
            format!("decimal({precision},{})", scale.unwrap_or(0))
        }
        ("float", [bits]) => {
            base = if *bits > 24 { "double" } else { "float" };
            base.to_owned()
        }
        (base, [digits, behind]) => {
            scale = Some(*behind);
            format!("{base}({digits},{behind})")
        }
        (base, []) => base.to_owned(),
        _ => return Err(Unread::new(format!("{word} with one argument is not read"))),
    };
    native.push_str(if unsigned { " unsigned" } else { "" });
    native.push_str(if zerofill { " zerofill" } else { "" });
    Ok(Some(Type { native, unsigned, scale, ..plain(base) }))
}

fn other(word: &str, tokens: &mut Tokens<'_>, ground: &Ground<'_>) -> Read<Type> {
    let unread = || Unread::new(format!("type {word} is not read"));
    let text = |base: &str| Type { text: true, ..plain(base) };
    Ok(match word {
        "bit" => {
            let n = arguments(tokens)?.first().copied().filter(|n| *n > 0).unwrap_or(1);
            Type { native: format!("bit({n})"), length: Some(n), ..plain("bit") }
        }
        "date" => plain("date"),
        "year" => {
            arguments(tokens)?;
            signs(tokens);
            Type { native: if ground.maria { "year(4)" } else { "year" }.into(), ..plain("year") }
        }
        "time" | "datetime" | "timestamp" => {
            let scale = arguments(tokens)?.first().copied().filter(|n| *n > 0);
            let native = scale.map_or_else(|| word.to_owned(), |n| format!("{word}({n})"));
            Type { native, scale: Some(scale.unwrap_or(0)), ..plain(word) }
        }
        "char" | "character" | "nchar" | "national" => characters(word, tokens)?,
        "varchar" | "nvarchar" | "varcharacter" => {
            let found = varying(tokens)?;
            Type { charset: (word == "nvarchar").then(|| "utf8mb3".into()), ..found }
        }
        "binary" | "varbinary" => {
            let given = arguments(tokens)?.first().copied();
            let n = given.or((word == "binary").then_some(1)).ok_or_else(unread)?;
            bytes(word, n)?
        }
        "tinytext" | "mediumtext" | "longtext" => text(word),
        "text" if !tokens.is_punct(b'(') => text(word),
        "tinyblob" | "mediumblob" | "longblob" => plain(word),
        "blob" if !tokens.is_punct(b'(') => plain(word),
        "long" if tokens.eat("VARBINARY") => plain("mediumblob"),
        "long" => {
            let _ = tokens.eat("VARCHAR") || tokens.eat("VARCHARACTER");
            text("mediumtext")
        }
        "enum" | "set" => listed(word, tokens)?,
        "json" if ground.maria => Type {
            native: "json".into(),
            charset: Some("utf8mb4".into()),
            collation: Some("utf8mb4_bin".into()),
            json: true,
            ..plain("longtext")
        },
        "json" => plain("json"),
        "uuid" | "inet4" | "inet6" if ground.maria => plain(word),
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" => plain(word),
        "geometrycollection" | "geomcollection" => {
            plain(if ground.maria { "geometrycollection" } else { "geomcollection" })
        }
        _ => return Err(unread()),
    })
}

/// CHAR, NCHAR, NATIONAL CHARACTER, each with VARYING.
fn characters(word: &str, tokens: &mut Tokens<'_>) -> Read<Type> {
    let mut national = word == "nchar";
    let mut varies = false;
    if word == "national" {
        national = true;
        if tokens.eat("VARCHAR") || tokens.eat("VARCHARACTER") {
            varies = true;
        } else if !(tokens.eat("CHAR") || tokens.eat("CHARACTER")) {
            return Err(Unread::new("NATIONAL … is not read"));
        }
    }
    varies |= tokens.eat("VARYING") || (word == "nchar" && tokens.eat("VARCHAR"));
    let charset = national.then(|| "utf8mb3".to_owned());
    if varies {
        return Ok(Type { charset, ..varying(tokens)? });
    }
    let n = arguments(tokens)?.first().copied().unwrap_or(1);
    if tokens.eat("BYTE") {
        return bytes("binary", n);
    }
    Ok(Type { native: format!("char({n})"), length: Some(n), text: true, charset, ..plain("char") })
}

fn varying(tokens: &mut Tokens<'_>) -> Read<Type> {
    let n = arguments(tokens)?.first().copied();
    let n = n.ok_or_else(|| Unread::new("varchar without a length is not read"))?;
    Ok(Type { native: format!("varchar({n})"), length: Some(n), text: true, ..plain("varchar") })
}

fn bytes(base: &str, n: u64) -> Read<Type> {
    if n > 65_535 || base == "binary" && n > 255 {
        return Err(Unread::new(format!("{base}({n}) may have become another type")));
    }
    Ok(Type { native: format!("{base}({n})"), length: Some(n), ..plain(base) })
}

/// ENUM and SET.
fn listed(word: &str, tokens: &mut Tokens<'_>) -> Read<Type> {
    if !tokens.eat_punct(b'(') {
        return Err(Unread::new(format!("{word} has no members")));
    }
    let mut members: Vec<String> = Vec::new();
    loop {
        let token = tokens.bump().filter(|t| matches!(t.kind, Kind::Text(_)));
        let token = token.ok_or_else(|| Unread::new(format!("a member of {word} is no text")))?;
        let bytes = tokens.lexer.content(&token);
        let text = std::str::from_utf8(&bytes).map_err(|_| Unread::new("a member is not UTF-8"))?;
        // Trailing spaces are cut by the servers.
        members.push(text.trim_end_matches(' ').to_owned());
        if tokens.eat_punct(b')') {
            break;
        }
        if !tokens.eat_punct(b',') {
            return Err(Unread::new(format!("members of {word} are not read")));
        }
    }
    let quoted: Vec<String> = members.iter().map(|m| Dialect::Mysql.string(m)).collect();
    let native = format!("{word}({})", quoted.join(","));
    Ok(Type { native, members, text: true, ..plain(word) })
}

/// `CHARACTER SET x COLLATE y`, `BINARY`, `ASCII`, `UNICODE`.
fn texts(tokens: &mut Tokens<'_>, ground: &Ground<'_>, found: &mut Type) -> Read<()> {
    let mut binary = false;
    loop {
        if tokens.eat_all(&["CHARACTER", "SET"])
            || tokens.eat_all(&["CHAR", "SET"])
            || tokens.eat("CHARSET")
        {
            let charset = tokens.name().or_else(|| tokens.text());
            let charset = charset.ok_or_else(|| Unread::new("a character set has no name"))?;
            found.charset = Some(charsets::charset_name(&charset));
        } else if found.text && tokens.eat("BINARY") {
            binary = true;
        } else if found.text && tokens.eat("ASCII") {
            found.charset = Some("latin1".into());
        } else if found.text && tokens.eat("UNICODE") {
            found.charset = Some("ucs2".into());
        } else {
            break;
        }
    }
    if binary {
        let charset = found.charset.clone().unwrap_or_else(|| ground.charset.clone());
        found.collation = Some(format!("{charset}_bin"));
    }
    if found.charset.as_deref() == Some("binary") {
        as_bytes(found)?;
    }
    Ok(())
}

/// A text in the character set `binary` is of the type of bytes.
fn as_bytes(found: &mut Type) -> Read<()> {
    let base = match found.base.as_str() {
        "char" => "binary",
        "varchar" => "varbinary",
        "tinytext" => "tinyblob",
        "text" => "blob",
        "mediumtext" => "mediumblob",
        "longtext" => "longblob",
        "binary" | "varbinary" => return Ok(()),
        other => return Err(Unread::new(format!("{other} of bytes is not read"))),
    };
    *found = match found.length {
        Some(n) => bytes(base, n)?,
        None => plain(base),
    };
    Ok(())
}
