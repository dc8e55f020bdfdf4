//! Values beside the numbers of a type: infinity of dates, dates that are no days, NaN of decimals
//! ([`field::SPECIAL`]).
//!
//! In a flagged column a number stands for each. It is never computed with: before the first loop
//! these rows are taken out, and afterwards they get what the target has for them, if anything.
//! Texts and floats say the same by their own means; they are looked at where a loop refused them.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, Decimal256Array, Float32Array,
    Float64Array, PrimitiveArray, StringArray,
};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Decimal256Type, Field, TimeUnit,
    TimestampMicrosecondType, i256,
};
use syncline_types::field::{self, NO_DAY, no_day};

use crate::clock::{self, DAY};
use crate::digits;
use crate::kind::{Kind, Shape};
use crate::misfit::{Misfit, Side, conversion, infinity, invalid_date, nan, zero_date};

/// A value that no number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Special {
    NegativeInfinity,
    Infinity,
    Nan,
    /// A date that is no day, by the number that stands for its day, and the time of day in
    /// microseconds.
    NoDay(i32, i64),
}

impl Special {
    /// Why a target that does not have it refuses it.
    pub(crate) fn misfit(self) -> Misfit {
        match self {
            Special::NegativeInfinity => infinity(Side::Below),
            Special::Infinity => infinity(Side::Above),
            Special::Nan => nan(),
            Special::NoDay(days, _) => match no_day(days.into()) {
                Some((_, 0, _) | (_, _, 0)) => zero_date(),
                _ => invalid_date(),
            },
        }
    }

    /// Of a text.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        Some(match digits::special(text) {
            Some("NaN") => Special::Nan,
            Some("Infinity") => Special::Infinity,
            Some(_) => Special::NegativeInfinity,
            None => {
                let (days, micros) = clock::parse_no_day(text)?;
                Special::NoDay(days, micros)
            }
        })
    }

    /// As text, where a date (`date`) or a date with a time is written.
    fn text(self, date: bool) -> String {
        match self {
            Special::NegativeInfinity => "-infinity".into(),
            Special::Infinity => "infinity".into(),
            Special::Nan => "NaN".into(),
            Special::NoDay(days, micros) => {
                let (year, month, day) = no_day(days.into()).unwrap_or_default();
                let mut text = format!("{year:04}-{month:02}-{day:02}");
                if !date {
                    text.push(' ');
                    clock::write_duration(micros, &mut text);
                }
                text
            }
        }
    }
}

/// Which of them a column has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Specials {
    pub(crate) infinity: bool,
    pub(crate) nan: bool,
    pub(crate) no_day: bool,
}

impl Specials {
    /// What the field says of itself, as far as its type can have it.
    pub(crate) fn of(field: &Field) -> Self {
        let says = field::get(field, field::SPECIAL).unwrap_or_default();
        let says = |word: &str| says.split([',', ' ']).any(|w| w == word);
        let (dates, decimals) = match field.data_type() {
            DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, _) => (true, false),
            DataType::Decimal128(..) | DataType::Decimal256(..) => (false, true),
            _ => (false, false),
        };
        Self {
            infinity: dates && says("infinity"),
            nan: decimals && says("nan"),
            no_day: dates && says("zero-date"),
        }
    }

    pub(crate) fn any(self) -> bool {
        self.infinity || self.nan || self.no_day
    }

    fn has(self, special: Special) -> bool {
        match special {
            Special::Nan => self.nan,
            Special::NoDay(..) => self.no_day,
            _ => self.infinity,
        }
    }

    /// Those that `other` does not have, for a person.
    pub(crate) fn beyond(self, other: Self) -> impl Iterator<Item = &'static str> {
        let names = [
            (self.infinity && !other.infinity, "infinity"),
            (self.no_day && !other.no_day, "dates that are no day (0000-00-00)"),
            (self.nan && !other.nan, "NaN"),
        ];
        names.into_iter().filter(|(lost, _)| *lost).map(|(_, name)| name)
    }

    fn of_day(self, days: i64, micros: i64) -> Option<Special> {
        no_day(days).filter(|_| self.no_day)?;
        Some(Special::NoDay(i32::try_from(days).ok()?, micros))
    }

    fn of_date(self, value: i32) -> Option<Special> {
        match value {
            i32::MIN if self.infinity => Some(Special::NegativeInfinity),
            i32::MAX if self.infinity => Some(Special::Infinity),
            _ => self.of_day(value.into(), 0),
        }
    }

    fn of_timestamp(self, value: i64) -> Option<Special> {
        match value {
            i64::MIN if self.infinity => Some(Special::NegativeInfinity),
            i64::MAX if self.infinity => Some(Special::Infinity),
            _ => self.of_day(value.div_euclid(DAY), value.rem_euclid(DAY)),
        }
    }
}

