//! Values as they lie in the log: how long each is, and how it becomes the value that the snapshot
//! gives.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use syncline_sql::moment;
use syncline_types::{Code, field};

use super::charset::Charset;
use super::{decimal, inet, json};
use crate::decode::Checked;
use crate::decode::build::{Build, LARGEST, Misfit, not_a_number, not_text, too_long};
use crate::native::{Native, STORE, wire};
use crate::wire::packet::Fields;

/// Types that are only in the log.
pub(crate) mod log {
    pub(crate) const NEWDATE: u8 = 14;
    pub(crate) const VARCHAR: u8 = 15;
    pub(crate) const TIMESTAMP_2: u8 = 17;
    pub(crate) const DATETIME_2: u8 = 18;
    pub(crate) const TIME_2: u8 = 19;
    pub(crate) const BLOB_COMPRESSED: u8 = 140;
    pub(crate) const VARCHAR_COMPRESSED: u8 = 141;
    pub(crate) const ENUM: u8 = 247;
    pub(crate) const SET: u8 = 248;
    pub(crate) const BLOB: u8 = 252;
    pub(crate) const VAR_STRING: u8 = 253;
    pub(crate) const STRING: u8 = 254;
}

/// A column's type, as the log's map of a table says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Type {
    /// ENUM and SET are told from texts already.
    pub(crate) kind: u8,
    /// Lengths or digits, by kind.
    pub(crate) first: u16,
    /// Digits after the point.
    pub(crate) second: u8,
}

impl Type {
    /// Reads what belongs to a column of `kind` from the map's metadata.
    pub(crate) fn read(kind: u8, fields: &mut Fields<'_>) -> Option<Self> {
        let plain = |kind, first| Self { kind, first, second: 0 };
        Some(match kind {
            wire::FLOAT
            | wire::DOUBLE
            | log::BLOB
            | log::BLOB_COMPRESSED
            | wire::JSON
            | wire::GEOMETRY
            | wire::VECTOR
            | log::TIMESTAMP_2
            | log::DATETIME_2
            | log::TIME_2 => plain(kind, u16::from(fields.u8()?)),
            log::VARCHAR | log::VARCHAR_COMPRESSED | wire::BIT => plain(kind, fields.u16()?),
            wire::NEWDECIMAL => Self { kind, first: u16::from(fields.u8()?), second: fields.u8()? },
            log::STRING | log::VAR_STRING | log::ENUM | log::SET => {
                let (real, low) = (fields.u8()?, fields.u8()?);
                match real {
                    log::ENUM | log::SET => plain(real, u16::from(low)),
                    // The two upper bits of a length beyond 255 lie, inverted, in the type.
                    _ => plain(log::STRING, u16::from(low) | (u16::from(!real & 0x30) << 4)),
                }
            }
            _ => plain(kind, 0),
        })
    }

    /// How its values lie in a row; `None` for a type that is not known.
    pub(crate) fn lie(self) -> Option<Lie> {
        let counted = |limit: u16| Lie::Counted(if limit > 255 { 2 } else { 1 });
        let fraction = usize::from(self.first.div_ceil(2));
        Some(match self.kind {
            wire::TINY | wire::YEAR => Lie::Fixed(1),
            wire::SHORT => Lie::Fixed(2),
            wire::INT24 | wire::DATE | log::NEWDATE | wire::TIME => Lie::Fixed(3),
            wire::LONG | wire::FLOAT | wire::TIMESTAMP => Lie::Fixed(4),
            wire::LONGLONG | wire::DOUBLE | wire::DATETIME => Lie::Fixed(8),
            wire::NULL => Lie::Fixed(0),
            log::TIMESTAMP_2 => Lie::Fixed(4 + fraction),
            log::DATETIME_2 => Lie::Fixed(5 + fraction),
            log::TIME_2 => Lie::Fixed(3 + fraction),
            wire::NEWDECIMAL => Lie::Fixed(decimal::length(self.first, self.second)?),
            log::ENUM | log::SET => Lie::Fixed(usize::from(self.first)),
            wire::BIT => {
                let (bits, bytes) = (self.first & 0xFF, self.first >> 8);
                Lie::Fixed(usize::from(bytes) + usize::from(bits > 0))
            }
            log::STRING | log::VARCHAR | log::VARCHAR_COMPRESSED => counted(self.first),
            log::BLOB | log::BLOB_COMPRESSED | wire::JSON | wire::GEOMETRY | wire::VECTOR => {
                Lie::Counted(u8::try_from(self.first).ok().filter(|n| (1..=4).contains(n))?)
            }
            _ => return None,
        })
    }
}

