//! Text into sqlparser's tree, within limits that keep the rest from running out of stack.
//!
//! The parser, the planner and the evaluation all walk the tree by recursion. So parsing and
//! planning run on a thread with a large stack ([`on_large_stack`]), chains of AND and OR are made
//! into balanced trees, and what is still deeper than [`MAX_DEPTH`] is refused: evaluation then fits
//! into the stack of any worker.

use std::ops::ControlFlow;

use datafusion_sql::sqlparser::ast::{
    BinaryOperator, Expr, Query, SetExpr, Statement, UnaryOperator, Value, Visit, Visitor,
};
use datafusion_sql::sqlparser::dialect::GenericDialect;
use datafusion_sql::sqlparser::parser::{Parser, ParserError};
use datafusion_sql::sqlparser::tokenizer::Token;
use syncline_types::{Code, Error, Result};

/// Nesting of an expression at most, once chains of AND and OR are balanced.
const MAX_DEPTH: usize = 100;
/// Nesting at most of what the planner copies (see [`is_copied`]).
const MAX_COPIED: usize = 8;
/// Bytes of an expression at most; bounds how deep a tree the parser can build out of a chain.
const MAX_BYTES: usize = 64 * 1024;
/// Parentheses and the like within each other at most.
const MAX_NESTING: usize = 250;
/// Room for the deepest tree that [`MAX_BYTES`] allow. Memory is taken only as it is touched.
const STACK: usize = 256 * 1024 * 1024;

/// Runs `work` with room for deep recursion.
pub(crate) fn on_large_stack<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("plan".into()).stack_size(STACK);
        let handle = thread
            .spawn_scoped(scope, work)
            .map_err(|e| Error::bug("no thread to plan an expression on").because(e))?;
        handle.join().unwrap_or_else(|_| Err(Error::bug("planning an expression panicked")))
    })
}

/// One expression.
///
/// # Errors
/// [`Code::BadExpression`].
pub(super) fn expression(text: &str) -> Result<Expr> {
    let mut parser = parser(text)?;
    let expr = parser.parse_expr().map_err(|e| syntax(&e))?;
    ended(&mut parser)?;
    within_depth(balance(expr))
}

/// One SELECT.
///
/// # Errors
/// [`Code::BadExpression`].
pub(super) fn query(text: &str) -> Result<Query> {
    let mut parser = parser(text)?;
    let statement = parser.parse_statement().map_err(|e| syntax(&e))?;
    let _ = parser.consume_token(&Token::SemiColon);
    ended(&mut parser)?;
    let Statement::Query(mut query) = statement else {
        return Err(Error::new(Code::BadExpression, "sql takes one SELECT"));
    };
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.selection = select.selection.take().map(balance);
    }
    within_depth(*query)
}

fn parser(text: &str) -> Result<Parser<'static>> {
    if text.len() > MAX_BYTES {
        let message = format!("the expression has {} bytes; {MAX_BYTES} are allowed", text.len());
        return Err(Error::new(Code::BadExpression, message));
    }
    static DIALECT: GenericDialect = GenericDialect {};
    Parser::new(&DIALECT)
        .with_recursion_limit(MAX_NESTING)
        .try_with_sql(text)
        .map_err(|e| syntax(&e))
}

fn syntax(error: &ParserError) -> Error {
    let message = match error {
        ParserError::RecursionLimitExceeded => return too_deep(),
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
    };
    Error::new(Code::BadExpression, message)
}

fn too_deep() -> Error {
    Error::new(Code::BadExpression, "the expression is nested too deeply")
        .hint("split it over several steps, or write long chains with IN")
}

fn ended(parser: &mut Parser) -> Result<()> {
    let next = parser.peek_token();
    if next.token == Token::EOF {
        return Ok(());
    }
    let message = format!("{} was not expected{}", next.token, next.span.start);
    Err(Error::new(Code::BadExpression, message))
}

/// Makes chains of AND or OR, which the parser leaves as deep as they are long, into balanced
/// trees. Both are associative, with NULL too.
fn balance(expr: Expr) -> Expr {
    match expr {
        Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
            let mut links = vec![*right];
            let mut rest = *left;
            loop {
                match rest {
                    Expr::BinaryOp { left, op: same, right } if same == op => {
                        links.push(*right);
                        rest = *left;
                    }
                    first => {
                        links.push(first);
                        break;
                    }
                }
            }
            links.reverse();
            join(links.into_iter().map(balance).collect(), &op)
        }
        Expr::Nested(inner) => Expr::Nested(Box::new(balance(*inner))),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
            Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(balance(*expr)) }
        }
        other => other,
    }
}

fn join(mut links: Vec<Expr>, op: &BinaryOperator) -> Expr {
    while links.len() > 1 {
        let mut pairs = Vec::with_capacity(links.len().div_ceil(2));
        let mut rest = links.into_iter();
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => {
                    Expr::BinaryOp { left: Box::new(left), op: op.clone(), right: Box::new(right) }
                }
                None => left,
            });
        }
        links = pairs;
    }
    // A chain has two links at least.
    links.pop().unwrap_or_else(|| Expr::value(Value::Boolean(true)))
}

/// Whether the planner copies the parts of an expression, or computes their types more than once:
/// each such level within another doubles the work.
fn is_copied(expr: &Expr) -> bool {
    const FUNCTIONS: &[&str] = &["coalesce", "ifnull", "nullif", "nvl", "nvl2"];
    match expr {
        Expr::Case { .. } | Expr::Between { .. } | Expr::InList { .. } => true,
        Expr::Function(call) => {
            let name = call.name.to_string();
            FUNCTIONS.iter().any(|f| name.eq_ignore_ascii_case(f))
        }
        _ => false,
    }
}

/// Parts of SQL that need more than one row, or values from outside.
fn foreign(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => Some("subqueries"),
        Expr::AllOp { .. } | Expr::AnyOp { .. } => Some("ANY and ALL"),
        Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) => Some("aggregates"),
        Expr::Function(call) if call.over.is_some() => Some("window functions"),
        Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => Some("parameters"),
        _ => None,
    }
}

fn within_depth<T: Visit>(tree: T) -> Result<T> {
    #[derive(Default)]
    struct Depth {
        all: usize,
        copied: usize,
    }
    impl Visitor for Depth {
        type Break = Error;
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
            if let Some(what) = foreign(expr) {
                let message = format!("{what} are not possible: an expression sees one row");
                return ControlFlow::Break(Error::new(Code::BadExpression, message));
            }
            // Parentheses leave nothing behind in the plan.
            self.all += usize::from(!matches!(expr, Expr::Nested(_)));
            self.copied += usize::from(is_copied(expr));
            if self.all > MAX_DEPTH || self.copied > MAX_COPIED {
                return ControlFlow::Break(too_deep());
            }
            ControlFlow::Continue(())
        }
        fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
            self.all -= usize::from(!matches!(expr, Expr::Nested(_)));
            self.copied -= usize::from(is_copied(expr));
            ControlFlow::Continue(())
        }
    }
    match tree.visit(&mut Depth::default()) {
        ControlFlow::Continue(()) => Ok(tree),
        ControlFlow::Break(error) => Err(error),
    }
}
