//! Expressions of the catalog as other parts need them: constants told from computations.

use arrow::datatypes::{DataType, Field};
use syncline_sql::moment;
use syncline_types::{DefaultValue, field};

use crate::types::STORE;

/// A default's expression as a value where it is a plain constant that other stores can have.
pub(super) fn default(column: &Field, sql: &str) -> Option<DefaultValue> {
    let native = || DefaultValue::Native { store: STORE.into(), sql: sql.to_owned() };
    if sql == "NULL" || sql.starts_with("NULL::") {
        return None;
    }
    if matches!(sql, "now()" | "CURRENT_TIMESTAMP") {
        return Some(match column.data_type() {
            DataType::Timestamp(..) => DefaultValue::CurrentTimestamp,
            _ => native(),
        });
    }
    let Some(value) = constant(sql) else { return Some(native()) };
    let numeric = value.parse::<f64>().is_ok_and(f64::is_finite) && !value.contains(['e', 'E']);
    let portable = match column.data_type() {
        DataType::Boolean => matches!(value.as_str(), "true" | "false"),
        DataType::Utf8 if field::logical(column) == Some("decimal") => numeric,
        DataType::Utf8 => field::logical(column) != Some("bit"),
        DataType::Date32 => moment::parse_date(&value).is_some(),
        DataType::Timestamp(_, None) => moment::parse_datetime(&value).is_some(),
        DataType::Timestamp(_, Some(_)) => moment::parse_instant(&value).is_some(),
        DataType::Time64(_) => moment::parse_time(&value).is_some(),
        _ if field::native(column, STORE) == Some("money") => false,
        t => t.is_numeric() && numeric,
    };
    Some(if portable { DefaultValue::Value(value) } else { native() })
}

/// `'it''s'::text`, `42`, `'-1'::integer`, `(-1)`, `true` → the value as text.
fn constant(sql: &str) -> Option<String> {
    if let Some(rest) = sql.strip_prefix('\'') {
        let mut value = String::new();
        let mut chars = rest.char_indices().peekable();
        loop {
            match chars.next()? {
                (_, '\'') if chars.next_if(|(_, c)| *c == '\'').is_some() => value.push('\''),
                (at, '\'') => {
                    let cast = rest[at + 1..].strip_prefix("::")?;
                    let of_type = |c: char| c.is_alphanumeric() || " \"._(),[]".contains(c);
                    return cast.chars().all(of_type).then_some(value);
                }
                (_, c) => value.push(c),
            }
        }
    }
    let bare = sql.strip_prefix('(').and_then(|s| s.strip_suffix(')')).unwrap_or(sql);
    let number = bare.strip_prefix('-').unwrap_or(bare);
    let plain = number.starts_with(|c: char| c.is_ascii_digit())
        && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (plain || matches!(sql, "true" | "false")).then(|| bare.to_owned())
}

/// An expression without parentheses around the whole of it.
pub(super) fn unwrapped(sql: &str) -> &str {
    let Some(inner) = sql.strip_prefix('(').and_then(|s| s.strip_suffix(')')) else { return sql };
    let (mut depth, mut quote) = (0_u32, None);
    for c in inner.chars() {
        match (quote, c) {
            (Some(q), _) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') if depth == 0 => return sql,
            (None, ')') => depth -= 1,
            (None, _) => {}
        }
    }
    // A backslash in an escape string may hide a quote: those stay as they are.
    if sql.contains("E'") { sql } else { inner }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_told_from_expressions() {
        for (sql, value) in [
            ("'it''s'::text", Some("it's")),
            ("''::character varying(3)", Some("")),
            ("'a'::\"My\".\"Mood\"", Some("a")),
            ("42", Some("42")),
            ("'-1'::integer", Some("-1")),
            ("(-1.5)", Some("-1.5")),
            ("true", Some("true")),
            ("'x'::text || 'y'::text", None),
            ("('now'::text)::date", None),
            ("nextval('s'::regclass)", None),
            ("(1 + 2)", None),
        ] {
            assert_eq!(constant(sql).as_deref(), value, "{sql}");
        }
    }

    #[test]
    fn only_values_that_others_understand_are_portable() {
        let bytes = Field::new("b", DataType::Binary, true);
        let native = default(&bytes, "'\\x00'::bytea");
        assert!(matches!(native, Some(DefaultValue::Native { .. })));
        let instant =
            DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()));
        let time = Field::new("t", instant, true);
        assert_eq!(default(&time, "now()"), Some(DefaultValue::CurrentTimestamp));
        let infinite = default(&time, "'infinity'::timestamp with time zone");
        assert!(matches!(infinite, Some(DefaultValue::Native { .. })));
        let text = Field::new("s", DataType::Utf8, true);
        assert_eq!(default(&text, "'a'::text"), Some(DefaultValue::Value("a".into())));
        assert_eq!(default(&text, "NULL::character varying"), None);
    }

    #[test]
    fn only_parentheses_around_the_whole_are_taken_off() {
        for (sql, bare) in [
            ("(a > 0)", "a > 0"),
            ("((a > 0) AND (b < 0))", "(a > 0) AND (b < 0)"),
            ("(a > 0) OR (b < 0)", "(a > 0) OR (b < 0)"),
            ("(s <> ')('::text)", "s <> ')('::text"),
            ("(\"a)b\" IS NULL)", "\"a)b\" IS NULL"),
            ("lower(s)", "lower(s)"),
        ] {
            assert_eq!(unwrapped(sql), bare);
        }
    }
}
