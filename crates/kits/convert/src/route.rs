//! Which stages lead from one kind to another, and what can become of values on the way.
//!
//! Everything that has no line here has no conversion.

use arrow::array::PrimitiveArray;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use crate::kind::{Kind, Shape};
use crate::misfit::{Fit, conversion, out_of_range};
use crate::patch::Cut;
use crate::stage::{self, Stage};
use crate::{clock, digits, float, number, text};

/// What can become of values on the way; the text is about those that do not stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Grade {
    /// Every value has its place in the target's type.
    Every(&'static str),
    /// Some values are refused.
    Some(String),
}

/// The way from one kind to another.
pub(crate) struct Route {
    pub(crate) grade: Grade,
    pub(crate) stages: Vec<Stage>,
    /// What the last stage takes out as too long, when it does.
    pub(crate) cut: Option<Cut>,
}

pub(crate) fn every(stages: Vec<Stage>) -> Option<Route> {
    Some(Route { grade: Grade::Every(""), stages, cut: None })
}

pub(crate) fn some(why: impl Into<String>, stages: Vec<Stage>) -> Option<Route> {
    Some(Route { grade: Grade::Some(why.into()), stages, cut: None })
}

/// How a way looks when it depends on the two types whether every value fits.
pub(crate) fn depends(fits: bool, why: impl Into<String>, stages: Vec<Stage>) -> Option<Route> {
    if fits { every(stages) } else { some(why, stages) }
}

/// How bytes look as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BytesAs {
    /// The bytes are the text's own.
    Utf8,
    /// `\x` and hexadecimal digits, as in files.
    Hex,
}

/// The way between two shapes, limits on length included. `None` when there is none.
pub(crate) fn route(from: &Shape, to: &Shape, target: &DataType, bytes: BytesAs) -> Option<Route> {
    let mut route = by_kind(from, to, target, bytes)?;
    let Some(limit) = to.length.filter(|_| !matches!(to.kind, Kind::Bit { .. })) else {
        return Some(route);
    };
    if longest(from, &to.kind, bytes).is_none_or(|n| n > limit) {
        let (stage, cut, unit) = match to.kind {
            Kind::Binary | Kind::Geometry { .. } => {
                (stage::check_bytes(limit), Cut::Bytes(limit), "bytes")
            }
            _ => (stage::check_length(limit), Cut::Characters(limit), "characters"),
        };
        route.cut = Some(cut);
        let why = format!("more than {limit} {unit} are refused");
        route.grade = match route.grade {
            Grade::Some(other) => Grade::Some(format!("{other}; {why}")),
            Grade::Every(_) => Grade::Some(why),
        };
        route.stages.push(stage);
    }
    Some(route)
}

/// The longest value `from` can become in a column of `to`: characters, or bytes for binary.
fn longest(from: &Shape, to: &Kind, bytes: BytesAs) -> Option<u64> {
    let to_bytes = matches!(to, Kind::Binary | Kind::Geometry { .. });
    match &from.kind {
        Kind::Null => Some(0),
        Kind::Bool => Some(5),
        Kind::Int { bits, .. } => Some(match bits {
            8 => 4,
            16 => 6,
            32 => 11,
            _ => 20,
        }),
        Kind::Year => Some(4),
        Kind::Float32 => Some(16),
        Kind::Float64 => Some(25),
        Kind::Decimal { precision, scale, .. } => {
            Some(3 + u64::from(*precision) + u64::from(scale.unsigned_abs()))
        }
        Kind::Uuid => Some(if to_bytes { 16 } else { 36 }),
        Kind::Date => Some(14),
        Kind::Timestamp { .. } => Some(35),
        Kind::Time => Some(15),
        Kind::Duration => Some(24),
        Kind::Binary | Kind::Geometry { .. } => match bytes {
            _ if to_bytes => from.length,
            BytesAs::Utf8 => from.length,
            BytesAs::Hex => from.length.map(|n| 2 + 2 * n),
        },
        Kind::Enum(members) => members.iter().map(|m| m.chars().count() as u64).max(),
        Kind::Set(_) => None,
        // A character is up to four bytes.
        _ if to_bytes => from.length.map(|n| 4 * n),
        _ => from.length,
    }
}

