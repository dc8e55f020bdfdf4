//! Makes an expression exact before DataFusion sees its types.
//!
//! DataFusion's own coercions are made for queries: they compare dates with nanoseconds, round
//! wide decimals, read text as numbers and wrap on negation. Here, both sides of a comparison get a
//! type that holds every value of both, constants are read as the column's type when the plan is
//! made, casts go through the converter, and a comparison of text with anything else is refused.

use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Field, TimeUnit,
};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, DataFusionError, ScalarValue};
use datafusion_expr::expr::{Alias, Between, BinaryExpr, Case, InList, Like};
use datafusion_expr::{Expr, ExprSchemable, Operator};
use syncline_convert::portable::type_name;
use syncline_types::{Code, Error, field};

use super::exact::{exact_cast, exact_literal};

type Result<T> = std::result::Result<T, DataFusionError>;

fn bad(message: impl Into<String>) -> DataFusionError {
    DataFusionError::External(Box::new(Error::new(Code::BadExpression, message)))
}

/// Rewrites the whole expression, innermost parts first.
pub(super) fn align(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.ok().and_then(|t| i64::try_from(t.as_micros()).ok()).unwrap_or(0);
    let aligned = expr.transform_up(|expr| {
        Ok(match expr {
            Expr::Literal(value, metadata) => {
                Transformed::yes(Expr::Literal(plain_scale(value), metadata))
            }
            Expr::ScalarFunction(call) if call.args.is_empty() => {
                match moment(call.func.name(), now) {
                    Some(value) => Transformed::yes(Expr::Literal(value, None)),
                    None => Transformed::no(Expr::ScalarFunction(call)),
                }
            }
            Expr::BinaryExpr(binary) => Transformed::yes(align_binary(binary, schema)?),
            Expr::Between(between) => Transformed::yes(align_between(between, schema)?),
            Expr::InList(list) => Transformed::yes(align_list(list, schema)?),
            Expr::Case(case) => Transformed::yes(align_case(case, schema)?),
            Expr::Like(like) => Transformed::yes(Expr::Like(align_like(like, schema)?)),
            Expr::SimilarTo(like) => Transformed::yes(Expr::SimilarTo(align_like(like, schema)?)),
            Expr::Negative(inner) => Transformed::yes(align_negative(*inner, schema)?),
            Expr::Cast(cast) => {
                Transformed::yes(align_cast(*cast.expr, &cast.field, false, schema)?)
            }
            Expr::TryCast(cast) => {
                Transformed::yes(align_cast(*cast.expr, &cast.field, true, schema)?)
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(aligned.data)
}

/// The time at which the plan is made, in microseconds and as an instant; DataFusion's functions
/// give nanoseconds without a zone.
fn moment(function: &str, now: i64) -> Option<ScalarValue> {
    const DAY: i64 = 86_400_000_000;
    match function {
        "now" => Some(ScalarValue::TimestampMicrosecond(Some(now), Some("UTC".into()))),
        "current_date" => Some(ScalarValue::Date32(i32::try_from(now.div_euclid(DAY)).ok())),
        "current_time" => Some(ScalarValue::Time64Microsecond(Some(now.rem_euclid(DAY)))),
        _ => None,
    }
}

/// Casts that DataFusion's coercion has put in, made exact too.
pub(super) fn exact_casts(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let exact = expr.transform_up(|expr| {
        let Expr::Cast(cast) = expr else { return Ok(Transformed::no(expr)) };
        let from = cast.expr.to_field(schema)?.1;
        Ok(match exact_cast(cast.expr.as_ref().clone(), &from, &cast.field, false) {
            Some(exact) => Transformed::yes(exact),
            None => Transformed::no(Expr::Cast(cast)),
        })
    })?;
    Ok(exact.data)
}

fn align_cast(inner: Expr, to: &Field, forgiving: bool, schema: &DFSchema) -> Result<Expr> {
    let from = inner.to_field(schema)?.1;
    let (a, b) = (type_name(&from), type_name(to));
    exact_cast(inner, &from, to, forgiving).ok_or_else(|| bad(format!("no cast from {a} to {b}")))
}

fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn align_binary(binary: BinaryExpr, schema: &DFSchema) -> Result<Expr> {
    let BinaryExpr { left, op, right } = binary;
    if is_comparison(op) {
        let (left, right) = align_sides(*left, *right, schema)?;
        return Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))));
    }
    use Operator::{Divide, Minus, Modulo, Multiply, Plus};
    if !matches!(op, Plus | Minus | Multiply | Divide | Modulo) {
        return Ok(Expr::BinaryExpr(BinaryExpr::new(left, op, right)));
    }
    for side in [&left, &right] {
        let data_type = side.get_type(schema)?;
        if is_text(&data_type) || data_type == DataType::Boolean {
            let kind = type_name(&Field::new("", data_type, true));
            return Err(bad(format!("{kind} cannot be calculated with ({op}): cast it first")));
        }
    }
    let (left, right) = align_times(*left, *right, schema)?;
    Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))))
}

