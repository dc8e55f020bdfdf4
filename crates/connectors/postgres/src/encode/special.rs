//! Values beside the numbers of their Arrow type: infinities and NaN.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, TimestampMicrosecondType,
};

use super::binary::put;
use crate::numeric;
use crate::values::{NAN128, NAN256};

/// A value beside the numbers of its Arrow type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    Nan,
    Infinity,
    NegativeInfinity,
}

impl Special {
    pub(super) fn text(self) -> &'static str {
        match self {
            Special::Nan => "NaN",
            Special::Infinity => "infinity",
            Special::NegativeInfinity => "-infinity",
        }
    }
}

/// What the cell of a column that has such values stands for, if not for its number.
pub(super) fn special(cell: &dyn Array, row: usize) -> Option<Special> {
    let ends = |low: bool, high: bool| match (low, high) {
        (true, _) => Some(Special::NegativeInfinity),
        (_, true) => Some(Special::Infinity),
        _ => None,
    };
    match cell.data_type() {
        DataType::Date32 => {
            let days = cell.as_primitive::<Date32Type>().value(row);
            ends(days == i32::MIN, days == i32::MAX)
        }
        DataType::Timestamp(..) => {
            let micros = cell.as_primitive::<TimestampMicrosecondType>().value(row);
            ends(micros == i64::MIN, micros == i64::MAX)
        }
        DataType::Decimal128(..) => {
            (cell.as_primitive::<Decimal128Type>().value(row) == NAN128).then_some(Special::Nan)
        }
        DataType::Decimal256(..) => {
            (cell.as_primitive::<Decimal256Type>().value(row) == NAN256).then_some(Special::Nan)
        }
        _ => None,
    }
}

/// Writes the cell's value where it is such a one.
pub(super) fn binary_special(cell: &dyn Array, row: usize, out: &mut Vec<u8>) -> bool {
    let Some(special) = special(cell, row) else { return false };
    let day = matches!(cell.data_type(), DataType::Date32);
    match special {
        Special::Nan => numeric::push_nan(out),
        Special::Infinity if day => put(out, &i32::MAX.to_be_bytes()),
        Special::NegativeInfinity if day => put(out, &i32::MIN.to_be_bytes()),
        Special::Infinity => put(out, &i64::MAX.to_be_bytes()),
        Special::NegativeInfinity => put(out, &i64::MIN.to_be_bytes()),
    }
    true
}