/// How a value lies in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    Fixed(usize),
    /// Behind its length, in so many bytes.
    Counted(u8),
}

impl Lie {
    /// Takes the value's bytes off the row.
    #[inline]
    pub(crate) fn take<'a>(self, fields: &mut Fields<'a>) -> Option<&'a [u8]> {
        match self {
            Lie::Fixed(n) => fields.take(n),
            Lie::Counted(1) => {
                let n = fields.u8()?;
                fields.take(usize::from(n))
            }
            Lie::Counted(2) => {
                let n = fields.u16()?;
                fields.take(usize::from(n))
            }
            Lie::Counted(width) => {
                let n = fields.take(usize::from(width))?;
                let n = n.iter().rev().fold(0_usize, |n, b| n << 8 | usize::from(*b));
                fields.take(n)
            }
        }
    }
}

/// What the bytes of a value mean.
#[derive(Debug, Clone)]
pub(crate) enum Means {
    /// The same as in the binary protocol.
    Same,
    Int24,
    Year,
    Date,
    /// Of a table made before MySQL 5.6, or by a MariaDB that is set so.
    OldDatetime,
    OldTimestamp,
    OldTime,
    Datetime,
    Timestamp,
    Time,
    Decimal(u8, u8),
    Enum(Arc<[String]>),
    Set(Arc<[String]>),
    Text(Arc<Charset>),
    /// BINARY(n): the log leaves zeros at the end out.
    Padded(usize),
    Json,
    Uuid,
    Inet4,
    Inet6,
    /// A COMPRESSED column of MariaDB.
    Compressed(Box<Means>),
}

/// What values of `field` mean in a log that says `ty` of the column. `None` when the two are not
/// the same type: the table is not what it is taken for.
pub(crate) fn means(field: &Field, ty: Type, charset: Option<&Arc<Charset>>) -> Option<Means> {
    let native = Native::parse(field::native(field, STORE)?);
    let n = |at| native.number(at).unwrap_or_default();
    let (kind, first) = (ty.kind, u32::from(ty.first));
    let old = n(0) == 0;
    // Up to five bytes a character.
    let length = field::length(field).and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
    let room = || match length {
        0 => first == 0,
        n => first.is_multiple_of(n) && first / n <= 5,
    };
    let text = || match charset {
        Some(charset) => Means::Text(Arc::clone(charset)),
        None => Means::Same,
    };
    let plain = |fits: bool, means: Means| fits.then_some(means);
    let blob = |width: u32| match kind {
        log::BLOB if first == width => Some(text()),
        log::BLOB_COMPRESSED if first == width => Some(Means::Compressed(Box::new(text()))),
        _ => None,
    };
    match native.base.as_str() {
        "tinyint" => plain(kind == wire::TINY, Means::Same),
        "smallint" => plain(kind == wire::SHORT, Means::Same),
        "mediumint" => plain(kind == wire::INT24, Means::Int24),
        "int" | "integer" => plain(kind == wire::LONG, Means::Same),
        "bigint" => plain(kind == wire::LONGLONG, Means::Same),
        "float" => plain(kind == wire::FLOAT, Means::Same),
        "double" | "real" => plain(kind == wire::DOUBLE, Means::Same),
        "year" => plain(kind == wire::YEAR, Means::Year),
        "decimal" | "numeric" => {
            let same = kind == wire::NEWDECIMAL && first == n(0) && u32::from(ty.second) == n(1);
            let precision = u8::try_from(first).ok()?;
            plain(same, Means::Decimal(precision, ty.second))
        }
        "bit" => plain(kind == wire::BIT && (first >> 8) * 8 + (first & 0xFF) == n(0), Means::Same),
        "date" => plain(matches!(kind, wire::DATE | log::NEWDATE), Means::Date),
        "datetime" => match kind {
            log::DATETIME_2 => plain(first == n(0), Means::Datetime),
            _ => plain(kind == wire::DATETIME && old, Means::OldDatetime),
        },
        "timestamp" => match kind {
            log::TIMESTAMP_2 => plain(first == n(0), Means::Timestamp),
            _ => plain(kind == wire::TIMESTAMP && old, Means::OldTimestamp),
        },
        "time" => match kind {
            log::TIME_2 => plain(first == n(0), Means::Time),
            _ => plain(kind == wire::TIME && old, Means::OldTime),
        },
        "char" => plain(kind == log::STRING && room(), text()),
        "varchar" => match kind {
            log::VARCHAR => plain(room(), text()),
            log::VARCHAR_COMPRESSED => Some(Means::Compressed(Box::new(text()))),
            _ => None,
        },
        "binary" => plain(kind == log::STRING && first == length, Means::Padded(first as usize)),
        "varbinary" => match kind {
            log::VARCHAR => plain(first == length, Means::Same),
            log::VARCHAR_COMPRESSED => Some(Means::Compressed(Box::new(Means::Same))),
            _ => None,
        },
        "tinytext" | "tinyblob" => blob(1),
        "text" | "blob" => blob(2),
        "mediumtext" | "mediumblob" => blob(3),
        "longtext" | "longblob" => blob(4),
        // MariaDB's is a longtext.
        "json" if kind == wire::JSON => Some(Means::Json),
        "json" => blob(4),
        "enum" => plain(kind == log::ENUM, Means::Enum(members(field)?)),
        "set" => plain(kind == log::SET, Means::Set(members(field)?)),
        "uuid" => plain(kind == log::STRING && first == 16, Means::Uuid),
        "inet4" => plain(kind == log::STRING && first == 4, Means::Inet4),
        "inet6" => plain(kind == log::STRING && first == 16, Means::Inet6),
        "vector" => plain(matches!(kind, wire::VECTOR | log::BLOB), Means::Same),
        _ => plain(kind == wire::GEOMETRY && *field.data_type() == DataType::Binary, Means::Same),
    }
}

