//! Truth values, integers, years, decimals and floats: from each into each.

use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Decimal256Type, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type, i256,
};

use crate::digits::{self, Digits, Whole};
use crate::float;
use crate::kind::Kind;
use crate::misfit::{Fit, Misfit, conversion, out_of_range};
use crate::route::{Route, depends, every, some};
use crate::stage::{self, Stage};

pub(crate) fn is_number(kind: &Kind) -> bool {
    use Kind::{Bool, Decimal, Float32, Float64, Int, Year};
    matches!(kind, Bool | Int { .. } | Year | Float32 | Float64 | Decimal { .. })
}

/// Bits and sign of an integer; a year is one of sixteen bits.
fn as_int(kind: &Kind) -> Option<(u8, bool)> {
    match kind {
        Kind::Int { bits, signed } => Some((*bits, *signed)),
        Kind::Year => Some((16, true)),
        _ => None,
    }
}

fn beyond() -> Misfit {
    out_of_range("beyond the type's range")
}

/// An integer in a text: digits with a sign. A fraction of zeros, or an exponent, is taken as long
/// as the number is whole.
pub(crate) fn parse_int<T>(text: &str) -> Fit<T>
where
    T: std::str::FromStr<Err = std::num::ParseIntError> + TryFrom<i128>,
{
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    match text.parse::<T>() {
        Ok(value) => Ok(value),
        Err(e) if matches!(e.kind(), PosOverflow | NegOverflow) => Err(beyond()),
        Err(_) => match Digits::read(text) {
            None => Err(conversion("not a whole number")),
            Some(digits) => match digits.unscaled::<i128>(38, 0) {
                Ok(value) => T::try_from(value).map_err(|_| beyond()),
                Err(misfit) if misfit == digits::too_fine() => {
                    Err(conversion("not a whole number"))
                }
                Err(_) => Err(beyond()),
            },
        },
    }
}

/// The years MySQL's YEAR holds: 0 and 1901 to 2155.
pub(crate) fn year(value: i16) -> Fit<i16> {
    match value {
        0 | 1901..=2155 => Ok(value),
        _ => Err(out_of_range("not a year of 1901 to 2155")),
    }
}

/// The way between two kinds of number.
pub(crate) fn route(from: &Kind, to: &Kind, target: &DataType) -> Option<Route> {
    match (from, to) {
        (Kind::Bool, _) => {
            let mut stages = vec![stage::from_bool::<Int8Type>(i8::from)];
            let rest = route(&Kind::Int { bits: 8, signed: true }, to, target)?;
            stages.extend(rest.stages);
            let too_narrow = matches!(to, Kind::Decimal { precision, scale, .. }
                if i16::from(*precision) <= i16::from(*scale));
            depends(!too_narrow && *to != Kind::Year, "true is refused", stages)
        }
        (_, Kind::Bool) => {
            let mut stages =
                route(from, &Kind::Int { bits: 64, signed: true }, &DataType::Int64)?.stages;
            stages.push(stage::to_bool::<Int64Type>(|v| match v {
                0 => Ok(false),
                1 => Ok(true),
                _ => Err(conversion("neither 0 nor 1")),
            }));
            some("only 0 and 1 are taken", stages)
        }
        (_, Kind::Year) => {
            let mut stages =
                route(from, &Kind::Int { bits: 16, signed: true }, &DataType::Int16)?.stages;
            stages.push(stage::map::<Int16Type, Int16Type>(year, |a| a));
            some("only the years 0 and 1901 to 2155 are taken", stages)
        }
        (Kind::Float32, Kind::Float64) => every(vec![stage::cast(DataType::Float64)]),
        (Kind::Float64, Kind::Float32) => {
            let narrow = |v: f64| {
                let small = v as f32;
                // NaN differs from itself, and stays one.
                if f64::from(small) == v || v.is_nan() {
                    Ok(small)
                } else if small.is_infinite() {
                    Err(beyond())
                } else {
                    Err(conversion("it would lose digits"))
                }
            };
            let stages = vec![stage::map::<Float64Type, Float32Type>(narrow, |a| a)];
            some("values that need its digits are refused", stages)
        }
        (
            Kind::Decimal { precision, scale, wide },
            Kind::Decimal { precision: p, scale: s, .. },
        ) => {
            let before = |p: u8, s: i8| i16::from(p) - i16::from(s);
            let fits = s >= scale && before(*p, *s) >= before(*precision, *scale);
            let stages = vec![decimal_to_decimal(*wide, *scale, *p, *s, target)];
            depends(fits, "values with more digits are refused", stages)
        }
        (Kind::Decimal { precision, scale, wide }, Kind::Float32 | Kind::Float64) => {
            let single = *to == Kind::Float32;
            // So many digits always survive.
            let fits = *precision <= if single { 6 } else { 15 };
            let stages = vec![decimal_to_float(*wide, *scale, single)];
            depends(fits, "values that need more digits are refused", stages)
        }
        (Kind::Float32 | Kind::Float64, Kind::Decimal { precision, scale, .. }) => {
            let stages = vec![float_to_decimal(*from == Kind::Float32, *precision, *scale, target)];
            some("values with other digits are refused", stages)
        }
        _ => with_ints(from, to, target),
    }
}

