//! CREATE TABLE and what dumps add to a table afterwards (keys, identities, comments), token by
//! token.
//!
//! Tolerant where it can be: an option that is not known is passed over, since dumps hold what
//! every version of a server has thought of. That is also why no full grammar is used here.

use syncline_types::field::{self, CHARSET, COLLATION, LOGICAL};
use syncline_types::{
    Column, DefaultValue, Generated, Identity, Index, IndexPart, NativeSql, TableName, TableSchema,
};

use super::lexer::{Kind, Lexer, Token};
use super::native::{self, UserTypes};
use super::session::Session;
use crate::Dialect;

/// Tokens of one statement, and a place among them.
pub(crate) struct Tokens<'a> {
    pub(crate) lexer: Lexer<'a>,
    pub(crate) session: &'a Session,
    tokens: Vec<Token>,
    at: usize,
    end: usize,
}

/// What follows a table's columns.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// Tables it inherits columns from.
    pub(crate) inherits: Vec<TableName>,
    /// AUTO_INCREMENT of the table.
    pub(crate) next: Option<i128>,
}

/// Words that end a column's type or default.
const OPTIONS: [&str; 26] = [
    "CONSTRAINT",
    "NOT",
    "NULL",
    "DEFAULT",
    "PRIMARY",
    "UNIQUE",
    "CHECK",
    "REFERENCES",
    "COLLATE",
    "GENERATED",
    "AS",
    "AUTO_INCREMENT",
    "AUTOINCREMENT",
    "COMMENT",
    "ON",
    "CHARSET",
    "VIRTUAL",
    "STORED",
    "PERSISTENT",
    "INVISIBLE",
    "STORAGE",
    "COLUMN_FORMAT",
    "SRID",
    "REF_SYSTEM_ID",
    "KEY",
    "COMPRESSED",
];

impl<'a> Tokens<'a> {
    /// All tokens of a statement; `None` when it cannot be taken apart.
    pub(crate) fn of(mut lexer: Lexer<'a>, session: &'a Session) -> Option<Self> {
        let mut tokens = Vec::new();
        loop {
            let token = lexer.token().ok()?;
            if token.kind == Kind::End {
                break;
            }
            tokens.push(token);
        }
        let end = tokens.len();
        Some(Self { lexer, session, tokens, at: 0, end })
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens[..self.end].get(self.at)
    }

    fn ahead(&self, n: usize) -> Option<&Token> {
        self.tokens[..self.end].get(self.at + n)
    }

    fn is_at(&self, n: usize, word: &str) -> bool {
        self.ahead(n).is_some_and(|t| self.lexer.is(t, word))
    }

    pub(crate) fn is(&self, word: &str) -> bool {
        self.is_at(0, word)
    }

    fn is_punct(&self, byte: u8) -> bool {
        self.peek().is_some_and(|t| t.kind == Kind::Punct(byte))
    }

    /// Over a keyword, when it is next.
    pub(crate) fn eat(&mut self, word: &str) -> bool {
        let found = self.is(word);
        self.at += usize::from(found);
        found
    }

