//! Types of columns whose values are text: those the user gives (`?types=`), and those a sample
//! shows.
//!
//! A type is found only where each text sampled is the form in which that type's value is written
//! again, so that a guess changes nothing: `007`, `+1` and `1,5` stay text, `1.50` and `2.25` are
//! decimals and not floats. Dates, times and floats with an exponent are taken by their value.

use arrow::datatypes::{DataType, Field, TimeUnit};
use syncline_convert::portable::{PortableType, parse_type, type_name};
use syncline_types::field::{self, LOGICAL};
use syncline_types::{Code, Error, Result, did_you_mean};

/// `?types=`: types by column name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TypeOverrides(Vec<(String, PortableType)>);

/// A column's type as [`TypeOverrides`] reads it; `None` where it has no portable name.
pub(crate) fn named(column: &syncline_types::Column) -> Option<String> {
    let (name, plain) = (column.name(), |c: char| !matches!(c, ',' | '(' | ')'));
    let type_name = syncline_convert::portable::type_name(&column.field);
    let parsed = parse_type(&type_name).ok()?;
    let same = parsed.field(name, true).data_type() == column.field.data_type();
    (same && name.trim() == name && name.chars().all(plain)).then(|| format!("{name}:{type_name}"))
}

impl TypeOverrides {
    /// Reads `id:int64,price:decimal(12,2)`.
    ///
    /// # Errors
    /// [`Code::BadValue`].
    pub(crate) fn parse(text: Option<&str>) -> Result<Self> {
        let mut types = Vec::new();
        let mut depth = 0;
        let entries = text.unwrap_or_default().split(|c| {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            c == ',' && depth <= 0
        });
        for entry in entries.filter(|e| !e.trim().is_empty()) {
            let Some((name, data_type)) = entry.rsplit_once(':') else {
                let message = format!("types={}: {entry:?} is no name:type", text.unwrap_or(""));
                return Err(Error::new(Code::BadValue, message).hint("as in types=id:int64"));
            };
            types.push((name.trim().to_owned(), parse_type(data_type)?));
        }
        Ok(Self(types))
    }

    /// The type given for a column.
    pub(crate) fn of(&self, name: &str) -> Option<&PortableType> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, t)| t)
    }

    /// The columns named.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// # Errors
    /// [`Code::ColumnNotFound`] for a name that is not among the columns.
    pub(crate) fn check<'a>(
        &self,
        place: &str,
        columns: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<()> {
        for (name, _) in &self.0 {
            if !columns.clone().any(|c| c == name) {
                let near = did_you_mean(name, columns.clone());
                let message = format!("{place} has no column {name:?}, named by types={near}");
                let known: Vec<&str> = columns.take(20).collect();
                return Err(Error::new(Code::ColumnNotFound, message)
                    .hint(format!("there are {}", known.join(", "))));
            }
        }
        Ok(())
    }
}

/// What one text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// A whole number in its usual form.
    Int {
        negative: bool,
        digits: usize,
        wide: bool,
        float: bool,
    },
    /// Digits on both sides of a point.
    Decimal {
        digits: usize,
        scale: usize,
        float: bool,
    },
    /// A number in another form, and whether a float is exactly that number.
    Float {
        exact: bool,
    },
    /// `NaN` or an infinity.
    Special,
    Bool,
    Date,
    Timestamp,
    Instant,
    Binary,
    /// A word that often stands for NULL.
    NullWord,
    Text,
}

/// What the values of a column look like so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looks {
    texts: u64,
    ints: u64,
    decimals: u64,
    floats: u64,
    specials: u64,
    bools: u64,
    dates: u64,
    timestamps: u64,
    instants: u64,
    binaries: u64,
    /// Values that are not NULL.
    total: u64,
    negative: bool,
    /// An integer beyond 64 bits, signed or not.
    beyond_i64: bool,
    beyond_u64: bool,
    digits: usize,
    scale: Option<usize>,
    scales_differ: bool,
    float_inexact: bool,
    null_word: Option<String>,
    null_words: u64,
    // JSON only.
    strings: u64,
    nested: u64,
}