/// The ways where at least one side is an integer.
fn with_ints(from: &Kind, to: &Kind, target: &DataType) -> Option<Route> {
    match (as_int(from), as_int(to)) {
        (Some(a), Some(b)) => {
            let fits = match (a, b) {
                _ if *from == Kind::Year => b.0 > 8,
                ((n, true), (m, true)) | ((n, false), (m, false)) => n <= m,
                ((n, false), (m, true)) => n < m,
                ((_, true), (_, false)) => false,
            };
            if fits {
                return every(vec![stage::cast(target.clone())]);
            }
            let mut stages = widen(a);
            stages.push(narrow(a.1, b));
            some("values beyond its range are refused", stages)
        }
        (Some(a), None) => {
            let mut stages = widen(a);
            let signed = a.1;
            // Digits of the largest value of that many bits.
            let digits = match a {
                (8, _) => 3,
                (16, _) => 5,
                (32, _) => 10,
                (_, true) => 19,
                (_, false) => 20,
            };
            match to {
                Kind::Float32 | Kind::Float64 => {
                    let single = *to == Kind::Float32;
                    stages.push(int_to_float(signed, single));
                    let room = if single { 16 } else { 32 };
                    depends(a.0 <= room, "values that need more digits are refused", stages)
                }
                Kind::Decimal { precision, scale, .. } => {
                    let fits = *scale >= 0 && i16::from(*precision) - i16::from(*scale) >= digits;
                    stages.push(int_to_decimal(signed, *precision, *scale, target));
                    depends(fits, "values with more digits are refused", stages)
                }
                _ => None,
            }
        }
        (None, Some(b)) => {
            let first = match from {
                Kind::Float32 => vec![stage::cast(DataType::Float64), float_to_int(b.1)],
                Kind::Float64 => vec![float_to_int(b.1)],
                Kind::Decimal { scale, wide, .. } => {
                    vec![decimal_to_int(*wide, *scale, b.1)]
                }
                _ => return None,
            };
            let mut stages = first;
            if b.0 < 64 {
                stages.push(narrow(b.1, b));
            }
            let fits = match from {
                Kind::Decimal { precision, scale, .. } => {
                    // The digits that every value of the type has room for.
                    let room = match b.0 {
                        8 => 2,
                        16 => 4,
                        32 => 9,
                        _ => 18,
                    };
                    b.1 && *scale <= 0 && i16::from(*precision) - i16::from(*scale) <= room
                }
                _ => false,
            };
            depends(fits, "only whole numbers in its range are taken", stages)
        }
        (None, None) => None,
    }
}

/// Into 64 bits of the same sign.
fn widen((bits, signed): (u8, bool)) -> Vec<Stage> {
    match (bits, signed) {
        (64, _) => vec![],
        (_, true) => vec![stage::cast(DataType::Int64)],
        (_, false) => vec![stage::cast(DataType::UInt64)],
    }
}

/// From 64 bits into a type that may be too small.
fn narrow(signed: bool, to: (u8, bool)) -> Stage {
    fn into<T: ArrowPrimitiveType>(signed: bool) -> Stage
    where
        T::Native: TryFrom<i64> + TryFrom<u64>,
    {
        if signed {
            stage::map::<Int64Type, T>(|v| T::Native::try_from(v).map_err(|_| beyond()), |a| a)
        } else {
            stage::map::<UInt64Type, T>(|v| T::Native::try_from(v).map_err(|_| beyond()), |a| a)
        }
    }
    match to {
        (8, true) => into::<Int8Type>(signed),
        (16, true) => into::<Int16Type>(signed),
        (32, true) => into::<Int32Type>(signed),
        (_, true) => into::<Int64Type>(signed),
        (8, false) => into::<UInt8Type>(signed),
        (16, false) => into::<UInt16Type>(signed),
        (32, false) => into::<UInt32Type>(signed),
        (_, false) => into::<UInt64Type>(signed),
    }
}