/// Sums and differences of times, where DataFusion would go over to nanoseconds, cut a part of a
/// day off, or begin the day anew.
fn align_times(left: Expr, right: Expr, schema: &DFSchema) -> Result<(Expr, Expr)> {
    use DataType::{Date32, Interval, Time64, Timestamp};
    let (a, b) = (left.get_type(schema)?, right.get_type(schema)?);
    let at_midnight = |date: Expr, zone: &Option<std::sync::Arc<str>>| {
        let to = Field::new("", Timestamp(TimeUnit::Microsecond, zone.clone()), true);
        exact_cast(date, &Field::new("date", Date32, true), &to, false)
            .ok_or_else(|| bad("a date that is no time"))
    };
    Ok(match (&a, &b) {
        (Time64(_), Interval(_)) | (Interval(_), Time64(_)) => {
            return Err(bad("a time of day has no sum beyond 24:00: cast it to duration"));
        }
        (Timestamp(_, zone), Date32) => (left, at_midnight(right, zone)?),
        (Date32, Timestamp(_, zone)) => (at_midnight(left, zone)?, right),
        (Date32, Interval(_)) if !whole_days(&right)? => (at_midnight(left, &None)?, right),
        (Interval(_), Date32) if !whole_days(&left)? => (left, at_midnight(right, &None)?),
        (Interval(_), _) => whole_days(&left).map(|_| (left, right))?,
        (_, Interval(_)) => whole_days(&right).map(|_| (left, right))?,
        _ => (left, right),
    })
}

/// Whether an interval is known to be of whole days.
fn whole_days(interval: &Expr) -> Result<bool> {
    match literal(interval) {
        Some(ScalarValue::IntervalMonthDayNano(Some(step))) if step.nanoseconds % 1_000 != 0 => {
            Err(bad("an interval finer than a microsecond"))
        }
        Some(ScalarValue::IntervalMonthDayNano(Some(step))) => Ok(step.nanoseconds == 0),
        Some(ScalarValue::IntervalYearMonth(_)) => Ok(true),
        _ => Ok(false),
    }
}

/// `1e3` as 1000: DataFusion reads it as a decimal of scale −3, which Arrow does not take.
fn plain_scale(value: ScalarValue) -> ScalarValue {
    let (precision, scale) = match value {
        ScalarValue::Decimal128(Some(_), p, s) | ScalarValue::Decimal256(Some(_), p, s) => (p, s),
        _ => return value,
    };
    let digits = i16::from(precision) - i16::from(scale);
    let to = match u8::try_from(digits) {
        Ok(p @ ..=DECIMAL128_MAX_PRECISION) if scale < 0 => DataType::Decimal128(p, 0),
        Ok(p @ ..=DECIMAL256_MAX_PRECISION) if scale < 0 => DataType::Decimal256(p, 0),
        _ => return value,
    };
    // Not through an Arrow array of the value's own type, which would not be valid.
    let text = value.to_string();
    exact_literal(&ScalarValue::Utf8(Some(text)), &to).unwrap_or(value)
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) if !value.is_null() => Some(value),
        _ => None,
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}

/// Both sides of a comparison in one type.
fn align_sides(left: Expr, right: Expr, schema: &DFSchema) -> Result<(Expr, Expr)> {
    if is_null(&left) || is_null(&right) {
        return Ok((left, right));
    }
    let (a, b) = (left.to_field(schema)?.1, right.to_field(schema)?.1);
    for side in [&a, &b] {
        if field::logical(side) == Some("decimal") {
            let message = format!("{} holds decimal text of any length", side.name());
            return Err(DataFusionError::External(Box::new(
                Error::new(Code::BadExpression, message)
                    .hint("compare it as a number: cast(… as decimal(38,10))"),
            )));
        }
    }
    if a.data_type() == b.data_type() {
        return Ok((one_zero(left, a.data_type()), one_zero(right, b.data_type())));
    }
    if let Some(value) = literal(&right)
        && let Some(same) = constant_as(value, &a)?
    {
        let right = Expr::Literal(same, None);
        return Ok((one_zero(left, a.data_type()), one_zero(right, a.data_type())));
    }
    if let Some(value) = literal(&left)
        && let Some(same) = constant_as(value, &b)?
    {
        let left = Expr::Literal(same, None);
        return Ok((one_zero(left, b.data_type()), one_zero(right, b.data_type())));
    }
    let Some(common) = common(a.data_type(), b.data_type()) else {
        let (a, b) = (type_name(&a), type_name(&b));
        return Err(bad(format!("{a} cannot be compared with {b}: cast one of them")));
    };
    let to = Field::new("", common, true);
    let cast = |expr: Expr, from: &Field| -> Result<Expr> {
        if from.data_type() == to.data_type() {
            return Ok(one_zero(expr, to.data_type()));
        }
        let (a, b) = (type_name(from), type_name(&to));
        let cast = exact_cast(expr, from, &to, false);
        let cast = cast.ok_or_else(|| bad(format!("no cast from {a} to {b}")))?;
        Ok(one_zero(cast, to.data_type()))
    };
    Ok((cast(left, &a)?, cast(right, &b)?))
}

