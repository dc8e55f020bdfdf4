//! The columns of generated rows, as configured and as checked.

use arrow::array::{ArrayRef, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use syncline_convert::Converter;
use syncline_convert::portable::parse_type;
use syncline_types::{Code, Error, Result};

/// What is made when nothing is said.
const DEFAULT: &str = r#"[
    {"name": "id", "type": "int64", "sequence": 1},
    {"name": "n", "type": "int64", "random": [0, 1000000]},
    {"name": "t", "type": "text", "random": [0, 40]}
]"#;

/// A column as configured.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Configured {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "given")]
    value: Option<Value>,
    sequence: Option<i64>,
    random: Option<(Value, Value)>,
}

/// Tells `"value": null` from no value at all.
fn given<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> std::result::Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// A column, ready to be made.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) field: Field,
    pub(crate) how: How,
}

/// How a column's values come about.
#[derive(Debug, Clone)]
pub(crate) enum How {
    /// One value, in an array of one row.
    Constant(ArrayRef),
    /// So much plus the row's number.
    Sequence(i64),
    /// Between two whole numbers, both possible: of the value itself, of its length, of its
    /// moments; for truth values, how often false and how often true.
    Whole(i64, i64),
    /// Between two numbers.
    Float(f64, f64),
}

/// The columns of the option, or those that are made when it is not given.
pub(crate) fn parse(text: Option<&str>) -> Result<Vec<Made>> {
    let list: Vec<Configured> = serde_json::from_str(text.unwrap_or(DEFAULT))
        .map_err(|e| Error::new(Code::BadValue, format!("columns: {e}")))?;
    if list.is_empty() {
        return Err(Error::new(Code::BadValue, "columns: there is none"));
    }
    let mut made: Vec<Made> = Vec::with_capacity(list.len());
    for column in &list {
        if made.iter().any(|m| m.field.name() == &column.name) {
            let message = format!("columns: two are named {:?}", column.name);
            return Err(Error::new(Code::BadValue, message));
        }
        let at = |e: Error| e.at(format!("columns: {:?}", column.name));
        made.push(build(column).map_err(at)?);
    }
    Ok(made)
}

fn build(column: &Configured) -> Result<Made> {
    let field = parse_type(&column.kind)?.field(&column.name, false);
    let how = match (&column.value, column.sequence, &column.random) {
        (Some(value), None, None) => {
            let field = field.clone().with_nullable(value.is_null());
            let how = How::Constant(constant(&field, value)?);
            return Ok(Made { field, how });
        }
        (None, Some(from), None) if field.data_type().is_integer() => How::Sequence(from),
        (None, Some(_), None) => {
            return Err(Error::new(Code::BadValue, "a sequence is of whole numbers"));
        }
        (None, None, Some((low, high))) => random(&field, low, high)?,
        _ => {
            let message = "needs one of value, sequence and random";
            return Err(Error::new(Code::BadValue, message));
        }
    };
    Ok(Made { field, how })
}

