//! The text of a CREATE statement, word by word: the name, to make the same table under another
//! one; AUTOINCREMENT; what an index is over. What stands in a table's brackets is read by
//! [`crate::clauses`].

/// A token of SQL with its place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

impl Token<'_> {
    pub(crate) fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    /// The name it stands for, without its quotes.
    pub(crate) fn name(&self) -> String {
        let inner = |close: &str| {
            let body = self.text.get(1..self.text.len().saturating_sub(1)).unwrap_or_default();
            body.replace(&close.repeat(2), close)
        };
        match self.text.as_bytes().first() {
            Some(b'"') => inner("\""),
            Some(b'`') => inner("`"),
            Some(b'\'') => inner("'"),
            Some(b'[') => inner("]"),
            _ => self.text.to_owned(),
        }
    }
}

/// The tokens of a statement; comments and white space are left out.
pub(crate) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let bytes = sql.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let from = at;
        match bytes[at] {
            b if b.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at += bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = sql[at + 2..].find("*/").map_or(bytes.len(), |n| at + 2 + n + 2);
                continue;
            }
            quote @ (b'"' | b'`' | b'\'' | b'[') => {
                let close = if quote == b'[' { b']' } else { quote };
                at += 1;
                while at < bytes.len() {
                    if bytes[at] == close {
                        let doubled = quote != b'[' && bytes.get(at + 1) == Some(&close);
                        if !doubled {
                            break;
                        }
                        at += 1;
                    }
                    at += 1;
                }
                at = (at + 1).min(bytes.len());
            }
            b if is_word(b) => {
                while at < bytes.len() && is_word(bytes[at]) {
                    at += 1;
                }
            }
            _ => at += 1,
        }
        tokens.push(Token { text: &sql[from..at], from, to: at });
    }
    tokens
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

/// The statement that makes the same table (or `None` for a text that is no CREATE TABLE) under
/// the quoted name given.
///
/// SQLite keeps the text as it was typed, with `CREATE TABLE ` and the bare name put before it:
/// <https://www.sqlite.org/schematab.html>.
pub(crate) fn renamed(sql: &str, quoted: &str) -> Option<String> {
    let tokens = tokens(sql);
    let [create, table, name, ..] = tokens.as_slice() else { return None };
    (create.is("CREATE") && table.is("TABLE"))
        .then(|| format!("CREATE TABLE {quoted}{}", &sql[name.to..]))
}

/// The name of the table that a text makes.
pub(crate) fn name(sql: &str) -> Option<String> {
    let tokens = tokens(sql);
    let [create, table, name, ..] = tokens.as_slice() else { return None };
    (create.is("CREATE") && table.is("TABLE")).then(|| name.name())
}

/// The name of the index that a text makes.
pub(crate) fn index_name(sql: &str) -> Option<String> {
    let tokens = tokens(sql);
    let on = tokens.iter().position(|t| t.is("ON"))?;
    tokens.get(on.checked_sub(1)?).map(Token::name)
}

/// Whether the table's key is declared AUTOINCREMENT.
pub(crate) fn counts_up(sql: &str) -> bool {
    tokens(sql).iter().any(|t| t.is("AUTOINCREMENT"))
}

/// What follows the table's name in a CREATE INDEX: columns, expressions, condition.
pub(crate) fn index_definition(sql: &str) -> Option<&str> {
    let tokens = tokens(sql);
    let on = tokens.iter().position(|t| t.is("ON"))?;
    let table = tokens.get(on + 1)?;
    (tokens.first()?.is("CREATE") && on <= 7).then(|| sql[table.to..].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_made_again_under_another_name() {
        for (sql, rest) in [
            ("CREATE TABLE t(a)", "(a)"),
            ("CREATE TABLE \"a \"\" b\" (x) STRICT", " (x) STRICT"),
            ("CREATE TABLE [odd]] AS (x)", "] AS (x)"),
            ("CREATE TABLE /* c */ 'q' -- (\n(x)", " -- (\n(x)"),
        ] {
            assert_eq!(renamed(sql, "\"n\""), Some(format!("CREATE TABLE \"n\"{rest}")), "{sql}");
        }
        assert_eq!(renamed("CREATE VIEW v AS SELECT 1", "x"), None);
    }

    #[test]
    fn what_an_index_is_over_follows_the_table() {
        let of = index_definition;
        assert_eq!(of("CREATE INDEX i ON t (a DESC, b)"), Some("(a DESC, b)"));
        let sql = "CREATE UNIQUE INDEX \"on\" ON \"a b\"(lower(a)) WHERE b > 1";
        assert_eq!(of(sql), Some("(lower(a)) WHERE b > 1"));
        assert_eq!(of("CREATE TABLE t (a)"), None);
    }

    #[test]
    fn autoincrement_is_seen_only_as_a_word_of_its_own() {
        assert!(counts_up("CREATE TABLE t (a INTEGER PRIMARY KEY autoincrement)"));
        assert!(!counts_up("CREATE TABLE t (a INTEGER PRIMARY KEY, b DEFAULT 'AUTOINCREMENT')"));
    }
}
