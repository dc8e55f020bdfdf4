//! Functions that mean the same in every store, under the names each has for them.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectNamePart,
};

use super::term::{Kind, Level, Literal, Order, Term};
use super::walk::Walk;
use crate::Dialect;

impl Walk<'_> {
    pub(super) fn function(&mut self, function: &Function) -> Result<Term, String> {
        let unknown = || format!("{} is not the same elsewhere", function.name);
        let name = match function.name.0.last() {
            Some(ObjectNamePart::Identifier(name)) => name.value.to_ascii_lowercase(),
            _ => return Err(unknown()),
        };
        let given = arguments(function).ok_or_else(unknown)?;
        if name == "if" && self.from == Dialect::Mysql {
            let [test, yes, no] = given.as_slice() else { return Err(unknown()) };
            let (test, yes, no) = (self.truth(test)?, self.value(yes)?, self.value(no)?);
            return self.case(&[(test, yes)], Some(no));
        }
        let mut terms = Vec::with_capacity(given.len());
        for argument in given {
            terms.push(self.value(argument)?);
        }
        let from = self.from;
        match (name.as_str(), terms.as_slice()) {
            ("lower" | "lcase", [text]) => self.letters("lower", text),
            ("upper" | "ucase", [text]) => self.letters("upper", text),
            ("char_length" | "character_length", [text]) if from != Dialect::Sqlite => {
                self.length(text)
            }
            ("length", [text]) if from != Dialect::Mysql => self.length(text),
            ("abs", [number]) => absolute(number),
            ("coalesce", terms) if terms.len() > 1 => same_of("coalesce", terms),
            ("ifnull", terms) if terms.len() == 2 && from != Dialect::Postgres => {
                same_of("coalesce", terms)
            }
            ("concat", terms) if from == Dialect::Mysql && terms.len() > 1 => self.joined(terms),
            ("btrim", [text]) if from == Dialect::Postgres => self.trimmed("trim", text),
            ("ltrim", [text]) => self.trimmed("ltrim", text),
            ("rtrim", [text]) => self.trimmed("rtrim", text),
            ("left", [text, count]) if from != Dialect::Sqlite => {
                let one = Term::number("1").ok_or_else(unknown)?;
                self.part(text, &one, Some(count))
            }
            ("substr" | "substring", [text, start]) => self.part(text, start, None),
            ("substr" | "substring", [text, start, count]) => self.part(text, start, Some(count)),
            ("mod", [left, right]) => self.remainder(left, right),
            _ => Err(unknown()),
        }
    }

    /// Texts one behind the other; NULL when one is.
    pub(super) fn joined(&self, terms: &[Term]) -> Result<Term, String> {
        let mut order = Order::Exact;
        for term in terms {
            let Kind::Text(o) = term.kind else {
                return Err("it makes texts of other values".into());
            };
            order = order.max(o);
        }
        Ok(match self.to {
            Dialect::Mysql => {
                let parts: Vec<&str> = terms.iter().map(|t| t.sql.as_str()).collect();
                Term::atom(format!("concat({})", parts.join(", ")), Kind::Text(order))
            }
            _ => {
                let parts: Vec<String> = terms.iter().map(|t| t.within(Level::Atom)).collect();
                Term::new(parts.join(" || "), Level::Sum, Kind::Text(order))
            }
        })
    }

    fn letters(&mut self, name: &str, text: &Term) -> Result<Term, String> {
        self.by_letters = true;
        self.of_text(name, text)
    }

    fn of_text(&self, name: &str, text: &Term) -> Result<Term, String> {
        match text.kind {
            Kind::Text(_) => Ok(Term::atom(format!("{name}({})", text.sql), text.kind)),
            _ => Err(format!("{name} of what is no text")),
        }
    }

    /// Without the spaces around it.
    pub(super) fn trimmed(&self, name: &str, text: &Term) -> Result<Term, String> {
        match (self.to, name) {
            (Dialect::Ansi, "ltrim") => self.of_text("TRIM(LEADING FROM ", text).map(closed),
            (Dialect::Ansi, "rtrim") => self.of_text("TRIM(TRAILING FROM ", text).map(closed),
            _ => self.of_text(name, text),
        }
    }

    fn length(&self, text: &Term) -> Result<Term, String> {
        let name = if self.to == Dialect::Sqlite { "length" } else { "char_length" };
        let length = self.of_text(name, text)?;
        Ok(Term { kind: Kind::Int, narrow: self.to == Dialect::Postgres, ..length })
    }

    /// So many characters of a text, from the one of that number on.
    pub(super) fn part(
        &self,
        text: &Term,
        start: &Term,
        count: Option<&Term>,
    ) -> Result<Term, String> {
        let whole = |term: &Term, least: i64| match &term.literal {
            Some(Literal::Number(n)) => n.parse::<i64>().ok().filter(|n| *n >= least),
            _ => None,
        };
        let odd = || "it takes a part of a text by places that are no constants".to_owned();
        let Kind::Text(_) = text.kind else { return Err(odd()) };
        let start = whole(start, 1).ok_or_else(odd)?;
        let count = count.map(|c| whole(c, 0).ok_or_else(odd)).transpose()?;
        let sql = match (self.to, count) {
            (Dialect::Ansi, Some(n)) => format!("SUBSTRING({} FROM {start} FOR {n})", text.sql),
            (Dialect::Ansi, None) => format!("SUBSTRING({} FROM {start})", text.sql),
            (_, Some(n)) => format!("substr({}, {start}, {n})", text.sql),
            (_, None) => format!("substr({}, {start})", text.sql),
        };
        Ok(Term::atom(sql, text.kind))
    }
}