/// The value as the one row of an array.
fn constant(field: &Field, value: &Value) -> Result<ArrayRef> {
    let text = match value {
        Value::Null => return Ok(new_null_array(field.data_type(), 1)),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    read(field, &text)
}

/// A text as a value of the field's type, the way files are read.
fn read(field: &Field, text: &str) -> Result<ArrayRef> {
    let from = Field::new(field.name(), DataType::Utf8, false);
    let texts: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let converted = Converter::new(&from, field)?.convert(&texts)?;
    match converted.bad.into_iter().next() {
        None => Ok(converted.array),
        Some(bad) => Err(Error::new(Code::BadValue, format!("{text:?}: {}", bad.error.chain()))),
    }
}

fn random(field: &Field, low: &Value, high: &Value) -> Result<How> {
    let pair = |low: Option<i64>, high: Option<i64>, least: i64| match (low, high) {
        (Some(low), Some(high)) if low >= least && low <= high => Ok(How::Whole(low, high)),
        _ => Err(Error::new(Code::BadValue, format!("random: [{low:?}, {high:?}] is no range"))),
    };
    match field.data_type() {
        DataType::Boolean => match (low.as_i64(), high.as_i64()) {
            (Some(no), Some(yes)) if no >= 0 && yes >= 0 && no + yes > 0 => Ok(How::Whole(no, yes)),
            _ => pair(None, None, 0),
        },
        DataType::Float64 => match (low.as_f64(), high.as_f64()) {
            (Some(low), Some(high)) if low <= high => Ok(How::Float(low, high)),
            _ => pair(None, None, 0),
        },
        DataType::Utf8 | DataType::Binary => pair(low.as_i64(), high.as_i64(), 0),
        DataType::Timestamp(..) | DataType::Date32 => {
            let number = |value: &Value| -> Result<Option<i64>> {
                let Some(text) = value.as_str() else { return Ok(None) };
                Ok(Some(crate::generate::units(&read(field, text)?)))
            };
            pair(number(low)?, number(high)?, i64::MIN)
        }
        DataType::UInt64 => pair(low.as_i64(), high.as_i64(), 0),
        t if t.is_integer() => {
            // Both ends have to be values of the type.
            constant(field, low)?;
            constant(field, high)?;
            pair(low.as_i64(), high.as_i64(), i64::MIN)
        }
        _ => {
            let message =
                "random values are whole numbers, float64, text, binary, bool, date or timestamp";
            Err(Error::new(Code::BadValue, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncline_convert::portable::TYPE_NAMES;

    fn code(text: &str) -> Code {
        parse(Some(text)).unwrap_err().code()
    }

    #[test]
    fn wrong_columns_are_refused() {
        for text in [
            "",
            "{}",
            "[]",
            r#"[{"name":"a","type":"int64"}]"#,
            r#"[{"name":"a","type":"int65","value":1}]"#,
            r#"[{"name":"a","type":"int8","value":300}]"#,
            r#"[{"name":"a","type":"text","sequence":1}]"#,
            r#"[{"name":"a","type":"int8","random":[0,300]}]"#,
            r#"[{"name":"a","type":"int64","random":[5,1]}]"#,
            r#"[{"name":"a","type":"text","random":[-1,1]}]"#,
            r#"[{"name":"a","type":"uuid","random":[0,1]}]"#,
            r#"[{"name":"a","type":"int64","value":1,"sequence":1}]"#,
            r#"[{"name":"a","type":"int64","vlaue":1}]"#,
            r#"[{"name":"a","type":"text","value":1},{"name":"a","type":"text","value":1}]"#,
        ] {
            assert_eq!(code(text), Code::BadValue, "{text}");
        }
    }

    #[test]
    fn a_constant_of_every_type_is_made() {
        for name in TYPE_NAMES {
            let name = name.replace("(p,s)", "(9,2)").replace("(n)", "(4)");
            let value = match name.as_str() {
                "bool" => "true",
                "date" => "2026-11-21",
                "time" => "23:59:59.000001",
                "timestamp" | "timestamptz" => "2026-11-21 23:59:59",
                "duration" => "-838:59:59",
                "uuid" => "123e4567-e89b-12d3-a456-426614174000",
                "json" => "{}",
                "bit(4)" => "1010",
                "year" => "2026",
                _ => "42",
            };
            let text = format!(r#"[{{"name":"a","type":"{name}","value":"{value}"}}]"#);
            let made = parse(Some(&text)).unwrap();
            assert!(matches!(&made[0].how, How::Constant(one) if one.len() == 1), "{name}");
        }
    }

    #[test]
    fn null_is_a_value_and_makes_its_column_nullable() {
        let made = parse(Some(r#"[{"name":"a","type":"int64","value":null}]"#)).unwrap();
        assert!(made[0].field.is_nullable());
    }
}
