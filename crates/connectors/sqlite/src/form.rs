//! How dates and times are spelled in a column: SQLite keeps them as texts, and programs spell
//! them differently. A column whose texts are all of one form is read as what they mean, and a
//! copy of it is spelled the same way; a text of another form is refused, so that none changes.

use std::fmt;

use syncline_sql::moment;

/// Key of a field's metadata that holds the form, where it is not the usual one.
pub(crate) const FORM: &str = "syncline.form";

/// What the texts mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Date,
    Timestamp,
    Instant,
    Time,
    Duration,
}

/// Digits of a second's fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fraction {
    /// Six, and none where they would all be zero.
    Shortest,
    /// As many as it takes, and none where they would all be zero.
    Trimmed,
    /// Always so many.
    Fixed(usize),
}

/// A form, as `YYYY-MM-DD HH:MM:SS[.ffffff]` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    /// Between date and time.
    separator: char,
    /// A date and time has a time.
    time: bool,
    seconds: bool,
    fraction: Fraction,
    /// What an instant ends with: `+00:00` or `Z`.
    zone: &'static str,
}

const ZONES: [&str; 4] = ["+00:00", "Z", "+00", " +00:00"];

impl Default for Form {
    fn default() -> Self {
        Self {
            separator: ' ',
            time: true,
            seconds: true,
            fraction: Fraction::Shortest,
            zone: ZONES[0],
        }
    }
}

/// As people write such forms.
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YYYY-MM-DD")?;
        if self.time {
            write!(f, "{}HH:MM", self.separator)?;
        }
        if self.time && self.seconds {
            f.write_str(":SS")?;
            match self.fraction {
                Fraction::Shortest => f.write_str("[.ffffff]")?,
                Fraction::Trimmed => f.write_str("[.f]")?,
                Fraction::Fixed(0) => {}
                Fraction::Fixed(n) => write!(f, ".{}", "f".repeat(n))?,
            }
        }
        f.write_str(self.zone)
    }
}

impl Form {
    /// From what [`Form`] is displayed as.
    pub(crate) fn parse(text: &str) -> Option<Form> {
        let rest = text.strip_prefix("YYYY-MM-DD")?;
        let zone = ZONES.into_iter().rev().find(|zone| rest.ends_with(zone))?;
        let rest = rest.strip_suffix(zone)?;
        let Some(separator) = rest.chars().next() else {
            return Some(Form { time: false, zone, ..Form::default() });
        };
        let rest = rest[separator.len_utf8()..].strip_prefix("HH:MM")?;
        let Some(rest) = rest.strip_prefix(":SS") else {
            return Some(Form { separator, seconds: false, zone, ..Form::default() });
        };
        let fraction = match rest {
            "[.ffffff]" => Fraction::Shortest,
            "[.f]" => Fraction::Trimmed,
            "" => Fraction::Fixed(0),
            fixed => Fraction::Fixed(fixed.len() - 1),
        };
        Some(Form { separator, fraction, zone, ..Form::default() })
    }

    /// The number a text stands for, when it is of this form.
    pub(crate) fn read(&self, text: &str, of: Moment) -> Option<i64> {
        let value = parse(text, of)?;
        let shape = Shape::of(text, of)?;
        let fits = match self.fraction {
            Fraction::Shortest => {
                shape.digits == 0 || shape.digits == 6 && shape.last != Last::AllZero
            }
            Fraction::Trimmed => shape.last == Last::Digit,
            Fraction::Fixed(n) => shape.digits == n,
        };
        let same = match of {
            Moment::Date => true,
            Moment::Time | Moment::Duration => shape.seconds == self.seconds,
            Moment::Timestamp | Moment::Instant => {
                shape.time == self.time
                    && (!shape.time
                        || shape.separator == self.separator && shape.seconds == self.seconds)
                    && (of == Moment::Timestamp || shape.zone == self.zone)
            }
        };
        // Without seconds, or without time, there are no digits to compare.
        (same && (fits || !shape.seconds)).then_some(value)
    }

    /// Appends the text of a number; `false` when this form has none for it.
    pub(crate) fn write(&self, value: i64, of: Moment, out: &mut String) -> bool {
        let micros = match of {
            Moment::Date => {
                moment::push_date(value, out);
                return true;
            }
            Moment::Timestamp | Moment::Instant => {
                moment::push_date(value.div_euclid(moment::DAY), out);
                let clock = value.rem_euclid(moment::DAY);
                if !self.time {
                    out.push_str(if of == Moment::Instant { self.zone } else { "" });
                    return clock == 0;
                }
                out.push(self.separator);
                clock
            }
            Moment::Time | Moment::Duration => value,
        };
        let start = out.len();
        moment::push_time(micros, out);
        let fraction = micros.unsigned_abs() % moment::SECOND.unsigned_abs();
        if !self.seconds {
            let whole = micros % (60 * moment::SECOND) == 0;
            // `:SS` is the last thing there.
            out.truncate(out.len().saturating_sub(if whole { 3 } else { 0 }).max(start));
            if !whole {
                return false;
            }
        } else if self.fraction == Fraction::Trimmed && fraction != 0 {
            out.truncate(out.trim_end_matches('0').len());
        } else if let Fraction::Fixed(n) = self.fraction {
            if fraction == 0 && n > 0 {
                out.push('.');
                out.extend(std::iter::repeat_n('0', n));
            } else if fraction != 0 {
                let beyond = out.split_off(out.len() - (6 - n));
                if beyond.bytes().any(|b| b != b'0') || n == 0 {
                    return false;
                }
            }
        }
        if of == Moment::Instant {
            out.push_str(self.zone);
        }
        true
    }
}

