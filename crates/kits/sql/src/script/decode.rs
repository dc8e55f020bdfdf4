//! Values of a script into Arrow, each strictly as its column's type asks: what does not fit is a
//! fault of the row, never coerced.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder,
    DurationMicrosecondBuilder, FixedSizeBinaryBuilder, Float32Builder, Float64Builder,
    Int8Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder, Time64MicrosecondBuilder,
    TimestampMicrosecondBuilder, UInt8Builder, UInt16Builder, UInt32Builder, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, TimeUnit, i256};
use syncline_types::{Code, Error, Result, field};

use super::lexer::{Escapes, unescape};
use super::number::{decimal, is_number, whole};
use super::row::{Value, hex_bytes};
use super::session::Charset;
use super::temporal;
use crate::Dialect;

/// Why a value does not fit its column.
#[derive(Debug)]
pub(crate) struct Fault(pub(crate) Code, pub(crate) String);

pub(crate) type Fit<T> = Result<T, Fault>;

pub(crate) fn fault<T>(code: Code, why: impl Into<String>) -> Fit<T> {
    Err(Fault(code, why.into()))
}

/// What a value's bytes are read in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) charset: Charset,
    pub(crate) zone: Option<i32>,
    /// The script's buffer, and the row's own bytes.
    pub(crate) buf: &'a [u8],
    pub(crate) made: &'a [u8],
}

impl<'a> Context<'a> {
    /// A text's or number's bytes, unescaped.
    fn bytes(&self, value: Value) -> Option<Cow<'a, [u8]>> {
        Some(match value {
            Value::Text(start, end, Escapes::None) | Value::Number(start, end) => {
                Cow::Borrowed(&self.buf[start..end])
            }
            Value::Text(start, end, escapes) => {
                let mut out = Vec::with_capacity(end - start);
                unescape(&self.buf[start..end], escapes, &mut out);
                Cow::Owned(out)
            }
            Value::Made(start, end) => Cow::Borrowed(&self.made[start..end]),
            _ => return None,
        })
    }

    /// A text's or number's characters.
    fn text(&self, value: Value) -> Fit<Cow<'a, str>> {
        let Some(bytes) = self.bytes(value) else {
            return fault(Code::Conversion, format!("{} is no text", self.show(value)));
        };
        match (self.charset, bytes) {
            (Charset::Utf8, Cow::Borrowed(bytes)) => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Cow::Borrowed(text)),
                Err(e) => not_utf8(e.valid_up_to()),
            },
            (Charset::Utf8, Cow::Owned(bytes)) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Cow::Owned(text)),
                Err(e) => not_utf8(e.utf8_error().valid_up_to()),
            },
            (charset, bytes) => Ok(Cow::Owned(bytes.iter().map(|b| wide(*b, charset)).collect())),
        }
    }

    /// The value as a message shows it.
    fn show(&self, value: Value) -> String {
        let raw = match value {
            Value::Null => return "NULL".into(),
            Value::Default => return "DEFAULT".into(),
            Value::Bool(b) => return b.to_string(),
            Value::Number(a, b)
            | Value::Text(a, b, _)
            | Value::Hex(a, b, _)
            | Value::Bits(a, b) => &self.buf[a..b],
            Value::Made(a, b) => &self.made[a..b],
        };
        let text = String::from_utf8_lossy(&raw[..raw.len().min(60)]);
        let more = if raw.len() > 60 { "…" } else { "" };
        match value {
            Value::Hex(..) => format!("X'{text}{more}'"),
            Value::Bits(..) => format!("B'{text}{more}'"),
            Value::Text(..) => format!("'{text}{more}'"),
            _ => format!("{text}{more}"),
        }
    }
}

fn not_utf8<T>(at: usize) -> Fit<T> {
    fault(Code::BadEncoding, format!("a text is not UTF-8 from its byte {at} on"))
}

