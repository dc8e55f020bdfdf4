//! Comparisons: of numbers, days and times as they are, of texts with care for how each store
//! compares them.

use super::term::{Kind, Level, Literal, Order, Term};
use super::walk::Walk;
use crate::{Dialect, moment};

/// Which comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    /// `<`, `<=`, `>`, `>=`
    Ordered(&'static str),
}

impl Comparison {
    fn sql(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Ordered(sql) => sql,
        }
    }
}

const MIXED: &str = "it compares values of different types";

impl Walk<'_> {
    pub(super) fn compare(
        &mut self,
        left: Term,
        how: Comparison,
        right: Term,
    ) -> Result<Term, String> {
        let (left, right) = self.of_one_kind(left, right)?;
        if let (Kind::Text(_), Kind::Text(_)) = (left.kind, right.kind) {
            return match how {
                Comparison::Equal => self.equal_texts(&left, &right),
                Comparison::NotEqual => {
                    let equal = self.equal_texts(&left, &right)?;
                    Ok(negated(&equal))
                }
                Comparison::Ordered(_) => Err("texts are in another order elsewhere".into()),
            };
        }
        let (l, r) = (left.within(Level::Sum), right.within(Level::Sum));
        let sql = format!("{l} {} {r}", how.sql());
        let unequal = left.kind == Kind::Bool && matches!(how, Comparison::Ordered(_));
        if unequal {
            return Err(MIXED.into());
        }
        Ok(Term::new(sql, Level::Comparison, Kind::Bool))
    }

    /// Both sides, where they can be compared: a text for a day is made one.
    pub(super) fn of_one_kind(&self, left: Term, right: Term) -> Result<(Term, Term), String> {
        use Kind::{Bool, Date, Instant, LongDecimal, Text, Time, Timestamp};
        if left.literal.is_some() && right.literal.is_some() {
            return Err("it compares constants".into());
        }
        Ok(match (left.kind, right.kind) {
            (l, r) if l.is_number() && r.is_number() => (left, right),
            (LongDecimal, _) if right.is_zero() => (as_real(&left), right),
            (_, LongDecimal) if left.is_zero() => (left, as_real(&right)),
            (LongDecimal, _) | (_, LongDecimal) => {
                return Err("SQLite keeps decimals of so many digits as texts".into());
            }
            (Text(_), Text(_)) | (Bool, Bool) => (left, right),
            (Date, Date) | (Timestamp, Timestamp) | (Instant, Instant) | (Time, Time) => {
                (left, right)
            }
            (Date | Timestamp, Text(_)) => {
                let right = self.moment(&right, left.kind)?;
                (left, right)
            }
            (Text(_), Date | Timestamp) => (self.moment(&left, right.kind)?, right),
            _ => return Err(MIXED.into()),
        })
    }

    /// A text that says a day, or a day and time, as one.
    pub(super) fn moment(&self, text: &Term, kind: Kind) -> Result<Term, String> {
        let Some(Literal::Text(said)) = &text.literal else { return Err(MIXED.into()) };
        let digits = |from: usize, to: usize| {
            said.get(from..to).is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit()))
        };
        let day = digits(0, 4) && digits(5, 7) && digits(8, 10);
        let word = match kind {
            Kind::Date if day && said.len() == 10 && moment::parse_date(said).is_some() => "DATE",
            Kind::Timestamp
                if day
                    && self.to != Dialect::Sqlite
                    && said.len() >= 19
                    && moment::parse_datetime(said).is_some() =>
            {
                "TIMESTAMP"
            }
            _ => return Err(format!("{said:?} is not compared as a text")),
        };
        let literal = self.to.string(said);
        let sql = match self.to {
            Dialect::Sqlite => literal,
            _ => format!("{word} {literal}"),
        };
        Ok(Term { literal: text.literal.clone(), ..Term::atom(sql, kind) })
    }

    /// How both sides compare at the source, when that can be said elsewhere.
    fn order(left: &Term, right: &Term) -> Result<Order, String> {
        let of = |term: &Term| match term.kind {
            Kind::Text(order) => order,
            _ => Order::Exact,
        };
        match of(left).max(of(right)) {
            Order::Folding => Err("the source compares the texts by a collation of its own".into()),
            order => Ok(order),
        }
    }

    fn equal_texts(&self, left: &Term, right: &Term) -> Result<Term, String> {
        let order = Self::order(left, right)?;
        let (left, right) = if left.literal.is_some() { (right, left) } else { (left, right) };
        let (l, r) = (left.within(Level::Atom), right.within(Level::Atom));
        Ok(match (self.to, order, &right.literal) {
            // MySQL's = does not see spaces at the end; LIKE does.
            (Dialect::Mysql, Order::Exact, Some(Literal::Text(text))) => {
                Term::new(format!("{l} LIKE {}", literally(text)), Level::Comparison, Kind::Bool)
            }
            (Dialect::Mysql, Order::Exact, _) => Term::new(
                format!("{l} = {r} AND char_length({l}) = char_length({r})"),
                Level::And,
                Kind::Bool,
            ),
            (Dialect::Mysql, ..) | (_, Order::Exact, _) => {
                Term::new(format!("{l} = {r}"), Level::Comparison, Kind::Bool)
            }
            (_, _, Some(Literal::Text(text))) => {
                let trimmed = self.to.string(text.trim_end_matches(' '));
                let sql = format!("{} = {trimmed}", self.without_padding(&left.sql));
                Term::new(sql, Level::Comparison, Kind::Bool)
            }
            _ => {
                let (l, r) = (self.without_padding(&left.sql), self.without_padding(&right.sql));
                Term::new(format!("{l} = {r}"), Level::Comparison, Kind::Bool)
            }
        })
    }

    fn without_padding(&self, sql: &str) -> String {
        match self.to {
            Dialect::Ansi => format!("TRIM(TRAILING FROM {sql})"),
            _ => format!("rtrim({sql})"),
        }
    }

    /// `left IN (…)`, of constants.
    pub(super) fn one_of(&mut self, left: &Term, list: Vec<Term>) -> Result<Term, String> {
        if list.is_empty() || list.iter().any(|item| item.literal.is_none()) {
            return Err("it looks for a value that is no constant".into());
        }
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            let (_, item) = self.of_one_kind(left.clone(), item)?;
            items.push(item);
        }
        let Kind::Text(_) = left.kind else {
            if left.kind == Kind::LongDecimal {
                return Err("SQLite keeps decimals of so many digits as texts".into());
            }
            let items: Vec<&str> = items.iter().map(|i| i.sql.as_str()).collect();
            let sql = format!("{} IN ({})", left.within(Level::Sum), items.join(", "));
            return Ok(Term::new(sql, Level::Comparison, Kind::Bool));
        };
        let order = Self::order(left, left)?;
        let texts: Vec<&str> = items
            .iter()
            .filter_map(|i| match &i.literal {
                Some(Literal::Text(text)) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        let l = left.within(Level::Atom);
        let listed = |texts: &mut dyn Iterator<Item = &str>| {
            texts.map(|t| self.to.string(t)).collect::<Vec<_>>().join(", ")
        };
        Ok(match (self.to, order) {
            (Dialect::Mysql, Order::Exact) => {
                let each = texts.iter().map(|text| format!("{l} LIKE {}", literally(text)));
                let level = if texts.len() > 1 { Level::Or } else { Level::Comparison };
                Term::new(each.collect::<Vec<_>>().join(" OR "), level, Kind::Bool)
            }
            (Dialect::Mysql, _) | (_, Order::Exact) => {
                let sql = format!("{l} IN ({})", listed(&mut texts.iter().copied()));
                Term::new(sql, Level::Comparison, Kind::Bool)
            }
            _ => {
                let mut trimmed = texts.iter().map(|t| t.trim_end_matches(' '));
                let sql =
                    format!("{} IN ({})", self.without_padding(&left.sql), listed(&mut trimmed));
                Term::new(sql, Level::Comparison, Kind::Bool)
            }
        })
    }

    /// `left LIKE 'pattern'`, with a backslash as escape at the source.
    pub(super) fn like(&self, left: &Term, pattern: &Term) -> Result<Term, String> {
        if self.from == Dialect::Sqlite {
            return Err("LIKE does not see the case of letters in SQLite".into());
        }
        let Kind::Text(order) = left.kind else { return Err(MIXED.into()) };
        if order == Order::Folding {
            return Err("the source compares the texts by a collation of its own".into());
        }
        let Some(Literal::Text(text)) = &pattern.literal else {
            return Err("its pattern is no constant".into());
        };
        let l = left.within(Level::Atom);
        let escapes = text.contains('\\');
        let sql = match self.to {
            Dialect::Sqlite if !text.contains(['*', '?', '[']) && !escapes => {
                let pattern: String = text
                    .chars()
                    .map(|c| match c {
                        '%' => '*',
                        '_' => '?',
                        c => c,
                    })
                    .collect();
                format!("{l} GLOB {}", self.to.string(&pattern))
            }
            Dialect::Sqlite => return Err("SQLite has no such pattern".into()),
            Dialect::Ansi if escapes => {
                format!("{l} LIKE {} ESCAPE '\\'", self.to.string(text))
            }
            Dialect::Mysql | Dialect::Postgres | Dialect::Ansi => {
                format!("{l} LIKE {}", self.to.string(text))
            }
        };
        Ok(Term::new(sql, Level::Comparison, Kind::Bool))
    }
}

pub(super) fn negated(term: &Term) -> Term {
    Term::new(format!("NOT ({})", term.sql), Level::Not, Kind::Bool)
}

/// Against zero, a decimal's nearest float is as good as the decimal.
fn as_real(term: &Term) -> Term {
    Term::atom(format!("CAST({} AS REAL)", term.sql), Kind::Double)
}

/// A pattern of MySQL that only the very text fulfils.
fn literally(text: &str) -> String {
    if !text.contains(['%', '_', '\\', '|']) {
        return Dialect::Mysql.string(text);
    }
    let mut pattern = String::with_capacity(text.len() + 2);
    for c in text.chars() {
        if matches!(c, '%' | '_' | '|') {
            pattern.push('|');
        }
        pattern.push(c);
    }
    format!("{} ESCAPE '|'", Dialect::Mysql.string(&pattern))
}
