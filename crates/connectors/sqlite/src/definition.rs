//! The text of a CREATE statement, as far as the pragmas do not tell what is in it: the name, to
//! make the same table under another one; AUTOINCREMENT; expressions of generated columns.

/// A token of SQL with its place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token<'a> {
    text: &'a str,
    from: usize,
    to: usize,
}

impl Token<'_> {
    fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    /// The name it stands for, without its quotes.
    fn name(&self) -> String {
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
fn tokens(sql: &str) -> Vec<Token<'_>> {
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

/// Whether the table's key is declared AUTOINCREMENT.
pub(crate) fn counts_up(sql: &str) -> bool {
    tokens(sql).iter().any(|t| t.is("AUTOINCREMENT"))
}

/// The expression of a generated column, without its parentheses.
pub(crate) fn generated(sql: &str, column: &str) -> Option<String> {
    let tokens = tokens(sql);
    let mut depth = 0_i32;
    let mut at_start = false;
    let mut inside = false;
    for (n, token) in tokens.iter().enumerate() {
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ if inside && depth == 1 && token.is("AS") => {
                let open = tokens.get(n + 1).filter(|t| t.text == "(")?;
                let close = matching(&tokens[n + 1..])?;
                return Some(sql[open.to..close.from].trim().to_owned());
            }
            _ if at_start && depth == 1 => inside = token.name().eq_ignore_ascii_case(column),
            _ => {}
        }
        at_start = depth == 1 && matches!(token.text, "(" | ",");
    }
    None
}

/// The token that closes the first one.
fn matching<'a>(tokens: &[Token<'a>]) -> Option<Token<'a>> {
    let mut depth = 0_i32;
    tokens.iter().copied().find(|token| {
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        depth == 0
    })
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
    fn expressions_of_generated_columns_are_found() {
        let sql = "CREATE TABLE t (a INT DEFAULT (1), \"b c\" INT GENERATED ALWAYS AS (a * (2 + 1)) STORED, d AS (')'), e TEXT CHECK (e <> 'd AS (x)'))";
        assert_eq!(generated(sql, "b c").as_deref(), Some("a * (2 + 1)"));
        assert_eq!(generated(sql, "D").as_deref(), Some("')'"));
        assert_eq!(generated(sql, "a"), None);
        assert_eq!(generated(sql, "e"), None);
    }

    #[test]
    fn autoincrement_is_seen_only_as_a_word_of_its_own() {
        assert!(counts_up("CREATE TABLE t (a INTEGER PRIMARY KEY autoincrement)"));
        assert!(!counts_up("CREATE TABLE t (a INTEGER PRIMARY KEY, b DEFAULT 'AUTOINCREMENT')"));
    }
}
