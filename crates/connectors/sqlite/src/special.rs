//! Values that the Arrow type has no number for, kept in SQLite as texts: infinity among dates,
//! NaN among decimals, dates that are no day of the calendar. See [`field::SPECIAL`].

use arrow::datatypes::{DataType, Field, TimeUnit};
use syncline_sql::moment;
use syncline_types::field;

/// What a column has beside the numbers of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    Infinity,
    Nan,
    ZeroDate,
}

impl Special {
    /// As metadata says it.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Special::Infinity => "infinity",
            Special::Nan => "nan",
            Special::ZeroDate => "zero-date",
        }
    }

    /// What a field says it has.
    pub(crate) fn of(column: &Field) -> Option<Special> {
        let id = field::get(column, field::SPECIAL)?;
        let all = [Special::Infinity, Special::Nan, Special::ZeroDate];
        all.into_iter().find(|s| s.id() == id && s.fits(column.data_type()))
    }

    /// Whether columns of this type can have it.
    fn fits(self, data_type: &DataType) -> bool {
        match data_type {
            DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, _) => {
                self != Special::Nan
            }
            DataType::Decimal128(..) | DataType::Decimal256(..) => self == Special::Nan,
            _ => false,
        }
    }

    /// What a text stands for in a column of this type, if it is no number of it.
    pub(crate) fn seen(text: &str, data_type: &DataType) -> Option<Special> {
        let seen = match text {
            "infinity" | "-infinity" => Special::Infinity,
            "NaN" => Special::Nan,
            _ if Special::ZeroDate.micros(text).is_some() => Special::ZeroDate,
            _ => return None,
        };
        seen.fits(data_type).then_some(seen)
    }

    /// The day that stands for a text.
    pub(crate) fn days(self, text: &str) -> Option<i32> {
        match (self, text) {
            (Special::Infinity, "infinity") => Some(i32::MAX),
            (Special::Infinity, "-infinity") => Some(i32::MIN),
            (Special::ZeroDate, _) => moment::parse_no_day(text),
            _ => None,
        }
    }

    /// The microseconds that stand for a text.
    pub(crate) fn micros(self, text: &str) -> Option<i64> {
        match (self, text) {
            (Special::Infinity, "infinity") => Some(i64::MAX),
            (Special::Infinity, "-infinity") => Some(i64::MIN),
            (Special::ZeroDate, _) => {
                let days = moment::parse_no_day(text.get(..10)?)?;
                let time = match text.get(10..)? {
                    "" => 0,
                    rest => moment::parse_time(rest.strip_prefix(' ')?)?,
                };
                Some(i64::from(days) * moment::DAY + time)
            }
            _ => None,
        }
    }

    /// The text of a day, where it is one of these.
    pub(crate) fn day_text(self, days: i32) -> Option<String> {
        match (self, days) {
            (Special::Infinity, i32::MAX) => Some("infinity".into()),
            (Special::Infinity, i32::MIN) => Some("-infinity".into()),
            (Special::ZeroDate, _) => odd_text(days.into()),
            _ => None,
        }
    }

    /// The text of microseconds, where they are one of these.
    pub(crate) fn moment_text(self, micros: i64) -> Option<String> {
        match (self, micros) {
            (Special::Infinity, i64::MAX) => Some("infinity".into()),
            (Special::Infinity, i64::MIN) => Some("-infinity".into()),
            (Special::ZeroDate, _) => {
                let mut text = odd_text(micros.div_euclid(moment::DAY))?;
                text.push(' ');
                moment::push_time(micros.rem_euclid(moment::DAY), &mut text);
                Some(text)
            }
            _ => None,
        }
    }
}

fn odd_text(days: i64) -> Option<String> {
    let mut text = String::new();
    moment::push_no_day(days, &mut text).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_beyond_the_numbers_come_back() {
        let date = DataType::Date32;
        for (text, special) in [
            ("infinity", Some(Special::Infinity)),
            ("-infinity", Some(Special::Infinity)),
            ("0000-00-00", Some(Special::ZeroDate)),
            ("2020-02-31", Some(Special::ZeroDate)),
            ("2020-02-29", None),
            ("NaN", None),
            ("2020-13-01", None),
            ("é020-00-00", None),
        ] {
            assert_eq!(Special::seen(text, &date), special, "{text}");
            if let Some(special) = special {
                assert_eq!(special.day_text(special.days(text).unwrap()).as_deref(), Some(text));
            }
        }
        let zero = Special::ZeroDate;
        let text = "2020-00-10 23:59:59.000001";
        assert_eq!(zero.moment_text(zero.micros(text).unwrap()).as_deref(), Some(text));
        assert_eq!(zero.moment_text(0), None);
        assert_eq!(zero.day_text(0), None);
    }
}