fn by_kind(from: &Shape, to: &Shape, target: &DataType, bytes: BytesAs) -> Option<Route> {
    use Kind::{Binary, Bool, Date, Duration, Geometry, Text, Time, Timestamp, Uuid};
    match (&from.kind, &to.kind) {
        (Kind::Null, _) => every(vec![stage::cast(target.clone())]),
        (a, b) if a == b => match (a, from.length == to.length) {
            (Kind::Bit { fixed }, false) => bits(to.length, *fixed),
            _ => every(vec![]),
        },
        // What a file says is a text: the shortest one of either float, digits for either kind.
        (Kind::Float64, Kind::Float32) if from.sampled => {
            let short = |t: &str| float::parse_float::<f32>(t, true);
            let stages = vec![print(&from.kind)?, stage::parse::<Float32Type>(short, |a| a)];
            some("values that need its digits are refused", stages)
        }
        (Kind::Int { .. }, Kind::Bit { fixed }) if from.sampled => {
            let (length, fixed) = (to.length, *fixed);
            let check = stage::check_text(move |t| text::check_bits(t, length, fixed));
            some("only as many bits as the column has are taken", vec![print(&from.kind)?, check])
        }
        (a, b) if number::is_number(a) && number::is_number(b) => number::route(a, b, target),
        (a, b) if a.is_text() => from_text(from, to, b, target, bytes),
        (Binary | Geometry { .. }, b) if b.is_text() => from_bytes(to, b, bytes),
        (Uuid, Binary) => every(vec![stage::fixed_to_bytes()]),
        (Binary, Uuid) => some("only 16 bytes are taken", vec![stage::bytes_to_uuid()]),
        (Geometry { .. }, Binary) => every(vec![]),
        (Binary, Geometry { .. }) => some("the target decides what is a geometry", vec![]),
        (Geometry { store: a }, Geometry { store: b }) if a.is_none() || b.is_none() => {
            some("the target decides what is a geometry", vec![])
        }
        (Date, Timestamp { .. }) => some_dates(),
        (Timestamp { .. }, Date) => some("only midnight is taken", vec![timestamp_to_date()]),
        (Timestamp { .. }, Timestamp { .. }) => {
            Some(Route { grade: Grade::Every("taken as UTC"), stages: vec![], cut: None })
        }
        (Time, Duration) => every(vec![stage::cast(DataType::Int64), stage::cast(target.clone())]),
        (Duration, Time) => some("only 00:00 to 24:00 is taken", vec![duration_to_time()]),
        (
            _,
            Text
            | Kind::TextOf { .. }
            | Kind::Json
            | Kind::Enum(_)
            | Kind::Set(_)
            | Kind::DecimalText,
        ) => to_text(from, to),
        (Bool | Kind::Int { .. } | Kind::Year, Kind::Bit { fixed }) => {
            to_bits(from, to.length, *fixed)
        }
        _ => None,
    }
}

/// A date is midnight. Dates beyond the years ±290,000 have no timestamp, and are refused.
fn some_dates() -> Option<Route> {
    let f = |days: i32| {
        i64::from(days)
            .checked_mul(clock::DAY)
            .ok_or_else(|| out_of_range("beyond the years ±290,000"))
    };
    let stages = vec![stage::map::<Date32Type, TimestampMicrosecondType>(f, |a| a)];
    Some(Route { grade: Grade::Every("at midnight"), stages, cut: None })
}

fn timestamp_to_date() -> Stage {
    let f = |micros: i64| {
        if micros.rem_euclid(clock::DAY) != 0 {
            return Err(conversion("it has a time of day"));
        }
        // The quotient is within ±107 million days.
        Ok(micros.div_euclid(clock::DAY) as i32)
    };
    stage::map::<TimestampMicrosecondType, Date32Type>(f, |a| a)
}

fn duration_to_time() -> Stage {
    let f = |micros: i64| {
        if (0..=clock::DAY).contains(&micros) {
            Ok(micros)
        } else {
            Err(out_of_range("not within 00:00 and 24:00"))
        }
    };
    stage::map::<DurationMicrosecondType, Time64MicrosecondType>(f, |a| a)
}

fn bits(length: Option<u64>, fixed: bool) -> Option<Route> {
    let check = stage::check_text(move |t| text::check_bits(t, length, fixed));
    some("only as many bits as the column has are taken", vec![check])
}

/// Checks for texts that are to stand in a column of kind `to`. `None` for kinds that are not text.
fn check(to: &Shape) -> Option<Route> {
    match &to.kind {
        Kind::Text => every(vec![]),
        Kind::TextOf { .. } => some("the target reads the text", vec![]),
        Kind::Json => some("only JSON is taken", vec![stage::check_text(text::check_json)]),
        Kind::Enum(members) => {
            let members = members.clone();
            let check = stage::check_text(move |t| text::check_enum(t, &members));
            some("only its members are taken", vec![check])
        }
        Kind::Set(members) => {
            let members = members.clone();
            let check = stage::check_text(move |t| text::check_set(t, &members));
            some("only its members are taken, in their order", vec![check])
        }
        Kind::Bit { fixed } => bits(to.length, *fixed),
        Kind::DecimalText => {
            let canonical = stage::rewrite(|t, out| {
                out.push_str(&digits::decimal_text(t)?);
                Ok(())
            });
            some("only decimal numbers are taken", vec![canonical])
        }
        _ => None,
    }
}

