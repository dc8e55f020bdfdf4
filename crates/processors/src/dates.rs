//! `parse_date` and `format_date`: dates in the forms that files and people have.
//!
//! A pattern is written as in Java's SimpleDateFormat, which DataX jobs and most schedulers know:
//! `yyyy-MM-dd HH:mm:ss`. The work itself is chrono's.

use arrow::datatypes::{DataType, TimeUnit};
use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use serde_json::Value;
use syncline_connector::{BoundProcessor, Processor};
use syncline_types::{Code, Error, Result, TableSchema};

use crate::columns::find;
use crate::config::Place;
use crate::project::Chain;
use crate::text_step::{self, Rewrite};

/// Reads texts as timestamps, or writes timestamps as texts, by a pattern.
#[derive(Debug)]
pub(crate) struct Dates {
    place: Place,
    reads: bool,
    columns: Vec<(String, Pattern)>,
    /// For every date and timestamp, instead of columns by name.
    all: Option<Pattern>,
}

impl Dates {
    pub(crate) fn new(place: Place, reads: bool, value: &Value) -> Result<Self> {
        let mut columns = Vec::new();
        if let (false, Value::String(text)) = (reads, value) {
            let all = Some(Pattern::new(text).map_err(|e| e.at(&place))?);
            return Ok(Self { place, reads, columns, all });
        }
        for (name, value) in place.object(value)? {
            let place = place.under(name);
            let pattern = Pattern::new(place.text(value)?).map_err(|e| e.at(&place))?;
            columns.push((name.clone(), pattern));
        }
        Ok(Self { place, reads, columns, all: None })
    }
}

impl Processor for Dates {
    fn name(&self) -> &'static str {
        if self.reads { "parse_date" } else { "format_date" }
    }

    fn bind(&self, input: &TableSchema) -> Result<BoundProcessor> {
        let mut table = input.clone();
        let mut steps = Vec::new();
        let dated = |t: &DataType| matches!(t, DataType::Date32 | DataType::Timestamp(..));
        let all = input.columns.iter().filter(|c| dated(c.field.data_type()));
        let named = self.columns.iter().map(|(name, pattern)| (name.as_str(), pattern));
        let chosen: Vec<(&str, &Pattern)> = match &self.all {
            Some(pattern) => all.map(|column| (column.name(), pattern)).collect(),
            None => named.collect(),
        };
        for (name, pattern) in chosen {
            let index = find(&table, name, &self.place)?;
            let data_type = table.columns[index].field.data_type();
            let fits = match data_type {
                DataType::Utf8 => self.reads,
                other => !self.reads && dated(other),
            };
            if !fits {
                let wanted = if self.reads { "a text" } else { "a date or a timestamp" };
                let message = format!("column {name:?} is {data_type}, not {wanted}");
                return Err(Error::new(Code::BadProcessor, message).at(&self.place));
            }
            let bound = text_step::bind(
                &table,
                index,
                self.reads.then_some(DataType::Timestamp(TimeUnit::Microsecond, None)),
                if self.reads { pattern.reader() } else { pattern.writer() },
                &self.place,
            )?;
            table = bound.output;
            steps.push(bound.step);
        }
        Ok(BoundProcessor { output: table, step: Box::new(Chain(steps)) })
    }
}

/// A pattern, as chrono's.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    text: String,
    items: Vec<Item<'static>>,
}

