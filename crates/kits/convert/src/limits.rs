//! What the stores' own types hold beyond what their Arrow type says: the years of a MySQL
//! `datetime`, texts without U+0000 in PostgreSQL, the bytes of a MySQL `text`.
//!
//! Sinks check all of it themselves, row by row, for the server's word is the last. It stands here
//! as well so that `check` can say it before the first row, and so that a policy for such values
//! can be followed where they are converted.

use arrow::datatypes::{
    DataType, Date32Type, DurationMicrosecondType, Field, Float32Type, Float64Type,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use syncline_types::field;

use crate::clock::{DAY, SECOND, days_from_civil};
use crate::digits;
use crate::float;
use crate::misfit::{Fit, Side, conversion, infinity, nan, no_equivalent, nul, out_of_range};
use crate::special::Specials;
use crate::stage::{self, Stage};

/// Earlier days stand for dates that are none, in columns that have such.
const FIRST_DAY: i64 = field::NO_DAY as i64 + 100_000_000;

/// First and last value of a type, in the unit of its Arrow type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// What lies outside, for a person.
    beyond: &'static str,
    /// So narrow that everyday values lie outside.
    narrow: bool,
}

/// What a column holds beyond what its Arrow type says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) range: Option<Range>,
    /// Digits of a second's fraction.
    fraction: Option<u32>,
    /// Bytes of a text or of binary data.
    pub(crate) bytes: Option<u64>,
    no_nul: bool,
    no_nan: bool,
    no_infinity: bool,
    one_zero: bool,
    no_json_null: bool,
}

impl Limits {
    /// The last value not after this one with no more digits of a second than there may be.
    pub(crate) fn whole(&self, value: i64) -> i64 {
        let unit = 10_i64.pow(6 - self.fraction.unwrap_or(6).min(6));
        value.div_euclid(unit) * unit
    }
}

/// What is done about the limits on the way between two columns.
#[derive(Default)]
pub(crate) struct Checks {
    pub(crate) stages: Vec<Stage>,
    /// Why not every value fits, where everyday values may not.
    pub(crate) lossy: Vec<String>,
    /// Odd values that are refused.
    pub(crate) refused: Vec<String>,
}

/// The limits of a column.
pub(crate) fn limits(field: &Field) -> Limits {
    let native = field::get(field, field::NATIVE).unwrap_or_default().to_ascii_lowercase();
    if field::get(field, field::FINITE).is_some() {
        return finite(field);
    }
    let limits = match field::get(field, field::STORE) {
        Some("mysql") => mysql(field, &native),
        Some("postgres") => postgres(field, &native),
        Some("sqlite") => sqlite(field),
        Some("ansi") => ansi(field),
        _ => Limits::default(),
    };
    Limits { one_zero: field::get(field, field::ONE_ZERO).is_some(), ..limits }
}

/// The number in the parentheses of `datetime(3)`.
fn argument(native: &str) -> Option<u32> {
    native.split_once('(')?.1.split_once(')')?.0.trim().parse().ok()
}

/// Days or microseconds between the first day of a year and the last of another.
fn years(data_type: &DataType, first: i64, last: i64, beyond: &'static str) -> Option<Range> {
    let (first, last) = (days_from_civil(first, 1, 1), days_from_civil(last, 12, 31));
    let (first, last) = match data_type {
        DataType::Date32 => (first, last),
        DataType::Timestamp(..) => {
            (first.checked_mul(DAY)?, last.checked_mul(DAY)?.checked_add(DAY - 1)?)
        }
        _ => return None,
    };
    Some(Range { first, last, beyond, narrow: false })
}