/// The type a column's values show.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Guess {
    /// The column.
    pub(crate) field: Field,
    /// The word that keeps it from being a type other than text, and that type's name.
    pub(crate) null_word: Option<(String, String)>,
}

impl Looks {
    /// Whether it is text, whatever else may come: nothing but JSON makes a text one of many.
    pub(crate) fn is_text(&self) -> bool {
        self.texts > 0
    }

    /// Takes in one text.
    pub(crate) fn see(&mut self, text: &str) {
        self.total += 1;
        match look(text) {
            Look::Int { negative, digits, wide, float } => {
                self.ints += 1;
                self.negative |= negative;
                self.beyond_i64 |= text.parse::<i64>().is_err();
                self.beyond_u64 |= wide;
                self.number(digits, 0, float);
            }
            Look::Decimal { digits, scale, float } => {
                self.decimals += 1;
                self.number(digits, scale, float);
            }
            Look::Float { exact } => {
                self.floats += 1;
                self.float_inexact |= !exact;
            }
            Look::Special => self.specials += 1,
            Look::Bool => self.bools += 1,
            Look::Date => self.dates += 1,
            Look::Timestamp => self.timestamps += 1,
            Look::Instant => self.instants += 1,
            Look::Binary => self.binaries += 1,
            Look::NullWord => {
                self.null_words += 1;
                self.null_word.get_or_insert_with(|| text.to_owned());
            }
            Look::Text => self.texts += 1,
        }
    }

    fn number(&mut self, digits: usize, scale: usize, float: bool) {
        self.digits = self.digits.max(digits);
        self.scales_differ |= self.scale.is_some_and(|s| s != scale);
        self.scale = Some(scale);
        self.float_inexact |= !float;
    }

    /// Takes in a JSON string: it is no number, whatever it looks like.
    pub(crate) fn see_string(&mut self, text: &str) {
        self.strings += 1;
        match look(text) {
            Look::Date | Look::Timestamp | Look::Instant | Look::Binary => self.see(text),
            _ => {
                self.total += 1;
                self.texts += 1;
            }
        }
    }

    /// Takes in a JSON object or array.
    pub(crate) fn see_nested(&mut self) {
        self.total += 1;
        self.nested += 1;
    }

    /// Takes in what other rows of the same column showed.
    pub(crate) fn join(&mut self, other: &Looks) {
        self.texts += other.texts;
        self.ints += other.ints;
        self.decimals += other.decimals;
        self.floats += other.floats;
        self.specials += other.specials;
        self.bools += other.bools;
        self.dates += other.dates;
        self.timestamps += other.timestamps;
        self.instants += other.instants;
        self.binaries += other.binaries;
        self.total += other.total;
        self.negative |= other.negative;
        self.beyond_i64 |= other.beyond_i64;
        self.beyond_u64 |= other.beyond_u64;
        self.digits = self.digits.max(other.digits);
        self.scales_differ |= other.scales_differ
            || matches!((self.scale, other.scale), (Some(a), Some(b)) if a != b);
        self.scale = self.scale.or(other.scale);
        self.float_inexact |= other.float_inexact;
        self.null_word = self.null_word.take().or_else(|| other.null_word.clone());
        self.null_words += other.null_words;
        self.strings += other.strings;
        self.nested += other.nested;
    }

    /// The type of what was seen.
    pub(crate) fn guess(&self, name: &str) -> Guess {
        let plain = |data_type| Field::new(name, data_type, true);
        if self.nested > 0 || (self.strings > 0 && self.strings < self.total) {
            let json = field::with(plain(DataType::Utf8), [(LOGICAL, "json".to_owned())]);
            return Guess { field: json, null_word: None };
        }
        let field = self.typed(name);
        match &self.null_word {
            Some(word) if *field.data_type() != DataType::Utf8 => {
                let wanted = type_name(&field);
                Guess { field: plain(DataType::Utf8), null_word: Some((word.clone(), wanted)) }
            }
            Some(_) => Guess { field: plain(DataType::Utf8), null_word: None },
            None => Guess { field, null_word: None },
        }
    }

