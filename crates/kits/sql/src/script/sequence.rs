//! Sequences: their options behind CREATE SEQUENCE, ALTER SEQUENCE and in the brackets of an
//! identity, and what makes the column that counts by one the same again.

use syncline_types::{NativeSql, TableName, TableSchema, field};

use super::tokens::Tokens;
use crate::Dialect;
use crate::actions::{self, Sequence, widest};

/// What is said of a sequence; `None` is as it comes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Its name, where it stands among them (identities).
    pub(crate) name: Option<TableName>,
    pub(crate) ty: Option<String>,
    pub(crate) increment: Option<i64>,
    pub(crate) least: Option<i64>,
    pub(crate) most: Option<i64>,
    pub(crate) start: Option<i64>,
    pub(crate) cache: Option<i64>,
    pub(crate) cycles: Option<bool>,
    /// The next number.
    pub(crate) restart: Option<i64>,
    /// The column it belongs to.
    pub(crate) owner: Option<(TableName, String)>,
    /// It is no identity's: the column has it as its default.
    pub(crate) serial: bool,
}

impl Options {
    /// What these say beside what is known already.
    pub(crate) fn over(self, known: Options) -> Options {
        Options {
            name: self.name.or(known.name),
            ty: self.ty.or(known.ty),
            increment: self.increment.or(known.increment),
            least: self.least.or(known.least),
            most: self.most.or(known.most),
            start: self.start.or(known.start),
            cache: self.cache.or(known.cache),
            cycles: self.cycles.or(known.cycles),
            restart: self.restart.or(known.restart),
            owner: self.owner.or(known.owner),
            serial: self.serial || known.serial,
        }
    }

    /// The sequence, of this type where they say none.
    pub(crate) fn sequence(&self, ty: &str) -> Sequence {
        let ty = whole_type(self.ty.as_deref().unwrap_or(ty));
        let (bottom, top) = widest(&ty);
        let increment = self.increment.unwrap_or(1);
        let up = increment > 0;
        let least = self.least.unwrap_or(if up { 1 } else { bottom });
        let most = self.most.unwrap_or(if up { top } else { -1 });
        Sequence {
            increment,
            least,
            most,
            start: self.start.unwrap_or(if up { least } else { most }),
            cache: self.cache.unwrap_or(1),
            cycles: self.cycles.unwrap_or(false),
            ty,
        }
    }
}

/// The type's name as PostgreSQL writes it.
pub(crate) fn whole_type(ty: &str) -> String {
    match ty.trim_start_matches("pg_catalog.") {
        "smallint" | "int2" | "smallserial" | "serial2" => "smallint",
        "integer" | "int" | "int4" | "serial" | "serial4" => "integer",
        _ => "bigint",
    }
    .to_owned()
}

/// Whether it is a type that stands for a whole number and the sequence it counts by.
pub(crate) fn is_serial(ty: &str) -> bool {
    matches!(ty, "serial" | "bigserial" | "smallserial" | "serial2" | "serial4" | "serial8")
}

/// Has the table's statements say how a column counts, by this sequence.
pub(crate) fn count(
    table: &mut TableSchema,
    column: &str,
    sequence: &TableName,
    options: &Options,
) {
    let Some(found) = table.column(column) else { return };
    let ty = field::native(&found.field, Dialect::Postgres.id()).unwrap_or("bigint").to_owned();
    let made: Vec<String> = if options.serial {
        // A sequence that says no type is one of bigint.
        vec![options.sequence("bigint").serial(column, &sequence.name)]
    } else {
        let named = actions::sequence_name(&table.name.name, column, &sequence.name);
        named.into_iter().chain(options.sequence(&ty).identity(column)).collect()
    };
    let native = |sql| NativeSql::new(Dialect::Postgres.id(), sql);
    // First: what is said of the whole table holds for its sequences, too.
    table.statements.splice(0..0, made.into_iter().map(native));
}

