//! The walk through a parsed expression.

use sqlparser::ast::{BinaryOperator, CastKind, Expr, Ident, TrimWhereField, UnaryOperator, Value};
use syncline_types::TableSchema;

use super::compare::{Comparison, negated};
use super::functions::common;
use super::term::{Kind, Level, Literal, Term};
use crate::Dialect;

/// From one dialect to another, with the columns of both tables.
pub(super) struct Walk<'a> {
    pub(super) from: Dialect,
    pub(super) to: Dialect,
    source: &'a TableSchema,
    target: &'a TableSchema,
    /// The columns named so far.
    pub(super) columns: Vec<String>,
    /// It turns letters into upper or lower case.
    pub(super) by_letters: bool,
}

const TRUTH: &str = "a truth value is used as another";

impl<'a> Walk<'a> {
    pub(super) fn new(
        from: Dialect,
        to: Dialect,
        source: &'a TableSchema,
        target: &'a TableSchema,
    ) -> Self {
        Self { from, to, source, target, columns: Vec::new(), by_letters: false }
    }

    /// An expression that is true, false or NULL.
    pub(super) fn truth(&mut self, expression: &Expr) -> Result<Term, String> {
        let term = self.value(expression)?;
        match term.kind {
            Kind::Bool => Ok(term),
            // MySQL and SQLite take every number but 0 as true.
            Kind::Int if !matches!(self.from, Dialect::Postgres | Dialect::Ansi) => Ok(Term::new(
                format!("{} <> 0", term.within(Level::Sum)),
                Level::Comparison,
                Kind::Bool,
            )),
            _ => Err(TRUTH.into()),
        }
    }

