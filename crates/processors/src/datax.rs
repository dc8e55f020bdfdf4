//! `dx_substr`, `dx_pad`, `dx_replace`, `dx_filter`, `dx_digest`: the transformers of DataX, with
//! their parameters as a DataX job has them: `{ columnIndex: 1, paras: ["2", "5"] }`.
//!
//! What they do is told in DataX's `transformer.md`; lengths are in characters. Three things are
//! its own: a row for which a filter's condition holds is taken out, `dx_pad` and `dx_digest`
//! take NULL for an empty text, and a start beyond the end of a text makes a bad row. Dates are
//! filtered by milliseconds since 1970-01-01 UTC where the condition gives a whole number.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, TimeUnit, TimestampMillisecondType};
use md5::Md5;
use regex::Regex;
use serde_json::Value;
use sha1::Sha1;
use syncline_connector::{BoundProcessor, Processor, Step, StepOutput};
use syncline_convert::Converter;
use syncline_types::{Code, Error, Reject, Result, TableSchema};

use crate::config::Place;
use crate::text_step::{self, Rewrite};

/// The verbs of this module.
pub(crate) const VERBS: &[&str] = &["dx_digest", "dx_filter", "dx_pad", "dx_replace", "dx_substr"];

/// A transformer as configured.
#[derive(Debug)]
pub(crate) struct Transformer {
    place: Place,
    verb: &'static str,
    column: usize,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Substr { start: usize, length: usize },
    Pad { left: bool, length: usize, with: String },
    Replace { start: usize, length: usize, with: String },
    Digest { md5: bool, upper: bool },
    Filter(Condition),
}

/// What `dx_filter` takes rows out by.
#[derive(Debug, Clone)]
enum Condition {
    Like { regex: Regex, not: bool },
    Compare { fits: fn(Ordering) -> bool, equality: Option<bool>, value: String },
}

impl Transformer {
    pub(crate) fn new(place: Place, verb: &str, value: &Value) -> Result<Self> {
        let verb = VERBS.iter().copied().find(|known| *known == verb).unwrap_or_default();
        let object = place.object(value)?;
        place.known(object, &["columnIndex", "paras"])?;
        let at = place.under("columnIndex");
        let column = usize::try_from(at.number(object.get("columnIndex").unwrap_or(&Value::Null))?);
        let paras = place.under("paras");
        let texts = paras.names(object.get("paras").unwrap_or(&Value::Null))?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let what = What::parse(verb, &texts, &paras)?;
        Ok(Self { place, verb, column: column.unwrap_or(usize::MAX), what })
    }
}

impl What {
    fn parse(verb: &str, paras: &[&str], place: &Place) -> Result<Self> {
        let wrong = |message: String| Error::new(Code::BadValue, message).at(place);
        let number = |text: &str| {
            let number = text.trim().parse::<usize>();
            number.map_err(|_| wrong(format!("{text:?} is no number from 0")))
        };
        Ok(match (verb, paras) {
            ("dx_substr", [start, length]) => {
                What::Substr { start: number(start)?, length: number(length)? }
            }
            ("dx_replace", [start, length, with]) => What::Replace {
                start: number(start)?,
                length: number(length)?,
                with: (*with).to_owned(),
            },
            ("dx_pad", [side, length, with]) => {
                let left = match side.to_ascii_lowercase().as_str() {
                    "l" => true,
                    "r" => false,
                    _ => return Err(wrong(format!("{side:?} is neither \"l\" nor \"r\""))),
                };
                if with.is_empty() {
                    return Err(wrong("nothing to pad with".into()));
                }
                What::Pad { left, length: number(length)?, with: (*with).to_owned() }
            }
            ("dx_digest", [hash, case]) => What::Digest {
                md5: match hash.to_ascii_lowercase().as_str() {
                    "md5" => true,
                    "sha1" => false,
                    _ => return Err(wrong(format!("{hash:?} is neither \"md5\" nor \"sha1\""))),
                },
                upper: match case.to_ascii_lowercase().as_str() {
                    "touppercase" => true,
                    "tolowercase" => false,
                    _ => {
                        let message = format!("{case:?} is neither toUpperCase nor toLowerCase");
                        return Err(wrong(message));
                    }
                },
            },
            ("dx_filter", [operator, value]) => {
                What::Filter(Condition::parse(operator, value).map_err(|e| e.at(place))?)
            }
            _ => return Err(wrong(format!("{verb} does not take {} of them", paras.len()))),
        })
    }
}