fn mysql(field: &Field, native: &str) -> Limits {
    let base = native.split(['(', ' ']).next().unwrap_or_default();
    let mut limits = Limits::default();
    match base {
        "date" | "datetime" => {
            limits.range = years(field.data_type(), 0, 9999, "years before 0 and after 9999");
            limits.fraction = (base == "datetime").then(|| argument(native).unwrap_or(0));
        }
        "timestamp" => {
            limits.fraction = Some(argument(native).unwrap_or(0));
            limits.range = Some(Range {
                first: SECOND,
                last: i64::from(i32::MAX) * SECOND + SECOND - 1,
                beyond: "times before 1970 and after 2038-01-19",
                narrow: true,
            });
        }
        "time" => {
            let whole = (838 * 3600 + 59 * 60 + 59) * SECOND;
            let longest = field::get(field, field::LONGEST).and_then(|n| n.parse().ok());
            let most = longest.unwrap_or(whole);
            limits.fraction = Some(argument(native).unwrap_or(0));
            limits.range = Some(Range {
                first: -most,
                last: most,
                beyond: match most == whole {
                    true => "lengths of time beyond 838:59:59",
                    false => "lengths of time beyond 838:59:59.999999",
                },
                narrow: false,
            });
        }
        "float" | "double" => (limits.no_nan, limits.no_infinity) = (true, true),
        "tinytext" | "tinyblob" => limits.bytes = Some(255),
        "text" | "blob" => limits.bytes = Some(65_535),
        "mediumtext" | "mediumblob" => limits.bytes = Some((1 << 24) - 1),
        _ => {}
    }
    // In other character sets a text takes other bytes than in UTF-8.
    let charset = field::get(field, field::CHARSET).unwrap_or("utf8mb4");
    if !charset.starts_with("utf8") && field.data_type() == &DataType::Utf8 {
        limits.bytes = None;
    }
    limits
}

fn postgres(field: &Field, native: &str) -> Limits {
    let mut limits = Limits { no_nul: field.data_type() == &DataType::Utf8, ..Limits::default() };
    let years = |last, beyond| years(field.data_type(), -4712, last, beyond);
    match field.data_type() {
        DataType::Date32 => {
            limits.range = years(5_874_897, "years before 4713 BC and after 5874897");
        }
        DataType::Timestamp(..) => {
            limits.range = Some(Range {
                // Year 4714 BC, 24 November.
                first: days_from_civil(-4713, 11, 24) * DAY,
                last: i64::MAX - 1,
                beyond: "times before 4713 BC",
                narrow: false,
            });
            limits.fraction = argument(native);
        }
        DataType::Time64(_) => limits.fraction = argument(native),
        _ => {}
    }
    limits
}

/// JSON Lines: JSON has no other numbers, and its `null` is what NULL is written as.
fn finite(field: &Field) -> Limits {
    let json = field::logical(field) == Some("json");
    Limits { no_nan: !json, no_infinity: !json, no_json_null: json, ..Limits::default() }
}

fn sqlite(field: &Field) -> Limits {
    let float = field.data_type() == &DataType::Float64;
    Limits {
        // Later ones have a form of their own, which no function of SQLite reads.
        range: match field.data_type() {
            DataType::Date32 => years(field.data_type(), -9999, 999_999, "years after 999999"),
            _ => None,
        },
        no_nan: float,
        ..Limits::default()
    }
}

/// Pages of standard SQL.
fn ansi(field: &Field) -> Limits {
    let float = matches!(field.data_type(), DataType::Float32 | DataType::Float64);
    Limits {
        range: years(field.data_type(), 1, 9999, "years before 1 and after 9999"),
        no_nul: field.data_type() == &DataType::Utf8,
        no_nan: float,
        no_infinity: float,
        ..Limits::default()
    }
}

/// What has to be looked at between two columns, `to` being of canonical Arrow type.
pub(crate) fn checks(from: &Field, to: &Field) -> Checks {
    let mut checks = Checks::default();
    let same = |key: &str| field::get(to, key) == field::get(from, key);
    let word_for_word = same(field::FINITE)
        && same(field::ONE_ZERO)
        && same(field::LONGEST)
        && field::get(from, field::STORE) == field::get(to, field::STORE)
        && field::get(from, field::NATIVE).is_some()
        && field::get(from, field::NATIVE) == field::get(to, field::NATIVE);
    if word_for_word {
        return checks;
    }
    let (a, b) = (limits(from), limits(to));
    checks.range(from, a, to, b);
    checks.fraction(from, a, to, b);
    checks.texts(from, a, to, b);
    checks.floats(from, a, to, b);
    checks.zeros(from, a, to, b);
    checks
}