/// Arrow tells −0 from 0, which are the same number: adding 0 makes them one.
fn one_zero(expr: Expr, data_type: &DataType) -> Expr {
    let zero = match data_type {
        DataType::Float32 => ScalarValue::Float32(Some(0.0)),
        DataType::Float64 => ScalarValue::Float64(Some(0.0)),
        _ => return expr,
    };
    let zero = Box::new(Expr::Literal(zero, None));
    Expr::BinaryExpr(BinaryExpr::new(Box::new(expr), Operator::Plus, zero))
}

/// A constant in the type of what it is compared with. `None` when another type must be found.
fn constant_as(value: &ScalarValue, other: &Field) -> Result<Option<ScalarValue>> {
    let to = other.data_type();
    if is_text(to) {
        return Ok(None);
    }
    let from = value.data_type();
    if is_text(&from) {
        // A text that is no such value is a mistake, not a comparison that never holds.
        let read = exact_literal(value, to);
        return read.map(Some).map_err(|e| {
            let text = value.to_string();
            let (name, column) = (type_name(other), other.name());
            let why = e.message().rsplit(": ").next().unwrap_or_default().to_owned();
            bad(format!("{text:?}, compared with {column}, is no {name}: {why}"))
        });
    }
    if matches!(to, DataType::Float32 | DataType::Float64) && from.is_numeric() {
        // The nearest float, as everywhere where floats are written in decimal.
        let text = exact_literal(value, &DataType::Utf8).map(|text| text.to_string()).ok();
        return Ok(text.and_then(|text| match to {
            DataType::Float32 => text.parse().ok().map(|v| ScalarValue::Float32(Some(v))),
            _ => text.parse().ok().map(|v| ScalarValue::Float64(Some(v))),
        }));
    }
    Ok(exact_literal(value, to).ok())
}

/// Digits of the largest value, for integers.
fn integer_digits(data_type: &DataType) -> Option<u8> {
    Some(match data_type {
        DataType::Int8 | DataType::UInt8 => 3,
        DataType::Int16 | DataType::UInt16 => 5,
        DataType::Int32 | DataType::UInt32 => 10,
        DataType::Int64 => 19,
        DataType::UInt64 => 20,
        _ => return None,
    })
}

/// Precision and scale as a decimal.
fn decimal(data_type: &DataType) -> Option<(i16, i16)> {
    match data_type {
        DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => Some(((*p).into(), (*s).into())),
        other => integer_digits(other).map(|digits| (digits.into(), 0)),
    }
}

/// A type that holds every value of both. `None` when there is none.
fn common(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType::{Date32, Duration, Float32, Float64, Time64, Timestamp};
    use TimeUnit::Microsecond;
    let is_float = |t: &DataType| matches!(t, Float32 | Float64);
    if let (Some((p1, s1)), Some((p2, s2))) = (decimal(a), decimal(b)) {
        let scale = s1.max(s2).max(0);
        let precision = u8::try_from((p1 - s1).max(p2 - s2) + scale).ok()?;
        let scale = i8::try_from(scale).ok()?;
        if integer_digits(a).is_some() && integer_digits(b).is_some() {
            // Both fit Int64 unless one is UInt64.
            let unsigned = *a == DataType::UInt64 || *b == DataType::UInt64;
            return Some(if unsigned { DataType::Decimal128(20, 0) } else { DataType::Int64 });
        }
        let wide = matches!(a, DataType::Decimal256(..)) || matches!(b, DataType::Decimal256(..));
        return match precision {
            ..=DECIMAL128_MAX_PRECISION if !wide => Some(DataType::Decimal128(precision, scale)),
            ..=DECIMAL256_MAX_PRECISION => Some(DataType::Decimal256(precision, scale)),
            _ => None,
        };
    }
    if (is_float(a) && (is_float(b) || decimal(b).is_some()))
        || (is_float(b) && decimal(a).is_some())
    {
        return Some(Float64);
    }
    let instant = || Timestamp(Microsecond, Some("UTC".into()));
    match (a, b) {
        (Date32, Timestamp(_, None)) | (Timestamp(_, None), Date32 | Timestamp(_, None)) => {
            Some(Timestamp(Microsecond, None))
        }
        (Date32 | Timestamp(..), Timestamp(..)) | (Timestamp(..), Date32) => Some(instant()),
        (Time64(_), Duration(_)) | (Duration(_), Time64(_)) => Some(Duration(Microsecond)),
        _ => None,
    }
}