/// A byte of a single-byte encoding.
fn wide(byte: u8, charset: Charset) -> char {
    // Windows-1252 from 0x80 on; what it leaves open stands for itself, as MySQL has it.
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f if charset == Charset::Windows1252 => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// A column being filled.
pub(crate) struct Cells {
    field: Field,
    store: Store,
    /// Length of a MySQL BIT column, whose values are raw bytes.
    bits: Option<usize>,
    /// What it has beside the numbers of its type; see [`field::SPECIAL`].
    special: Option<String>,
}

enum Store {
    Bool(BooleanBuilder),
    Int8(Int8Builder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    UInt8(UInt8Builder),
    UInt16(UInt16Builder),
    UInt32(UInt32Builder),
    UInt64(UInt64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal128(Decimal128Builder, u8, i8),
    Decimal256(Decimal256Builder, u8, i8),
    Text(StringBuilder),
    Number(StringBuilder),
    Bits(StringBuilder),
    Bytes(BinaryBuilder),
    Uuid(FixedSizeBinaryBuilder),
    Fixed(FixedSizeBinaryBuilder, usize),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Instant(TimestampMicrosecondBuilder),
    Time(Time64MicrosecondBuilder),
    Duration(DurationMicrosecondBuilder),
}

/// The same for each kind of builder.
macro_rules! each {
    ($store:expr, $b:ident => $do:expr) => {
        match $store {
            Store::Bool($b) => $do,
            Store::Int8($b) => $do,
            Store::Int16($b) => $do,
            Store::Int32($b) => $do,
            Store::Int64($b) => $do,
            Store::UInt8($b) => $do,
            Store::UInt16($b) => $do,
            Store::UInt32($b) => $do,
            Store::UInt64($b) => $do,
            Store::Float32($b) => $do,
            Store::Float64($b) => $do,
            Store::Decimal128($b, ..) => $do,
            Store::Decimal256($b, ..) => $do,
            Store::Text($b) | Store::Number($b) | Store::Bits($b) => $do,
            Store::Bytes($b) => $do,
            Store::Uuid($b) | Store::Fixed($b, _) => $do,
            Store::Date($b) => $do,
            Store::Timestamp($b) | Store::Instant($b) => $do,
            Store::Time($b) => $do,
            Store::Duration($b) => $do,
        }
    };
}

impl Cells {
    /// An empty column of that field.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for an Arrow type that is not canonical.
    pub(crate) fn new(f: &Field) -> Result<Self> {
        let logical = field::logical(f);
        let decimal = |e| Error::bug(format!("column {:?}: {e}", f.name()));
        let store = match f.data_type() {
            DataType::Boolean => Store::Bool(BooleanBuilder::new()),
            DataType::Int8 => Store::Int8(Int8Builder::new()),
            DataType::Int16 => Store::Int16(Int16Builder::new()),
            DataType::Int32 => Store::Int32(Int32Builder::new()),
            DataType::Int64 => Store::Int64(Int64Builder::new()),
            DataType::UInt8 => Store::UInt8(UInt8Builder::new()),
            DataType::UInt16 => Store::UInt16(UInt16Builder::new()),
            DataType::UInt32 => Store::UInt32(UInt32Builder::new()),
            DataType::UInt64 => Store::UInt64(UInt64Builder::new()),
            DataType::Float32 => Store::Float32(Float32Builder::new()),
            DataType::Float64 => Store::Float64(Float64Builder::new()),
            DataType::Decimal128(p, s) => {
                let builder = Decimal128Builder::new().with_precision_and_scale(*p, *s);
                Store::Decimal128(builder.map_err(decimal)?, *p, *s)
            }
            DataType::Decimal256(p, s) => {
                let builder = Decimal256Builder::new().with_precision_and_scale(*p, *s);
                Store::Decimal256(builder.map_err(decimal)?, *p, *s)
            }
            DataType::Utf8 if logical == Some("decimal") => Store::Number(StringBuilder::new()),
            DataType::Utf8 if logical == Some("bit") => Store::Bits(StringBuilder::new()),
            DataType::Utf8 => Store::Text(StringBuilder::new()),
            DataType::Binary => Store::Bytes(BinaryBuilder::new()),
            DataType::FixedSizeBinary(16) if logical == Some("uuid") => {
                Store::Uuid(FixedSizeBinaryBuilder::new(16))
            }
            DataType::FixedSizeBinary(n) => {
                Store::Fixed(FixedSizeBinaryBuilder::new(*n), usize::try_from(*n).unwrap_or(0))
            }
            DataType::Date32 => Store::Date(Date32Builder::new()),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                Store::Timestamp(TimestampMicrosecondBuilder::new())
            }
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => {
                Store::Instant(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
            }
            DataType::Time64(TimeUnit::Microsecond) => Store::Time(Time64MicrosecondBuilder::new()),
            DataType::Duration(TimeUnit::Microsecond) => {
                Store::Duration(DurationMicrosecondBuilder::new())
            }
            other => {
                let message = format!("column {:?}: SQL scripts do not give {other}", f.name());
                return Err(Error::new(Code::Unsupported, message));
            }
        };
        let native = field::native(f, "mysql").map(str::to_ascii_lowercase);
        let bits = native.filter(|n| n.starts_with("bit")).map(|n| {
            let inner = n.split_once('(').and_then(|(_, rest)| rest.split(')').next());
            inner.and_then(|n| n.trim().parse().ok()).unwrap_or(1)
        });
        let special = field::get(f, field::SPECIAL).map(str::to_owned);
        Ok(Self { field: f.clone(), store, bits, special })
    }

    /// The column's values so far, which it then no longer holds.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        each!(&mut self.store, b => Arc::new(b.finish()) as ArrayRef)
    }

    /// A place holder in a row that is given up.
    pub(crate) fn skip(&mut self) {
        each!(&mut self.store, b => b.append_null());
    }

    pub(crate) fn field(&self) -> &Field {
        &self.field
    }

    /// Takes a value; on a fault nothing is taken.
    pub(crate) fn take(&mut self, value: Value, cx: &Context<'_>) -> Fit<()> {
        if value == Value::Null {
            if !self.field.is_nullable() {
                return fault(Code::NotNull, "NULL where the column takes none");
            }
            self.skip();
            return Ok(());
        }
        let bits = self.bits;
        let special = self.special.as_deref();
        match &mut self.store {
            Store::Decimal128(b, ..) if is_nan(value, special, cx) => b.append_value(i128::MIN),
            Store::Decimal256(b, ..) if is_nan(value, special, cx) => b.append_value(i256::MIN),
            Store::Bool(b) => b.append_value(boolean(value, cx)?),
            Store::Int8(b) => b.append_value(integer(value, cx)?),
            Store::Int16(b) => b.append_value(integer(value, cx)?),
            Store::Int32(b) => b.append_value(integer(value, cx)?),
            Store::Int64(b) => b.append_value(integer(value, cx)?),
            Store::UInt8(b) => b.append_value(integer(value, cx)?),
            Store::UInt16(b) => b.append_value(integer(value, cx)?),
            Store::UInt32(b) => b.append_value(integer(value, cx)?),
            Store::UInt64(b) => b.append_value(integer(value, cx)?),
            Store::Float32(b) => {
                let (text, special) = float_text(value, cx)?;
                b.append_value(match special {
                    Some(special) => narrow(special),
                    None => {
                        text.parse().ok().filter(|n: &f32| fits(f64::from(*n), cx)).map_or_else(
                            || fault(Code::OutOfRange, format!("{text} is no float")),
                            Ok,
                        )?
                    }
                });
            }
            Store::Float64(b) => {
                let (text, special) = float_text(value, cx)?;
                b.append_value(match special {
                    Some(special) => special,
                    None => text.parse().ok().filter(|n: &f64| fits(*n, cx)).map_or_else(
                        || fault(Code::OutOfRange, format!("{text} is no float")),
                        Ok,
                    )?,
                });
            }
            Store::Decimal128(b, p, s) => {
                let digits = decimal(&number_text(value, cx)?, *p, *s)?;
                b.append_value(digits.parse().map_err(|_| unfit(value, cx, "a decimal"))?);
            }
            Store::Decimal256(b, p, s) => {
                let digits = decimal(&number_text(value, cx)?, *p, *s)?;
                let number = i256::from_string(&digits);
                b.append_value(number.ok_or_else(|| unfit(value, cx, "a decimal"))?);
            }
            Store::Text(b) => b.append_value(&text(value, cx)?),
            Store::Number(b) => {
                let text = number_text(value, cx)?;
                if !is_number(&text) {
                    return Err(unfit(value, cx, "a number"));
                }
                b.append_value(&text);
            }
            Store::Bits(b) => b.append_value(bit_text(value, bits, cx)?),
            Store::Bytes(b) => b.append_value(bytes(value, cx)?),
            Store::Uuid(b) => {
                let uuid = uuid(value, cx)?;
                b.append_value(uuid).map_err(|e| Fault(Code::Conversion, e.to_string()))?;
            }
            Store::Fixed(b, n) => {
                let bytes = bytes(value, cx)?;
                if bytes.len() != *n {
                    return fault(Code::OutOfRange, format!("{} bytes, not {n}", bytes.len()));
                }
                b.append_value(bytes).map_err(|e| Fault(Code::Conversion, e.to_string()))?;
            }
            Store::Date(b) => b.append_value(moment(value, cx, |text| {
                temporal::day_beyond(text, special).map_or_else(|| temporal::date(text), Ok)
            })?),
            Store::Timestamp(b) => b.append_value(moment(value, cx, |text| {
                temporal::moment_beyond(text, special).map_or_else(|| temporal::timestamp(text), Ok)
            })?),
            Store::Instant(b) => b.append_value(moment(value, cx, |text| {
                let beyond = temporal::moment_beyond(text, special);
                beyond.map_or_else(|| temporal::instant(text, cx.zone), Ok)
            })?),
            Store::Time(b) => b.append_value(moment(value, cx, temporal::time)?),
            Store::Duration(b) => b.append_value(moment(value, cx, temporal::duration)?),
        }
        Ok(())
    }
}

#[allow(clippy::cast_possible_truncation)] // NaN and infinities only
fn narrow(value: f64) -> f32 {
    value as f32
}

fn unfit(value: Value, cx: &Context<'_>, what: &str) -> Fault {
    Fault(Code::Conversion, format!("{} is not {what}", cx.show(value)))
}

/// NaN in a column of decimals that has it.
fn is_nan(value: Value, special: Option<&str>, cx: &Context<'_>) -> bool {
    special == Some("nan") && cx.bytes(value).is_some_and(|text| text.eq_ignore_ascii_case(b"NaN"))
}

fn boolean(value: Value, cx: &Context<'_>) -> Fit<bool> {
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

fn integer<T: TryFrom<i128>>(value: Value, cx: &Context<'_>) -> Fit<T> {
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
fn float_text<'a>(value: Value, cx: &Context<'a>) -> Fit<(Cow<'a, str>, Option<f64>)> {
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
fn fits(number: f64, cx: &Context<'_>) -> bool {
    number.is_finite() || cx.dialect == Dialect::Sqlite
}

/// A number's text. A real number of SQLite is the double that its digits lead to.
fn number_text<'a>(value: Value, cx: &Context<'a>) -> Fit<Cow<'a, str>> {
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

fn text<'a>(value: Value, cx: &Context<'a>) -> Fit<Cow<'a, str>> {
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

/// A bit string as text. `length` is that of a MySQL BIT column, whose values are bytes.
fn bit_text(value: Value, length: Option<usize>, cx: &Context<'_>) -> Fit<String> {
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

fn bytes<'a>(value: Value, cx: &Context<'a>) -> Fit<Cow<'a, [u8]>> {
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
fn bytea(text: &[u8]) -> Option<Vec<u8>> {
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

fn uuid(value: Value, cx: &Context<'_>) -> Fit<Vec<u8>> {
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

fn moment<T>(value: Value, cx: &Context<'_>, read: impl Fn(&str) -> Fit<T>) -> Fit<T> {
    if matches!(value, Value::Number(..)) {
        return Err(unfit(value, cx, "a date or time"));
    }
    read(&cx.text(value)?)
}