impl Condition {
    fn parse(operator: &str, value: &str) -> Result<Self> {
        if value.is_empty() {
            return Err(Error::new(Code::BadValue, "there is nothing to compare with"));
        }
        let like = |not| {
            // A point stands for no line end, as in Java.
            let regex = Regex::new(&format!("^(?R:{value})$")).map_err(|e| {
                Error::new(Code::BadValue, format!("{value:?} is no regular expression"))
                    .because(e)
                    .hint("look-around and back references, which Java has, are not read here")
            })?;
            Ok(Condition::Like { regex, not })
        };
        let compare =
            |fits, equality| Ok(Condition::Compare { fits, equality, value: value.to_owned() });
        match operator.to_ascii_lowercase().as_str() {
            "like" => like(false),
            "not like" => like(true),
            ">" => compare(Ordering::is_gt, None),
            ">=" => compare(Ordering::is_ge, None),
            "<" => compare(Ordering::is_lt, None),
            "<=" => compare(Ordering::is_le, None),
            "=" | "==" => compare(Ordering::is_eq, Some(true)),
            "!=" => compare(Ordering::is_ne, Some(false)),
            other => {
                let message = format!("{other:?} is no comparison");
                let hint = "there are like, not like, =, !=, >, >=, <, <=";
                Err(Error::new(Code::BadValue, message).hint(hint))
            }
        }
    }

    /// Whether NULL is taken out.
    fn holds_for_null(&self) -> bool {
        match self {
            Condition::Like { not, .. } => *not,
            Condition::Compare { equality, value, .. } => match equality {
                Some(equal) => *equal == value.eq_ignore_ascii_case("null"),
                None => false,
            },
        }
    }
}

impl Processor for Transformer {
    fn name(&self) -> &'static str {
        self.verb
    }

    fn bind(&self, input: &TableSchema) -> Result<BoundProcessor> {
        let Some(column) = input.columns.get(self.column) else {
            let message = format!(
                "there is no column {}: {} has {}, counted from 0",
                self.column,
                input.name,
                input.columns.len()
            );
            return Err(Error::new(Code::ColumnNotFound, message).at(&self.place));
        };
        let rewrite: Rewrite = match self.what.clone() {
            What::Filter(condition) => {
                let step = Sieve::new(&column.field, self.column, condition)
                    .map_err(|e| e.at(&self.place))?;
                return Ok(BoundProcessor { output: input.clone(), step: Box::new(step) });
            }
            What::Substr { start, length } => Box::new(move |value| {
                value.map(|text| part(text, start, Some(length)).map(str::to_owned)).transpose()
            }),
            What::Replace { start, length, with } => Box::new(move |value| {
                let replace = |text: &str| {
                    let (before, _) = split(text, start)?;
                    let after = part(text, start, None)?;
                    let rest = split(after, length).map_or("", |(_, rest)| rest);
                    Ok(format!("{before}{with}{rest}"))
                };
                value.map(replace).transpose()
            }),
            What::Pad { left, length, with } => {
                Box::new(move |value| Ok(Some(pad(value.unwrap_or(""), left, length, &with))))
            }
            What::Digest { md5, upper } => {
                Box::new(move |value| Ok(Some(digest(value.unwrap_or(""), md5, upper))))
            }
        };
        text_step::bind(input, self.column, None, rewrite, &self.place)
    }
}

/// The text before and after so many characters.
fn split(text: &str, characters: usize) -> Result<(&str, &str)> {
    let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    match ends.nth(characters) {
        Some(at) => Ok(text.split_at(at)),
        None => {
            let message = format!("{text:?} has no character {characters}, counted from 0");
            Err(Error::new(Code::Conversion, message))
        }
    }
}

/// So many characters from a place on, or all of them.
fn part(text: &str, start: usize, length: Option<usize>) -> Result<&str> {
    let (_, rest) = split(text, start)?;
    let Some(length) = length else { return Ok(rest) };
    Ok(split(rest, length).map_or(rest, |(inside, _)| inside))
}

fn pad(text: &str, left: bool, length: usize, with: &str) -> String {
    let missing = length.saturating_sub(text.chars().count());
    if missing == 0 {
        return text.chars().take(length).collect();
    }
    let padding: String = with.chars().cycle().take(missing).collect();
    if left { format!("{padding}{text}") } else { format!("{text}{padding}") }
}

