//! One value of a script as a value of its column's type, or why it is none.

use std::borrow::Cow;

use syncline_types::Code;

use super::super::number::{is_number, whole};
use super::super::row::{Value, hex_bytes};
use super::{Context, Fault, Fit, fault, not_utf8};
use crate::Dialect;

#[allow(clippy::cast_possible_truncation)] // NaN and infinities only
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
}

pub(super) fn unfit(value: Value, cx: &Context<'_>, what: &str) -> Fault {
    Fault(Code::Conversion, format!("{} is not {what}", cx.show(value)))
}

/// NaN in a column of decimals that has it.
pub(super) fn is_nan(value: Value, special: Option<&str>, cx: &Context<'_>) -> bool {
    special == Some("nan") && cx.bytes(value).is_some_and(|text| text.eq_ignore_ascii_case(b"NaN"))
}

pub(super) fn boolean(value: Value, cx: &Context<'_>) -> Fit<bool> {
    let no = || unfit(value, cx, "true or false");
    if let Value::Bool(b) = value {
        return Ok(b);
    }
    match &*cx.bytes(value).ok_or_else(no)? {
        b"1" | b"t" | b"true" | b"TRUE" => Ok(true),
        b"0" | b"f" | b"false" | b"FALSE" => Ok(false),
        _ => Err(no()),
    }
}

pub(super) fn integer<T: TryFrom<i128>>(value: Value, cx: &Context<'_>) -> Fit<T> {
    let no = || unfit(value, cx, "an integer");
    let number = match value {
        Value::Bool(b) if matches!(cx.dialect, Dialect::Mysql | Dialect::Sqlite) => b.into(),
        Value::Hex(a, b, true) if cx.dialect == Dialect::Sqlite => {
            // Integers beyond 64 bits signed stand as a blob of their digits.
            let mut digits = Vec::new();
            let ok = hex_bytes(&cx.buf[a..b], &mut digits) && digits.len() == 20;
            ok.then(|| whole(&digits)).flatten().ok_or_else(no)?
        }
        Value::Hex(a, b, quoted) if cx.dialect == Dialect::Mysql || !quoted => {
            let text = std::str::from_utf8(&cx.buf[a..b]).map_err(|_| no())?;
            u64::from_str_radix(text, 16).map_err(|_| no())?.into()
        }
        Value::Bits(a, b) if cx.dialect == Dialect::Mysql => {
            let text = std::str::from_utf8(&cx.buf[a..b]).map_err(|_| no())?;
            u64::from_str_radix(text, 2).map_err(|_| no())?.into()
        }
        _ => whole(&cx.bytes(value).ok_or_else(no)?).ok_or_else(no)?,
    };
    T::try_from(number).map_err(|_| {
        Fault(Code::OutOfRange, format!("{} is beyond the column's range", cx.show(value)))
    })
}

/// A float's text, or the special value that a text names.
pub(super) fn float_text<'a>(value: Value, cx: &Context<'a>) -> Fit<(Cow<'a, str>, Option<f64>)> {
    let text = cx.text(value)?;
    let special = match (&*text, cx.dialect) {
        ("NaN", Dialect::Postgres) => Some(f64::NAN),
        ("Infinity", Dialect::Postgres) => Some(f64::INFINITY),
        ("-Infinity", Dialect::Postgres) => Some(f64::NEG_INFINITY),
        _ if is_number(&text) && !text.ends_with(['N', 'y']) => None,
        _ => return Err(unfit(value, cx, "a number")),
    };
    Ok((text, special))
}

/// SQLite writes infinity as a number beyond all others.
pub(super) fn fits(number: f64, cx: &Context<'_>) -> bool {
    number.is_finite() || cx.dialect == Dialect::Sqlite
}

/// A number's text. A real number of SQLite is the double that its digits lead to.
pub(super) fn number_text<'a>(value: Value, cx: &Context<'a>) -> Fit<Cow<'a, str>> {
    let text = cx.text(value)?;
    if cx.dialect == Dialect::Sqlite
        && matches!(value, Value::Number(..))
        && text.contains(['.', 'e', 'E'])
        && let Ok(double) = text.parse::<f64>()
        && double.is_finite()
    {
        return Ok(Cow::Owned(format!("{double}")));
    }
    Ok(text)
}

/// What SQLite makes of a number beyond all doubles, as which it writes infinity.
pub(super) fn beyond_all(value: Value, text: &str, cx: &Context<'_>) -> Option<&'static str> {
    if cx.dialect != Dialect::Sqlite || !matches!(value, Value::Number(..)) {
        return None;
    }
    match text.parse::<f64>().ok()? {
        f64::INFINITY => Some("Infinity"),
        f64::NEG_INFINITY => Some("-Infinity"),
        _ => None,
    }
}

pub(super) fn text<'a>(value: Value, cx: &Context<'a>) -> Fit<Cow<'a, str>> {
    match value {
        Value::Bool(b) => Ok(Cow::Borrowed(match (cx.dialect, b) {
            (Dialect::Mysql | Dialect::Sqlite, true) => "1",
            (Dialect::Mysql | Dialect::Sqlite, false) => "0",
            (_, true) => "true",
            (_, false) => "false",
        })),
        Value::Number(..) => number_text(value, cx),
        // In MySQL a hexadecimal literal is a text of its bytes.
        Value::Hex(a, b, _) if cx.dialect == Dialect::Mysql => {
            let mut bytes = Vec::new();
            if !hex_bytes(&cx.buf[a..b], &mut bytes) {
                return Err(unfit(value, cx, "hexadecimal"));
            }
            String::from_utf8(bytes)
                .map(Cow::Owned)
                .or_else(|e| not_utf8(e.utf8_error().valid_up_to()))
        }
        Value::Bits(a, b) if cx.dialect != Dialect::Mysql => {
            Ok(Cow::Owned(String::from_utf8_lossy(&cx.buf[a..b]).into_owned()))
        }
        _ => cx.text(value),
    }
}