fn members(field: &Field) -> Option<Arc<[String]>> {
    let texts: Vec<String> = serde_json::from_str(field::get(field, field::MEMBERS)?).ok()?;
    Some(texts.into())
}

fn wrong() -> Box<Misfit> {
    Misfit::new(Code::Conversion, "is not of the column's type in the log", "")
}

impl Means {
    /// Appends a value. After a misfit, nothing has been taken.
    #[inline]
    pub(crate) fn put(&self, build: &mut Build, bytes: &[u8]) -> Result<(), Box<Misfit>> {
        match self {
            Means::Same => build.value(bytes),
            _ => self.other(build, bytes),
        }
    }

    fn other(&self, build: &mut Build, bytes: &[u8]) -> Result<(), Box<Misfit>> {
        match (self, build) {
            (Means::Same, build) => return build.value(bytes),
            (Means::Int24, Build::I32(b)) => {
                let low = big(bytes.iter().rev());
                #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // 24 bits
                b.append_value(((low as u32) << 8) as i32 >> 8);
            }
            (Means::Int24, Build::U32(b)) => {
                b.append_value(u32::try_from(big(bytes.iter().rev())).unwrap_or_default());
            }
            (Means::Year, Build::I16(b)) => {
                let year = i16::from(bytes.first().copied().unwrap_or_default());
                b.append_value(if year == 0 { 0 } else { 1900 + year });
            }
            (Means::Date, Build::Date(b)) => {
                let value = big(bytes.iter().rev());
                let days = day(value >> 9, value >> 5 & 15, value & 31);
                b.append_value(i32::try_from(days).map_err(|_| wrong())?);
            }
            (Means::Decimal(p, s), Build::Decimal(b, _)) => {
                b.append_value(decimal::narrow(bytes, *p, *s).ok_or_else(|| not_a_number(bytes))?);
            }
            (Means::Decimal(p, s), Build::Wide(b, _)) => {
                b.append_value(decimal::wide(bytes, *p, *s).ok_or_else(|| not_a_number(bytes))?);
            }
            (Means::Time, Build::Length(b)) => b.append_value(time(bytes)),
            (Means::OldTime, Build::Length(b)) => b.append_value(old_time(bytes)),
            (_, Build::Moment(b)) => b.append_value(match self {
                Means::Datetime => datetime(bytes),
                Means::Timestamp => timestamp(bytes),
                Means::OldDatetime => old_datetime(big(bytes.iter().rev())),
                Means::OldTimestamp => instant(big(bytes.iter().rev()), 0),
                _ => return Err(wrong()),
            }),
            (Means::Uuid, Build::Uuid(b)) => {
                let value = inet::uuid(bytes).ok_or_else(wrong)?;
                // The length is 16: that is all append_value checks.
                drop(b.append_value(value));
            }
            (Means::Padded(width), Build::Bytes(b)) => {
                let mut padded = vec![0; *width];
                let n = bytes.len().min(*width);
                padded[..n].copy_from_slice(&bytes[..n]);
                b.append_value(&padded);
            }
            (Means::Compressed(inner), build) => {
                let whole = super::inflate::column(bytes).ok_or_else(wrong)?;
                return inner.put(build, &whole);
            }
            (means, Build::Text(b)) => {
                let text = means.text(bytes)?;
                if text.len() > LARGEST {
                    return Err(too_long());
                }
                b.append_value(text);
            }
            _ => return Err(wrong()),
        }
        Ok(())
    }

