//! Which tables: patterns such as `shop.*`, `` `odd.name`.* `` or `!shop.tmp_*`.

use serde::{Deserialize, Serialize};

use crate::{Code, Error, Result, TableName};

/// One part of a pattern: literal when it was quoted, else with `*` and `?`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    text: String,
    literal: bool,
}

impl Part {
    fn matches(&self, name: &str) -> bool {
        if self.literal { self.text == name } else { glob(self.text.as_bytes(), name.as_bytes()) }
    }

    fn is_wild(&self) -> bool {
        !self.literal && self.text.contains(['*', '?'])
    }
}

/// Whether `name` fits `pattern`, where `*` is any run of characters and `?` any single one.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, n));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                n += 1;
                while n < name.len() && name[n] & 0xC0 == 0x80 {
                    n += 1;
                }
            }
            Some(c) if *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((after, from)) => {
                    star = Some((after, from + 1));
                    p = after;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// A table pattern of one or two parts, each bare (with `*` and `?`) or quoted (literal).
///
/// Quotes are the engines' own: backticks, double quotes or brackets; a doubled closing quote
/// stands for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    schema: Option<Part>,
    name: Part,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`Code::BadValue`] for an unclosed quote, an empty part, or more than two parts.
    pub fn parse(text: &str) -> Result<Self> {
        let bad =
            |why: &str| Err(Error::new(Code::BadValue, format!("table pattern {text:?}: {why}")));
        let mut parts: Vec<Part> = Vec::new();
        let mut rest = text.chars().peekable();
        loop {
            let close = match rest.peek() {
                Some('`') => Some('`'),
                Some('"') => Some('"'),
                Some('[') => Some(']'),
                _ => None,
            };
            let mut part = String::new();
            if let Some(close) = close {
                rest.next();
                loop {
                    match rest.next() {
                        None => return bad("a quote is not closed"),
                        Some(c) if c == close => {
                            if rest.peek() == Some(&close) {
                                rest.next();
                                part.push(close);
                            } else {
                                break;
                            }
                        }
                        Some(c) => part.push(c),
                    }
                }
            } else {
                while let Some(c) = rest.next_if(|c| *c != '.') {
                    part.push(c);
                }
            }
            if part.is_empty() {
                return bad("a part is empty");
            }
            parts.push(Part { text: part, literal: close.is_some() });
            match rest.next() {
                None => break,
                Some('.') => {}
                Some(_) => return bad("a quoted part goes on after its quote"),
            }
        }
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), None, _) => Ok(Self { schema: None, name }),
            (Some(schema), Some(name), None) => Ok(Self { schema: Some(schema), name }),
            _ => bad("more than two parts (quote a name that contains a dot)"),
        }
    }

    /// Whether the table fits. A pattern without a schema fits tables of `default_schema`, or of
    /// any schema when that is `None`.
    pub fn matches(&self, table: &TableName, default_schema: Option<&str>) -> bool {
        let schema_fits = match (&self.schema, &table.schema, default_schema) {
            (Some(part), Some(schema), _) => part.matches(schema),
            (Some(_), None, _) => false,
            (None, Some(schema), Some(default)) => schema == default,
            (None, ..) => true,
        };
        schema_fits && self.name.matches(&table.name)
    }

    /// The one table it can fit, when it has no wildcards: such a table must exist.
    pub fn exact(&self, default_schema: Option<&str>) -> Option<TableName> {
        let wild = self.name.is_wild() || self.schema.as_ref().is_some_and(Part::is_wild);
        (!wild).then(|| TableName {
            schema: self
                .schema
                .as_ref()
                .map(|p| p.text.clone())
                .or(default_schema.map(str::to_owned)),
            name: self.name.text.clone(),
        })
    }

    /// The schema it names, when it names one without wildcards.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_ref().filter(|p| !p.is_wild()).map(|p| p.text.as_str())
    }

    /// Whether it names a schema at all, with or without wildcards.
    pub fn has_schema(&self) -> bool {
        self.schema.is_some()
    }
}

/// Which tables a job copies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSelection {
    /// A table is in when one of these fits, or when there are none.
    pub include: Vec<Pattern>,
    /// A table is out when one of these fits.
    pub exclude: Vec<Pattern>,
}

impl TableSelection {
    /// Reads patterns; one that begins with `!` excludes.
    ///
    /// # Errors
    /// As [`Pattern::parse`].
    pub fn parse<S: AsRef<str>>(include: &[S], exclude: &[S]) -> Result<Self> {
        let mut selection = Self::default();
        for text in include {
            match text.as_ref().strip_prefix('!') {
                Some(rest) => selection.exclude.push(Pattern::parse(rest)?),
                None => selection.include.push(Pattern::parse(text.as_ref())?),
            }
        }
        for text in exclude {
            selection.exclude.push(Pattern::parse(text.as_ref())?);
        }
        Ok(selection)
    }

    /// Whether the table is to be copied.
    pub fn selects(&self, table: &TableName, default_schema: Option<&str>) -> bool {
        let fits = |p: &Pattern| p.matches(table, default_schema);
        (self.include.is_empty() || self.include.iter().any(fits)) && !self.exclude.iter().any(fits)
    }

    /// Whether any included pattern could reach outside of the default schema.
    pub fn crosses_schemas(&self) -> bool {
        self.include.iter().any(Pattern::has_schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(include: &[&str], table: &TableName) -> bool {
        TableSelection::parse(include, &[]).unwrap().selects(table, Some("shop"))
    }

    #[test]
    fn bare_parts_are_globs_and_quoted_parts_are_literal() {
        let orders = TableName::new("shop", "orders");
        assert!(selects(&["shop.*"], &orders));
        assert!(selects(&["orders"], &orders));
        assert!(selects(&["o?ders"], &orders));
        assert!(!selects(&["`o?ders`"], &orders));
        assert!(!selects(&["other.*"], &orders));
        assert!(selects(&["`a.*`"], &TableName::new("shop", "a.*")));
        assert!(!selects(&["`a.*`"], &TableName::new("shop", "a.b")));
        assert!(selects(&["shop.\"a\"\"b\""], &TableName::new("shop", "a\"b")));
        assert!(selects(&["??"], &TableName::new("shop", "é😀")));
    }

    #[test]
    fn exclusion_wins() {
        let selection = TableSelection::parse(&["shop.*", "!shop.tmp_*"], &["orders"]).unwrap();
        assert!(selection.selects(&TableName::new("shop", "items"), Some("shop")));
        assert!(!selection.selects(&TableName::new("shop", "tmp_1"), Some("shop")));
        assert!(!selection.selects(&TableName::new("shop", "orders"), Some("shop")));
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for text in ["", ".", "a.", "`a", "a.b.c", "`a`b"] {
            let error = Pattern::parse(text).unwrap_err();
            assert_eq!(error.code(), Code::BadValue, "{text}");
        }
    }
}
