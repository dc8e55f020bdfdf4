//! What an Arrow field says beyond its type: the native type it came from, and what it means.
//!
//! Arrow carries the value; metadata on the field carries the rest, so that a sink of the same
//! store can make the very same column, and a sink of another can choose the nearest.
//!
//! | meaning | Arrow type | logical |
//! |---|---|---|
//! | integers, signed and unsigned | `Int8`…`Int64`, `UInt8`…`UInt64` | – |
//! | DECIMAL(p,s), p ≤ 38 / p ≤ 76 | `Decimal128` / `Decimal256` | – |
//! | numeric without bounds, or beyond 76 digits | `Utf8` (plain decimal text, `NaN`, `Infinity`) | `decimal` |
//! | text | `Utf8` | – |
//! | JSON text | `Utf8` | `json` |
//! | enumeration, set (texts, comma between) | `Utf8` | `enum`, `set` |
//! | bytes | `Binary` | – |
//! | bit string, as text of 0 and 1 | `Utf8` | `bit` |
//! | UUID | `FixedSizeBinary(16)` | `uuid` |
//! | date | `Date32` | – |
//! | date and time without zone | `Timestamp(µs)` | – |
//! | an instant | `Timestamp(µs, "UTC")` | – |
//! | time of day, 00:00 to 24:00 | `Time64(µs)` | – |
//! | signed length of time (MySQL TIME to ±838 h) | `Duration(µs)` | – |
//! | year | `Int16` | `year` |
//! | geometry (WKB, or the store's own form: see the native type) | `Binary` | `geometry` |
//! | anything else, in the store's own exact text form | `Utf8` | `text-of` |

//!
//! ## Values beyond the numbers
//!
//! A field whose metadata says so ([`SPECIAL`]) holds values that its Arrow type has no number
//! for. Only a field that says so has them; everywhere else those numbers are what they are.
//!
//! | [`SPECIAL`] | Arrow type | what stands for it |
//! |---|---|---|
//! | `infinity` | `Date32`, `Timestamp(µs)` | the largest number: infinity; the smallest: −infinity |
//! | `nan` | `Decimal128`, `Decimal256` | the smallest number of the type's bits: NaN |
//! | `zero-date` | `Date32`, `Timestamp(µs)` | day [`NO_DAY`] + yyyymmdd (and the time of day): a date that is no day of the calendar, as MySQL has them: 0000-00-00, 2020-00-10, 2020-02-31 |
//!
//! A conversion to a field that does not say the same checks each value, and sets aside the rows
//! that have one of these.

use std::collections::HashMap;

use arrow::datatypes::Field;

/// Connector id of the store the native type belongs to: `mysql`, `postgres`, `sqlite`.
pub const STORE: &str = "syncline.store";
/// The native type as the store writes it in DDL: `decimal(12,2) unsigned`, `int4[]`.
pub const NATIVE: &str = "syncline.native";
/// What the values mean where the Arrow type alone does not say; see the table above.
pub const LOGICAL: &str = "syncline.logical";
/// Character set, as the store names it.
pub const CHARSET: &str = "syncline.charset";
/// Collation, as the store names it.
pub const COLLATION: &str = "syncline.collation";
/// Members of an enumeration or set, in order, as a JSON array of strings.
pub const MEMBERS: &str = "syncline.members";
/// Largest length in characters (text) or bytes (binary), as decimal text.
pub const LENGTH: &str = "syncline.length";

/// Values the field has beside the numbers of its Arrow type: `infinity`, `nan`, `zero-date`; see
/// above.
pub const SPECIAL: &str = "syncline.special";

/// Where dates that are no day of the calendar stand in a field of [`SPECIAL`] `zero-date`: at this
/// day since 1970, plus the digits of the date read as one number. 2020-00-10 is day
/// −106,000,000 + 20,200,010. All of them lie before every real date of every store.
pub const NO_DAY: i32 = -106_000_000;