    /// Any expression.
    pub(super) fn value(&mut self, expression: &Expr) -> Result<Term, String> {
        match expression {
            Expr::Nested(inner) => self.value(inner),
            Expr::Identifier(name) => self.column(name),
            Expr::CompoundIdentifier(names) => match names.last() {
                Some(name) => self.column(name),
                None => Err("it names no column".into()),
            },
            Expr::Value(value) => self.literal(&value.value),
            Expr::Prefixed { prefix, value } if self.from == Dialect::Mysql => {
                let charset = prefix.value.to_ascii_lowercase();
                match charset.as_str() {
                    "_utf8mb4" | "_utf8mb3" | "_utf8" | "_ascii" => self.value(value),
                    _ => Err(format!("a text in {charset}")),
                }
            }
            Expr::TypedString(typed) => {
                let Value::SingleQuotedString(text) = &typed.value.value else {
                    return Err(unknown(expression));
                };
                let text = Term::text(self.to, text);
                match typed.data_type.to_string().to_ascii_lowercase().as_str() {
                    "date" => self.moment(&text, Kind::Date),
                    "timestamp" => self.moment(&text, Kind::Timestamp),
                    _ => Err(unknown(expression)),
                }
            }
            Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::IsNull(inner) => self.is(inner, "IS NULL"),
            Expr::IsNotNull(inner) => self.is(inner, "IS NOT NULL"),
            Expr::IsTrue(inner) => self.is_truth(inner, "IS TRUE"),
            Expr::IsNotTrue(inner) => self.is_truth(inner, "IS NOT TRUE"),
            Expr::IsFalse(inner) => self.is_truth(inner, "IS FALSE"),
            Expr::IsNotFalse(inner) => self.is_truth(inner, "IS NOT FALSE"),
            Expr::InList { expr, list, negated: not } => self.in_list(expr, list.iter(), *not),
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => {
                let list = array(right).ok_or_else(|| unknown(expression))?;
                self.in_list(left, list.iter(), false)
            }
            Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => {
                let list = array(right).ok_or_else(|| unknown(expression))?;
                self.in_list(left, list.iter(), true)
            }
            Expr::Between { expr, negated: not, low, high } => self.between(expr, low, high, *not),
            Expr::Like { negated: not, any: false, expr, pattern, escape_char: None } => {
                self.pattern(expr, pattern, *not)
            }
            Expr::Function(function) => self.function(function),
            Expr::Trim {
                trim_where: None | Some(TrimWhereField::Both),
                trim_what: None,
                expr,
                trim_characters: None,
            } => {
                let text = self.value(expr)?;
                self.trimmed("trim", &text)
            }
            Expr::Substring { expr, substring_from: Some(start), substring_for, .. } => {
                let (text, start) = (self.value(expr)?, self.value(start)?);
                let count = substring_for.as_ref().map(|c| self.value(c)).transpose()?;
                self.part(&text, &start, count.as_ref())
            }
            Expr::Case { operand: None, conditions, else_result, .. } => {
                let mut branches = Vec::with_capacity(conditions.len());
                for branch in conditions {
                    branches.push((self.truth(&branch.condition)?, self.value(&branch.result)?));
                }
                let last = else_result.as_ref().map(|e| self.value(e)).transpose()?;
                self.case(&branches, last)
            }
            Expr::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon, expr, data_type, ..
            } if self.from == Dialect::Postgres => {
                let inner = self.value(expr)?;
                self.cast(inner, &data_type.to_string().to_ascii_lowercase())
            }
            _ => Err(unknown(expression)),
        }
    }

    fn column(&mut self, name: &Ident) -> Result<Term, String> {
        let fits = |given: &str| match self.from {
            Dialect::Postgres if name.quote_style.is_none() => given == name.value.to_lowercase(),
            Dialect::Postgres | Dialect::Ansi => given == name.value,
            Dialect::Mysql => given.to_lowercase() == name.value.to_lowercase(),
            Dialect::Sqlite => given.eq_ignore_ascii_case(&name.value),
        };
        let lost = || format!("it names {}, which is no column of the table", name.value);
        let source = self.source.columns.iter().find(|c| fits(c.name())).ok_or_else(lost)?;
        let target = self.target.column(source.name()).ok_or_else(lost)?;
        let kind = Kind::of(self.from, &source.field, self.to, &target.field);
        if !self.columns.iter().any(|c| c == source.name()) {
            self.columns.push(source.name().to_owned());
        }
        let there = target.field.data_type();
        Ok(Term {
            unsigned: source.field.data_type().is_unsigned_integer(),
            narrow: there.is_integer() && there.primitive_width().is_some_and(|w| w < 8),
            ..Term::atom(self.to.quote(target.name()), kind)
        })
    }

    fn literal(&self, value: &Value) -> Result<Term, String> {
        match value {
            Value::Number(digits, _) => {
                Term::number(digits).ok_or_else(|| format!("the number {digits}"))
            }
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => {
                if self.to.holds(text) {
                    Ok(Term::text(self.to, text))
                } else {
                    Err("a text with NUL".into())
                }
            }
            Value::Boolean(truth) => {
                Ok(Term::atom(if *truth { "TRUE" } else { "FALSE" }, Kind::Bool))
            }
            Value::Null => Ok(Term::atom("NULL", Kind::Null)),
            other => Err(format!("the constant {other}")),
        }
    }

    fn unary(&mut self, op: UnaryOperator, inner: &Expr) -> Result<Term, String> {
        match op {
            UnaryOperator::Not => Ok(negated(&self.truth(inner)?)),
            UnaryOperator::Plus => self.value(inner),
            UnaryOperator::Minus => {
                let term = self.value(inner)?;
                if let Some(Literal::Number(digits)) = &term.literal {
                    return Term::number(&format!("-{digits}")).ok_or_else(|| unknown(inner));
                }
                match term.kind {
                    Kind::Int | Kind::Decimal | Kind::Double if !term.unsigned => {
                        let sql = format!("- {}", term.within(Level::Atom));
                        Ok(Term::new(sql, Level::Sum, term.kind))
                    }
                    _ => Err("the negative of what has none everywhere".into()),
                }
            }
            _ => Err(format!("{op} is not the same elsewhere")),
        }
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<Term, String> {
        use BinaryOperator as Op;
        let comparison = match op {
            Op::Eq => Some(Comparison::Equal),
            Op::NotEq => Some(Comparison::NotEqual),
            Op::Lt => Some(Comparison::Ordered("<")),
            Op::LtEq => Some(Comparison::Ordered("<=")),
            Op::Gt => Some(Comparison::Ordered(">")),
            Op::GtEq => Some(Comparison::Ordered(">=")),
            _ => None,
        };
        if let Some(how) = comparison {
            let (left, right) = (self.value(left)?, self.value(right)?);
            return self.compare(left, how, right);
        }
        match op {
            Op::And => self.both(left, right, "AND", Level::And),
            Op::Or => self.both(left, right, "OR", Level::Or),
            Op::Plus => self.sum(left, right, "+", Level::Sum),
            Op::Minus => self.sum(left, right, "-", Level::Sum),
            Op::Multiply => self.sum(left, right, "*", Level::Product),
            Op::Divide => self.divide(left, right),
            Op::MyIntegerDivide => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                self.divide_whole(&left, &right)
            }
            Op::Modulo => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                self.remainder(&left, &right)
            }
            Op::StringConcat if self.from != Dialect::Mysql => {
                let terms = [self.value(left)?, self.value(right)?];
                self.joined(&terms)
            }
            Op::PGLikeMatch => self.pattern(left, right, false),
            Op::PGNotLikeMatch => self.pattern(left, right, true),
            _ => Err(format!("{op} is not the same elsewhere")),
        }
    }

    fn both(
        &mut self,
        left: &Expr,
        right: &Expr,
        word: &str,
        level: Level,
    ) -> Result<Term, String> {
        let (left, right) = (self.truth(left)?, self.truth(right)?);
        // Not mixed without parentheses, for those who read it.
        let side = |term: &Term| match term.level {
            l if l == level || l <= Level::Comparison => term.sql.clone(),
            _ => format!("({})", term.sql),
        };
        Ok(Term::new(format!("{} {word} {}", side(&left), side(&right)), level, Kind::Bool))
    }

    fn sum(&mut self, left: &Expr, right: &Expr, op: &str, level: Level) -> Result<Term, String> {
        let (left, right) = (self.value(left)?, self.value(right)?);
        let kind = self.of_numbers(&left, &right)?;
        let unsigned = left.unsigned || right.unsigned;
        if op == "-" && unsigned && self.from == Dialect::Mysql {
            return Err("MySQL has no difference of unsigned numbers below zero".into());
        }
        let tighter = if level == Level::Sum { Level::Product } else { Level::Atom };
        let (l, r) = (self.widened(&left, level), self.widened(&right, tighter));
        Ok(Term { unsigned, ..Term::new(format!("{l} {op} {r}"), level, kind) })
    }

    /// What comes of counting with both.
    fn of_numbers(&self, left: &Term, right: &Term) -> Result<Kind, String> {
        use Kind::{Decimal, Double, Int};
        let kind = match (left.kind, right.kind) {
            (Int, Int) => Int,
            (Int | Decimal, Int | Decimal) => Decimal,
            (Double, Double | Int) | (Int, Double) => Double,
            (Double, Decimal) if right.is_number_literal() => Double,
            (Decimal, Double) if left.is_number_literal() => Double,
            _ => return Err("it counts with values that are not counted the same elsewhere".into()),
        };
        let in_floats = self.from == Dialect::Sqlite || self.to == Dialect::Sqlite;
        if kind == Decimal && in_floats {
            return Err("SQLite counts decimals in floats".into());
        }
        Ok(kind)
    }

    /// PostgreSQL counts in the width of its columns; MySQL and SQLite in 64 bits.
    fn widened(&self, term: &Term, level: Level) -> String {
        if term.narrow && self.to == Dialect::Postgres && self.from != Dialect::Postgres {
            format!("CAST({} AS bigint)", term.sql)
        } else {
            term.within(level)
        }
    }

    fn divide(&mut self, left: &Expr, right: &Expr) -> Result<Term, String> {
        let (left, right) = (self.value(left)?, self.value(right)?);
        let by_constant = right.is_number_literal() && !right.is_zero();
        match (left.kind, right.kind) {
            (Kind::Double, Kind::Double | Kind::Int | Kind::Decimal) if by_constant => {
                let sql = format!("{} / {}", left.within(Level::Product), right.sql);
                Ok(Term::new(sql, Level::Product, Kind::Double))
            }
            (Kind::Int, Kind::Int) if self.from != Dialect::Mysql => {
                self.divide_whole(&left, &right)
            }
            _ => Err("/ is not the same elsewhere".into()),
        }
    }

    /// Whole numbers, what is left over dropped.
    fn divide_whole(&self, left: &Term, right: &Term) -> Result<Term, String> {
        self.by_constant(left, right)?;
        let op = if self.to == Dialect::Mysql { "DIV" } else { "/" };
        let sql = format!("{} {op} {}", self.widened(left, Level::Product), right.sql);
        Ok(Term { unsigned: left.unsigned, ..Term::new(sql, Level::Product, Kind::Int) })
    }

    pub(super) fn remainder(&self, left: &Term, right: &Term) -> Result<Term, String> {
        self.by_constant(left, right)?;
        let sql = match self.to {
            Dialect::Ansi => format!("MOD({}, {})", left.sql, right.sql),
            _ => format!("{} % {}", self.widened(left, Level::Product), right.sql),
        };
        Ok(Term { unsigned: left.unsigned, ..Term::new(sql, Level::Product, Kind::Int) })
    }

    /// What a division by zero gives is another thing in every store.
    fn by_constant(&self, left: &Term, right: &Term) -> Result<(), String> {
        let whole = left.kind == Kind::Int && right.kind == Kind::Int;
        if whole && right.is_number_literal() && !right.is_zero() {
            return Ok(());
        }
        Err("a division is not the same elsewhere".into())
    }

    fn is(&mut self, inner: &Expr, what: &str) -> Result<Term, String> {
        let term = self.value(inner)?;
        let sql = format!("{} {what}", term.within(Level::Atom));
        Ok(Term::new(sql, Level::Comparison, Kind::Bool))
    }

    fn is_truth(&mut self, inner: &Expr, what: &str) -> Result<Term, String> {
        let term = self.truth(inner)?;
        let sql = format!("{} {what}", term.within(Level::Atom));
        Ok(Term::new(sql, Level::Comparison, Kind::Bool))
    }

    fn in_list<'e>(
        &mut self,
        left: &Expr,
        list: impl Iterator<Item = &'e Expr>,
        not: bool,
    ) -> Result<Term, String> {
        let left = self.value(left)?;
        let list = list.map(|item| self.value(item)).collect::<Result<Vec<Term>, String>>()?;
        let found = self.one_of(&left, list)?;
        Ok(if not { negated(&found) } else { found })
    }

    fn between(&mut self, expr: &Expr, low: &Expr, high: &Expr, not: bool) -> Result<Term, String> {
        let value = self.value(expr)?;
        let (low, high) = (self.value(low)?, self.value(high)?);
        let low = self.compare(value.clone(), Comparison::Ordered(">="), low)?;
        let high = self.compare(value, Comparison::Ordered("<="), high)?;
        let both = Term::new(format!("{} AND {}", low.sql, high.sql), Level::And, Kind::Bool);
        Ok(if not { negated(&both) } else { both })
    }

    fn pattern(&mut self, left: &Expr, pattern: &Expr, not: bool) -> Result<Term, String> {
        let (left, pattern) = (self.value(left)?, self.value(pattern)?);
        let fits = self.like(&left, &pattern)?;
        Ok(if not { negated(&fits) } else { fits })
    }

    /// The value of the first branch that is true.
    pub(super) fn case(
        &mut self,
        branches: &[(Term, Term)],
        last: Option<Term>,
    ) -> Result<Term, String> {
        let values: Vec<Term> = branches.iter().map(|b| b.1.clone()).chain(last.clone()).collect();
        let kind = common(&values)?;
        let mut sql = String::from("CASE");
        for (test, value) in branches {
            sql.push_str(&format!(" WHEN {} THEN {}", test.sql, value.sql));
        }
        if let Some(last) = last {
            sql.push_str(&format!(" ELSE {}", last.sql));
        }
        sql.push_str(" END");
        Ok(Term { unsigned: values.iter().any(|v| v.unsigned), ..Term::atom(sql, kind) })
    }

    /// PostgreSQL writes the types of constants, and shows the casts it makes by itself.
    fn cast(&self, inner: Term, name: &str) -> Result<Term, String> {
        let refused = || format!("a cast to {name}");
        let said = match &inner.literal {
            Some(Literal::Text(text) | Literal::Number(text)) => Some(text.clone()),
            None => None,
        };
        let number = |whole: bool| {
            let term = said.as_deref().and_then(Term::number)?;
            (!whole || term.kind == Kind::Int).then_some(term)
        };
        match (name, inner.kind) {
            (_, Kind::Null) => Ok(inner),
            ("text" | "varchar" | "character varying", Kind::Text(_)) => Ok(inner),
            ("boolean" | "bool", Kind::Bool) => Ok(inner),
            ("smallint" | "integer" | "int" | "bigint", _) if inner.literal.is_some() => {
                number(true).ok_or_else(refused)
            }
            ("integer" | "int" | "bigint", Kind::Int) => Ok(inner),
            ("numeric", _) if inner.literal.is_some() => {
                let term = number(false).ok_or_else(refused)?;
                Ok(Term { kind: Kind::Decimal, ..term })
            }
            ("numeric", Kind::Int | Kind::Decimal) => Ok(Term { kind: Kind::Decimal, ..inner }),
            ("double precision", _) if inner.literal.is_some() => {
                let term = number(false).ok_or_else(refused)?;
                Ok(Term { kind: Kind::Double, ..term })
            }
            ("double precision", Kind::Double | Kind::Single) => Ok(inner),
            ("date", Kind::Text(_)) => self.moment(&inner, Kind::Date),
            ("date", Kind::Date) => Ok(inner),
            ("timestamp" | "timestamp without time zone", Kind::Text(_)) => {
                self.moment(&inner, Kind::Timestamp)
            }
            ("timestamp" | "timestamp without time zone", Kind::Timestamp) => Ok(inner),
            _ => Err(refused()),
        }
    }
}

/// The elements of `ARRAY[…]`, through the casts that PostgreSQL puts around it.
fn array(expression: &Expr) -> Option<Vec<Expr>> {
    match expression {
        Expr::Nested(inner) => array(inner),
        Expr::Array(array) => Some(array.elem.clone()),
        Expr::Cast { expr, data_type, .. } => {
            let name = data_type.to_string().to_ascii_lowercase();
            let texts = ["text[]", "varchar[]", "character varying[]"];
            texts.contains(&name.as_str()).then(|| array(expr)).flatten()
        }
        _ => None,
    }
}

fn unknown(expression: &Expr) -> String {
    format!("{expression} is not the same elsewhere")
}