impl Checks {
    fn range(&mut self, from: &Field, a: Limits, to: &Field, b: Limits) {
        let same_unit =
            std::mem::discriminant(from.data_type()) == std::mem::discriminant(to.data_type());
        let inside = |of: Range| {
            same_unit && a.range.is_some_and(|r| r.first >= of.first && r.last <= of.last)
        };
        // A flagged target means something else by its first and last number.
        let flagged = Specials::of(to).infinity && !Specials::of(from).infinity;
        let no_days = b.range.is_none() && Specials::of(to).no_day && !Specials::of(from).no_day;
        let range = b.range.filter(|range| !inside(*range));
        if range.is_none() && !flagged && !no_days {
            return;
        }
        if let Some(range) = range {
            if range.narrow {
                self.lossy.push(format!("{} are refused", range.beyond));
            } else {
                self.refused.push(range.beyond.to_owned());
            }
        }
        let unit = if to.data_type() == &DataType::Date32 { 1 } else { DAY };
        let within = move |value: i64, least: i64, most: i64| -> Fit<()> {
            let (first, last) = range.map_or((least, most), |r| (r.first, r.last));
            let first = if flagged { first.max(least + 1) } else { first };
            let last = if flagged { last.min(most - 1) } else { last };
            let first = if no_days { first.max(unit.saturating_mul(FIRST_DAY)) } else { first };
            let beyond = range.map_or("beyond what the target has", |_| "beyond the type's range");
            if value < first {
                Err(out_of_range(beyond).on(Side::Below))
            } else if value > last {
                Err(out_of_range(beyond).on(Side::Above))
            } else {
                Ok(())
            }
        };
        let days = move |v: i32| within(v.into(), i32::MIN.into(), i32::MAX.into());
        let micros = move |v: i64| within(v, i64::MIN, i64::MAX);
        match to.data_type() {
            DataType::Date32 => self.stages.push(stage::check_values::<Date32Type>(days)),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                self.stages.push(stage::check_values::<TimestampMicrosecondType>(micros));
            }
            DataType::Duration(TimeUnit::Microsecond) => {
                // A time of day is always within.
                if !matches!(from.data_type(), DataType::Time64(_)) {
                    self.stages.push(stage::check_values::<DurationMicrosecondType>(micros));
                } else {
                    self.refused.pop();
                }
            }
            _ => {}
        }
    }

    fn fraction(&mut self, from: &Field, a: Limits, to: &Field, b: Limits) {
        let Some(digits) = b.fraction.filter(|n| *n < 6) else { return };
        let finest = match from.data_type() {
            DataType::Date32 => 0,
            _ => a.fraction.unwrap_or(6),
        };
        if finest <= digits {
            return;
        }
        let unit = 10_i64.pow(6 - digits);
        let whole = move |v: i64| {
            if v % unit == 0 {
                Ok(())
            } else {
                Err(conversion(format!("it has more than {digits} digits of a second")))
            }
        };
        match to.data_type() {
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                self.stages.push(stage::check_values::<TimestampMicrosecondType>(whole));
            }
            DataType::Duration(TimeUnit::Microsecond) => {
                self.stages.push(stage::check_values::<DurationMicrosecondType>(whole));
            }
            DataType::Time64(TimeUnit::Microsecond) => {
                self.stages.push(stage::check_values::<Time64MicrosecondType>(whole));
            }
            _ => return,
        }
        self.lossy.push(format!("more than {digits} digits of a second are refused"));
    }

    fn texts(&mut self, from: &Field, a: Limits, to: &Field, b: Limits) {
        if to.data_type() == &DataType::Utf8 {
            let may_have_nul = match from.data_type() {
                DataType::Utf8 => !a.no_nul && !plain_characters(from),
                DataType::LargeUtf8 | DataType::Utf8View => true,
                DataType::Binary | DataType::LargeBinary | DataType::BinaryView => true,
                _ => false,
            };
            if b.no_nul && may_have_nul {
                let check = |t: &str| if t.as_bytes().contains(&0) { Err(nul()) } else { Ok(()) };
                self.stages.push(stage::check_text(check));
                self.refused.push("U+0000 in a text".into());
            }
            if b.no_json_null {
                const WHY: &str = "the JSON value null cannot be told from NULL";
                let check =
                    |t: &str| if t.trim() == "null" { Err(no_equivalent(WHY)) } else { Ok(()) };
                self.stages.push(stage::check_text(check));
                self.refused.push("the JSON value null".into());
            }
        }
    }

    fn floats(&mut self, from: &Field, a: Limits, to: &Field, b: Limits) {
        let may = matches!(
            from.data_type(),
            DataType::Float16 | DataType::Float32 | DataType::Float64 | DataType::Utf8
        ) || Specials::of(from).nan;
        let (no_nan, no_infinity) = (b.no_nan && !a.no_nan, b.no_infinity && !a.no_infinity);
        if !may || !(no_nan || no_infinity) {
            return;
        }
        let check = move |v: f64| {
            if v.is_nan() && no_nan {
                Err(nan())
            } else if v.is_infinite() && no_infinity {
                float::finite(v)
            } else {
                Ok(())
            }
        };
        match to.data_type() {
            DataType::Float32 => {
                let check = move |v: f32| check(v.into());
                self.stages.push(stage::check_values::<Float32Type>(check));
            }
            DataType::Float64 => self.stages.push(stage::check_values::<Float64Type>(check)),
            DataType::Utf8 if field::logical(to) == Some("decimal") => {
                let check = |t: &str| match digits::special(t) {
                    Some("NaN") => Err(nan()),
                    Some(t) if t.starts_with('-') => Err(infinity(Side::Below)),
                    Some(_) => Err(infinity(Side::Above)),
                    None => Ok(()),
                };
                self.stages.push(stage::check_text(check));
            }
            _ => return,
        }
        self.refused.push(if no_infinity { "NaN and infinity" } else { "NaN" }.to_owned());
    }

    fn zeros(&mut self, from: &Field, a: Limits, to: &Field, b: Limits) {
        let floating = from.data_type().is_floating();
        if floating && field::logical(to) == Some("decimal") {
            // The loop that writes the digits looks.
            self.refused.push("-0.0".into());
        }
        let signed = floating || from.data_type() == &DataType::Utf8;
        if !signed || a.one_zero || !b.one_zero {
            return;
        }
        match to.data_type() {
            DataType::Float32 => {
                let check = |v: f32| float::unsigned_zero(v.into());
                self.stages.push(stage::check_values::<Float32Type>(check));
            }
            DataType::Float64 => {
                self.stages.push(stage::check_values::<Float64Type>(float::unsigned_zero));
            }
            _ => return,
        }
        self.refused.push("-0.0".into());
    }
}

/// Texts of a form that has no U+0000.
fn plain_characters(field: &Field) -> bool {
    matches!(field::logical(field), Some("decimal" | "bit" | "json"))
}

/// Bytes that a text or binary column of `to` takes at most, where `from` may have more.
pub(crate) fn most_bytes(from: &Field, to: &Field) -> Option<u64> {
    let (a, b) = (limits(from), limits(to));
    let most = b.bytes?;
    let longest = match field::length(from) {
        // A character is up to four bytes.
        Some(n) if from.data_type() == &DataType::Utf8 => Some(4 * n),
        Some(n) => Some(n),
        None => a.bytes,
    };
    longest.is_none_or(|n| n > most).then_some(most)
}