/// Year, month and day of a date that is no day of the calendar; `None` for a day that is one, or
/// that nothing stands for. See [`NO_DAY`].
pub fn no_day(days: i64) -> Option<(u16, u8, u8)> {
    let digits = u32::try_from(days.checked_sub(NO_DAY.into())?).ok()?;
    let (year, month, day) = (digits / 10_000, digits / 100 % 100, digits % 100);
    let (year, month) = (u16::try_from(year).ok()?, u8::try_from(month).ok()?);
    (year <= 9999 && month <= 12 && day <= 31).then_some((year, month, u8::try_from(day).ok()?))
}

/// The source does not declare the column's type: it was found in a sample of the values. `true`
/// where it is so. Such a type is not held against a narrower one at the target.
pub const SAMPLED: &str = "syncline.sampled";

/// The column takes finite numbers alone, whatever its type has besides, and no JSON value `null`:
/// `true` where it is so, as in JSON Lines.
pub const FINITE: &str = "syncline.finite";

/// The store keeps −0 as 0 in this column of floats: `true` where it is so, as in MariaDB, and in
/// SQLite's columns of numbers.
pub const ONE_ZERO: &str = "syncline.one-zero";

/// The longest length of time the column takes, either way, in microseconds as decimal text, where
/// the native type alone does not say: MariaDB's `time(6)` goes to 838:59:59.999999, MySQL's to
/// 838:59:59.
pub const LONGEST: &str = "syncline.longest";

/// In the schema of a rejected row: its columns are those of the table as it is read, and hold the
/// texts of the values, of which one at least is bad.
pub const TEXTS: &str = "syncline.texts";

/// In such a row: the value is no text in its encoding, and what stands here only shows it.
pub const NO_TEXT: &str = "syncline.no-text";

/// One metadata value of a field.
pub fn get<'a>(field: &'a Field, key: &str) -> Option<&'a str> {
    field.metadata().get(key).map(String::as_str)
}

/// What the values mean beyond the Arrow type.
pub fn logical(field: &Field) -> Option<&str> {
    get(field, LOGICAL)
}

/// The native type, when the field came from (or is meant for) `store`.
pub fn native<'a>(field: &'a Field, store: &str) -> Option<&'a str> {
    (get(field, STORE) == Some(store)).then(|| get(field, NATIVE)).flatten()
}

/// The largest length in characters or bytes, where the column has one.
pub fn length(field: &Field) -> Option<u64> {
    get(field, LENGTH).and_then(|n| n.parse().ok())
}

/// The field with more metadata; later pairs win. A canonical Arrow extension name is added for
/// the logical types that have one (`arrow.json`, `arrow.uuid`).
pub fn with<'a>(field: Field, pairs: impl IntoIterator<Item = (&'a str, String)>) -> Field {
    let mut metadata: HashMap<String, String> = field.metadata().clone();
    for (key, value) in pairs {
        match (key, value.as_str()) {
            (LOGICAL, "json") => {
                drop(metadata.insert("ARROW:extension:name".into(), "arrow.json".into()))
            }
            (LOGICAL, "uuid") => {
                drop(metadata.insert("ARROW:extension:name".into(), "arrow.uuid".into()))
            }
            _ => {}
        }
        metadata.insert(key.to_owned(), value);
    }
    field.with_metadata(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_that_are_no_days_keep_their_digits() {
        let at = |digits: i64| i64::from(NO_DAY) + digits;
        assert_eq!(no_day(at(0)), Some((0, 0, 0)));
        assert_eq!(no_day(at(20_200_010)), Some((2020, 0, 10)));
        assert_eq!(no_day(at(99_991_231)), Some((9999, 12, 31)));
        assert_eq!(no_day(at(20_201_301)), None);
        assert_eq!(no_day(-719_528), None, "the first day of the year 0");
        assert_eq!(no_day(at(-1)), None);
        // Microseconds of them fit 64 bits.
        assert!(i64::from(NO_DAY).checked_mul(86_400_000_000).is_some());
    }
}