    fn typed(&self, name: &str) -> Field {
        let plain = |data_type| Field::new(name, data_type, true);
        let decimal = || field::with(plain(DataType::Utf8), [(LOGICAL, "decimal".to_owned())]);
        let all = self.total - self.null_words;
        let numbers = self.ints + self.decimals;
        match all {
            0 => plain(DataType::Utf8),
            n if n == self.ints => match (self.beyond_i64, self.negative, self.beyond_u64) {
                (false, ..) => plain(DataType::Int64),
                (true, false, false) => plain(DataType::UInt64),
                _ if self.digits <= 38 => plain(DataType::Decimal128(38, 0)),
                _ => decimal(),
            },
            n if n == self.decimals && !self.scales_differ => {
                match self.scale.and_then(|s| i8::try_from(s).ok()) {
                    Some(scale @ 0..=38) if self.digits <= 38 => {
                        plain(DataType::Decimal128(38, scale))
                    }
                    _ => decimal(),
                }
            }
            n if n == numbers => {
                if self.float_inexact {
                    decimal()
                } else {
                    plain(DataType::Float64)
                }
            }
            n if n == numbers + self.floats + self.specials && n > self.specials => {
                plain(if self.float_inexact { DataType::Utf8 } else { DataType::Float64 })
            }
            n if n == self.bools => plain(DataType::Boolean),
            n if n == self.dates => plain(DataType::Date32),
            n if n == self.timestamps => plain(DataType::Timestamp(TimeUnit::Microsecond, None)),
            n if n == self.instants => {
                plain(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
            }
            n if n == self.binaries => plain(DataType::Binary),
            _ => plain(DataType::Utf8),
        }
    }
}

fn look(text: &str) -> Look {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(b'0'..=b'9' | b'-' | b'.') => numeric(text)
            .or_else(|| temporal(bytes))
            .unwrap_or(if text == "-Infinity" { Look::Special } else { Look::Text }),
        Some(b'\\') => match bytes {
            b"\\N" => Look::NullWord,
            [b'\\', b'x', hex @ ..]
                if hex.len() % 2 == 0
                    && hex.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) =>
            {
                Look::Binary
            }
            _ => Look::Text,
        },
        _ => match text {
            "true" | "false" => Look::Bool,
            "NaN" | "Infinity" => Look::Special,
            "NA" | "N/A" | "NULL" | "null" | "None" | "" => Look::NullWord,
            _ => Look::Text,
        },
    }
}

/// A number, if it is one.
fn numeric(text: &str) -> Option<Look> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let bytes = unsigned.as_bytes();
    let whole = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let usual = whole == 1 || (whole > 1 && bytes[0] != b'0');
    let rest = &bytes[whole..];
    if rest.is_empty() {
        if !usual {
            return None;
        }
        if negative && bytes == b"0" {
            return Some(Look::Float { exact: true });
        }
        let wide =
            if negative { text.parse::<i64>().is_err() } else { text.parse::<u64>().is_err() };
        let float = text.parse::<i64>().is_ok_and(|n| n.unsigned_abs() <= 1 << 53);
        return Some(Look::Int { negative, digits: whole, wide, float });
    }
    let (fraction, exponent) = match rest.strip_prefix(b".") {
        Some(rest) => {
            let n = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            (&rest[..n], &rest[n..])
        }
        None => (&rest[..0], rest),
    };
    if whole + fraction.len() == 0 || (whole > 1 && bytes[0] == b'0') {
        return None;
    }
    if exponent.is_empty() {
        if usual && !fraction.is_empty() {
            let float = (fraction.last() != Some(&b'0') || fraction == b"0") && is_float(text);
            let zero = negative && bytes.iter().all(|b| matches!(b, b'0' | b'.'));
            // A decimal has no negative zero.
            return Some(if zero {
                Look::Float { exact: true }
            } else {
                let whole = if bytes[0] == b'0' { 0 } else { whole };
                Look::Decimal { digits: whole + fraction.len(), scale: fraction.len(), float }
            });
        }
        return Some(Look::Float { exact: is_float(text) });
    }
    let digits = match exponent {
        [b'e' | b'E', b'+' | b'-', digits @ ..] | [b'e' | b'E', digits @ ..] => digits,
        _ => return None,
    };
    let number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    number.then(|| Look::Float { exact: is_float(text) })
}