fn parse(text: &str, of: Moment) -> Option<i64> {
    match of {
        Moment::Date => moment::parse_date(text),
        Moment::Timestamp => moment::parse_datetime(text),
        Moment::Instant => moment::parse_instant(text),
        Moment::Time => moment::parse_time(text),
        Moment::Duration => moment::parse_duration(text),
    }
}

/// What of the form one text shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    separator: char,
    time: bool,
    seconds: bool,
    digits: usize,
    /// What its fraction ends with.
    last: Last,
    zone: &'static str,
}

/// What a fraction ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Another digit than zero, or there is no fraction.
    Digit,
    Zero,
    /// And all other digits are zero, too.
    AllZero,
}

impl Shape {
    /// The shape of a text that can be read; `None` for one that no form spells: an offset other
    /// than UTC, 24:00 with a date, a year with zeros before it.
    fn of(text: &str, of: Moment) -> Option<Shape> {
        let plain = Shape {
            separator: ' ',
            time: true,
            seconds: true,
            digits: 0,
            last: Last::Digit,
            zone: ZONES[0],
        };
        let year = text.trim_start_matches(['-', '+']).split('-').next()?;
        let dated = !matches!(of, Moment::Time | Moment::Duration);
        if dated && year.len() > 4 && year.starts_with('0') {
            return None;
        }
        let (clock, shape) = match of {
            Moment::Date => return Some(plain),
            Moment::Time | Moment::Duration => (text, plain),
            Moment::Timestamp | Moment::Instant => {
                let mut rest = text;
                let mut zone = ZONES[0];
                if of == Moment::Instant {
                    zone = ZONES.into_iter().rev().find(|zone| text.ends_with(zone))?;
                    rest = &text[..text.len() - zone.len()];
                }
                // A year may begin with a sign.
                let Some(at) = rest.find([' ', 'T']) else {
                    return Some(Shape { time: false, seconds: false, zone, ..plain });
                };
                let separator = if rest.as_bytes()[at] == b'T' { 'T' } else { ' ' };
                let clock = &rest[at + 1..];
                if clock.starts_with("24") {
                    return None;
                }
                (clock, Shape { separator, zone, ..plain })
            }
        };
        let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
        let seconds = whole.bytes().filter(|b| *b == b':').count() == 2;
        // Hours of more digits than they need.
        let hours = whole.trim_start_matches('-').split(':').next()?;
        if hours.len() > 2 && hours.starts_with('0') || text.starts_with("-00:00") && is_zero(text)
        {
            return None;
        }
        if fraction.len() > 6 {
            return None;
        }
        let last = match fraction.bytes().last() {
            Some(b'0') if fraction.bytes().all(|b| b == b'0') => Last::AllZero,
            Some(b'0') => Last::Zero,
            _ => Last::Digit,
        };
        Some(Shape { seconds, digits: fraction.len(), last, ..shape })
    }
}

/// A negative length of nothing, whose sign would be lost.
fn is_zero(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'-' | b':' | b'.' | b'0'))
}

/// The forms of a column's texts so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Forms {
    /// The first text's shape, but for its digits.
    first: Option<Shape>,
    /// No single form is that of all texts.
    mixed: bool,
    /// Numbers of digits seen, one bit each; bit 7: six zeros.
    digits: u8,
    /// A fraction that ends with a zero.
    padded: bool,
}

impl Forms {
    /// Takes in a text; `false` when it is none of its kind.
    pub(crate) fn see(&mut self, text: &str, of: Moment) -> bool {
        if parse(text, of).is_none() {
            return false;
        }
        let Some(shape) = Shape::of(text, of) else {
            self.mixed = true;
            return true;
        };
        let same = Shape { digits: 0, last: Last::Digit, ..shape };
        self.mixed |= self.first.is_some_and(|first| first != same);
        self.first = Some(same);
        if shape.seconds {
            let zeros = shape.digits == 6 && shape.last == Last::AllZero;
            self.digits |= if zeros { 1 << 7 } else { 1 << shape.digits };
            self.padded |= shape.last != Last::Digit;
        }
        true
    }

