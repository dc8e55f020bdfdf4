//! Exact conversion of Arrow columns between the canonical types of [`syncline_types::field`].
//!
//! A value that would change on its way (rounded, cut, wrapped, read in another way) is not
//! converted: its row is in [`Converted::bad`], with the reason. What can happen for any value of
//! a type is known before the first row: [`Fidelity`].
//!
//! Texts: what is written for a value is what is read for it. `true`/`false` (read: also `t`, `f`,
//! `1`, `0`); integers; decimals with all digits of their scale; the shortest digits of a float,
//! `NaN`, `Infinity`; `2024-12-31`, `2024-12-31 23:59:59.5`, with `+00:00` for an instant (read: any
//! offset, `T`, `Z`; without one it is UTC); `23:59:59.5`; `-838:59:59` for a length of time; UUIDs
//! with hyphens. Bytes and text are the same bytes, as long as they are UTF-8; in files they are
//! `\x` and hexadecimal digits ([`Converter::for_files`]).
//!
//! Which columns go together is decided by the engine; how a store writes its own types is the
//! business of its connector.

mod canonical;
mod clock;
mod digits;
mod float;
mod kind;
mod misfit;
mod number;
pub mod portable;
mod route;
mod rows;
mod stage;
mod text;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, TimestampMicrosecondType};
use syncline_types::{Code, Error, Result};

pub use canonical::canonical;
pub use rows::RowsConverter;

use kind::{Kind, Shape};
use misfit::Misfit;
use portable::type_name;
use route::{BytesAs, Grade};
use stage::Stage;

/// What can become of the values of a column, whatever they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fidelity {
    /// The types are the same.
    Exact,
    /// Every value fits, in another type: `int32 into int64`.
    Widened(String),
    /// Not every value fits, and those that do not are refused: `int64 into int32: values beyond
    /// its range are refused`.
    Lossy(String),
}

/// A row whose value does not fit.
#[derive(Debug)]
pub struct BadValue {
    /// Its place in the column.
    pub row: usize,
    /// Why, with the column, the value and both types. Its kind is data.
    pub error: Error,
}

/// A converted column.
#[derive(Debug)]
pub struct Converted {
    /// The column in the target's Arrow type, with NULL at bad rows.
    pub array: ArrayRef,
    /// Bad rows, ascending.
    pub bad: Vec<BadValue>,
}

/// Converts columns of one type into another.
pub struct Converter {
    from: Field,
    to: Field,
    fidelity: Fidelity,
    stages: Vec<Stage>,
}

impl std::fmt::Debug for Converter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Converter({:?})", self.fidelity)
    }
}

impl Converter {
    /// A converter between two columns. A NULL is bad where `to` takes none.
    ///
    /// # Errors
    /// [`Code::ColumnMismatch`] when the types have no conversion at all.
    pub fn new(from: &Field, to: &Field) -> Result<Self> {
        Self::with(from, to, BytesAs::Utf8)
    }

    /// As [`Converter::new`], with bytes as `\x48656c6c6f` where the other side is text: the form
    /// that files carry.
    ///
    /// # Errors
    /// As [`Converter::new`].
    pub fn for_files(from: &Field, to: &Field) -> Result<Self> {
        Self::with(from, to, BytesAs::Hex)
    }

    fn with(from: &Field, to: &Field, bytes: BytesAs) -> Result<Self> {
        let none = || {
            let (a, b) = (type_name(from), type_name(to));
            let message = format!("column {}: no conversion from {a} to {b}", columns(from, to));
            Error::new(Code::ColumnMismatch, message)
                .hint("choose another type for the column, or leave it out (--columns)")
        };
        let build =
            |fidelity, stages| Self { from: from.clone(), to: to.clone(), fidelity, stages };
        let Some(target) = Shape::of(to) else {
            // Types without a meaning of their own pass as they are, and only so.
            let same = from.data_type() == to.data_type();
            return if same { Ok(build(Fidelity::Exact, vec![])) } else { Err(none()) };
        };
        let (between, first) = canonical::into_canonical(from).ok_or_else(none)?;
        let source = Shape::of(&between).ok_or_else(none)?;
        let mut route = route::route(&source, &target, to.data_type(), bytes).ok_or_else(none)?;
        let (mut stages, mut notes) = (Vec::new(), Vec::new());
        let mut lossy = false;
        if let Some(first) = first {
            stages.extend(first.stages);
            lossy |= matches!(first.grade, Grade::Some(_));
            notes.extend(note(first.grade));
        }
        stages.append(&mut route.stages);
        lossy |= matches!(route.grade, Grade::Some(_));
        notes.extend(note(route.grade));
        if matches!(to.data_type(), DataType::Timestamp(..)) && from.data_type() != to.data_type() {
            stages.push(relabel(to.data_type().clone()));
        }
        let (a, b) = (type_name(from), type_name(to));
        let fidelity = if a == b && !lossy {
            Fidelity::Exact
        } else {
            let colon = if notes.is_empty() { "" } else { ": " };
            let text = format!("{a} into {b}{colon}{}", notes.join("; "));
            if lossy { Fidelity::Lossy(text) } else { Fidelity::Widened(text) }
        };
        Ok(build(fidelity, stages))
    }