fn from_text(
    from: &Shape,
    to: &Shape,
    b: &Kind,
    target: &DataType,
    bytes: BytesAs,
) -> Option<Route> {
    match (&from.kind, b) {
        // An empty text that is no member is MySQL's error value, and must not become the member.
        (Kind::Enum(few), Kind::Enum(all))
            if all.iter().any(String::is_empty) && !few.iter().any(String::is_empty) =>
        {
            let both: Vec<String> = few.iter().filter(|m| all.contains(m)).cloned().collect();
            let check = stage::check_text(move |t| text::check_enum(t, &both));
            some("only its members are taken", vec![check])
        }
        (Kind::Enum(few), Kind::Enum(all)) if few.iter().all(|m| all.contains(m)) => every(vec![]),
        (Kind::TextOf { .. }, Kind::TextOf { native: None }) => every(vec![]),
        // Bits are the digits of a binary number, not of a decimal one.
        (Kind::Bit { fixed }, b) if number::is_number(b) || *b == Kind::DecimalText => {
            let width = from.length.filter(|_| *fixed);
            let word = Kind::Int { bits: 64, signed: false };
            let mut stages =
                vec![stage::parse::<UInt64Type>(move |t| text::parse_bits(t, width), |a| a)];
            if *b == Kind::DecimalText {
                stages.push(print(&word)?);
            } else {
                stages.extend(number::route(&word, b, target)?.stages);
            }
            some("only numbers in its range are taken", stages)
        }
        (Kind::Bit { .. }, b) if !b.is_text() => None,
        (Kind::DecimalText, Kind::Bit { .. }) => None,
        (_, Kind::Binary | Kind::Geometry { .. }) if bytes == BytesAs::Hex => some(
            "only \\x and hexadecimal digits are taken",
            vec![stage::parse_bytes(text::parse_hex)],
        ),
        (_, Kind::Binary) => every(vec![stage::text_bytes()]),
        (_, b) if b.is_text() => check(to),
        (a, _) => {
            // A decimal is to come back unchanged; in other text more digits of a float are fine.
            let exact = matches!(a, Kind::DecimalText);
            let why = "only texts that give such a value exactly are taken";
            some(why, parse(b, target, exact)?)
        }
    }
}

fn from_bytes(to: &Shape, b: &Kind, bytes: BytesAs) -> Option<Route> {
    let (why, first) = match bytes {
        BytesAs::Utf8 => ("only UTF-8 is taken", stage::utf8()),
        BytesAs::Hex => ("", print(&Kind::Binary)?),
    };
    if !matches!(b, Kind::Text | Kind::TextOf { .. } | Kind::Json | Kind::Enum(_)) {
        return None;
    }
    let rest = check(to)?;
    let mut stages = vec![first];
    stages.extend(rest.stages);
    match rest.grade {
        Grade::Every(_) => depends(why.is_empty(), why, stages),
        Grade::Some(more) if why.is_empty() => some(more, stages),
        Grade::Some(more) => some(format!("{why}; {more}"), stages),
    }
}

fn to_text(from: &Shape, to: &Shape) -> Option<Route> {
    let a = &from.kind;
    let number = number::is_number(a);
    match &to.kind {
        Kind::Text => every(vec![print(a)?]),
        Kind::Json if matches!(a, Kind::Float32 | Kind::Float64) => {
            let check = stage::check_text(text::check_json);
            some("NaN and infinities are refused", vec![print(a)?, check])
        }
        Kind::Json if number => every(vec![print(a)?]),
        Kind::Json => None,
        Kind::DecimalText if number => {
            let mut stages = match a {
                Kind::Bool => vec![stage::print_bool("1", "0")],
                Kind::Float32 => {
                    let check = |v: f32| float::unsigned_zero(v.into());
                    vec![stage::check_values::<Float32Type>(check), print(a)?]
                }
                Kind::Float64 => {
                    vec![stage::check_values::<Float64Type>(float::unsigned_zero), print(a)?]
                }
                _ => vec![print(a)?],
            };
            if matches!(a, Kind::Float32 | Kind::Float64) {
                stages.extend(check(to)?.stages);
            }
            every(stages)
        }
        Kind::DecimalText => None,
        _ => {
            let rest = check(to)?;
            let mut stages = vec![print(a)?];
            stages.extend(rest.stages);
            Some(Route { grade: rest.grade, stages, cut: None })
        }
    }
}

