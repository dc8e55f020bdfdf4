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
mod limits;
mod misfit;
mod number;
mod patch;
mod policy;
pub mod portable;
mod route;
mod rows;
mod shown;
mod special;
mod stage;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int8Array};
use arrow::compute::nullif;
use arrow::datatypes::{DataType, Field, TimestampMicrosecondType};
use syncline_types::{Code, Error, Flaw, Result};

pub use canonical::canonical;
pub use policy::{ValuePolicies, ValuePolicy};
pub use rows::{Change, Rows, RowsConverter, unmarked};
pub use shown::text_of;

use kind::{Kind, Shape};
use misfit::{Misfit, Side};
use patch::{Cut, Patches};
use portable::type_name;
use route::{BytesAs, Grade};
use shown::value_text;
use special::Specials;
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
    /// Rows where a policy put another value in place of a bad one, with what was wrong with it.
    pub changed: Vec<(usize, Flaw, ValuePolicy)>,
}

/// Converts columns of one type into another.
pub struct Converter {
    from: Field,
    to: Field,
    fidelity: Fidelity,
    /// Odd values that are refused although the mapping keeps all others.
    refused: Vec<String>,
    stages: Vec<Stage>,
    /// Stages that take out what is too long.
    cuts: Vec<(usize, Cut)>,
    /// The columns mean different things by the numbers of [`syncline_types::field::SPECIAL`].
    specials: bool,
    policies: ValuePolicies,
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
        let build = |fidelity, stages| Self {
            from: from.clone(),
            to: to.clone(),
            fidelity,
            refused: Vec::new(),
            stages,
            cuts: Vec::new(),
            specials: special::differ(from, to),
            policies: ValuePolicies::default(),
        };
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
        let mut cuts: Vec<(usize, Cut)> =
            route.cut.map(|cut| (stages.len() - 1, cut)).into_iter().collect();
        if let Some(most) = limits::most_bytes(from, to) {
            cuts.push((stages.len(), Cut::Bytes(most)));
            stages.push(match target.kind {
                Kind::Binary | Kind::Geometry { .. } => stage::check_bytes(most),
                _ => stage::check_text_bytes(most),
            });
            lossy = true;
            notes.push(format!("more than {most} bytes are refused"));
        }
        let mut checks = limits::checks(from, to);
        stages.append(&mut checks.stages);
        lossy |= !checks.lossy.is_empty();
        notes.append(&mut checks.lossy);
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
        // Stages would take the numbers that stand for something else for what they are.
        let specials = Specials::of(from).any() && !stages.is_empty();
        let mut built = build(fidelity, stages);
        built.specials |= specials;
        built.cuts = cuts;
        built.refused = refused_specials(from, to, &target.kind);
        built.refused.append(&mut checks.refused);
        Ok(built)
    }

    /// Follows a job's policies for bad values from now on. Where NULL is to take the place of a
    /// value and the target takes none, the value stays a bad one.
    #[must_use]
    pub fn with_policies(mut self, policies: &ValuePolicies) -> Self {
        self.policies = policies.clone();
        self
    }

    /// What of the policies cannot be followed here, for a person.
    pub fn unheeded(&self) -> Option<String> {
        if self.to.is_nullable() {
            return None;
        }
        let null = |flaw: &Flaw| self.policies.of(*flaw) == Some(ValuePolicy::Null);
        let flaws: Vec<&str> = self.possible().into_iter().filter(null).map(Flaw::name).collect();
        let columns = columns(&self.from, &self.to);
        (!flaws.is_empty()).then(|| {
            let flaws = flaws.join(", ");
            format!(
                "column {columns} takes no NULL: a row with such a value ({flaws}) stays a bad row"
            )
        })
    }

    /// The kinds of bad value that the types let one expect.
    fn possible(&self) -> BTreeSet<Flaw> {
        let (from, to) = (self.from.data_type(), self.to.data_type());
        let text = |t: &DataType| t.is_string();
        let bytes = |t: &DataType| t.is_binary();
        let temporal = |t: &DataType| t.is_temporal();
        let mut flaws = BTreeSet::new();
        let lossy = matches!(self.fidelity, Fidelity::Lossy(_));
        let mut add = |is: bool, all: &[Flaw]| flaws.extend(all.iter().filter(|_| is));
        let (a, b) = (Specials::of(&self.from), Specials::of(&self.to));
        let free = (text(from) || bytes(from)) && text(to);
        add(self.specials && a.infinity && !b.infinity && !text(to), &[Flaw::Infinity]);
        add(self.specials && a.nan && !b.nan && !text(to), &[Flaw::Nan]);
        let no_days = [Flaw::ZeroDate, Flaw::InvalidDate];
        add(self.specials && a.no_day && !b.no_day && !text(to), &no_days);
        add(text(from) && temporal(to) && !b.no_day, &no_days);
        add(text(from) && temporal(to) && !b.infinity, &[Flaw::Infinity]);
        let floating = from.is_floating() && (to.is_numeric() && !to.is_floating());
        let float_limit = self.refused.iter().any(|r| r.contains("NaN"));
        add(floating || float_limit, &[Flaw::Nan, Flaw::Infinity]);
        add(text(from) && to.is_numeric() && !b.nan, &[Flaw::Nan, Flaw::Infinity]);
        add(lossy && !free, &[Flaw::OutOfRange, Flaw::Other]);
        add(lossy && free, &[Flaw::Other]);
        add(
            self.refused
                .iter()
                .any(|r| ["times", "years", "lengths"].iter().any(|w| r.starts_with(w))),
            &[Flaw::OutOfRange],
        );
        add(self.refused.iter().any(|r| r.starts_with("U+0000")), &[Flaw::NulInText]);
        add(floating || self.refused.iter().any(|r| r == "-0.0"), &[Flaw::NegativeZero]);
        add(bytes(from) && text(to), &[Flaw::InvalidUtf8]);
        add(!self.cuts.is_empty(), &[Flaw::TooLong]);
        flaws
    }

    /// What can become of values, for `check`.
    pub fn fidelity(&self) -> &Fidelity {
        &self.fidelity
    }

    /// Odd values that are refused although every other is kept: `infinity`, `years after 9999`.
    pub fn refused(&self) -> &[String] {
        &self.refused
    }

    /// Whether every column passes as it is, without being looked at.
    pub fn is_identity(&self) -> bool {
        self.stages.is_empty()
            && !self.specials
            && (self.to.is_nullable() || !self.from.is_nullable())
    }

    /// The column in the target's type.
    ///
    /// # Errors
    /// [`Code::Bug`] when the column is not of the type it was said to be. Values that do not fit
    /// are no errors here: they are in [`Converted::bad`].
    pub fn convert(&self, column: &ArrayRef) -> Result<Converted> {
        let mut array = column.clone();
        let mut bad: Vec<(usize, Misfit)> = Vec::new();
        let mut patches = Patches::default();
        if self.specials {
            array = self.take_out_specials(array, &mut patches, &mut bad)?;
        }
        let mut too_long: Option<ArrayRef> = None;
        for (index, stage) in self.stages.iter().enumerate() {
            let mapped = stage(&array)?;
            if self.cuts.iter().any(|(at, _)| *at == index) && !mapped.bad.is_empty() {
                too_long.get_or_insert_with(|| array.clone());
            }
            array = mapped.array;
            bad.extend(mapped.bad);
        }
        if array.data_type() != self.to.data_type() {
            let (a, b) = (column.data_type(), self.to.data_type());
            return Err(Error::bug(format!("column {:?}: {a}, for {b}", self.from.name())));
        }
        let bad = self.second_look(column, bad, &mut patches);
        let (bad, changed) = self.follow_policies(column, bad, too_long.as_ref(), &mut patches);
        let array = patches.apply(array)?;
        let mut bad: Vec<BadValue> =
            bad.into_iter().map(|(row, misfit)| self.bad(column, row, misfit)).collect();
        if !self.to.is_nullable() && column.null_count() > 0 {
            let nulls = (0..column.len()).filter(|row| column.is_null(*row));
            bad.extend(nulls.map(|row| BadValue { row, error: self.no_null() }));
        }
        bad.sort_by_key(|b| b.row);
        Ok(Converted { array, bad, changed })
    }

    /// Takes the rows out that hold no number, and notes what the target has for them.
    fn take_out_specials(
        &self,
        array: ArrayRef,
        patches: &mut Patches,
        bad: &mut Vec<(usize, Misfit)>,
    ) -> Result<ArrayRef> {
        let found = special::find(&array, Specials::of(&self.from));
        let Some(shape) = Shape::of(&self.to).filter(|_| !found.is_empty()) else {
            return Ok(array);
        };
        let date = self.from.data_type() == &DataType::Date32;
        let mut made: Vec<(special::Special, ArrayRef)> = Vec::new();
        let mut out = vec![false; array.len()];
        for (row, special) in found {
            out[row] = true;
            if let Some((_, value)) = made.iter().find(|(known, _)| *known == special) {
                patches.put(row, value);
                continue;
            }
            match special::in_target(special, date, &self.to, &shape) {
                Ok(value) => {
                    patches.put(row, &value);
                    made.push((special, value));
                }
                Err(misfit) => bad.push((row, misfit)),
            }
        }
        nullif(&array, &BooleanArray::from(out))
            .map_err(|e| Error::bug("rows cannot be taken out of a column").because(e))
    }

    /// Texts and floats that a loop refused may be what the target has beside its numbers.
    fn second_look(
        &self,
        column: &ArrayRef,
        bad: Vec<(usize, Misfit)>,
        patches: &mut Patches,
    ) -> Vec<(usize, Misfit)> {
        let Some(shape) = Shape::of(&self.to) else { return bad };
        let numbers =
            matches!(shape.kind, Kind::Date | Kind::Timestamp { .. } | Kind::Decimal { .. });
        if !numbers {
            return bad;
        }
        bad.into_iter()
            .filter_map(|(row, misfit)| {
                let Some(special) = special::refused(column, row) else {
                    return Some((row, misfit));
                };
                match special::in_target(special, false, &self.to, &shape) {
                    Ok(value) => {
                        patches.put(row, &value);
                        None
                    }
                    Err(misfit) => Some((row, misfit)),
                }
            })
            .collect()
    }

    /// Puts other values where a policy wants them. What is left is bad.
    #[allow(clippy::type_complexity)] // two lists of rows
    fn follow_policies(
        &self,
        column: &ArrayRef,
        bad: Vec<(usize, Misfit)>,
        too_long: Option<&ArrayRef>,
        patches: &mut Patches,
    ) -> (Vec<(usize, Misfit)>, Vec<(usize, Flaw, ValuePolicy)>) {
        if bad.is_empty() || self.policies.is_empty() {
            return (bad, Vec::new());
        }
        let mut changed = Vec::new();
        let mut left = Vec::new();
        for (row, misfit) in bad {
            let flaw = misfit.flaw;
            let value = match self.policies.of(flaw) {
                Some(ValuePolicy::Null) if self.to.is_nullable() => None,
                Some(ValuePolicy::Clamp) => match self.nearest(column, row, &misfit, too_long) {
                    Some(value) => Some(value),
                    None => {
                        left.push((row, misfit));
                        continue;
                    }
                },
                _ => {
                    left.push((row, misfit));
                    continue;
                }
            };
            let policy = match value {
                None => ValuePolicy::Null,
                Some(value) => {
                    patches.put(row, &value);
                    ValuePolicy::Clamp
                }
            };
            changed.push((row, flaw, policy));
        }
        (left, changed)
    }

    /// The value nearest to a bad one.
    fn nearest(
        &self,
        column: &ArrayRef,
        row: usize,
        misfit: &Misfit,
        too_long: Option<&ArrayRef>,
    ) -> Option<ArrayRef> {
        if misfit.flaw == Flaw::TooLong {
            let cuts: Vec<Cut> = self.cuts.iter().map(|(_, cut)| *cut).collect();
            return patch::cut(too_long?, row, &cuts);
        }
        if misfit.flaw == Flaw::NegativeZero {
            return arrow::compute::cast(&Int8Array::from(vec![0]), self.to.data_type()).ok();
        }
        let shape = Shape::of(&self.to)?;
        let sign = || {
            let below =
                value_text(&self.from, column, row).trim_start_matches('"').starts_with('-');
            if below { Side::Below } else { Side::Above }
        };
        patch::extreme(&self.to, &shape, misfit.side.unwrap_or_else(sign))
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
        BadValue { row, error: Error::new(misfit.code, message).flawed(misfit.flaw) }
    }
}

/// Values beside the numbers that the target has no place for.
fn refused_specials(from: &Field, to: &Field, target: &Kind) -> Vec<String> {
    let (a, mut b) = (Specials::of(from), Specials::of(to));
    match target {
        Kind::Text | Kind::TextOf { .. } => return Vec::new(),
        Kind::DecimalText | Kind::Float32 | Kind::Float64 => b.nan = true,
        _ => {}
    }
    a.beyond(b).map(str::to_owned).collect()
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
        let array = Arc::new(times.with_data_type(to.clone()));
        Ok(misfit::Mapped { array, bad: Vec::new() })
    })
}