/// The rows of a flagged column that hold one.
pub(crate) fn find(array: &ArrayRef, says: Specials) -> Vec<(usize, Special)> {
    fn among<T: ArrowPrimitiveType>(
        array: &ArrayRef,
        is: impl Fn(T::Native) -> Option<Special>,
    ) -> Vec<(usize, Special)> {
        let Some(all) = array.as_primitive_opt::<T>() else { return Vec::new() };
        let rows = all.values().iter().enumerate();
        rows.filter_map(|(row, v)| Some((row, is(*v)?))).filter(|(r, _)| all.is_valid(*r)).collect()
    }
    let not_a_number = |is: bool| is.then_some(Special::Nan);
    match array.data_type() {
        DataType::Date32 => among::<Date32Type>(array, |v| says.of_date(v)),
        DataType::Timestamp(..) => {
            among::<TimestampMicrosecondType>(array, |v| says.of_timestamp(v))
        }
        DataType::Decimal128(..) if says.nan => {
            among::<Decimal128Type>(array, |v| not_a_number(v == i128::MIN))
        }
        DataType::Decimal256(..) if says.nan => {
            among::<Decimal256Type>(array, |v| not_a_number(v == i256::MIN))
        }
        _ => Vec::new(),
    }
}

/// Whether the columns mean different things by these numbers, so that rows have to be looked at.
pub(crate) fn differ(from: &Field, to: &Field) -> bool {
    let (a, b) = (Specials::of(from), Specials::of(to));
    a.any() && !(a == b && from.data_type() == to.data_type())
}

/// What a value that a loop refused is, where it is one of these.
pub(crate) fn refused(array: &ArrayRef, row: usize) -> Option<Special> {
    match array.data_type() {
        DataType::Utf8 => Special::of_text(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Special::of_text(array.as_string::<i64>().value(row)),
        DataType::Float32 | DataType::Float64 => {
            let value = arrow::compute::cast(&array.slice(row, 1), &DataType::Float64).ok()?;
            let value = value.as_primitive_opt::<arrow::datatypes::Float64Type>()?.value(0);
            value.is_nan().then_some(Special::Nan)
        }
        _ => None,
    }
}

/// The text of a value of a flagged column, where it is one of these.
pub(crate) fn shown(field: &Field, column: &ArrayRef, row: usize) -> Option<String> {
    let says = Specials::of(field);
    if !says.any() {
        return None;
    }
    let found = find(&column.slice(row, 1), says);
    found.first().map(|(_, special)| special.text(field.data_type() == &DataType::Date32))
}

/// What stands for it in a column, one value long; why not, when the column does not have it.
/// `date` tells that it comes from a date without a time.
pub(crate) fn in_target(
    special: Special,
    date: bool,
    to: &Field,
    shape: &Shape,
) -> Result<ArrayRef, Misfit> {
    let flagged = Specials::of(to).has(special);
    let micros = |number: i64| -> ArrayRef {
        let array = PrimitiveArray::<TimestampMicrosecondType>::from(vec![number]);
        Arc::new(array.with_data_type(to.data_type().clone()))
    };
    let array: ArrayRef = match (&shape.kind, to.data_type()) {
        (_, DataType::Date32) if flagged => Arc::new(Date32Array::from(vec![match special {
            Special::NegativeInfinity => i32::MIN,
            Special::Infinity => i32::MAX,
            Special::NoDay(days, 0) => days,
            _ => return Err(conversion("it has a time of day")),
        }])),
        (_, DataType::Timestamp(..)) if flagged => micros(match special {
            Special::NegativeInfinity => i64::MIN,
            Special::NoDay(days, micros) => i64::from(days) * DAY + micros,
            _ => i64::MAX,
        }),
        (_, DataType::Decimal128(..)) if flagged => {
            let array = Decimal128Array::from(vec![i128::MIN]);
            Arc::new(array.with_data_type(to.data_type().clone()))
        }
        (_, DataType::Decimal256(..)) if flagged => {
            let array = Decimal256Array::from(vec![i256::MIN]);
            Arc::new(array.with_data_type(to.data_type().clone()))
        }
        (Kind::Float32, _) if special == Special::Nan => {
            Arc::new(Float32Array::from(vec![f32::NAN]))
        }
        (Kind::Float64, _) if special == Special::Nan => {
            Arc::new(Float64Array::from(vec![f64::NAN]))
        }
        (Kind::DecimalText, _) if special == Special::Nan => {
            Arc::new(StringArray::from(vec!["NaN"]))
        }
        (Kind::Text | Kind::TextOf { .. }, _) => {
            let text = special.text(date);
            if shape.length.is_some_and(|n| n < text.len() as u64) {
                return Err(special.misfit());
            }
            Arc::new(StringArray::from(vec![text]))
        }
        _ => return Err(special.misfit()),
    };
    Ok(array)
}

/// The number that stands for a date that is no day: see [`NO_DAY`].
pub(crate) fn number_of(year: u32, month: u32, day: u32) -> Option<i32> {
    let digits = i32::try_from(year * 10_000 + month * 100 + day).ok()?;
    let number = NO_DAY.checked_add(digits)?;
    no_day(number.into()).map(|_| number)
}