fn int_to_float(signed: bool, single: bool) -> Stage {
    match (signed, single) {
        (true, true) => stage::map::<Int64Type, Float32Type>(|v| float::from_int(v.into()), |a| a),
        (true, false) => stage::map::<Int64Type, Float64Type>(|v| float::from_int(v.into()), |a| a),
        (false, true) => {
            stage::map::<UInt64Type, Float32Type>(|v| float::from_int(v.into()), |a| a)
        }
        (false, false) => {
            stage::map::<UInt64Type, Float64Type>(|v| float::from_int(v.into()), |a| a)
        }
    }
}

fn float_to_int(signed: bool) -> Stage {
    if signed {
        stage::map::<Float64Type, Int64Type>(float::to_int, |a| a)
    } else {
        stage::map::<Float64Type, UInt64Type>(float::to_int, |a| a)
    }
}

/// Brings a number to a scale, within a precision.
fn fit<A: Whole, B: Whole>(value: A, from: i8, precision: u8, scale: i8) -> Fit<B> {
    // In full width when either side is wide.
    if size_of::<A>() == size_of::<B>() {
        let value = digits::rescale(value, from, scale)?;
        if !value.within(precision) {
            return Err(digits::too_many_digits());
        }
        return B::narrow(value.wide()).ok_or_else(digits::too_many_digits);
    }
    let value = digits::rescale(value.wide(), from, scale)?;
    if !value.within(precision) {
        return Err(digits::too_many_digits());
    }
    B::narrow(value).ok_or_else(digits::too_many_digits)
}

fn is_wide(target: &DataType) -> bool {
    matches!(target, DataType::Decimal256(..))
}

fn decimal_to_decimal(wide: bool, from: i8, p: u8, s: i8, target: &DataType) -> Stage {
    type D1 = Decimal128Type;
    type D2 = Decimal256Type;
    let to = target.clone();
    match (wide, is_wide(target)) {
        (false, false) => stage::map::<D1, D1>(
            move |v| {
                let value = digits::rescale(v, from, s)?;
                if value.within(p) { Ok(value) } else { Err(digits::too_many_digits()) }
            },
            move |a| a.with_data_type(to.clone()),
        ),
        (false, true) => {
            stage::map::<D1, D2>(move |v| fit(v, from, p, s), move |a| a.with_data_type(to.clone()))
        }
        (true, false) => {
            stage::map::<D2, D1>(move |v| fit(v, from, p, s), move |a| a.with_data_type(to.clone()))
        }
        (true, true) => {
            stage::map::<D2, D2>(move |v| fit(v, from, p, s), move |a| a.with_data_type(to.clone()))
        }
    }
}

fn int_to_decimal(signed: bool, p: u8, s: i8, target: &DataType) -> Stage {
    type D1 = Decimal128Type;
    type D2 = Decimal256Type;
    let to = target.clone();
    match (signed, is_wide(target)) {
        (true, false) => stage::map::<Int64Type, D1>(
            move |v| fit(i128::from(v), 0, p, s),
            move |a| a.with_data_type(to.clone()),
        ),
        (true, true) => stage::map::<Int64Type, D2>(
            move |v| fit(i128::from(v), 0, p, s),
            move |a| a.with_data_type(to.clone()),
        ),
        (false, false) => stage::map::<UInt64Type, D1>(
            move |v| fit(i128::from(v), 0, p, s),
            move |a| a.with_data_type(to.clone()),
        ),
        (false, true) => stage::map::<UInt64Type, D2>(
            move |v| fit(i128::from(v), 0, p, s),
            move |a| a.with_data_type(to.clone()),
        ),
    }
}