/// Whether the text is a float's own: its shortest digits, or the seventeen that `%.17g` prints.
fn is_float(text: &str) -> bool {
    let Ok(float) = text.parse::<f64>() else { return false };
    if float.is_finite() && zmij::Buffer::new().format_finite(float) == text {
        return true;
    }
    let digits = significant(text);
    float.is_finite()
        && (digits == significant(&format!("{float:?}"))
            || ((16..=17).contains(&digits.0.len())
                && digits == significant(&format!("{float:.16e}"))))
}

/// A number's digits without zeros at either end, and the power of ten of the last one.
fn significant(text: &str) -> (Vec<u8>, i64) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mut exponent: i64 = exponent.trim_start_matches('+').parse().unwrap_or(i64::MAX / 2);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    digits.retain(u8::is_ascii_digit);
    exponent -= i64::try_from(fraction.len()).unwrap_or(0);
    while digits.last() == Some(&b'0') {
        digits.pop();
        exponent += 1;
    }
    let zeros = digits.iter().take_while(|d| **d == b'0').count();
    digits.drain(..zeros);
    if digits.is_empty() { (digits, 0) } else { (digits, exponent) }
}

/// `YYYY-MM-DD`, maybe with a time and a zone.
fn temporal(bytes: &[u8]) -> Option<Look> {
    let (date, rest) = bytes.split_at_checked(10)?;
    let two = |at: usize, from: &[u8]| -> Option<u32> {
        match from.get(at..at + 2)? {
            [a @ b'0'..=b'9', b @ b'0'..=b'9'] => {
                Some(u32::from(a - b'0') * 10 + u32::from(b - b'0'))
            }
            _ => None,
        }
    };
    let year = two(0, date)? * 100 + two(2, date)?;
    let (month, day) = (two(5, date)?, two(8, date)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if date[4] != b'-' || date[7] != b'-' || day == 0 || day > days || year == 0 {
        return None;
    }
    let time = match rest {
        [] => return Some(Look::Date),
        [b' ' | b'T', time @ ..] => time,
        _ => return None,
    };
    let (hour, minute, second) = (two(0, time)?, two(3, time)?, two(6, time)?);
    if time[2] != b':' || time[5] != b':' || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut zone = &time[8..];
    if let Some(rest) = zone.strip_prefix(b".") {
        let n = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if n == 0 || rest[..n].iter().skip(6).any(|b| *b != b'0') {
            return None;
        }
        zone = &rest[n..];
    }
    let offset = match zone {
        [] => return Some(Look::Timestamp),
        b"Z" => return Some(Look::Instant),
        [b'+' | b'-', offset @ ..] => offset,
        _ => return None,
    };
    let (hours, minutes) = match offset.len() {
        2 => (two(0, offset)?, 0),
        4 => (two(0, offset)?, two(2, offset)?),
        5 if offset[2] == b':' => (two(0, offset)?, two(3, offset)?),
        _ => return None,
    };
    (hours <= 15 && minutes <= 59).then_some(Look::Instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(texts: &[&str]) -> String {
        let mut looks = Looks::default();
        texts.iter().for_each(|t| looks.see(t));
        type_name(&looks.guess("c").field)
    }

    #[test]
    fn types_are_found_only_where_the_text_comes_back() {
        for (texts, wanted) in [
            (&["1", "-20", "0"][..], "int64"),
            (&["18446744073709551615", "1"], "uint64"),
            (&["18446744073709551615", "-1"], "decimal(38,0)"),
            (&["18446744073709551616"], "decimal(38,0)"),
            (&["007"], "text"),
            (&["+1"], "text"),
            (&["1", "x"], "text"),
            (&["-0"], "float64"),
            (&["1.50", "2.25", "-0.10"], "decimal(38,2)"),
            (&["1.5", "2.25", "3"], "float64"),
            (&["1.0", "2.25"], "float64"),
            (&["1.50", "2.5"], "decimal"),
            (&["0.1", "0.10000000000000000001"], "decimal"),
            (&["48.053808600000004", "41.5"], "float64"),
            (&["48.053808600000003", "41.5"], "decimal"),
            (&["1e10", "2.5E-3", "1"], "float64"),
            (&["1e400"], "text"),
            (&["9007199254740993", "0.5"], "decimal"),
            (&["NaN", "1.5", "-Infinity"], "float64"),
            (&["NaN"], "text"),
            (&["01.5"], "text"),
            (&[".5"], "float64"),
            (&["-"], "text"),
            (&["1e"], "text"),
            (&["true", "false"], "bool"),
            (&["TRUE"], "text"),
            (&["2024-02-29"], "date"),
            (&["2023-02-29"], "text"),
            (&["0000-00-00"], "text"),
            (&["2024-02-29T12:00:00", "2024-02-29 12:00:00.123456"], "timestamp"),
            (&["2024-02-29 12:00:00.1234567"], "text"),
            (&["2024-02-29 12:00:00.1234560"], "timestamp"),
            (&["2024-02-29T12:00:00Z", "2024-02-29 12:00:00+05:30"], "timestamptz"),
            (&["2024-02-29T12:00:00Z", "2024-02-29 12:00:00"], "text"),
            (&["2024-02-29T25:00:00"], "text"),
            (&["\\x00ff", "\\x"], "binary"),
            (&["\\x0"], "text"),
            (&["\\xFF"], "text"),
            (&[], "text"),
        ] {
            assert_eq!(guess(texts), wanted, "{texts:?}");
        }
    }

    #[test]
    fn words_for_null_are_pointed_out_and_taken_as_text() {
        let mut looks = Looks::default();
        ["1", "NA", "3"].iter().for_each(|t| looks.see(t));
        let guess = looks.guess("c");
        assert_eq!(guess.field.data_type(), &DataType::Utf8);
        assert_eq!(guess.null_word, Some(("NA".into(), "int64".into())));
    }

    #[test]
    fn json_strings_are_no_numbers_and_mixtures_stay_json() {
        let mut looks = Looks::default();
        looks.see_string("5");
        assert_eq!(type_name(&looks.guess("c").field), "text");
        looks.see("5");
        assert_eq!(type_name(&looks.guess("c").field), "json");
        let mut looks = Looks::default();
        looks.see_string("2024-01-01");
        assert_eq!(type_name(&looks.guess("c").field), "date");
        looks.see_nested();
        assert_eq!(type_name(&looks.guess("c").field), "json");
    }

    #[test]
    fn overrides_are_read_with_commas_inside_of_types() {
        let types = TypeOverrides::parse(Some("id:int64, price:decimal(12,2),a:b:text")).unwrap();
        assert_eq!(types.of("price").unwrap().data_type, DataType::Decimal128(12, 2));
        assert!(types.of("a:b").is_some());
        let error = types.check("f.csv", ["id", "prize", "a:b"].into_iter()).unwrap_err();
        assert!(error.message().contains("did you mean \"prize\""), "{error}");
    }
}
