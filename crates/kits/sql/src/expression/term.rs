//! Pieces of an expression that are written already: text, how tightly it binds, what its values
//! are.

use arrow::datatypes::{DataType, Field};
use syncline_types::field;

use crate::Dialect;

/// How texts compare at the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Character by character.
    Exact,
    /// Character by character, but for spaces at the end.
    Padded,
    /// Some characters are the same as others.
    Folding,
}

/// What values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Int,
    Decimal,
    /// A decimal that SQLite keeps as text.
    LongDecimal,
    Single,
    Double,
    Text(Order),
    Date,
    Timestamp,
    Instant,
    Time,
    /// Anything else: it can be NULL or not, and no more is known of it.
    Other,
}

impl Kind {
    pub(super) fn is_number(self) -> bool {
        matches!(self, Kind::Int | Kind::Decimal | Kind::Single | Kind::Double)
    }

    /// What the values of a column are, when both stores mean the same by it.
    pub(super) fn of(from: Dialect, source: &Field, to: Dialect, target: &Field) -> Kind {
        let kind = of_source(from, source);
        let there = target.data_type();
        let fits = match kind {
            Kind::Bool => {
                *there == DataType::Boolean || (to == Dialect::Mysql && *there == DataType::Int8)
            }
            Kind::Int if there.is_decimal() => return Kind::Decimal,
            // SQLite's integers end at 63 bits.
            Kind::Int => {
                there.is_integer() && !(to == Dialect::Sqlite && *there == DataType::UInt64)
            }
            Kind::Decimal if to == Dialect::Sqlite => {
                let native = field::native(target, "sqlite").unwrap_or_default();
                let as_number = native.to_ascii_uppercase().starts_with("DECIMAL(");
                return match (there.is_decimal(), as_number) {
                    (true, true) => Kind::Decimal,
                    (true, false) => Kind::LongDecimal,
                    (false, _) => Kind::Other,
                };
            }
            Kind::Decimal => there.is_decimal(),
            Kind::Single | Kind::Double => there.is_floating(),
            Kind::Text(_) => *there == DataType::Utf8 && is_plain_text(target),
            Kind::Date => *there == DataType::Date32,
            Kind::Timestamp | Kind::Instant => matches!(there, DataType::Timestamp(..)),
            Kind::Time => matches!(there, DataType::Time64(_) | DataType::Duration(_)),
            Kind::Null | Kind::LongDecimal | Kind::Other => false,
        };
        // SQLite compares days and times as texts, which is right for years of four digits: all
        // that MySQL has.
        let as_text = matches!(kind, Kind::Date | Kind::Timestamp | Kind::Instant);
        let far = to == Dialect::Sqlite && as_text && from != Dialect::Mysql;
        let zoned = to == Dialect::Sqlite && kind == Kind::Instant;
        if fits && !far && !zoned { kind } else { Kind::Other }
    }

    /// Whether such a value, put into the column of the target, is what the source's column of
    /// that field gets.
    pub(super) fn is_of(self, from: Dialect, source: &Field, to: Dialect, target: &Field) -> bool {
        let here = of_source(from, source);
        let there = target.data_type();
        match self {
            Kind::Int => {
                (here == Kind::Int && (there.is_integer() || there.is_decimal()))
                    || (here == Kind::Decimal && there.is_decimal() && to != Dialect::Sqlite)
                    || (here == Kind::Double && *there == DataType::Float64)
            }
            // Both round a half away from zero.
            Kind::Decimal => here == Kind::Decimal && there.is_decimal() && to != Dialect::Sqlite,
            Kind::Double => here == Kind::Double && *there == DataType::Float64,
            Kind::Text(_) => matches!(here, Kind::Text(_)) && *there == DataType::Utf8,
            Kind::Bool => {
                let as_number = matches!(to, Dialect::Mysql | Dialect::Sqlite);
                (here == Kind::Bool && (*there == DataType::Boolean || as_number))
                    || (here == Kind::Int && there.is_integer() && as_number)
            }
            Kind::Date => here == Kind::Date && *there == DataType::Date32,
            Kind::Timestamp | Kind::Instant => {
                here == self && matches!(there, DataType::Timestamp(..))
            }
            Kind::Null | Kind::LongDecimal | Kind::Single | Kind::Time | Kind::Other => false,
        }
    }
}

fn is_plain_text(field: &Field) -> bool {
    matches!(field::logical(field), None | Some("enum"))
}