impl Pattern {
    /// # Errors
    /// [`Code::BadValue`] for a letter that stands for nothing here.
    pub(crate) fn new(text: &str) -> Result<Self> {
        let bad = |what: &str| {
            let hint = "y year, M month, d day, H hour, h hour of 12, a AM or PM, m minute, \
                        s second, S fraction; letters of the text itself stand between '…'";
            Error::new(Code::BadValue, format!("pattern {text:?}: {what}")).hint(hint)
        };
        let mut chrono = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if first == '\'' {
                let (quoted, after) =
                    rest[1..].split_once('\'').ok_or_else(|| bad("a quote has no end"))?;
                let literal = if quoted.is_empty() { "'" } else { quoted };
                chrono.push_str(&literal.replace('%', "%%"));
                rest = after;
                continue;
            }
            let count = rest.chars().take_while(|c| *c == first).count();
            let run = &rest[..count * first.len_utf8()];
            rest = &rest[run.len()..];
            let item = match (first, count) {
                ('y', 2) => "%y",
                ('y', _) => "%Y",
                ('M', 1) => "%-m",
                ('M', 2) => "%m",
                ('M', 3) => "%b",
                ('M', _) => "%B",
                ('d', 1) => "%-d",
                ('d', 2) => "%d",
                ('H', 1) => "%-H",
                ('H', 2) => "%H",
                ('h', 1) => "%-I",
                ('h', 2) => "%I",
                ('m', 1) => "%-M",
                ('m', 2) => "%M",
                ('s', 1) => "%-S",
                ('s', 2) => "%S",
                ('S', 3) => "%3f",
                ('S', 6) => "%6f",
                ('a', _) => "%p",
                ('E', 1..=3) => "%a",
                ('E', _) => "%A",
                ('%', _) => &"%%".repeat(count),
                (letter, _) if letter.is_ascii_alphabetic() => {
                    return Err(bad(&format!("{run} stands for nothing")));
                }
                _ => run,
            };
            chrono.push_str(item);
        }
        let items = StrftimeItems::new(&chrono).parse_to_owned().map_err(|_| bad("not a form"))?;
        Ok(Self { text: text.to_owned(), items })
    }

    /// From a text in this form. What the form does not say is midnight, or 1970-01-01.
    pub(crate) fn read(&self, text: &str) -> Option<NaiveDateTime> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.items.iter()).ok()?;
        let has_day = parsed.day().is_some() || parsed.month().is_some();
        let has_year = parsed.year().is_some() || parsed.year_mod_100().is_some();
        if !has_year {
            parsed.set_year(1970).ok()?;
        }
        if parsed.month().is_none() {
            parsed.set_month(1).ok()?;
        }
        if parsed.day().is_none() {
            parsed.set_day(1).ok()?;
        }
        let says_time = parsed.hour_mod_12().is_some() || parsed.minute().is_some();
        if says_time && parsed.minute().is_none() {
            parsed.set_minute(0).ok()?;
        }
        if !has_day && !has_year && !says_time {
            return None;
        }
        let time = if says_time { parsed.to_naive_time().ok()? } else { NaiveTime::MIN };
        Some(parsed.to_naive_date().ok()?.and_time(time))
    }

    fn reader(&self) -> Rewrite {
        let pattern = self.clone();
        Box::new(move |value| {
            let Some(text) = value else { return Ok(None) };
            let read = pattern.read(text).ok_or_else(|| {
                let message = format!("{text:?} is no date of the form {:?}", pattern.text);
                Error::new(Code::Conversion, message)
            })?;
            Ok(Some(read.format("%Y-%m-%d %H:%M:%S%.6f").to_string()))
        })
    }

    fn writer(&self) -> Rewrite {
        let pattern = self.clone();
        Box::new(move |value| {
            let Some(text) = value else { return Ok(None) };
            let day =
                |t: &str| Ok(NaiveDate::parse_from_str(t, "%Y-%m-%d")?.and_time(NaiveTime::MIN));
            let civil = text.split('+').next().unwrap_or(text);
            let read = NaiveDateTime::parse_from_str(civil, "%Y-%m-%d %H:%M:%S%.f")
                .or_else(|_| day(civil))
                .map_err(|_: chrono::ParseError| {
                    let message = format!("{text} is beyond the years that a form can say");
                    Error::new(Code::Conversion, message)
                })?;
            Ok(Some(read.format_with_items(pattern.items.iter()).to_string()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str, text: &str) -> Option<String> {
        Pattern::new(pattern).unwrap().read(text).map(|t| t.to_string())
    }

    #[test]
    fn texts_are_read_by_their_pattern_and_by_no_other() {
        let some = |t: &str| Some(t.to_owned());
        assert_eq!(read("yyyy.MM.dd", "2014.12.31"), some("2014-12-31 00:00:00"));
        assert_eq!(read("yyyyMMddHHmmss", "20141231235958"), some("2014-12-31 23:59:58"));
        assert_eq!(read("d/M/yy h:mm a", "3/2/14 1:05 PM"), some("2014-02-03 13:05:00"));
        assert_eq!(
            read("yyyy-MM-dd'T'HH:mm:ss.SSS", "2014-12-31T01:02:03.004"),
            some("2014-12-31 01:02:03.004")
        );
        assert_eq!(read("HH:mm", "07:30"), some("1970-01-01 07:30:00"));
        assert_eq!(read("yyyy-MM-dd", "2014-02-30"), None);
        assert_eq!(read("yyyy-MM-dd", "2014-12-31 00:00"), None);
        assert_eq!(read("yyyy-MM-dd", ""), None);
    }

    #[test]
    fn wrong_patterns_are_refused() {
        for pattern in ["QQ", "yyyy-MM-dd'T", "XXX", "DDD"] {
            assert_eq!(Pattern::new(pattern).unwrap_err().code(), Code::BadValue, "{pattern}");
        }
    }

    #[test]
    fn dates_are_written_by_their_pattern() {
        let write = |pattern: &str, text: &str| {
            Pattern::new(pattern).unwrap().writer()(Some(text)).unwrap().unwrap()
        };
        assert_eq!(write("yyyy.MM.dd", "2014-12-31"), "2014.12.31");
        assert_eq!(
            write("yyyyMMdd HH:mm:ss.SSS", "2014-12-31 01:02:03.0045"),
            "20141231 01:02:03.004"
        );
        assert_eq!(write("d/M/yyyy", "2014-02-03 01:00:00+00:00"), "3/2/2014");
        assert_eq!(write("yyyy 'Jahr' ''", "2014-02-03"), "2014 Jahr '");
    }
}
