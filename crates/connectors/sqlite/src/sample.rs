//! A look at the first rows, for columns whose declared type does not say what they hold.

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use syncline_types::Result;

use crate::database::map_error;
use crate::decode;
use crate::form::Forms;
use crate::special::Special;
use crate::types::{Affinity, Meaning};

/// What was seen in a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) integers: bool,
    pub(crate) reals: bool,
    pub(crate) texts: bool,
    pub(crate) blobs: bool,
    /// A value that is not what the declared type means.
    pub(crate) misfits: bool,
    /// A value that is.
    pub(crate) fits: bool,
    /// One that the Arrow type has no number for: infinity, NaN.
    pub(crate) special: Option<Special>,
    /// How dates and times are spelled.
    pub(crate) forms: Forms,
}

impl Seen {
    /// The meaning values give to a column whose declared type is soft.
    pub(crate) fn settle(self, declared: &Meaning, affinity: Affinity) -> Meaning {
        if !declared.by_values() && (self.fits || !self.misfits) {
            if declared.moment().is_none() {
                return Meaning { soft: false, special: self.special, ..declared.clone() };
            }
            return match self.forms.one() {
                Some(form) => {
                    let special = self.special;
                    Meaning { soft: false, special, form: Some(form), ..declared.clone() }
                }
                // Read as moments they could not be spelled the same again.
                None => Meaning { sampled: true, ..Meaning::text() },
            };
        }
        let settled = match (self.integers, self.reals, self.texts, self.blobs) {
            (true, false, false, false) => Meaning::integer(),
            // With an affinity for numbers, SQLite itself makes integers of whole reals.
            (integers, true, false, false) if !integers || affinity.makes_numbers() => {
                Meaning::float()
            }
            (false, false, false, true) => Meaning::bytes(),
            (false, false, _, false) => Meaning::text(),
            _ => Meaning::any(),
        };
        Meaning { sampled: true, ..settled }
    }
}

/// Looks at the columns of a query, as many as `wanted` has, over its first rows.
pub(crate) fn look(
    connection: &Connection,
    sql: &str,
    wanted: &[Meaning],
    rows: u32,
) -> Result<Vec<Seen>> {
    let fields: Vec<_> = wanted.iter().map(|m| m.field("c", true, "")).collect();
    let mut columns: Vec<decode::Column> =
        fields.iter().map(|f| decode::Column::new(f, 64)).collect::<Result<_>>()?;
    let mut seen = vec![Seen::default(); wanted.len()];
    let mut statement = connection.prepare(sql).map_err(map_error)?;
    let mut found = statement.raw_query();
    let mut bytes = 0;
    for _ in 0..rows {
        // A few large values tell as much as many.
        if bytes > 1 << 20 {
            break;
        }
        let Some(row) = found.next().map_err(map_error)? else { break };
        for (n, (seen, column)) in seen.iter_mut().zip(&mut columns).enumerate() {
            let value = row.get_ref(n).map_err(map_error)?;
            bytes += decode::size(value);
            see(seen, &wanted[n], column, value);
        }
        for column in &mut columns {
            drop(column.finish());
        }
    }
    Ok(seen)
}

fn see(seen: &mut Seen, wanted: &Meaning, column: &mut decode::Column, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => return,
        ValueRef::Integer(_) => seen.integers = true,
        ValueRef::Real(_) => seen.reals = true,
        ValueRef::Text(_) => seen.texts = true,
        ValueRef::Blob(_) => seen.blobs = true,
    }
    let text = match value {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    };
    let special = text.and_then(|text| Special::seen(text, &wanted.arrow));
    let fits = match (wanted.moment(), text) {
        _ if special.is_some() => {
            // A field has one kind of them.
            seen.special = seen.special.or(special);
            seen.special == special
        }
        (Some(of), Some(text)) => seen.forms.see(text, of),
        _ => column.push(value).is_ok(),
    };
    if fits {
        seen.fits = true;
    } else {
        seen.misfits = true;
    }
}

/// What a person should know when values decided on the type of a column.
pub(crate) fn note_on(
    name: &str,
    declared: &str,
    meant: &Meaning,
    settled: &Meaning,
) -> Option<String> {
    if !meant.by_values() && meant.arrow == settled.arrow {
        return None;
    }
    let said = match declared {
        "" => "has no declared type".to_owned(),
        declared => format!("is declared {declared}"),
    };
    let kind = match settled.logical {
        Some("text-of") => "text, in which numbers are texts too".to_owned(),
        _ => settled.arrow.to_string(),
    };
    Some(format!("column {name:?} {said}; by its first values it is read as {kind}"))
}