    fn text(&self, bytes: &[u8]) -> Result<String, Box<Misfit>> {
        match self {
            Means::Enum(members) => match big(bytes.iter().rev()) {
                // The value of a wrong one, unless that is what a member looks like.
                0 if members.iter().any(String::is_empty) => Err(Checked::Member.misfit()),
                0 => Ok(String::new()),
                n => usize::try_from(n - 1)
                    .ok()
                    .and_then(|n| members.get(n).cloned())
                    .ok_or_else(wrong),
            },
            Means::Set(members) => {
                let bits = big(bytes.iter().rev());
                let chosen = members.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
                let texts: Vec<&str> = chosen.map(|(_, text)| text.as_str()).collect();
                Ok(texts.join(","))
            }
            Means::Text(charset) => charset.decode(bytes).ok_or_else(|| not_text(bytes)),
            Means::Json => json::text(bytes).ok_or_else(|| {
                Misfit::new(Code::Malformed, "is a JSON document that cannot be understood", "")
            }),
            Means::Inet4 => inet::v4(bytes).ok_or_else(wrong),
            Means::Inet6 => inet::v6(bytes).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }
}

/// Bytes, the highest first, as a number.
pub(crate) fn big<'a>(bytes: impl Iterator<Item = &'a u8>) -> u64 {
    bytes.fold(0, |n, b| n << 8 | u64::from(*b))
}

/// A day since 1970, or the number that stands for one that is in no calendar.
fn day(year: u64, month: u64, day: u64) -> i64 {
    let narrow = |n: u64| u32::try_from(n).unwrap_or_default();
    let number = |n: u64| i64::try_from(n).unwrap_or_default();
    let (y, m, d) = (number(year), number(month), number(day));
    moment::days(y, narrow(month), narrow(day))
        .unwrap_or_else(|| i64::from(field::NO_DAY) + y * 10_000 + m * 100 + d)
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or_default()
}

/// Microseconds from digits of a second that lie in so many bytes.
fn micros(fraction: u64, bytes: usize) -> i64 {
    signed(fraction) * [1_000_000, 10_000, 100, 1][bytes.min(3)]
}

fn datetime(bytes: &[u8]) -> i64 {
    let (whole, fraction) = bytes.split_at(bytes.len().min(5));
    let packed = big(whole.iter()) & 0x7F_FFFF_FFFF;
    let months = packed >> 22;
    let days = day(months / 13, months % 13, packed >> 17 & 31);
    let seconds = (packed >> 12 & 31) * 3600 + (packed >> 6 & 63) * 60 + (packed & 63);
    days * moment::DAY
        + signed(seconds) * moment::SECOND
        + micros(big(fraction.iter()), fraction.len())
}

fn timestamp(bytes: &[u8]) -> i64 {
    let (whole, fraction) = bytes.split_at(bytes.len().min(4));
    instant(big(whole.iter()), micros(big(fraction.iter()), fraction.len()))
}

/// Second 0 stands for 0000-00-00.
fn instant(seconds: u64, micros: i64) -> i64 {
    match (seconds, micros) {
        (0, 0) => day(0, 0, 0) * moment::DAY,
        _ => signed(seconds) * moment::SECOND + micros,
    }
}

fn time(bytes: &[u8]) -> i64 {
    let fraction = bytes.len().saturating_sub(3).min(3);
    let value = signed(big(bytes.iter())) - (0x80_0000 << (8 * fraction));
    let size = value.unsigned_abs();
    let whole = size >> (8 * fraction);
    let seconds = (whole >> 12 & 0x3FF) * 3600 + (whole >> 6 & 63) * 60 + (whole & 63);
    let length =
        signed(seconds) * moment::SECOND + micros(size & ((1 << (8 * fraction)) - 1), fraction);
    if value < 0 { -length } else { length }
}

/// The digits yyyymmddhhmmss.
fn old_datetime(digits: u64) -> i64 {
    let (date, clock) = (digits / 1_000_000, digits % 1_000_000);
    let days = day(date / 10_000, date / 100 % 100, date % 100);
    days * moment::DAY + signed(clock_seconds(clock)) * moment::SECOND
}

fn clock_seconds(digits: u64) -> u64 {
    digits / 10_000 * 3600 + digits / 100 % 100 * 60 + digits % 100
}

/// The digits hhmmss, signed.
fn old_time(bytes: &[u8]) -> i64 {
    let raw = signed(big(bytes.iter().rev()));
    let value = if raw >= 0x80_0000 { raw - 0x100_0000 } else { raw };
    let length = signed(clock_seconds(value.unsigned_abs())) * moment::SECOND;
    if value < 0 { -length } else { length }
}
