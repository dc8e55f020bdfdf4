//! The tables of TPC-H, at any scale, the same in each run.
//!
//! Names, types and keys as in the TPC-H specification 3.0.1, section 1.4; values by `tpchgen`.

use std::fmt::Display;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use syncline_types::{TableName, TableSchema};
use tpchgen::csv::{
    CustomerCsv, LineItemCsv, NationCsv, OrderCsv, PartCsv, PartSuppCsv, RegionCsv, SupplierCsv,
};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};

/// Names of the tables, smallest first.
pub const TPCH: [&str; 8] =
    ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"];

const KEY: DataType = DataType::Int64;
const INT: DataType = DataType::Int32;
const TEXT: DataType = DataType::Utf8;
const MONEY: DataType = DataType::Decimal128(15, 2);
const DATE: DataType = DataType::Date32;

/// Columns and number of key columns (all of which stand first, but for lineitem's).
fn columns(table: &str) -> (Vec<(&'static str, DataType)>, &'static [&'static str]) {
    match table {
        "region" => {
            (vec![("r_regionkey", KEY), ("r_name", TEXT), ("r_comment", TEXT)], &["r_regionkey"])
        }
        "nation" => (
            vec![("n_nationkey", KEY), ("n_name", TEXT), ("n_regionkey", KEY), ("n_comment", TEXT)],
            &["n_nationkey"],
        ),
        "supplier" => (
            vec![
                ("s_suppkey", KEY),
                ("s_name", TEXT),
                ("s_address", TEXT),
                ("s_nationkey", KEY),
                ("s_phone", TEXT),
                ("s_acctbal", MONEY),
                ("s_comment", TEXT),
            ],
            &["s_suppkey"],
        ),
        "customer" => (
            vec![
                ("c_custkey", KEY),
                ("c_name", TEXT),
                ("c_address", TEXT),
                ("c_nationkey", KEY),
                ("c_phone", TEXT),
                ("c_acctbal", MONEY),
                ("c_mktsegment", TEXT),
                ("c_comment", TEXT),
            ],
            &["c_custkey"],
        ),
        "part" => (
            vec![
                ("p_partkey", KEY),
                ("p_name", TEXT),
                ("p_mfgr", TEXT),
                ("p_brand", TEXT),
                ("p_type", TEXT),
                ("p_size", INT),
                ("p_container", TEXT),
                ("p_retailprice", MONEY),
                ("p_comment", TEXT),
            ],
            &["p_partkey"],
        ),
        "partsupp" => (
            vec![
                ("ps_partkey", KEY),
                ("ps_suppkey", KEY),
                ("ps_availqty", INT),
                ("ps_supplycost", MONEY),
                ("ps_comment", TEXT),
            ],
            &["ps_partkey", "ps_suppkey"],
        ),
        "orders" => (
            vec![
                ("o_orderkey", KEY),
                ("o_custkey", KEY),
                ("o_orderstatus", TEXT),
                ("o_totalprice", MONEY),
                ("o_orderdate", DATE),
                ("o_orderpriority", TEXT),
                ("o_clerk", TEXT),
                ("o_shippriority", INT),
                ("o_comment", TEXT),
            ],
            &["o_orderkey"],
        ),
        "lineitem" => (
            vec![
                ("l_orderkey", KEY),
                ("l_partkey", KEY),
                ("l_suppkey", KEY),
                ("l_linenumber", INT),
                ("l_quantity", MONEY),
                ("l_extendedprice", MONEY),
                ("l_discount", MONEY),
                ("l_tax", MONEY),
                ("l_returnflag", TEXT),
                ("l_linestatus", TEXT),
                ("l_shipdate", DATE),
                ("l_commitdate", DATE),
                ("l_receiptdate", DATE),
                ("l_shipinstruct", TEXT),
                ("l_shipmode", TEXT),
                ("l_comment", TEXT),
            ],
            &["l_orderkey", "l_linenumber"],
        ),
        other => panic!("TPC-H has no table {other:?}"),
    }
}

/// A table of TPC-H, with its primary key.
///
/// # Panics
/// For a name that is not in [`TPCH`].
pub fn tpch_schema(table: &str) -> TableSchema {
    let (columns, key) = columns(table);
    let fields = columns.into_iter().map(|(name, data_type)| Field::new(name, data_type, false));
    let mut schema = TableSchema::new(TableName::bare(table), fields);
    schema.primary_key = key.iter().map(|name| (*name).to_owned()).collect();
    schema
}

/// Hands each row of a table to `each`, first as values with `|` after each, then as CSV.
fn rows(table: &str, scale: f64, each: &mut dyn FnMut(&dyn Display, &dyn Display)) {
    macro_rules! generate {
        ($generator:ident, $csv:ident) => {
            for row in $generator::new(scale, 1, 1).iter() {
                each(&row, &$csv::new(row.clone()));
            }
        };
    }
    match table {
        "region" => generate!(RegionGenerator, RegionCsv),
        "nation" => generate!(NationGenerator, NationCsv),
        "supplier" => generate!(SupplierGenerator, SupplierCsv),
        "customer" => generate!(CustomerGenerator, CustomerCsv),
        "part" => generate!(PartGenerator, PartCsv),
        "partsupp" => generate!(PartSuppGenerator, PartSuppCsv),
        "orders" => generate!(OrderGenerator, OrderCsv),
        "lineitem" => generate!(LineItemGenerator, LineItemCsv),
        other => panic!("TPC-H has no table {other:?}"),
    }
}

/// The rows of a table at a scale (1 is a gigabyte of text), in batches of 8,192.
///
/// # Panics
/// For a name that is not in [`TPCH`].
pub fn tpch_batches(table: &str, scale: f64) -> Vec<RecordBatch> {
    const BATCH: usize = 8192;
    let schema = tpch_schema(table);
    let mut texts: Vec<Vec<String>> = vec![Vec::new(); schema.columns.len()];
    let mut batches = Vec::new();
    rows(table, scale, &mut |row, _| {
        let line = row.to_string();
        for (column, value) in texts.iter_mut().zip(line.split('|')) {
            column.push(value.to_owned());
        }
        if texts[0].len() == BATCH {
            batches.push(batch(&schema, &mut texts));
        }
    });
    if !texts[0].is_empty() {
        batches.push(batch(&schema, &mut texts));
    }
    batches
}

fn batch(schema: &TableSchema, texts: &mut [Vec<String>]) -> RecordBatch {
    let columns = texts.iter_mut().zip(&schema.columns).map(|(texts, column)| {
        let texts = std::mem::take(texts);
        let number = |text: &String| text.parse::<i64>().expect("tpchgen writes whole numbers");
        match *column.field.data_type() {
            KEY => Arc::new(texts.iter().map(number).collect::<Int64Array>()) as ArrayRef,
            INT => {
                let small = |text: &String| text.parse::<i32>().expect("a small whole number");
                Arc::new(texts.iter().map(small).collect::<Int32Array>())
            }
            MONEY => {
                let cents: Decimal128Array = texts.iter().map(|text| Some(cents(text))).collect();
                Arc::new(cents.with_precision_and_scale(15, 2).expect("fifteen digits"))
            }
            DATE => {
                let dates = Arc::new(StringArray::from(texts)) as ArrayRef;
                let dates = cast(&dates, &DATE).expect("tpchgen writes dates");
                Arc::new(dates.as_any().downcast_ref::<Date32Array>().expect("cast so").clone())
            }
            _ => Arc::new(StringArray::from(texts)),
        }
    });
    let columns = columns.collect();
    RecordBatch::try_new(schema.arrow(), columns).expect("columns fit the table")
}

/// `-12.5` as -1250.
fn cents(text: &str) -> i128 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{part:0<2}");
    digits.parse().expect("tpchgen writes two digits after the point")
}

/// Writes a table as CSV with a header; its number of rows.
///
/// # Panics
/// When the file cannot be written, or for a name that is not in [`TPCH`].
pub fn tpch_csv(table: &str, scale: f64, path: &Path) -> u64 {
    let file = std::fs::File::create(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut file = BufWriter::new(file);
    let names: Vec<&str> = columns(table).0.iter().map(|(name, _)| *name).collect();
    let mut written = writeln!(file, "{}", names.join(","));
    let mut count = 0;
    rows(table, scale, &mut |_, csv| {
        if written.is_ok() {
            written = writeln!(file, "{csv}");
        }
        count += 1;
    });
    let written = written.and_then(|()| file.flush());
    written.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_the_rows_of_their_scale_and_keys_that_are_unique() {
        for (table, wanted) in
            [("region", 5), ("nation", 25), ("supplier", 10), ("orders", 1500), ("partsupp", 800)]
        {
            let batches = tpch_batches(table, 0.001);
            let count: usize = batches.iter().map(RecordBatch::num_rows).sum();
            assert_eq!(count, wanted, "{table}");
        }
        let items = tpch_batches("lineitem", 0.001);
        assert_eq!(items.iter().map(RecordBatch::num_rows).sum::<usize>(), 6005);
        let first: Vec<String> = items[0]
            .columns()
            .iter()
            .map(|c| arrow::util::display::array_value_to_string(c, 0).unwrap())
            .collect();
        assert_eq!(first[..5], ["1", "156", "4", "1", "17.00"]);
        assert_eq!(first[10], "1996-03-13");
    }

    #[test]
    fn the_csv_has_a_header_and_the_same_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nation.csv");
        assert_eq!(tpch_csv("nation", 0.001, &path), 25);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.starts_with("n_nationkey,n_name,n_regionkey,n_comment\n0,ALGERIA,0,"));
        assert_eq!(text.lines().count(), 26);
    }

    #[test]
    fn money_keeps_its_sign_and_cents() {
        assert_eq!([cents("-0.05"), cents("17"), cents("-12.5")], [-5, 1700, -1250]);
    }
}