    /// The form of all texts; `None` when they have several.
    pub(crate) fn one(&self) -> Option<Form> {
        let usual = Form::default();
        if self.mixed {
            return None;
        }
        let Some(shape) = self.first else { return Some(usual) };
        const NONE: u8 = 1;
        const SIX: u8 = 1 << 6;
        const ZEROS: u8 = 1 << 7;
        let fraction = match self.digits {
            0 => Fraction::Shortest,
            bits if bits & !(NONE | SIX) == 0 => Fraction::Shortest,
            _ if !self.padded => Fraction::Trimmed,
            bits if bits & !(SIX | ZEROS) == 0 => Fraction::Fixed(6),
            bits if bits.is_power_of_two() => Fraction::Fixed(bits.trailing_zeros() as usize),
            _ => return None,
        };
        let Shape { separator, time, seconds, zone, .. } = shape;
        let seconds = seconds || !time;
        Some(Form { separator, time, seconds, fraction, zone })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(texts: &[&str], of: Moment) -> Option<String> {
        let mut forms = Forms::default();
        for text in texts {
            assert!(forms.see(text, of), "{text}");
        }
        let form = forms.one()?;
        for text in texts {
            let value = form.read(text, of).unwrap_or_else(|| panic!("{text} as {form}"));
            let mut again = String::new();
            assert!(form.write(value, of, &mut again));
            assert_eq!(again, *text, "{form}");
            assert_eq!(Form::parse(&form.to_string()), Some(form));
        }
        Some(form.to_string())
    }

    #[test]
    fn texts_of_one_form_are_spelled_the_same_again() {
        use Moment::{Duration, Instant, Time, Timestamp};
        for (texts, kind, form) in [
            (
                &["2020-01-01 10:00:00", "2020-01-01 10:00:00.500000"][..],
                Timestamp,
                Some("YYYY-MM-DD HH:MM:SS[.ffffff]+00:00"),
            ),
            (
                &["2020-01-01T10:00:00.000", "2020-01-01T10:00:00.120"],
                Timestamp,
                Some("YYYY-MM-DDTHH:MM:SS.fff+00:00"),
            ),
            (
                &["2020-01-01 10:00:00.000000", "2020-01-01 10:00:00.000001"],
                Timestamp,
                Some("YYYY-MM-DD HH:MM:SS.ffffff+00:00"),
            ),
            (&["2020-01-01 10:00"], Timestamp, Some("YYYY-MM-DD HH:MM+00:00")),
            (&["2020-01-01", "-0043-03-15"], Timestamp, Some("YYYY-MM-DD+00:00")),
            (&["2020-01-01", "2020-01-01 00:00:00"], Timestamp, None),
            (&["2020-01-01 10:00:00", "2020-01-01T10:00:00"], Timestamp, None),
            (&["2020-01-01 10:00:00.50", "2020-01-01 10:00:00"], Timestamp, None),
            (&["2020-01-01 24:00:00"], Timestamp, None),
            (
                &["2020-01-01T10:00:00Z", "0001-01-01T00:00:00Z"],
                Instant,
                Some("YYYY-MM-DDTHH:MM:SS[.ffffff]Z"),
            ),
            (&["2020-01-01 10:00:00+02:00"], Instant, None),
            (&["10:00", "24:00"], Time, Some("YYYY-MM-DD HH:MM+00:00")),
            (&["838:59:59", "-00:00:01"], Duration, Some("YYYY-MM-DD HH:MM:SS[.ffffff]+00:00")),
            (&["-00:00:00"], Duration, None),
            (&["00:00:00.25", "00:00:01"], Time, Some("YYYY-MM-DD HH:MM:SS[.f]+00:00")),
            (&["00:00:00.250", "00:00:01.000"], Time, Some("YYYY-MM-DD HH:MM:SS.fff+00:00")),
        ] {
            assert_eq!(of(texts, kind).as_deref(), form, "{texts:?}");
        }
    }

    proptest! {
        /// Whatever text is taken for of its form is written as it was.
        #[test]
        fn what_is_read_is_written_the_same(
            texts in prop::collection::vec(
                "-?[+]?0?[0-9]{4}-0[1-9]-[0-2][0-9]([ T][0-2][0-9]:[0-5][0-9](:[0-5][0-9]([.][0-9]{1,7})?)?)?(Z|[+]00(:00)?)?|-?[0-9]{2,3}:00(:0[01]([.]0*)?)?",
                1..3,
            ),
        ) {
            for kind in [Moment::Date, Moment::Timestamp, Moment::Instant, Moment::Time, Moment::Duration] {
                let mut forms = Forms::default();
                if !texts.iter().all(|text| forms.see(text, kind)) {
                    continue;
                }
                let Some(form) = forms.one() else { continue };
                for text in &texts {
                    let value = form.read(text, kind);
                    prop_assert!(value.is_some(), "{} as {}", text, form);
                    let mut again = String::new();
                    prop_assert!(form.write(value.unwrap(), kind, &mut again));
                    prop_assert_eq!(&again, text);
                }
            }
        }
    }
}
