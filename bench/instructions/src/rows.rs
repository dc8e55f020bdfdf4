//! The rows: as a table of Arrow, and as packets of MySQL's binary protocol.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, TimeUnit};
use syncline_types::{Error, Result, TableName, TableSchema, field};

/// A column of each common kind, as `mixed` of the copy bench has them, typed for `store`.
pub(crate) fn table(store: &str) -> Arc<TableSchema> {
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let columns = [
        ("id", DataType::Int64, "bigint"),
        ("n", DataType::Int32, "int"),
        ("amount", DataType::Decimal128(12, 2), "decimal(12,2)"),
        ("name", DataType::Utf8, "varchar(64)"),
        ("moment", micros, "datetime(6)"),
        ("body", DataType::Utf8, "text"),
        ("extra", DataType::Int32, "int"),
        ("ratio", DataType::Float64, "double"),
    ];
    let field = |(name, data_type, native): (&str, DataType, &str)| {
        let plain = Field::new(name, data_type, name == "extra");
        if store != "mysql" {
            return plain;
        }
        field::with(plain, [(field::STORE, store.to_owned()), (field::NATIVE, native.to_owned())])
    };
    Arc::new(TableSchema::new(TableName::bare("mixed"), columns.map(field)))
}

/// Types of the columns in MySQL's protocol.
pub(crate) const KINDS: [u8; 8] = [8, 3, 246, 253, 12, 252, 3, 5];

/// Even numbers without a pattern, the same in each run (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((x ^ (x >> 31)) >> 1).unwrap_or(0) % limit
    }
}

const WORDS: [&str; 8] =
    ["river", "straße", "数据", "🚀", "copy", "quick, brown", "a \"b\"", "end"];

/// What a row holds before it is put into a form.
pub(crate) struct Row {
    id: i64,
    n: i32,
    cents: i64,
    name: String,
    /// Year, month, day, hour, minute, second, microsecond.
    moment: (u16, u8, u8, u8, u8, u8, u32),
    body: String,
    extra: Option<i32>,
    ratio: f64,
}

/// Rows in ascending order of their key.
pub(crate) fn rows(count: usize) -> Vec<Row> {
    let mut dice = Dice(7);
    let small = |dice: &mut Dice, limit: i64| u8::try_from(dice.below(limit)).unwrap_or(0);
    (1..=count)
        .map(|id| {
            let text = |dice: &mut Dice, bytes| {
                let mut text = String::new();
                while text.len() < bytes {
                    text.push_str(WORDS[usize::from(small(dice, 8))]);
                    text.push(' ');
                }
                text
            };
            let year = 2000 + u16::from(small(&mut dice, 25));
            Row {
                id: i64::try_from(id).unwrap_or(0),
                n: i32::try_from(dice.below(1 << 30)).unwrap_or(0),
                cents: dice.below(1_000_000_000_000),
                name: text(&mut dice, 16),
                body: text(&mut dice, 95),
                moment: (
                    year,
                    1 + small(&mut dice, 12),
                    1 + small(&mut dice, 28),
                    small(&mut dice, 24),
                    small(&mut dice, 60),
                    small(&mut dice, 60),
                    u32::try_from(dice.below(1_000_000)).unwrap_or(0),
                ),
                extra: (dice.below(5) > 0).then_some(4711),
                #[allow(clippy::cast_precision_loss, reason = "any double will do")]
                ratio: dice.below(1 << 53) as f64 / (1_u64 << 40) as f64,
            }
        })
        .collect()
}

/// Days since 1970 of a date after 2000, by counting.
fn days(year: u16, month: u8, day: u8) -> i64 {
    let leap = |year: u16| year.is_multiple_of(4);
    let years: i64 = (2000..year).map(|y| 365 + i64::from(leap(y))).sum();
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months: i64 = lengths.iter().take(usize::from(month) - 1).sum();
    10_957 + years + months + i64::from(day) - 1
}

/// The rows as a batch.
pub(crate) fn batch(table: &TableSchema, rows: &[Row]) -> Result<RecordBatch> {
    let micros = |row: &Row| {
        let (year, month, day, hour, minute, second, micro) = row.moment;
        let hours = days(year, month, day) * 24 + i64::from(hour);
        ((hours * 60 + i64::from(minute)) * 60 + i64::from(second)) * 1_000_000 + i64::from(micro)
    };
    let cents: Decimal128Array = rows.iter().map(|r| Some(i128::from(r.cents))).collect();
    let cents = cents.with_precision_and_scale(12, 2).map_err(|e| Error::bug(e.to_string()))?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|r| r.id).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|r| r.n).collect::<Int32Array>()),
        Arc::new(cents),
        Arc::new(rows.iter().map(|r| Some(&r.name)).collect::<StringArray>()),
        Arc::new(rows.iter().map(|r| Some(micros(r))).collect::<TimestampMicrosecondArray>()),
        Arc::new(rows.iter().map(|r| Some(&r.body)).collect::<StringArray>()),
        Arc::new(rows.iter().map(|r| r.extra).collect::<Int32Array>()),
        Arc::new(rows.iter().map(|r| r.ratio).collect::<Float64Array>()),
    ];
    RecordBatch::try_new(table.arrow(), columns).map_err(|e| Error::bug(e.to_string()))
}

/// The rows as packets of the binary protocol: a zero byte, the bitmap of NULLs (from bit 2 on),
/// the values.
pub(crate) fn packets(rows: &[Row]) -> Vec<Vec<u8>> {
    let text = |packet: &mut Vec<u8>, text: &str| {
        packet.push(u8::try_from(text.len()).unwrap_or(0));
        packet.extend_from_slice(text.as_bytes());
    };
    let packet = |row: &Row| {
        let mut packet = vec![0, 0, 0];
        packet.extend_from_slice(&row.id.to_le_bytes());
        packet.extend_from_slice(&row.n.to_le_bytes());
        text(&mut packet, &format!("{}.{:02}", row.cents / 100, row.cents % 100));
        text(&mut packet, &row.name);
        let (year, month, day, hour, minute, second, micro) = row.moment;
        packet.push(11);
        packet.extend_from_slice(&year.to_le_bytes());
        packet.extend_from_slice(&[month, day, hour, minute, second]);
        packet.extend_from_slice(&micro.to_le_bytes());
        text(&mut packet, &row.body);
        match row.extra {
            Some(extra) => packet.extend_from_slice(&extra.to_le_bytes()),
            // Column 6 is bit 8.
            None => packet[2] |= 1,
        }
        packet.extend_from_slice(&row.ratio.to_le_bytes());
        packet
    };
    rows.iter().map(packet).collect()
}