/// The arguments of a plain call.
fn arguments(function: &Function) -> Option<Vec<&Expr>> {
    let plain = function.filter.is_none()
        && function.over.is_none()
        && function.null_treatment.is_none()
        && function.within_group.is_empty()
        && matches!(function.parameters, FunctionArguments::None);
    let FunctionArguments::List(list) = &function.args else { return None };
    if !plain || list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    let expression = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expression)) => Some(expression),
        _ => None,
    };
    list.args.iter().map(expression).collect()
}

fn closed(term: Term) -> Term {
    // `TRIM(LEADING FROM (x)`: the name brought a parenthesis of its own.
    Term { sql: format!("{})", term.sql), ..term }
}

fn absolute(number: &Term) -> Result<Term, String> {
    match number.kind {
        Kind::Int | Kind::Decimal | Kind::Double => Ok(Term {
            sql: format!("abs({})", number.sql),
            literal: None,
            level: Level::Atom,
            ..number.clone()
        }),
        _ => Err("abs of what is no number".into()),
    }
}

/// A function of values of one kind that gives one of them.
fn same_of(name: &str, terms: &[Term]) -> Result<Term, String> {
    let kind = common(terms)?;
    let parts: Vec<&str> = terms.iter().map(|t| t.sql.as_str()).collect();
    let term = Term::atom(format!("{name}({})", parts.join(", ")), kind);
    Ok(Term {
        unsigned: terms.iter().any(|t| t.unsigned),
        narrow: terms.iter().all(|t| t.narrow),
        ..term
    })
}

/// The kind that all have; a number without a point also stands for one with.
pub(super) fn common(terms: &[Term]) -> Result<Kind, String> {
    let mut kind: Option<Kind> = None;
    for term in terms {
        kind = Some(match (kind, term.kind) {
            (None, k) => k,
            (Some(k), Kind::Null) | (Some(Kind::Null), k) => k,
            (Some(Kind::Text(a)), Kind::Text(b)) => Kind::Text(a.max(b)),
            (Some(Kind::Decimal), Kind::Int) | (Some(Kind::Int), Kind::Decimal) => Kind::Decimal,
            (Some(a), b) if a == b => a,
            _ => return Err("its values are of different types".into()),
        });
    }
    match kind {
        Some(Kind::Other | Kind::LongDecimal | Kind::Single) | None => {
            Err("its type is one of the source alone".into())
        }
        Some(kind) => Ok(kind),
    }
}
