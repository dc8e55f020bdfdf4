//! Values of a script into Arrow, each strictly as its column's type asks: what does not fit is a
//! fault of the row, never coerced.

mod values;

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

use self::values::{
    beyond_all, bit_text, boolean, bytes, fits, float_text, integer, is_nan, loose, moment, narrow,
    number_text, text, unfit, uuid,
};
use super::lexer::{Escapes, unescape};
use super::number::{decimal, is_number};
use super::row::Value;
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
    /// Texts and numbers of SQLite.
    Loose(StringBuilder),
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
            Store::Text($b) | Store::Loose($b) => $do,
            Store::Number($b) | Store::Bits($b) => $do,
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
            DataType::Utf8
                if logical == Some("text-of") && field::native(f, "sqlite").is_some() =>
            {
                Store::Loose(StringBuilder::new())
            }
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
            Store::Loose(b) => b.append_value(&loose(value, cx)?),
            Store::Number(b) => {
                let text = number_text(value, cx)?;
                if !is_number(&text) {
                    return Err(unfit(value, cx, "a number"));
                }
                if let Some(infinity) = beyond_all(value, &text, cx) {
                    b.append_value(infinity);
                    return Ok(());
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
