//! Random tables over all canonical types, the same for the same seed.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray,
    Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, RecordBatch,
    StringArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use syncline_types::{TableName, TableSchema, field};

/// A table `name` of up to `columns` columns beside its key `id`, and its rows.
///
/// Types are those of the table in [`syncline_types::field`] that every database has in some form;
/// values lean towards limits, and about every eighth is NULL.
pub fn random_table(
    seed: u64,
    name: &str,
    columns: usize,
    rows: usize,
) -> (TableSchema, RecordBatch) {
    let mut random = StdRng::seed_from_u64(seed);
    let ids: Vec<i64> = {
        let mut next = random.random_range(-1000..1000);
        std::iter::repeat_with(|| {
            next += random.random_range(1..50_i64).pow(2);
            next
        })
        .take(rows)
        .collect()
    };
    let mut fields = vec![Field::new("id", DataType::Int64, false)];
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(ids))];
    for number in 0..columns {
        let (field, array) = column(&mut random, &format!("c{number}"), rows);
        fields.push(field);
        arrays.push(array);
    }
    let mut table = TableSchema::new(TableName::bare(name), fields);
    table.primary_key = vec!["id".to_owned()];
    let rows = RecordBatch::try_new(table.arrow(), arrays).expect("columns fit the table");
    (table, rows)
}

/// Some values of a kind, each NULL now and then.
fn values<T, C: FromIterator<Option<T>>>(
    random: &mut StdRng,
    rows: usize,
    mut value: impl FnMut(&mut StdRng) -> T,
) -> C {
    (0..rows).map(|_| (!random.random_bool(0.125)).then(|| value(random))).collect()
}

/// A limit now and then, else anything.
macro_rules! integers {
    ($random:ident, $rows:ident, $type:ty, $array:ty) => {
        Arc::new(values::<$type, $array>($random, $rows, |random| {
            match random.random_range(0..6) {
                0 => <$type>::MIN,
                1 => <$type>::MAX,
                2 => 0,
                _ => random.random(),
            }
        })) as ArrayRef
    };
}

fn column(random: &mut StdRng, name: &str, rows: usize) -> (Field, ArrayRef) {
    let array: ArrayRef = match random.random_range(0..18) {
        0 => integers!(random, rows, i8, Int8Array),
        1 => integers!(random, rows, i16, Int16Array),
        2 => integers!(random, rows, i32, Int32Array),
        3 => integers!(random, rows, i64, Int64Array),
        4 => integers!(random, rows, u8, UInt8Array),
        5 => integers!(random, rows, u16, UInt16Array),
        6 => integers!(random, rows, u32, UInt32Array),
        7 => integers!(random, rows, u64, UInt64Array),
        8 => Arc::new(values::<bool, BooleanArray>(random, rows, |r| r.random())),
        9 => Arc::new(values::<f64, Float64Array>(random, rows, |r| {
            f64::from_bits(r.random::<u64>() & !(1 << 62))
        })),
        10 => Arc::new(values::<f32, Float32Array>(random, rows, |r| {
            f32::from_bits(r.random::<u32>() & !(1 << 30))
        })),
        11 => decimals(random, rows),
        12 => Arc::new(values::<String, StringArray>(random, rows, text)),
        13 => Arc::new(values::<Vec<u8>, BinaryArray>(random, rows, bytes)),
        14 => Arc::new(values::<i32, Date32Array>(random, rows, |r| {
            r.random_range(-354_285..=2_932_896)
        })),
        15 => Arc::new(values::<i64, TimestampMicrosecondArray>(random, rows, moment)),
        16 => Arc::new(values::<i64, Time64MicrosecondArray>(random, rows, |r| {
            r.random_range(0..86_400_000_000)
        })),
        _ => return uuids(random, name, rows),
    };
    (Field::new(name, array.data_type().clone(), true), array)
}

fn decimals(random: &mut StdRng, rows: usize) -> ArrayRef {
    let precision: u8 = random.random_range(1..=38);
    let scale = i8::try_from(random.random_range(0..=precision.min(30))).unwrap_or(0);
    let limit = 10_i128.pow(u32::from(precision)) - 1;
    let numbers: Decimal128Array = values(random, rows, |r| r.random_range(-limit..=limit));
    let numbers = numbers.with_precision_and_scale(precision, scale);
    Arc::new(numbers.expect("numbers within their precision"))
}

/// Years 1000 to 9999, which every database takes.
fn moment(random: &mut StdRng) -> i64 {
    random.random_range(-30_610_224_000_000_000..253_402_300_799_999_999)
}

fn text(random: &mut StdRng) -> String {
    let pieces =
        ["a", "Z", " ", "'", "\"", "\\", "\n", "\r\n", "\t", ",", ";", "é", "ß", "中", "😀", "\\N"];
    let length = *[0, 1, 3, 20, 300].choose(random).unwrap_or(&1);
    (0..length).map(|_| *pieces.choose(random).unwrap_or(&"a")).collect()
}

fn bytes(random: &mut StdRng) -> Vec<u8> {
    let length = *[0, 1, 16, 300].choose(random).unwrap_or(&1);
    (0..length).map(|_| random.random()).collect()
}

fn uuids(random: &mut StdRng, name: &str, rows: usize) -> (Field, ArrayRef) {
    let ids: Vec<Option<[u8; 16]>> = values(random, rows, |r| r.random());
    let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids.into_iter(), 16);
    let field = Field::new(name, DataType::FixedSizeBinary(16), true);
    let field = field::with(field, [(field::LOGICAL, "uuid".to_owned())]);
    (field, Arc::new(array.expect("sixteen bytes each")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_table_and_another_a_different_one() {
        let (table, rows) = random_table(7, "t", 12, 100);
        assert_eq!((table.columns.len(), rows.num_rows()), (13, 100));
        assert_eq!(random_table(7, "t", 12, 100), (table, rows.clone()));
        assert_ne!(random_table(8, "t", 12, 100).1, rows);
    }

    #[test]
    fn all_kinds_of_columns_come_up() {
        let kinds: std::collections::HashSet<String> = (0..40)
            .flat_map(|seed| random_table(seed, "t", 10, 1).0.columns)
            .map(|column| format!("{:?}", column.field.data_type()))
            .map(|name| name.split('(').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(kinds.len(), 18, "{kinds:?}");
    }
}