    /// Over keywords in this order, when all of them are next.
    pub(crate) fn eat_all(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(n, word)| self.is_at(n, word));
        self.at += if found { words.len() } else { 0 };
        found
    }

    fn eat_punct(&mut self, byte: u8) -> bool {
        let found = self.is_punct(byte);
        self.at += usize::from(found);
        found
    }

    fn bump(&mut self) -> Option<Token> {
        let token = self.peek().copied();
        self.at += usize::from(token.is_some());
        token
    }

    pub(crate) fn name(&mut self) -> Option<String> {
        let token = *self.peek().filter(|t| self.session.is_name(t))?;
        self.at += 1;
        Some(self.session.name(&self.lexer, &token))
    }

    /// A text literal.
    pub(crate) fn text(&mut self) -> Option<String> {
        let token = *self.peek().filter(|t| matches!(t.kind, Kind::Text(_)))?;
        self.at += 1;
        Some(self.lexer.string(&token))
    }

    pub(crate) fn table(&mut self) -> Option<TableName> {
        let mut parts = vec![self.name()?];
        while self.eat_punct(b'.') {
            parts.push(self.name()?);
        }
        let name = parts.pop()?;
        Some(TableName { schema: parts.pop().or_else(|| self.session.schema.clone()), name })
    }

    /// Over brackets and what they hold, or over one token.
    fn skip_one(&mut self) {
        if !self.is_punct(b'(') {
            self.at += 1;
            return;
        }
        let mut depth = 0usize;
        while let Some(token) = self.bump() {
            match token.kind {
                Kind::Punct(b'(') => depth += 1,
                Kind::Punct(b')') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// The text between two tokens' places.
    fn source(&self, from: usize, to: usize) -> String {
        let Some(first) = self.tokens.get(from) else { return String::new() };
        let last = self.tokens[from..to].last().unwrap_or(first);
        // A token's range leaves its quotes out.
        let start = match first.kind {
            Kind::Text(_) | Kind::Name(_) => first.start.saturating_sub(1),
            Kind::Hex(_) | Kind::Bits => first.start.saturating_sub(2),
            _ => first.start,
        };
        let end = match last.kind {
            Kind::Text(_) | Kind::Name(_) | Kind::Hex(true) | Kind::Bits => last.end + 1,
            _ => last.end,
        };
        let text = &self.lexer.buf[start..end.min(self.lexer.buf.len())];
        String::from_utf8_lossy(text).into_owned()
    }

    fn at_option(&self) -> bool {
        let mysql = self.session.rules.dialect == Dialect::Mysql;
        let word = self.peek().is_some_and(|t| OPTIONS.iter().any(|o| self.lexer.is(t, o)));
        word || mysql && self.is("CHARACTER") && self.is_at(1, "SET")
            || mysql && (self.is("WITH") || self.is("WITHOUT")) && self.is_at(1, "SYSTEM")
    }

    /// CREATE … TABLE: the table and what stands behind its columns. `None` for other statements
    /// and for tables without a list of columns.
    pub(crate) fn create_table(&mut self, types: &UserTypes) -> Option<(TableSchema, Extras)> {
        if !self.eat("CREATE") {
            return None;
        }
        self.eat_all(&["OR", "REPLACE"]);
        for word in ["GLOBAL", "LOCAL", "TEMPORARY", "TEMP", "UNLOGGED", "FOREIGN"] {
            self.eat(word);
        }
        if !self.eat("TABLE") {
            return None;
        }
        self.eat_all(&["IF", "NOT", "EXISTS"]);
        let mut table = TableSchema::new(self.table()?, []);
        if !self.eat_punct(b'(') {
            return None;
        }
        while !self.eat_punct(b')') {
            self.peek()?;
            self.item(&mut table, types);
            // What an item leaves is not known to us.
            while self.peek().is_some() && !self.is_punct(b',') && !self.is_punct(b')') {
                self.skip_one();
            }
            self.eat_punct(b',');
        }
        let extras = self.table_options(&mut table);
        settle_key(&mut table, self.session.rules.dialect);
        Some((table, extras))
    }

    fn table_options(&mut self, table: &mut TableSchema) -> Extras {
        let mut extras = Extras::default();
        while self.peek().is_some() {
            if self.eat("AUTO_INCREMENT") {
                self.eat_punct(b'=');
                extras.next = self.bump().and_then(|t| self.lexer.string(&t).parse().ok());
            } else if self.eat("COMMENT") {
                self.eat_punct(b'=');
                table.comment = self.text().filter(|c| !c.is_empty());
            } else if self.eat("INHERITS") && self.eat_punct(b'(') {
                while let Some(parent) = self.table() {
                    extras.inherits.push(parent);
                    self.eat_punct(b',');
                }
            } else {
                self.skip_one();
            }
        }
        for column in &mut table.columns {
            if let Some(identity) = &mut column.identity {
                identity.next = extras.next;
            }
        }
        extras
    }

    /// A column or a constraint, within CREATE TABLE's brackets or behind ALTER TABLE … ADD.
    pub(crate) fn item(&mut self, table: &mut TableSchema, types: &UserTypes) {
        let mysql = self.session.rules.dialect == Dialect::Mysql;
        let mut name = None;
        if self.eat("CONSTRAINT") {
            let unnamed = ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"].iter().any(|w| self.is(w));
            name = if unnamed { None } else { self.name() };
        }
        if self.eat_all(&["PRIMARY", "KEY"]) {
            let parts = self.key_parts();
            table.primary_key = parts.into_iter().flatten().map(|p| p.column).collect();
        } else if self.is("UNIQUE") {
            self.at += 1;
            let _ = self.eat("KEY") || self.eat("INDEX");
            self.eat_all(&["NULLS", "NOT", "DISTINCT"]);
            let own = if self.is_punct(b'(') || self.is("USING") { None } else { self.name() };
            self.index(table, own.or(name), true);
        } else if mysql && (self.is("KEY") || self.is("INDEX")) {
            self.at += 1;
            let own = if self.is_punct(b'(') || self.is("USING") { None } else { self.name() };
            self.index(table, own, false);
        } else if self.is("CHECK") || self.is("FOREIGN") && self.is_at(1, "KEY") {
            self.check(table);
        } else if self.is("EXCLUDE")
            && (self.is_at(1, "USING")
                || self.ahead(1).is_some_and(|t| t.kind == Kind::Punct(b'(')))
            || self.is("LIKE")
            || mysql
                && ["FULLTEXT", "SPATIAL", "PERIOD", "VECTOR"].iter().any(|w| self.is(w))
                && !self.ahead(1).is_none_or(|t| t.kind == Kind::Punct(b','))
        {
            // Not a part of a table that every store has.
        } else if let Some(column) = self.column(table, types) {
            table.columns.push(column);
        }
    }

    /// `json_valid(column)` is how MariaDB says JSON.
    fn check(&mut self, table: &mut TableSchema) {
        if self.eat("CHECK")
            && self.eat_punct(b'(')
            && self.eat("JSON_VALID")
            && self.eat_punct(b'(')
        {
            let name = self.name();
            let column = table.columns.iter_mut().find(|c| Some(c.name()) == name.as_deref());
            if let Some(column) = column {
                mark_json(column);
            }
            self.eat_punct(b')');
            self.eat_punct(b')');
        }
    }

    fn index(&mut self, table: &mut TableSchema, name: Option<String>, unique: bool) {
        if let Some(parts) = self.key_parts() {
            add_index(table, name, parts, unique);
        }
    }

    /// `(a, b(10) DESC)`; `None` when a part is an expression.
    pub(crate) fn key_parts(&mut self) -> Option<Vec<IndexPart>> {
        while self.eat("USING") {
            self.at += 1;
        }
        if !self.eat_punct(b'(') {
            return None;
        }
        let mut parts = Vec::new();
        let mut plain = true;
        while !self.eat_punct(b')') {
            self.peek()?;
            match self.name() {
                Some(column) => parts.push(IndexPart { column, prefix: None, descending: false }),
                None => plain = false,
            }
            while self.peek().is_some() && !self.is_punct(b',') && !self.is_punct(b')') {
                let number = self.ahead(1).filter(|t| t.kind == Kind::Number);
                if let Some(number) = number.filter(|_| self.is_punct(b'('))
                    && let Some(part) = parts.last_mut()
                {
                    part.prefix = self.lexer.string(number).parse().ok();
                    self.skip_one();
                } else if self.eat("DESC") {
                    if let Some(part) = parts.last_mut() {
                        part.descending = true;
                    }
                } else {
                    // An operator class changes nothing for us, an expression does.
                    plain &= self.session.is_name(&self.tokens[self.at]);
                    self.skip_one();
                }
            }
            self.eat_punct(b',');
        }
        plain.then_some(parts)
    }

    /// A column: name, type, options.
    pub(crate) fn column(&mut self, table: &mut TableSchema, types: &UserTypes) -> Option<Column> {
        let dialect = self.session.rules.dialect;
        let name = self.name()?;
        let mut native = self.native_type();
        if dialect == Dialect::Mysql || dialect == Dialect::Postgres {
            native = lower_outside_quotes(&native);
        }
        let mut column = Column::new(native::field(dialect, &name, &native, true, types));
        if matches!(native.as_str(), "serial" | "bigserial" | "smallserial") {
            column.identity = Some(Identity { always: false, next: None });
        }
        while self.peek().is_some() && !self.is_punct(b',') && !self.is_punct(b')') {
            self.option(&mut column, table);
        }
        Some(column)
    }

    fn option(&mut self, column: &mut Column, table: &mut TableSchema) {
        let name = column.name().to_owned();
        if self.eat_all(&["NOT", "NULL"]) {
            column.field.set_nullable(false);
        } else if self.eat("DEFAULT") {
            self.default(column);
        } else if self.eat("PRIMARY") {
            self.eat("KEY");
            table.primary_key = vec![name];
        } else if self.eat("UNIQUE") {
            self.eat("KEY");
            let part = IndexPart { column: name, prefix: None, descending: false };
            add_index(table, None, vec![part], true);
        } else if self.eat("AUTO_INCREMENT") || self.eat("AUTOINCREMENT") {
            column.identity = Some(Identity { always: false, next: None });
        } else if self.eat("COMMENT") {
            column.comment = self.text().filter(|c| !c.is_empty());
        } else if self.eat("COLLATE") {
            let collation = self.table().map(|n| n.name);
            column.field = field::with(column.field.clone(), collation.map(|c| (COLLATION, c)));
        } else if self.eat_all(&["CHARACTER", "SET"]) || self.eat("CHARSET") {
            self.eat_punct(b'=');
            let charset = self.name();
            column.field = field::with(column.field.clone(), charset.map(|c| (CHARSET, c)));
        } else if self.eat("GENERATED") {
            let always = self.eat("ALWAYS");
            self.eat_all(&["BY", "DEFAULT"]);
            if self.eat_all(&["AS", "IDENTITY"]) {
                column.identity = Some(Identity { always, next: None });
                column.field.set_nullable(false);
                if self.is_punct(b'(') {
                    self.skip_one();
                }
            }
        } else if self.eat("AS") {
            let from = self.at;
            self.skip_one();
            let text = self.source(from, self.at);
            let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
            let expression =
                NativeSql::new(self.session.rules.dialect.id(), inner.unwrap_or(&text));
            let stored = self.is("STORED") || self.is("PERSISTENT");
            column.generated = Some(Generated { expression, stored });
        } else if self.is("CHECK") {
            let start = self.at;
            let json = self.is_at(2, "JSON_VALID");
            if json {
                mark_json(column);
            }
            self.at = start + 1;
            self.skip_one();
        } else {
            self.skip_one();
        }
    }

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
                Some(DefaultValue::Value(self.lexer.string(first).to_ascii_lowercase()))
            }
            _ if upper.starts_with("NEXTVAL(") => {
                column.identity = Some(Identity { always: false, next: None });
                None
            }
            _ if now.contains(&upper.as_str())
                || upper.starts_with("CURRENT_TIMESTAMP(") && upper.ends_with(')') =>
            {
                Some(DefaultValue::CurrentTimestamp)
            }
            _ => Some(DefaultValue::Native { store: store.to_owned(), sql }),
        };
    }

    /// Over an opening bracket.
    pub(crate) fn open(&mut self) {
        self.eat_punct(b'(');
    }

    /// Over a comma.
    pub(crate) fn next_comma(&mut self) {
        self.eat_punct(b',');
    }

    /// Where it stands, for [`Tokens::back_to`].
    pub(crate) fn mark(&self) -> usize {
        self.at
    }

    pub(crate) fn back_to(&mut self, mark: usize) {
        self.at = mark;
    }

    /// A type, up to the options behind it.
    pub(crate) fn native_type(&mut self) -> String {
        let from = self.at;
        while self.peek().is_some()
            && !self.is_punct(b',')
            && !self.is_punct(b')')
            && !self.at_option()
        {
            self.skip_one();
        }
        if self.at > from { self.source(from, self.at) } else { String::new() }
    }

    /// `schema.table.column` or `table.column`.
    pub(crate) fn column_of_table(&mut self) -> Option<(TableName, String)> {
        let mut parts = vec![self.name()?];
        while self.eat_punct(b'.') {
            parts.push(self.name()?);
        }
        let column = parts.pop()?;
        let name = parts.pop()?;
        let schema = parts.pop().or_else(|| self.session.schema.clone());
        Some((TableName { schema, name }, column))
    }

    /// Moves behind the next comma that stands in no bracket. False at the end.
    pub(crate) fn next_action(&mut self) -> bool {
        while self.peek().is_some() {
            if self.eat_punct(b',') {
                return true;
            }
            self.skip_one();
        }
        false
    }

    /// All words and texts that are left, for statements of which little is needed.
    pub(crate) fn rest(&mut self) -> String {
        let text = self.source(self.at, self.end);
        self.at = self.end;
        text
    }
}

