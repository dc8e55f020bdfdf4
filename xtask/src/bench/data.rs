//! The tables that are copied, the same in each run: how each store declares them, and their rows
//! as a CSV file, from which every store is filled by its own bulk loader.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use tpchgen::csv::LineItemCsv;
use tpchgen::generators::LineItemGenerator;

use crate::workspace::root;

/// A table of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// One column of each kind, with text of several bytes a character and NULLs; ~200 bytes.
    Mixed,
    /// TPC-H's largest: sixteen short columns.
    Lineitem,
}

/// Rows of TPC-H's lineitem at scale 1.
const LINEITEMS: f64 = 6_001_215.0;

impl Table {
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        match name {
            "mixed" => Ok(Self::Mixed),
            "lineitem" => Ok(Self::Lineitem),
            other => Err(format!("no table {other:?}; there are mixed, lineitem")),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mixed => "mixed",
            Self::Lineitem => "lineitem",
        }
    }

    /// Names of its columns.
    pub(super) fn columns(self) -> Vec<&'static str> {
        let text = self.columns_mysql();
        text.split(", ").filter_map(|column| column.split(' ').next()).collect()
    }

    /// The column that may be NULL.
    pub(super) fn nullable(self) -> Option<&'static str> {
        (self == Self::Mixed).then_some("extra")
    }

    fn key(self) -> &'static str {
        match self {
            Self::Mixed => "id",
            Self::Lineitem => "l_orderkey, l_linenumber",
        }
    }

    fn columns_mysql(self) -> &'static str {
        match self {
            Self::Mixed => {
                "id bigint not null, n int not null, amount decimal(12,2) not null, \
                 name varchar(64) not null, moment datetime(6) not null, body text not null, \
                 extra int, ratio double not null"
            }
            Self::Lineitem => {
                "l_orderkey bigint not null, l_partkey bigint not null, \
                 l_suppkey bigint not null, l_linenumber int not null, \
                 l_quantity decimal(15,2) not null, l_extendedprice decimal(15,2) not null, \
                 l_discount decimal(15,2) not null, l_tax decimal(15,2) not null, \
                 l_returnflag varchar(1) not null, l_linestatus varchar(1) not null, \
                 l_shipdate date not null, l_commitdate date not null, \
                 l_receiptdate date not null, l_shipinstruct varchar(25) not null, \
                 l_shipmode varchar(10) not null, l_comment varchar(44) not null"
            }
        }
    }

    /// `CREATE TABLE` for MySQL and MariaDB.
    pub(super) fn mysql(self) -> String {
        let (name, columns, key) = (self.name(), self.columns_mysql(), self.key());
        format!("create table {name} ({columns}, primary key ({key})) character set utf8mb4")
    }

    /// `CREATE TABLE` for PostgreSQL.
    pub(super) fn postgres(self, name: &str) -> String {
        let columns = self.columns_mysql().replace("datetime(6)", "timestamp(6)");
        let columns = columns.replace("double", "double precision");
        format!("create table {name} ({columns}, primary key ({}))", self.key())
    }

    /// `CREATE TABLE` for SQLite.
    pub(super) fn sqlite(self) -> String {
        let columns = self.columns_mysql().replace("datetime(6)", "timestamp");
        format!("create table {} ({columns}, primary key ({}))", self.name(), self.key())
    }

    /// The rows as CSV with a header, made when they are not there yet.
    pub(super) fn csv(self, rows: u64) -> Result<PathBuf, String> {
        let folder = folder().join(format!("{}-{rows}", self.name()));
        let path = folder.join(format!("{}.csv", self.name()));
        if !path.is_file() {
            std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            let staged = folder.join("unfinished");
            println!("making {rows} rows of {}", self.name());
            self.write(rows, &staged)
                .and_then(|()| std::fs::rename(&staged, &path))
                .map_err(|e| format!("{}: {e}", path.display()))?;
        }
        Ok(path)
    }

    fn write(self, rows: u64, path: &Path) -> std::io::Result<()> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        writeln!(file, "{}", self.columns().join(","))?;
        match self {
            Self::Mixed => {
                let mut line = String::new();
                let mut dice = Dice(0x5eed);
                for id in 1..=rows {
                    mixed(id, &mut dice, &mut line);
                    file.write_all(line.as_bytes())?;
                }
            }
            Self::Lineitem => {
                #[allow(clippy::cast_precision_loss, reason = "rows are far below 2^52")]
                let scale = (rows as f64 / LINEITEMS * 1.02).max(0.001);
                let generator = LineItemGenerator::new(scale, 1, 1);
                let wanted = usize::try_from(rows).unwrap_or(usize::MAX);
                for item in generator.iter().take(wanted) {
                    writeln!(file, "{}", LineItemCsv::new(item))?;
                }
            }
        }
        file.flush()
    }
}

/// Where data and scratch files of the bench are.
pub(super) fn folder() -> PathBuf {
    root().join("target").join("bench")
}

/// Even numbers without a pattern, the same in each run (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Words of the texts: one, two, three and four bytes a character, a comma and a quote.
const WORDS: [&str; 16] = [
    "river",
    "stone",
    "straße",
    "naïve",
    "数据",
    "同步",
    "🚀",
    "copy",
    "of the",
    "quick, brown",
    "said \"\"so\"\"",
    "Ελλάδα",
    "winter",
    "orders",
    "𝄞 note",
    "plain",
];

fn mixed(id: u64, dice: &mut Dice, line: &mut String) {
    line.clear();
    let (n, cents) = (dice.below(1 << 31), dice.below(1_000_000_000_000));
    let (days, second) = (dice.below(365 * 20), dice.below(86_400));
    let micros = dice.below(1_000_000);
    // Writing to memory cannot fail.
    let _ = write!(line, "{id},{n},{}.{:02},", cents / 100, cents % 100);
    let _ = write!(line, "\"{} {}\",", WORDS[pick(dice)], dice.below(1 << 40));
    let (year, month, day) = (2000 + days / 365, days / 31 % 12 + 1, days % 28 + 1);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let _ = write!(line, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
    let _ = write!(line, ".{micros:06},\"");
    let begin = line.len();
    while line.len() - begin < 95 {
        line.push_str(WORDS[pick(dice)]);
        line.push(' ');
    }
    line.push_str("end\",");
    if dice.below(5) > 0 {
        let _ = write!(line, "{}", dice.below(1_000_000));
    }
    #[allow(clippy::cast_precision_loss, reason = "any double will do")]
    let ratio = dice.below(1 << 53) as f64 / (1_u64 << 40) as f64;
    let _ = writeln!(line, ",{ratio}");
}

fn pick(dice: &mut Dice) -> usize {
    usize::from(u8::try_from(dice.below(16)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_same_each_time_and_fit_their_columns() {
        let rows = |count| {
            let (mut dice, mut line, mut all) = (Dice(0x5eed), String::new(), String::new());
            for id in 1..=count {
                mixed(id, &mut dice, &mut line);
                all.push_str(&line);
            }
            all
        };
        let text = rows(2_000);
        assert_eq!(text, rows(2_000));
        assert_eq!(text.lines().count(), 2_000);
        for line in text.lines() {
            let month: u8 = line.split("\",20").nth(1).unwrap()[3..5].parse().unwrap();
            assert!((1..=12).contains(&month), "{line}");
        }
        assert_eq!(Table::Mixed.columns()[2..5], ["amount", "name", "moment"]);
        assert!(text.contains('🚀') && text.lines().any(|line| line.contains("end\",,")));
    }
}