/// A value of a column in which texts and numbers stand among each other.
pub(super) fn loose<'a>(value: Value, cx: &Context<'a>) -> Fit<Cow<'a, str>> {
    let found = text(value, cx)?;
    match value {
        Value::Number(..) => {
            let own = cx.text(value)?;
            super::super::loose::number(&own)
                .map(Cow::Owned)
                .ok_or_else(|| unfit(value, cx, "a number"))
        }
        Value::Text(..) | Value::Made(..) if super::super::loose::literal(&found).is_some() => {
            Err(unfit(value, cx, "told from a number, and the column has no type"))
        }
        _ => Ok(found),
    }
}

/// A bit string as text. `length` is that of a MySQL BIT column, whose values are bytes.
pub(super) fn bit_text(value: Value, length: Option<usize>, cx: &Context<'_>) -> Fit<String> {
    let no = || unfit(value, cx, "a bit string");
    let of_bytes = |bytes: &[u8]| -> String { bytes.iter().map(|b| format!("{b:08b}")).collect() };
    let mut bits = match value {
        Value::Bits(a, b) => String::from_utf8_lossy(&cx.buf[a..b]).into_owned(),
        Value::Hex(a, b, true) if cx.dialect != Dialect::Mysql => {
            // Each digit is four bits.
            let digit = |b: &u8| (*b as char).to_digit(16).map(|d| format!("{d:04b}"));
            cx.buf[a..b].iter().map(digit).collect::<Option<String>>().ok_or_else(no)?
        }
        Value::Hex(a, b, _) if length.is_some() => {
            let mut bytes = Vec::new();
            if !hex_bytes(&cx.buf[a..b], &mut bytes) {
                return Err(no());
            }
            of_bytes(&bytes)
        }
        Value::Number(..) if length.is_some() => format!("{:b}", integer::<u64>(value, cx)?),
        Value::Bool(b) if length.is_some() => u8::from(b).to_string(),
        Value::Text(..) if length.is_some() => of_bytes(&cx.bytes(value).ok_or_else(no)?),
        _ => cx.text(value)?.into_owned(),
    };
    if !bits.bytes().all(|b| b == b'0' || b == b'1') {
        return Err(no());
    }
    if let Some(length) = length {
        let excess = bits.len().saturating_sub(length);
        if bits[..excess].contains('1') {
            return fault(
                Code::OutOfRange,
                format!("{} has more than {length} bits", cx.show(value)),
            );
        }
        bits.drain(..excess);
        bits.insert_str(0, &"0".repeat(length - bits.len()));
    }
    Ok(bits)
}

pub(super) fn bytes<'a>(value: Value, cx: &Context<'a>) -> Fit<Cow<'a, [u8]>> {
    match value {
        Value::Hex(a, b, _) => {
            let mut bytes = Vec::with_capacity((b - a) / 2);
            if !hex_bytes(&cx.buf[a..b], &mut bytes) {
                return Err(unfit(value, cx, "hexadecimal"));
            }
            Ok(Cow::Owned(bytes))
        }
        Value::Text(..) | Value::Made(..) if cx.dialect == Dialect::Postgres => {
            let text = cx.bytes(value).ok_or_else(|| unfit(value, cx, "bytes"))?;
            bytea(&text).map(Cow::Owned).ok_or_else(|| unfit(value, cx, "bytea"))
        }
        Value::Text(..) | Value::Made(..) if cx.dialect != Dialect::Sqlite => {
            cx.bytes(value).ok_or_else(|| unfit(value, cx, "bytes"))
        }
        _ => Err(unfit(value, cx, "bytes")),
    }
}

/// PostgreSQL's text forms of `bytea`: hexadecimal, or escaped.
pub(super) fn bytea(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 2);
    if let Some(digits) = text.strip_prefix(b"\\x") {
        return (digits.len() % 2 == 0 && hex_bytes(digits, &mut out)).then_some(out);
    }
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        if *first != b'\\' {
            out.push(*first);
            rest = after;
        } else if after.first() == Some(&b'\\') {
            out.push(b'\\');
            rest = &after[1..];
        } else {
            let octal = std::str::from_utf8(after.get(..3)?).ok()?;
            out.push(u8::from_str_radix(octal, 8).ok()?);
            rest = &after[3..];
        }
    }
    Some(out)
}

pub(super) fn uuid(value: Value, cx: &Context<'_>) -> Fit<Vec<u8>> {
    let no = || unfit(value, cx, "a UUID");
    let mut out = Vec::with_capacity(16);
    let ok = match value {
        Value::Hex(a, b, _) => hex_bytes(&cx.buf[a..b], &mut out),
        _ => {
            let text = cx.bytes(value).ok_or_else(no)?;
            let text = text.strip_prefix(b"{").and_then(|t| t.strip_suffix(b"}")).unwrap_or(&text);
            let digits: Vec<u8> = text.iter().copied().filter(|b| *b != b'-').collect();
            hex_bytes(&digits, &mut out)
        }
    };
    if ok && out.len() == 16 { Ok(out) } else { Err(no()) }
}

pub(super) fn moment<T>(value: Value, cx: &Context<'_>, read: impl Fn(&str) -> Fit<T>) -> Fit<T> {
    if matches!(value, Value::Number(..)) {
        return Err(unfit(value, cx, "a date or time"));
    }
    read(&cx.text(value)?)
}
