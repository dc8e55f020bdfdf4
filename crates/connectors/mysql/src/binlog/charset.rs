//! Texts of character sets other than UTF-8: the server itself is asked once what each code means,
//! so that the log gives the text that the snapshot gives.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use syncline_types::{Result, TableSchema, field};

use crate::wire::Conn;

/// How texts of a character set become UTF-8.
#[derive(Debug)]
pub(crate) enum Charset {
    /// Two bytes, the high one first; pairs beyond the basic plane too.
    Utf16 {
        little: bool,
    },
    Utf32,
    /// What the server says of each code.
    Table(Box<Table>),
}

/// What codes of one to three bytes mean. A code that has no character of its own is not in it.
#[derive(Debug)]
pub(crate) struct Table {
    one: Vec<Option<char>>,
    two: HashMap<[u8; 2], char>,
    three: HashMap<[u8; 3], char>,
    /// gb18030 has codes of four bytes.
    four: HashMap<[u8; 4], char>,
}

/// The character set whose texts must be converted for this column.
fn of(field: &Field) -> Option<&str> {
    // Members are in the table's definition.
    let plain = *field.data_type() == DataType::Utf8
        && !matches!(field::logical(field), Some("enum" | "set" | "bit"));
    let name = field::get(field, field::CHARSET).filter(|_| plain)?;
    (!matches!(name, "utf8mb4" | "utf8mb3" | "utf8" | "ascii" | "binary")).then_some(name)
}

/// The character sets met so far.
#[derive(Debug, Default)]
pub(crate) struct Charsets {
    known: HashMap<String, Arc<Charset>>,
}

impl Charsets {
    /// Learns those that columns of `tables` need and that are not known.
    pub(crate) async fn learn(&mut self, conn: &mut Conn, tables: &[&TableSchema]) -> Result<()> {
        let mut names: Vec<String> = Vec::new();
        for column in tables.iter().flat_map(|t| &t.columns) {
            names.extend(of(&column.field).map(str::to_owned));
        }
        for name in names {
            if let Entry::Vacant(place) = self.known.entry(name) {
                let charset = ask(conn, place.key()).await?;
                place.insert(Arc::new(charset));
            }
        }
        Ok(())
    }

    /// That of a column: `None` when its bytes are UTF-8 already, or no text.
    ///
    /// # Errors
    /// The name of one that has not been learnt.
    pub(crate) fn get<'a>(&self, field: &'a Field) -> Result<Option<&Arc<Charset>>, &'a str> {
        match of(field) {
            None => Ok(None),
            Some(name) => self.known.get(name).map(Some).ok_or(name),
        }
    }
}

async fn ask(conn: &mut Conn, name: &str) -> Result<Charset> {
    Ok(match name {
        "ucs2" | "utf16" => Charset::Utf16 { little: false },
        "utf16le" => Charset::Utf16 { little: true },
        "utf32" => Charset::Utf32,
        _ => {
            let mut table = Table {
                one: vec![None; 256],
                two: HashMap::new(),
                three: HashMap::new(),
                four: HashMap::new(),
            };
            let wide = matches!(
                name,
                "big5"
                    | "cp932"
                    | "eucjpms"
                    | "euckr"
                    | "gb18030"
                    | "gb2312"
                    | "gbk"
                    | "sjis"
                    | "ujis"
            );
            let plain = "SELECT i FROM n WHERE i < 256";
            codes(conn, name, &format!("SELECT CHAR(i) AS c FROM ({plain}) AS a"), &mut table)
                .await?;
            if wide {
                let pairs = "SELECT CONCAT(CHAR(a.i), CHAR(b.i)) AS c FROM n AS a, n AS b \
                             WHERE a.i > 127 AND b.i > 63";
                codes(conn, name, pairs, &mut table).await?;
            }
            if matches!(name, "ujis" | "eucjpms") {
                let triples = "SELECT CONCAT(CHAR(143), CHAR(a.i), CHAR(b.i)) AS c \
                               FROM n AS a, n AS b WHERE a.i > 160 AND b.i > 160";
                codes(conn, name, triples, &mut table).await?;
            }
            if name == "gb18030" {
                // Those of the basic plane; the others follow by their number.
                let four = "SELECT CONCAT(CHAR(a.i), CHAR(b.i), CHAR(c.i), CHAR(d.i)) AS c \
                            FROM n AS a, n AS b, n AS c, n AS d \
                            WHERE a.i BETWEEN 129 AND 132 AND b.i BETWEEN 48 AND 57 \
                            AND c.i BETWEEN 129 AND 254 AND d.i BETWEEN 48 AND 57";
                codes(conn, name, four, &mut table).await?;
            }
            Charset::Table(Box::new(table))
        }
    })
}

