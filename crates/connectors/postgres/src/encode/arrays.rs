//! Arrow columns as arrays of the server's: each column of many rows is one parameter of a
//! statement. A type whose binary form we make ourselves is an array of that type; every other one
//! is an array of texts, which the statement casts.

use std::ops::Range;

use arrow::array::Array;
use syncline_types::{Result, TableSchema};

use super::binary::{binary_value, put};
use super::special::{binary_special, special};
use super::text::text_value;
use super::{Column, column};
use crate::types::{NativeType, oid};

/// Writes columns of one table.
pub(crate) struct Arrays {
    columns: Vec<(Column, NativeType)>,
    names: Vec<String>,
    scratch: String,
}

impl Arrays {
    /// For a table whose columns have those native types.
    pub(crate) fn new(table: &TableSchema, targets: &[NativeType]) -> Result<Self> {
        let pairs = table.columns.iter().zip(targets);
        let columns = pairs.map(|(arrow, target)| Ok((column(arrow, target)?, target.clone())));
        Ok(Self {
            columns: columns.collect::<Result<_>>()?,
            names: table.columns.iter().map(|c| c.name().to_owned()).collect(),
            scratch: String::new(),
        })
    }

    /// The column's parameter as SQL names its type, and the type its elements are to be cast to.
    pub(crate) fn types(&self, at: usize) -> (String, Option<String>) {
        let (column, target) = &self.columns[at];
        let bare = bare_type(target);
        if column.binary {
            (format!("{bare}[]"), None)
        } else {
            ("pg_catalog.text[]".to_owned(), Some(bare))
        }
    }

    /// Those rows of the column, as `array_recv` of the server takes them.
    pub(crate) fn encode(
        &mut self,
        at: usize,
        cell: &dyn Array,
        rows: Range<usize>,
    ) -> Result<Vec<u8>> {
        let (column, target) = &self.columns[at];
        let element = if column.binary { target.oid } else { oid::TEXT };
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let mut out = Vec::with_capacity(20 + rows.len() * 12);
        // One dimension, which counts from 1; whether there are NULLs is looked up by the server.
        for word in [1, u32::from(cell.null_count() > 0), element, count, 1] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        for row in rows {
            if cell.is_null(row) {
                out.extend_from_slice(&(-1_i32).to_be_bytes());
            } else if column.binary {
                if !(column.special && binary_special(cell, row, &mut out)) {
                    binary_value(&column.form, cell, row, &mut out)
                        .map_err(|fault| fault.of(&self.names[at]))?;
                }
            } else if let Some(special) = special(cell, row).filter(|_| column.special) {
                put(&mut out, special.text().as_bytes());
            } else {
                let mut escaped = Vec::new();
                text_value(&column.form, cell, row, &mut escaped, &mut self.scratch)
                    .map_err(|fault| fault.of(&self.names[at]))?;
                put(&mut out, &plain(escaped));
            }
        }
        Ok(out)
    }
}

/// A value of COPY's text form without what is escaped in it.
fn plain(escaped: Vec<u8>) -> Vec<u8> {
    if !escaped.contains(&b'\\') {
        return escaped;
    }
    let mut plain = Vec::with_capacity(escaped.len());
    let mut bytes = escaped.into_iter();
    while let Some(byte) = bytes.next() {
        plain.push(match (byte == b'\\').then(|| bytes.next()).flatten() {
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(other) => other,
            None => byte,
        });
    }
    plain
}

/// The type without its modifiers. An explicit cast to a length would cut what is longer without a
/// word; the assignment to the column does not.
fn bare_type(target: &NativeType) -> String {
    /// Types with oids below are the server's own.
    const FIRST_OTHER: u32 = 16_384;
    if target.oid < FIRST_OTHER {
        return format!("pg_catalog.\"{}\"", target.name);
    }
    let (mut bare, mut quoted, mut depth) = (String::new(), false, 0_u32);
    for c in target.format.chars() {
        quoted ^= c == '"';
        match c {
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_are_left_out_and_quoted_names_stay() {
        let ty = |oid, name: &str, format: &str| NativeType {
            oid,
            modifier: 5,
            name: name.into(),
            format: format.into(),
            members: None,
            collation: None,
            domain: None,
        };
        let cases = [
            (1560, "bit", "bit(3)", "pg_catalog.\"bit\""),
            (1003, "_bpchar", "character(3)[]", "pg_catalog.\"_bpchar\""),
            (20_000, "geometry", "gis.geometry(Point,4326)", "gis.geometry"),
            (20_000, "a(b)", "\"S\".\"a(b)\"", "\"S\".\"a(b)\""),
        ];
        for (oid, name, format, wanted) in cases {
            assert_eq!(bare_type(&ty(oid, name, format)), wanted);
        }
    }

    #[test]
    fn what_copy_escapes_is_made_plain_again() {
        assert_eq!(plain(br"a\\b\tc\nd".to_vec()), b"a\\b\tc\nd");
        assert_eq!(plain(b"plain".to_vec()), b"plain");
    }
}