/// The sequence that an expression takes the next value of: `nextval('public."S"'::regclass)`,
/// ``nextval(`db`.`s`)``.
pub(crate) fn next_of(sql: &str) -> Option<TableName> {
    let sql = sql.trim().trim_start_matches('(');
    let sql = sql.strip_prefix("pg_catalog.").unwrap_or(sql);
    let inside = sql.get(..8).filter(|word| word.eq_ignore_ascii_case("nextval("))?;
    let inside = sql[inside.len()..].trim();
    match inside.strip_prefix('\'') {
        Some(text) => {
            let mut name = String::new();
            let mut chars = text.chars().peekable();
            while let Some(c) = chars.next() {
                match c {
                    '\'' if chars.next_if_eq(&'\'').is_none() => break,
                    c => name.push(c),
                }
            }
            qualified(&name)
        }
        None => qualified(inside.split_once(')')?.0),
    }
}

/// A name with its schema, as a text: `public."My seq"`.
pub(crate) fn qualified(text: &str) -> Option<TableName> {
    let mut parts: Vec<String> = vec![String::new()];
    let mut chars = text.trim().chars().peekable();
    let mut quote = None;
    while let Some(c) = chars.next() {
        let part = parts.last_mut()?;
        match (quote, c) {
            (Some(q), c) if c == q && chars.next_if_eq(&q).is_some() => part.push(c),
            (Some(q), c) if c == q => quote = None,
            (Some(_), c) => part.push(c),
            (None, '"' | '`') => quote = Some(c),
            (None, '.') => parts.push(String::new()),
            (None, c) => part.extend(c.to_lowercase()),
        }
    }
    let name = parts.pop().filter(|name| !name.is_empty())?;
    Some(TableName { schema: parts.pop(), name })
}

impl Tokens<'_> {
    /// The options of a sequence, up to a bracket or the end.
    pub(crate) fn sequence_options(&mut self) -> Options {
        let mut options = Options::default();
        while self.peek().is_some() && !self.is_punct(b')') && !self.is_punct(b',') {
            // ALTER TABLE … ALTER COLUMN … SET INCREMENT BY 5
            self.eat("SET");
            if self.eat_all(&["SEQUENCE", "NAME"]) {
                options.name = self.table();
            } else if self.eat("AS") {
                options.ty = self.table().map(|t| t.name);
            } else if self.eat("START") {
                self.eat("WITH");
                options.start = self.whole_number();
            } else if self.eat("RESTART") {
                self.eat("WITH");
                options.restart = self.whole_number();
            } else if self.eat("INCREMENT") {
                self.eat("BY");
                options.increment = self.whole_number();
            } else if self.eat("MINVALUE") {
                options.least = self.whole_number();
            } else if self.eat("MAXVALUE") {
                options.most = self.whole_number();
            } else if self.eat("CACHE") {
                options.cache = self.whole_number();
            } else if self.eat("CYCLE") {
                options.cycles = Some(true);
            } else if self.eat_all(&["NO", "CYCLE"]) {
                options.cycles = Some(false);
            } else if self.eat_all(&["OWNED", "BY"]) {
                options.owner = self.column_of_table();
            } else {
                // NO MINVALUE, NO MAXVALUE, LOGGED, what others know.
                self.skip_one();
            }
        }
        options
    }

    /// `-5`
    fn whole_number(&mut self) -> Option<i64> {
        let negative = self.eat_punct(b'-');
        let token = *self.peek()?;
        let digits = self.lexer.string(&token);
        let number: i128 = digits.parse().ok()?;
        self.at += 1;
        i64::try_from(if negative { -number } else { number }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_goes_by_type_and_direction() {
        let plain = Options::default().sequence("integer");
        assert_eq!(plain, Sequence::plain("integer"));
        let down = Options { increment: Some(-2), ..Options::default() }.sequence("smallint");
        assert_eq!((down.least, down.most, down.start), (-32768, -1, -1));
        for (sql, schema, name) in [
            ("nextval('public.s_id_seq'::regclass)", Some("public"), "s_id_seq"),
            ("nextval('\"My\".\"it''s\"'::regclass)", Some("My"), "it's"),
            ("(nextval(`db`.`S`))", Some("db"), "S"),
            ("NEXTVAL('S')", None, "s"),
        ] {
            let schema = schema.map(str::to_owned);
            assert_eq!(next_of(sql), Some(TableName { schema, name: name.into() }), "{sql}");
        }
        assert_eq!(next_of("lastval()"), None);
        let from = Options { least: Some(10), ..Options::default() }.sequence("int8");
        assert_eq!((from.start, from.most, from.ty.as_str()), (10, i64::MAX, "bigint"));
    }
}
