//! What a turn of each case does.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, TimeUnit};
use syncline_convert::Converter;
use syncline_types::{Error, Result, TableSchema};

use crate::rows::{KINDS, batch, packets, rows, table};

/// One pass over all rows.
type Turn = Box<dyn FnMut() -> Result<()>>;

/// Every case, ready to run.
pub(crate) fn all(count: usize) -> Result<Vec<(String, Turn)>> {
    let mut cases: Vec<(String, Turn)> = Vec::new();
    let made = rows(count);
    mysql(&mut cases, &packets(&made), batch(&table("mysql"), &made)?);
    let plain = table("");
    let rows = batch(&plain, &made)?;
    postgres(&mut cases, &plain, &rows)?;
    files(&mut cases, &plain, &rows)?;
    convert(&mut cases, &plain, &rows)?;
    Ok(cases)
}

/// The work must give all rows, or the count would be that of something else.
fn expect(found: usize, wanted: usize) -> Result<()> {
    if found == wanted { Ok(()) } else { Err(Error::bug(format!("{found} for {wanted}"))) }
}

fn mysql(cases: &mut Vec<(String, Turn)>, packets: &[Vec<u8>], rows: RecordBatch) {
    let (table, packets) = (table("mysql"), packets.to_vec());
    let fields: Vec<Field> = table.columns.iter().map(|c| c.field.clone()).collect();
    let decode = move || {
        let decoded = syncline_mysql::bench::decode(&fields, &KINDS, &packets)?;
        expect(decoded.num_rows(), packets.len())
    };
    cases.push(("mysql binary rows decoded".into(), Box::new(decode)));
    let mut out = Vec::new();
    let load = move || {
        out.clear();
        syncline_mysql::bench::load(&table, &rows, &mut out)
    };
    cases.push(("mysql LOAD DATA encoded".into(), Box::new(load)));
}

fn postgres(
    cases: &mut Vec<(String, Turn)>,
    table: &Arc<TableSchema>,
    rows: &RecordBatch,
) -> Result<()> {
    // The server sends a message a row.
    let pieces = syncline_postgres::bench::encode(table, rows, 1)?;
    let (of_decode, count) = (Arc::clone(table), rows.num_rows());
    let (of_pack, to_pack) = (Arc::clone(table), pieces.clone());
    let decode = move || {
        let decoded = syncline_postgres::bench::decode(&of_decode, &pieces)?;
        expect(decoded.num_rows(), count)
    };
    cases.push(("postgres binary COPY decoded".into(), Box::new(decode)));
    let pack = move || {
        let packed = syncline_postgres::bench::pack(&of_pack, &to_pack)?;
        expect(packed.num_rows(), count)
    };
    cases.push(("postgres binary COPY packed".into(), Box::new(pack)));
    let (table, rows) = (Arc::clone(table), rows.clone());
    let encode = move || syncline_postgres::bench::encode(&table, &rows, usize::MAX / 2).map(drop);
    cases.push(("postgres binary COPY encoded".into(), Box::new(encode)));
    Ok(())
}

fn files(
    cases: &mut Vec<(String, Turn)>,
    table: &Arc<TableSchema>,
    rows: &RecordBatch,
) -> Result<()> {
    let broken = |e: std::io::Error| Error::bug(format!("a file of its own: {e}"));
    let mut text = Vec::new();
    syncline_files::bench::write_csv(table, rows, &mut text)?;
    let mut file = tempfile::NamedTempFile::new().map_err(broken)?;
    std::io::Write::write_all(&mut file, &text).map_err(broken)?;
    let (of_read, count) = (Arc::clone(table), rows.num_rows());
    let read = move || {
        let read = syncline_files::bench::read_csv(file.path(), &of_read)?;
        expect(read, count)
    };
    cases.push(("csv read".into(), Box::new(read)));
    let (table, rows) = (Arc::clone(table), rows.clone());
    let write = move || {
        text.clear();
        syncline_files::bench::write_csv(&table, &rows, &mut text)
    };
    cases.push(("csv written".into(), Box::new(write)));
    Ok(())
}

/// Conversions that copies between kinds of stores need most.
fn convert(cases: &mut Vec<(String, Turn)>, table: &TableSchema, rows: &RecordBatch) -> Result<()> {
    let micros =
        |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
    let ways = [
        ("id", DataType::Int32, "int64 into int32"),
        ("id", DataType::Decimal128(20, 0), "int64 into decimal"),
        ("id", DataType::Utf8, "int64 into text"),
        ("amount", DataType::Decimal128(15, 4), "decimal into a wider one"),
        ("amount", DataType::Utf8, "decimal into text"),
        ("ratio", DataType::Utf8, "double into text"),
        ("moment", DataType::Utf8, "timestamp into text"),
        ("moment", micros(Some("UTC")), "timestamp into instant"),
        ("body", DataType::Binary, "text into bytes"),
    ];
    for (name, to, title) in ways {
        let at = table.index_of(name).ok_or_else(|| Error::bug(name.to_owned()))?;
        let (from, column) = (table.columns[at].field.clone(), rows.column(at).clone());
        let to = Field::new(name, to, true);
        case(cases, title.to_owned(), &from, &to, column.clone())?;
        // And back from text.
        if *to.data_type() == DataType::Utf8 {
            let texts = Converter::new(&from, &to)?.convert(&column)?.array;
            let kind = title.split(' ').next().unwrap_or_default();
            case(cases, format!("text into {kind}"), &to, &from.with_nullable(true), texts)?;
        }
    }
    Ok(())
}

fn case(
    cases: &mut Vec<(String, Turn)>,
    title: String,
    from: &Field,
    to: &Field,
    column: ArrayRef,
) -> Result<()> {
    let converter = Converter::new(from, to)?;
    let turn = move || {
        let converted = converter.convert(&column)?;
        expect(converted.array.len(), column.len())
    };
    cases.push((format!("convert {title}"), Box::new(turn)));
    Ok(())
}
