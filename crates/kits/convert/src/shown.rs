//! Values as text for people: in reasons, and in rows kept as dead letters.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Field;

use crate::kind::{Kind, Shape};
use crate::{route, special, text};

/// The value's canonical text, whole; `None` for NULL, and for types that have none.
pub fn text_of(field: &Field, column: &ArrayRef, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    if let Some(special) = special::shown(field, column, row) {
        return Some(special);
    }
    let shape = Shape::of(field)?;
    let one = column.slice(row, 1);
    if shape.kind.is_text() {
        return one.as_string_opt::<i32>().map(|t| t.value(0).to_owned());
    }
    let printed = route::print(&shape.kind)?(&one).ok()?;
    printed.array.as_string_opt::<i32>().map(|t| t.value(0).to_owned())
}

/// A value for people, shortened: text in quotes, anything else in its canonical text.
pub(crate) fn value_text(field: &Field, column: &ArrayRef, row: usize) -> String {
    const LONGEST: usize = 60;
    if column.is_null(row) {
        return "NULL".into();
    }
    if let Some(special) = special::shown(field, column, row) {
        return special;
    }
    let one = column.slice(row, 1);
    let text = match Shape::of(field) {
        Some(shape) if shape.kind.is_text() => {
            one.as_string_opt::<i32>().map(|t| format!("{:?}", shorten(t.value(0), LONGEST)))
        }
        // Only the first bytes of a large value.
        Some(Shape { kind: Kind::Binary | Kind::Geometry { .. }, .. }) => {
            one.as_binary_opt::<i32>().map(|b| {
                let mut out = String::new();
                text::write_hex(&b.value(0)[..b.value(0).len().min(LONGEST / 2)], &mut out);
                if b.value(0).len() > LONGEST / 2 { out + "…" } else { out }
            })
        }
        Some(shape) => route::print(&shape.kind)
            .and_then(|print| print(&one).ok())
            .and_then(|m| m.array.as_string_opt::<i32>().map(|t| t.value(0).to_owned())),
        None => None,
    };
    let plain = || {
        let options = arrow::util::display::FormatOptions::default();
        let formatter = arrow::util::display::ArrayFormatter::try_new(&one, &options).ok()?;
        Some(formatter.value(0).to_string())
    };
    shorten(&text.or_else(plain).unwrap_or_default(), 2 * LONGEST)
}

fn shorten(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