    /// What can become of values, for `check`.
    pub fn fidelity(&self) -> &Fidelity {
        &self.fidelity
    }

    /// Whether every column passes as it is, without being looked at.
    pub fn is_identity(&self) -> bool {
        self.stages.is_empty() && (self.to.is_nullable() || !self.from.is_nullable())
    }

    /// The column in the target's type.
    ///
    /// # Errors
    /// [`Code::Bug`] when the column is not of the type it was said to be. Values that do not fit
    /// are no errors here: they are in [`Converted::bad`].
    pub fn convert(&self, column: &ArrayRef) -> Result<Converted> {
        let mut array = column.clone();
        let mut bad: Vec<(usize, Misfit)> = Vec::new();
        for stage in &self.stages {
            let mapped = stage(&array)?;
            array = mapped.array;
            bad.extend(mapped.bad);
        }
        if array.data_type() != self.to.data_type() {
            let (a, b) = (column.data_type(), self.to.data_type());
            return Err(Error::bug(format!("column {:?}: {a}, for {b}", self.from.name())));
        }
        let mut bad: Vec<BadValue> =
            bad.into_iter().map(|(row, misfit)| self.bad(column, row, misfit)).collect();
        if !self.to.is_nullable() && column.null_count() > 0 {
            let nulls = (0..column.len()).filter(|row| column.is_null(*row));
            bad.extend(nulls.map(|row| BadValue { row, error: self.no_null() }));
        }
        bad.sort_by_key(|b| b.row);
        Ok(Converted { array, bad })
    }

    fn no_null(&self) -> Error {
        let columns = columns(&self.from, &self.to);
        Error::new(Code::NotNull, format!("column {columns}: NULL, which the target does not take"))
    }

    fn bad(&self, column: &ArrayRef, row: usize, misfit: Misfit) -> BadValue {
        let columns = columns(&self.from, &self.to);
        let (a, b) = (type_name(&self.from), type_name(&self.to));
        let value = value_text(&self.from, column, row);
        let why = misfit.why;
        let message = format!("column {columns}: {value} ({a}) does not fit {b}: {why}");
        BadValue { row, error: Error::new(misfit.code, message) }
    }
}

fn note(grade: Grade) -> Option<String> {
    match grade {
        Grade::Every("") => None,
        Grade::Every(note) => Some(note.to_owned()),
        Grade::Some(why) => Some(why),
    }
}

/// The column's name; both, when it is renamed on the way.
fn columns(from: &Field, to: &Field) -> String {
    if from.name() == to.name() {
        format!("{:?}", from.name())
    } else {
        format!("{:?} (to {:?})", from.name(), to.name())
    }
}

/// The same instants or local times, in exactly the target's Arrow type.
fn relabel(to: DataType) -> Stage {
    Box::new(move |array| {
        let times = stage::primitive::<TimestampMicrosecondType>(array)?.clone();
        let array = std::sync::Arc::new(times.with_data_type(to.clone()));
        Ok(misfit::Mapped { array, bad: Vec::new() })
    })
}

/// A value for people, shortened: text in quotes, anything else in its canonical text.
pub(crate) fn value_text(field: &Field, column: &ArrayRef, row: usize) -> String {
    const LONGEST: usize = 60;
    if column.is_null(row) {
        return "NULL".into();
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