/// `x BETWEEN a AND b` as two comparisons, so that each side finds its own type.
fn align_between(between: Between, schema: &DFSchema) -> Result<Expr> {
    let Between { expr, negated, low, high } = between;
    let compare =
        |a: Expr, op, b: Expr| align_binary(BinaryExpr::new(Box::new(a), op, Box::new(b)), schema);
    let low = compare(expr.as_ref().clone(), Operator::GtEq, *low)?;
    let high = compare(*expr, Operator::LtEq, *high)?;
    let both = low.and(high);
    Ok(if negated { Expr::Not(Box::new(both)) } else { both })
}

/// A list of constants in the type of what they are compared with; else one comparison each.
fn align_list(list: InList, schema: &DFSchema) -> Result<Expr> {
    let InList { expr, list, negated } = list;
    let mut same = Vec::with_capacity(list.len());
    for item in &list {
        let (left, item) = align_sides(expr.as_ref().clone(), item.clone(), schema)?;
        if left == *expr {
            same.push(item);
        }
    }
    if same.len() == list.len() {
        return Ok(Expr::InList(InList::new(expr, same, negated)));
    }
    let mut links = Vec::with_capacity(list.len());
    for item in list {
        let (left, right) = align_sides(expr.as_ref().clone(), item, schema)?;
        links.push(left.eq(right));
    }
    while links.len() > 1 {
        let mut pairs = Vec::with_capacity(links.len().div_ceil(2));
        let mut rest = links.into_iter();
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => left.or(right),
                None => left,
            });
        }
        links = pairs;
    }
    let any = links.pop().ok_or_else(|| bad("IN needs values"))?;
    Ok(if negated { Expr::Not(Box::new(any)) } else { any })
}

/// `CASE x WHEN v` as `CASE WHEN x = v`.
fn align_case(case: Case, schema: &DFSchema) -> Result<Expr> {
    let Case { expr, when_then_expr, else_expr } = case;
    let Some(operand) = expr else {
        return Ok(Expr::Case(Case { expr: None, when_then_expr, else_expr }));
    };
    let branches = when_then_expr.into_iter().map(|(when, then)| {
        let (left, right) = align_sides(operand.as_ref().clone(), *when, schema)?;
        Ok((Box::new(left.eq(right)), then))
    });
    let when_then_expr = branches.collect::<Result<Vec<_>>>()?;
    Ok(Expr::Case(Case { expr: None, when_then_expr, else_expr }))
}

/// LIKE is for text, and DataFusion knows no escape but the backslash.
fn align_like(like: Like, schema: &DFSchema) -> Result<Like> {
    for side in [&like.expr, &like.pattern] {
        let data_type = side.get_type(schema)?;
        if !is_text(&data_type) && data_type != DataType::Null {
            let kind = type_name(&Field::new("", data_type, true));
            return Err(bad(format!("LIKE is for text, not for {kind}: cast it first")));
        }
    }
    let Some(escape) = like.escape_char.filter(|c| *c != '\\') else { return Ok(like) };
    let Some(ScalarValue::Utf8(Some(pattern))) = literal(&like.pattern) else {
        return Err(bad("LIKE with ESCAPE needs a constant pattern"));
    };
    let mut rewritten = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        if c == escape {
            rewritten.push('\\');
            rewritten.push(characters.next().ok_or_else(|| bad("the pattern ends in its escape"))?);
        } else {
            if c == '\\' {
                rewritten.push('\\');
            }
            rewritten.push(c);
        }
    }
    let pattern = Box::new(Expr::Literal(ScalarValue::Utf8(Some(rewritten)), None));
    Ok(Like { pattern, escape_char: None, ..like })
}

/// Negation of an integer as a subtraction, which is checked.
fn align_negative(inner: Expr, schema: &DFSchema) -> Result<Expr> {
    let data_type = inner.get_type(schema)?;
    let negatable = data_type.is_numeric() || matches!(data_type, DataType::Interval(_));
    if !negatable && !data_type.is_null() {
        let kind = type_name(&Field::new("", data_type, true));
        return Err(bad(format!("{kind} cannot be negated")));
    }
    if !data_type.is_integer() {
        return Ok(Expr::Negative(Box::new(inner)));
    }
    let zero = Box::new(Expr::Literal(ScalarValue::Int64(Some(0)), None));
    Ok(Expr::BinaryExpr(BinaryExpr::new(zero, Operator::Minus, Box::new(inner))))
}

/// The expression without its outermost names.
pub(super) fn without_alias(expr: Expr) -> Expr {
    match expr {
        Expr::Alias(Alias { expr, .. }) => without_alias(*expr),
        other => other,
    }
}