fn digest(text: &str, md5: bool, upper: bool) -> String {
    let hex = if md5 {
        hex::encode(<Md5 as md5::Digest>::digest(text.as_bytes()))
    } else {
        hex::encode(<Sha1 as sha1::Digest>::digest(text.as_bytes()))
    };
    if upper { hex.to_ascii_uppercase() } else { hex }
}

/// Takes rows out.
struct Sieve {
    column: usize,
    condition: Condition,
    /// Into the text that is matched or compared.
    reader: Converter,
    by: By,
}

/// What values are compared as.
#[derive(Debug, Clone, Copy, PartialEq)]
enum By {
    Texts,
    Numbers,
    /// With this many milliseconds since 1970-01-01 UTC.
    Moments(i64),
}

impl Sieve {
    fn new(field: &Field, column: usize, condition: Condition) -> Result<Self> {
        let text = Field::new(field.name(), DataType::Utf8, true);
        let reader = Converter::new(field, &text)?;
        let Condition::Compare { value, equality, .. } = &condition else {
            return Ok(Self { column, condition, reader, by: By::Texts });
        };
        let null = equality.is_some() && value.eq_ignore_ascii_case("null");
        let by = match field.data_type() {
            DataType::Date32 | DataType::Timestamp(..) => {
                value.trim().parse().map_or(By::Texts, By::Moments)
            }
            other if other.is_numeric() => {
                if !null && value.trim().parse::<f64>().is_err() {
                    let message = format!("{value:?} is no number, as {:?} is", field.name());
                    return Err(Error::new(Code::BadValue, message));
                }
                By::Numbers
            }
            _ => By::Texts,
        };
        Ok(Self { column, condition, reader, by })
    }

    /// Whether the row of this text goes.
    fn holds(&self, text: &str) -> bool {
        match &self.condition {
            Condition::Like { regex, not } => regex.is_match(text) != *not,
            Condition::Compare { fits, equality, value } if self.by == By::Numbers => {
                // What is no number is not equal to one, and that is all there is to say.
                compare_numbers(text, value.trim()).map_or(*equality == Some(false), fits)
            }
            Condition::Compare { fits, value, .. } => fits(text.cmp(value)),
        }
    }

    /// Which rows go by their moments, where it is those that are compared; NULL has none.
    fn by_moments(&self, column: &ArrayRef) -> Result<Option<Vec<Option<bool>>>> {
        let (By::Moments(value), Condition::Compare { fits, .. }) = (self.by, &self.condition)
        else {
            return Ok(None);
        };
        let moments = cast(column, &DataType::Timestamp(TimeUnit::Millisecond, None))
            .map_err(|e| Error::bug("dates as moments").because(e))?;
        let moments = moments.as_primitive::<TimestampMillisecondType>();
        Ok(Some(moments.iter().map(|moment| Some(fits(moment?.cmp(&value)))).collect()))
    }
}

/// Whole numbers are compared as such, the others as floating-point numbers, as DataX does.
fn compare_numbers(a: &str, b: &str) -> Option<Ordering> {
    match (a.parse::<i128>(), b.parse::<i128>()) {
        (Ok(a), Ok(b)) => Some(a.cmp(&b)),
        _ => a.parse::<f64>().ok()?.partial_cmp(&b.parse::<f64>().ok()?),
    }
}

impl Step for Sieve {
    fn apply(&self, rows: RecordBatch) -> Result<StepOutput> {
        let read = self.reader.convert(rows.column(self.column))?;
        let bad: Vec<usize> = read.bad.iter().map(|value| value.row).collect();
        let texts: ArrayRef = Arc::clone(&read.array);
        let texts = texts.as_string::<i32>();
        let moments = self.by_moments(rows.column(self.column))?;
        let keeps = |row: usize| match &moments {
            _ if texts.is_null(row) => !self.condition.holds_for_null(),
            Some(moments) => moments[row] != Some(true),
            None => !self.holds(texts.value(row)),
        };
        let keep: BooleanArray = (0..rows.num_rows())
            .map(|row| Some(bad.binary_search(&row).is_err() && keeps(row)))
            .collect();
        let good = filter_record_batch(&rows, &keep)
            .map_err(|e| Error::bug("taking rows out").because(e))?;
        let rejects = read.bad.into_iter().map(|v| Reject::of(&rows, v.row, v.error)).collect();
        let kept = keep.values().set_indices().map(|at| u32::try_from(at).unwrap_or(u32::MAX));
        Ok(StepOutput { rows: good, rejects, kept: Some(kept.collect()) })
    }
}