fn of_source(from: Dialect, source: &Field) -> Kind {
    match source.data_type() {
        DataType::Boolean => Kind::Bool,
        t if t.is_integer() => Kind::Int,
        t if t.is_decimal() => Kind::Decimal,
        DataType::Float32 => Kind::Single,
        DataType::Float64 => Kind::Double,
        DataType::Utf8 if is_plain_text(source) => {
            order(from, source).map_or(Kind::Other, Kind::Text)
        }
        DataType::Date32 => Kind::Date,
        DataType::Timestamp(_, None) => Kind::Timestamp,
        DataType::Timestamp(_, Some(_)) => Kind::Instant,
        DataType::Time64(_) => Kind::Time,
        _ => Kind::Other,
    }
}

/// How texts of the column compare; `None` for those that are no plain texts to their store.
fn order(from: Dialect, source: &Field) -> Option<Order> {
    let native = field::native(source, from.id())?.to_ascii_lowercase();
    let collation = field::get(source, field::COLLATION).unwrap_or_default().to_ascii_lowercase();
    match from {
        Dialect::Mysql => Some(match collation.as_str() {
            "binary" | "utf8mb4_0900_bin" => Order::Exact,
            c if c.ends_with("_nopad_bin") => Order::Exact,
            c if c.ends_with("_bin") => Order::Padded,
            _ => Order::Folding,
        }),
        // A char(n) compares without the spaces at its end, and loses them elsewhere.
        Dialect::Postgres => {
            let plain = ["text", "varchar", "character varying"]
                .iter()
                .any(|t| native == *t || native.starts_with(&format!("{t}(")));
            let known = ["", "default", "c", "posix", "ucs_basic"].contains(&collation.as_str())
                || collation.ends_with("-x-icu")
                || collation.contains("utf8")
                || collation.contains("utf-8");
            plain.then_some(if known { Order::Exact } else { Order::Folding })
        }
        Dialect::Sqlite => Some(match collation.as_str() {
            "" | "binary" => Order::Exact,
            "rtrim" => Order::Padded,
            _ => Order::Folding,
        }),
        Dialect::Ansi => None,
    }
}

/// How tightly a text binds; the loosest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Atom,
    Product,
    Sum,
    Comparison,
    Not,
    And,
    Or,
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Literal {
    Text(String),
    /// Digits, perhaps with a sign and a point.
    Number(String),
}

/// A piece of an expression in the words of the target.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub(super) sql: String,
    pub(super) level: Level,
    pub(super) kind: Kind,
    pub(super) literal: Option<Literal>,
    /// An unsigned number of MySQL is in it.
    pub(super) unsigned: bool,
    /// Whole numbers of less than 64 bits, which PostgreSQL would count in so many.
    pub(super) narrow: bool,
}

impl Term {
    pub(super) fn new(sql: impl Into<String>, level: Level, kind: Kind) -> Self {
        let sql = sql.into();
        Self { sql, level, kind, literal: None, unsigned: false, narrow: false }
    }

    pub(super) fn atom(sql: impl Into<String>, kind: Kind) -> Self {
        Self::new(sql, Level::Atom, kind)
    }

    pub(super) fn text(to: Dialect, text: &str) -> Self {
        let literal = Some(Literal::Text(text.to_owned()));
        Self { literal, ..Self::atom(to.string(text), Kind::Text(Order::Exact)) }
    }

    /// A number as it is written without an exponent; `None` for one beyond 64 bits.
    pub(super) fn number(digits: &str) -> Option<Self> {
        let bare = digits.strip_prefix(['-', '+']).unwrap_or(digits);
        let plain = bare.starts_with(|c: char| c.is_ascii_digit())
            && bare.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && bare.matches('.').count() <= 1
            && !bare.ends_with('.');
        let whole = !digits.contains('.');
        if !plain || bare.len() > 16 && !whole || whole && digits.parse::<i64>().is_err() {
            return None;
        }
        let kind = if whole { Kind::Int } else { Kind::Decimal };
        let literal = Some(Literal::Number(digits.to_owned()));
        Some(Self { literal, ..Self::atom(digits, kind) })
    }

    /// The text, in parentheses where it binds less tightly than that.
    pub(super) fn within(&self, level: Level) -> String {
        if self.level > level { format!("({})", self.sql) } else { self.sql.clone() }
    }

    pub(super) fn is_zero(&self) -> bool {
        matches!(&self.literal, Some(Literal::Number(n)) if n.parse::<f64>() == Ok(0.0))
    }

    pub(super) fn is_number_literal(&self) -> bool {
        matches!(self.literal, Some(Literal::Number(_)))
    }
}