fn to_bits(from: &Shape, length: Option<u64>, fixed: bool) -> Option<Route> {
    let word = Kind::Int { bits: 64, signed: false };
    let mut stages = number::route(&from.kind, &word, &DataType::UInt64)?.stages;
    let width = length.filter(|_| fixed).and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
    stages.push(stage::print::<UInt64Type>(move |v, out| {
        use std::fmt::Write;
        // Writing into a String cannot fail.
        let _ = write!(out, "{v:0width$b}");
    }));
    stages.push(stage::check_text(move |t| text::check_bits(t, length, fixed)));
    some("only numbers of so many bits are taken", stages)
}

/// The stage that writes values of a kind as text. `None` for text itself.
pub(crate) fn print(kind: &Kind) -> Option<Stage> {
    Some(match kind {
        Kind::Bool => stage::print_bool("true", "false"),
        Kind::Int { .. } | Kind::Year | Kind::Decimal { .. } | Kind::Float32 | Kind::Float64 => {
            number::print(kind)?
        }
        Kind::Uuid => stage::print_bytes(|v, out| {
            text::write_uuid(v, out);
            Ok(())
        }),
        Kind::Binary | Kind::Geometry { .. } => stage::print_bytes(|v, out| {
            text::write_hex(v, out);
            Ok(())
        }),
        Kind::Date => stage::print::<Date32Type>(|v, out| clock::write_date(v.into(), out)),
        Kind::Timestamp { utc } => {
            let utc = *utc;
            stage::print::<TimestampMicrosecondType>(move |v, out| {
                clock::write_timestamp(v, utc, out)
            })
        }
        Kind::Time => stage::print::<Time64MicrosecondType>(clock::write_duration),
        Kind::Duration => stage::print::<DurationMicrosecondType>(clock::write_duration),
        _ => return None,
    })
}

/// The stages that read values of a kind from text. `None` for kinds that no text gives.
fn parse(kind: &Kind, target: &DataType, exact: bool) -> Option<Vec<Stage>> {
    fn int<T: ArrowPrimitiveType>() -> Stage
    where
        T::Native: std::str::FromStr<Err = std::num::ParseIntError> + TryFrom<i128>,
    {
        stage::parse::<T>(number::parse_int::<T::Native>, |a| a)
    }
    let stage = match kind {
        Kind::Bool => stage::parse_bool(text::parse_bool),
        Kind::Year => stage::parse::<Int16Type>(|t| number::year(number::parse_int(t)?), |a| a),
        Kind::Int { bits: 8, signed: true } => int::<Int8Type>(),
        Kind::Int { bits: 16, signed: true } => int::<Int16Type>(),
        Kind::Int { bits: 32, signed: true } => int::<Int32Type>(),
        Kind::Int { signed: true, .. } => int::<Int64Type>(),
        Kind::Int { bits: 8, .. } => int::<UInt8Type>(),
        Kind::Int { bits: 16, .. } => int::<UInt16Type>(),
        Kind::Int { bits: 32, .. } => int::<UInt32Type>(),
        Kind::Int { .. } => int::<UInt64Type>(),
        Kind::Float32 => stage::parse::<Float32Type>(move |t| float::parse_float(t, exact), |a| a),
        Kind::Float64 => stage::parse::<Float64Type>(move |t| float::parse_float(t, exact), |a| a),
        Kind::Decimal { precision, scale, wide } => {
            let (p, s, to) = (*precision, *scale, target.clone());
            if *wide {
                let read = move |t: &str| digits::parse_decimal(t, p, s);
                stage::parse::<Decimal256Type>(read, move |a| a.with_data_type(to.clone()))
            } else {
                let read = move |t: &str| digits::parse_decimal(t, p, s);
                stage::parse::<Decimal128Type>(read, move |a| a.with_data_type(to.clone()))
            }
        }
        Kind::Uuid => stage::parse_uuid(text::parse_uuid),
        Kind::Date => stage::parse::<Date32Type>(clock::parse_date, |a| a),
        Kind::Timestamp { utc } => {
            let utc = *utc;
            timestamp(move |t| clock::parse_timestamp(t, utc), target)
        }
        Kind::Time => stage::parse::<Time64MicrosecondType>(clock::parse_time, |a| a),
        Kind::Duration => stage::parse::<DurationMicrosecondType>(clock::parse_duration, |a| a),
        _ => return None,
    };
    Some(vec![stage])
}

fn timestamp(f: impl Fn(&str) -> Fit<i64> + Send + Sync + 'static, target: &DataType) -> Stage {
    let to = target.clone();
    let adjust = move |a: PrimitiveArray<TimestampMicrosecondType>| a.with_data_type(to.clone());
    stage::parse::<TimestampMicrosecondType>(f, adjust)
}
