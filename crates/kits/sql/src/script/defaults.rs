//! What stands behind DEFAULT.

use syncline_types::{Column, DefaultValue, Identity};

use super::lexer::{Kind, Token};
use super::tokens::Tokens;
use crate::Dialect;
use crate::ddl::default_literal;

impl Tokens<'_> {
    /// The expression behind DEFAULT.
    pub(crate) fn default(&mut self, column: &mut Column) {
        let from = self.at;
        // The first token belongs to it whatever it is: DEFAULT NULL.
        self.skip_one();
        while self.peek().is_some()
            && !self.is_punct(b',')
            && !self.is_punct(b')')
            && !self.at_option()
        {
            self.skip_one();
        }
        let sql = self.source(from, self.at);
        let store = self.session.rules.dialect.id();
        let tokens = &self.tokens[from..self.at];
        let cast = |rest: &[Token]| {
            rest.is_empty()
                || matches!(rest, [a, b, ..] if a.kind == Kind::Punct(b':') && b.kind == Kind::Punct(b':'))
        };
        let upper = sql.to_ascii_uppercase();
        let now = ["CURRENT_TIMESTAMP", "NOW()", "LOCALTIMESTAMP", "CURRENT_TIMESTAMP("];
        column.default = match tokens {
            [first, rest @ ..] if self.lexer.is(first, "NULL") && cast(rest) => None,
            [first, rest @ ..] if matches!(first.kind, Kind::Text(_)) && cast(rest) => {
                Some(DefaultValue::Value(self.lexer.string(first)))
            }
            // MySQL 8 names the character set before it.
            [set, first]
                if set.kind == Kind::Word
                    && self.lexer.raw(set).starts_with(b"_")
                    && matches!(first.kind, Kind::Text(_)) =>
            {
                Some(DefaultValue::Value(self.lexer.string(first)))
            }
            [first, rest @ ..] if first.kind == Kind::Number && cast(rest) => {
                Some(DefaultValue::Value(self.lexer.string(first)))
            }
            [sign, first, rest @ ..]
                if sign.kind == Kind::Punct(b'-') && first.kind == Kind::Number && cast(rest) =>
            {
                Some(DefaultValue::Value(format!("-{}", self.lexer.string(first))))
            }
            [first] if self.lexer.is(first, "TRUE") || self.lexer.is(first, "FALSE") => {
                let truth = self.lexer.is(first, "TRUE");
                Some(DefaultValue::Value(match self.session.rules.dialect {
                    Dialect::Sqlite => u8::from(truth).to_string(),
                    _ => truth.to_string(),
                }))
            }
            // Whose the sequence is, the whole script says.
            _ if upper.starts_with("NEXTVAL(") && store == "ansi" => {
                column.identity = Some(Identity { always: false, next: None });
                None
            }
            _ if now.contains(&upper.as_str())
                || upper.starts_with("CURRENT_TIMESTAMP(") && upper.ends_with(')') =>
            {
                Some(DefaultValue::CurrentTimestamp)
            }
            _ if self.session.rules.dialect == Dialect::Sqlite && !sql.starts_with('(') => {
                Some(DefaultValue::Native { store: store.to_owned(), sql: format!("({sql})") })
            }
            _ => Some(DefaultValue::Native { store: store.to_owned(), sql: sql.clone() }),
        };
        // Bytes, zero dates, exponents: only the store's own words say them.
        if let Some(DefaultValue::Value(value)) = &column.default
            && default_literal(self.session.rules.dialect, &column.field, value).is_none()
        {
            let bytes = tokens.last().map(|t| self.lexer.content(t)).unwrap_or_default();
            let sql = match std::str::from_utf8(&bytes) {
                Ok(_) => sql,
                Err(_) => {
                    let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
                    format!("x'{digits}'")
                }
            };
            column.default = Some(DefaultValue::Native { store: store.to_owned(), sql });
        }
    }
}