fn mark_json(column: &mut Column) {
    column.field = field::with(column.field.clone(), [(LOGICAL, "json".to_owned())]);
}

/// Adds an index, naming it when it has no name of its own.
pub(crate) fn add_index(
    table: &mut TableSchema,
    name: Option<String>,
    parts: Vec<IndexPart>,
    unique: bool,
) {
    if parts.is_empty() {
        return;
    }
    let name = name.unwrap_or_else(|| {
        let columns: Vec<&str> = parts.iter().map(|p| p.column.as_str()).collect();
        format!("{}_{}_{}", table.name.name, columns.join("_"), if unique { "key" } else { "idx" })
    });
    table.indexes.push(Index::new(name, parts, unique));
}

/// Columns of a primary key take no NULL; in SQLite only where it says so, or the key is the rowid.
pub(crate) fn settle_key(table: &mut TableSchema, dialect: Dialect) {
    for name in table.primary_key.clone() {
        // A key may spell its column in another case.
        let Some(at) = table.columns.iter().position(|c| c.name().eq_ignore_ascii_case(&name))
        else {
            continue;
        };
        let column = &mut table.columns[at];
        let rowid = field::native(&column.field, "sqlite")
            .is_some_and(|n| n.eq_ignore_ascii_case("integer"));
        if dialect != Dialect::Sqlite || rowid && table.primary_key.len() == 1 {
            column.field.set_nullable(false);
        }
        let exact = column.name().to_owned();
        if let Some(part) = table.primary_key.iter_mut().find(|part| **part == name) {
            *part = exact;
        }
    }
}

/// `DECIMAL(1,2) Unsigned` in lower case; what stands in quotes stays.
fn lower_outside_quotes(text: &str) -> String {
    let mut quote = None;
    text.chars()
        .map(|c| match quote {
            Some(open) => {
                if c == open {
                    quote = None;
                }
                c
            }
            None => {
                if matches!(c, '\'' | '"' | '`') {
                    quote = Some(c);
                }
                c.to_ascii_lowercase()
            }
        })
        .collect()
}
