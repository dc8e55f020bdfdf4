//! Columns of SQLite in which texts and numbers stand among each other: each value as a text that
//! says which of both it is. The SQLite connector reads and writes them the same way.

/// A number as the text that stands for it.
pub(crate) fn number(text: &str) -> Option<String> {
    if let Ok(n) = text.parse::<i64>() {
        return Some(n.to_string());
    }
    let real: f64 = text.parse().ok()?;
    Some(match real {
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        _ => format!("{real:?}"),
    })
}

/// The literal of the number that a text stands for; `None` for what is a text.
pub(crate) fn literal(text: &str) -> Option<String> {
    let first = *text.as_bytes().first()?;
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'I')) {
        return None;
    }
    match text {
        "Infinity" => Some("9e999".into()),
        "-Infinity" => Some("-9e999".into()),
        _ => number(text).filter(|same| same == text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_told_apart() {
        for text in ["7", "-1", "1.5", "2.0", "1e300"] {
            assert_eq!(literal(text).as_deref(), Some(text));
        }
        assert_eq!(literal("-Infinity").as_deref(), Some("-9e999"));
        for text in ["", "a", "007", "1.50", "+1", "1e3", "-", "inf", "NaN", "0x1"] {
            assert_eq!(literal(text), None, "{text}");
        }
        assert_eq!(number("9e999").as_deref(), Some("Infinity"));
        assert_eq!(number("1.50").as_deref(), Some("1.5"));
    }
}