/// Adds what the server says of the codes that a query gives. Those that do not come back as they
/// went are left out.
async fn codes(conn: &mut Conn, name: &str, query: &str, table: &mut Table) -> Result<()> {
    let sql = format!(
        "WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 255) \
         SELECT c, CAST(CONVERT(CONVERT(c USING {name}) USING utf8mb4) AS BINARY) \
         FROM ({query}) AS codes \
         WHERE CAST(CONVERT(CONVERT(CONVERT(c USING {name}) USING utf8mb4) USING {name}) AS BINARY) = c"
    );
    let (_, rows) = conn.query_bytes(&sql).await?;
    for row in rows {
        let mut values = row.into_iter().flatten();
        let (Some(code), Some(text)) = (values.next(), values.next()) else { continue };
        let mut chars = std::str::from_utf8(&text).unwrap_or_default().chars();
        let (Some(c), None) = (chars.next(), chars.next()) else { continue };
        match code.as_slice() {
            [a] => table.one[usize::from(*a)] = Some(c),
            [a, b] => drop(table.two.insert([*a, *b], c)),
            [a, b, d] => drop(table.three.insert([*a, *b, *d], c)),
            [a, b, d, e] => drop(table.four.insert([*a, *b, *d, *e], c)),
            _ => {}
        }
    }
    Ok(())
}

impl Charset {
    /// The text; `None` when a code has no character.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Option<String> {
        match self {
            Charset::Utf16 { little } => {
                if !bytes.len().is_multiple_of(2) {
                    return None;
                }
                let unit = |pair: &[u8]| match little {
                    true => u16::from_le_bytes([pair[0], pair[1]]),
                    false => u16::from_be_bytes([pair[0], pair[1]]),
                };
                let units = bytes.chunks_exact(2).map(unit);
                char::decode_utf16(units).collect::<Result<String, _>>().ok()
            }
            Charset::Utf32 => {
                let one = |four: &[u8]| {
                    char::from_u32(u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
                };
                let whole = bytes.len().is_multiple_of(4);
                whole.then(|| bytes.chunks_exact(4).map(one).collect())?
            }
            Charset::Table(table) => table.decode(bytes),
        }
    }
}

impl Table {
    fn decode(&self, mut bytes: &[u8]) -> Option<String> {
        let mut out = String::with_capacity(bytes.len() + bytes.len() / 2);
        while let Some((first, rest)) = bytes.split_first() {
            if let Some(c) = self.one[usize::from(*first)] {
                out.push(c);
                bytes = rest;
            } else if let Some((c, length)) = self.wide(bytes) {
                out.push(c);
                bytes = &bytes[length..];
            } else {
                return None;
            }
        }
        Some(out)
    }

    fn wide(&self, bytes: &[u8]) -> Option<(char, usize)> {
        if let Some(c) = bytes.first_chunk::<2>().and_then(|code| self.two.get(code)) {
            return Some((*c, 2));
        }
        if let Some(c) = bytes.first_chunk::<3>().and_then(|code| self.three.get(code)) {
            return Some((*c, 3));
        }
        let code = bytes.first_chunk::<4>().filter(|_| !self.four.is_empty())?;
        if let Some(c) = self.four.get(code) {
            return Some((*c, 4));
        }
        let [a, b, c, d] = code.map(u32::from);
        // From 90 30 81 30 on, each code is the next character beyond the basic plane.
        let digits = (
            a.checked_sub(0x90)?,
            b.checked_sub(0x30)?,
            c.checked_sub(0x81)?,
            d.checked_sub(0x30)?,
        );
        let number = ((digits.0 * 10 + digits.1) * 126 + digits.2) * 10 + digits.3;
        let fits = digits.1 < 10 && digits.2 < 126 && digits.3 < 10;
        char::from_u32(0x1_0000 + number).filter(|_| fits).map(|c| (c, 4))
    }
}