fn decimal_to_int(wide: bool, from: i8, signed: bool) -> Stage {
    fn whole<W: Whole, T: TryFrom<i128>>(value: W, from: i8) -> Fit<T> {
        let value = digits::rescale(value, from, 0).map_err(|m| {
            if m == digits::too_fine() { conversion("not a whole number") } else { m }
        })?;
        value.to_i128().and_then(|v| T::try_from(v).ok()).ok_or_else(beyond)
    }
    match (wide, signed) {
        (false, true) => stage::map::<Decimal128Type, Int64Type>(move |v| whole(v, from), |a| a),
        (false, false) => stage::map::<Decimal128Type, UInt64Type>(move |v| whole(v, from), |a| a),
        (true, true) => stage::map::<Decimal256Type, Int64Type>(move |v| whole(v, from), |a| a),
        (true, false) => stage::map::<Decimal256Type, UInt64Type>(move |v| whole(v, from), |a| a),
    }
}

fn decimal_to_float(wide: bool, scale: i8, single: bool) -> Stage {
    fn narrow(value: i128, scale: i8) -> Fit<f64> {
        // Up to fifteen digits and a power of ten that is exact itself: one division, rounded once.
        const EXACT: [f64; 23] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
            1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
        ];
        let power = usize::try_from(scale).ok().and_then(|s| EXACT.get(s));
        match power {
            Some(power) if value.unsigned_abs() < 1_000_000_000_000_000 => Ok(value as f64 / power),
            _ => float::from_decimal(value, scale, &mut String::new()),
        }
    }
    match (wide, single) {
        (false, false) => {
            stage::map::<Decimal128Type, Float64Type>(move |v| narrow(v, scale), |a| a)
        }
        (false, true) => stage::map::<Decimal128Type, Float32Type>(
            move |v| float::from_decimal(v, scale, &mut String::new()),
            |a| a,
        ),
        (true, false) => stage::map::<Decimal256Type, Float64Type>(
            move |v: i256| float::from_decimal(v, scale, &mut String::new()),
            |a| a,
        ),
        (true, true) => stage::map::<Decimal256Type, Float32Type>(
            move |v: i256| float::from_decimal(v, scale, &mut String::new()),
            |a| a,
        ),
    }
}

fn float_to_decimal(single: bool, p: u8, s: i8, target: &DataType) -> Stage {
    type D1 = Decimal128Type;
    type D2 = Decimal256Type;
    let to = target.clone();
    match (single, is_wide(target)) {
        (false, false) => stage::map::<Float64Type, D1>(
            move |v| float::to_decimal(v, p, s),
            move |a| a.with_data_type(to.clone()),
        ),
        (false, true) => stage::map::<Float64Type, D2>(
            move |v| float::to_decimal(v, p, s),
            move |a| a.with_data_type(to.clone()),
        ),
        (true, false) => stage::map::<Float32Type, D1>(
            move |v| float::to_decimal(v, p, s),
            move |a| a.with_data_type(to.clone()),
        ),
        (true, true) => stage::map::<Float32Type, D2>(
            move |v| float::to_decimal(v, p, s),
            move |a| a.with_data_type(to.clone()),
        ),
    }
}

/// The stage that writes numbers as text.
pub(crate) fn print(kind: &Kind) -> Option<Stage> {
    use std::fmt::Write;
    // Writing into a String cannot fail, so the results of `write!` are dropped.
    macro_rules! int {
        ($type:ty) => {
            stage::print::<$type>(|v, out| {
                let _ = write!(out, "{v}");
            })
        };
    }
    Some(match kind {
        Kind::Int { bits: 8, signed: true } => int!(Int8Type),
        Kind::Year | Kind::Int { bits: 16, signed: true } => int!(Int16Type),
        Kind::Int { bits: 32, signed: true } => int!(Int32Type),
        Kind::Int { signed: true, .. } => int!(Int64Type),
        Kind::Int { bits: 8, .. } => int!(UInt8Type),
        Kind::Int { bits: 16, .. } => int!(UInt16Type),
        Kind::Int { bits: 32, .. } => int!(UInt32Type),
        Kind::Int { .. } => int!(UInt64Type),
        Kind::Float32 => {
            stage::print::<Float32Type>(|v, out| out.push_str(&float::Float::shortest(v)))
        }
        Kind::Float64 => {
            stage::print::<Float64Type>(|v, out| out.push_str(&float::Float::shortest(v)))
        }
        Kind::Decimal { scale, wide, .. } => {
            let scale = *scale;
            if *wide {
                stage::print::<Decimal256Type>(move |v, out| digits::write_decimal(v, scale, out))
            } else {
                stage::print::<Decimal128Type>(move |v, out| digits::write_decimal(v, scale, out))
            }
        }
        _ => return None,
    })
}
