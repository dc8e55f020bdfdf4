//! The statement that makes a table: that of its own server word for word, where nothing of the
//! table was changed on its way, and one put together from its parts otherwise.

use syncline_sql::{Dialect, create_table};
use syncline_types::{TableSchema, field};

use crate::native::STORE;
use crate::shape::{default, is_json};
use crate::statement::{Line, Statement};
use crate::words::words;

const SQL: Dialect = Dialect::Mysql;

/// How a table is made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Making {
    pub(crate) sql: String,
    /// It is the source's own table: its rows fulfil the unique keys, as they did there.
    pub(crate) same: bool,
}

/// The CREATE TABLE for a definition, without foreign keys, and of the secondary keys only those
/// without which it could not be made.
pub(crate) fn making(table: &TableSchema) -> Making {
    match word_for_word(table) {
        Some(sql) => Making { sql, same: true },
        None => Making { sql: create_table(SQL, table), same: false },
    }
}

fn word_for_word(table: &TableSchema) -> Option<String> {
    let sql = table.statements.iter().find_map(|s| s.of(STORE))?;
    let statement = Statement::parse(sql, Default::default())?;
    if !agrees(table, &statement) {
        return None;
    }
    let mysql = sql.starts_with("/* MySQL");
    let mut lines: Vec<String> = statement
        .columns
        .iter()
        .map(|line| match implied(line, &statement).filter(|_| mysql) {
            Some(text) => text,
            None => line.text.to_owned(),
        })
        .collect();
    lines.extend(statement.primary.iter().map(|(text, _)| (*text).to_owned()));
    let counted = counting_keys(table);
    lines.extend(statement.keys.iter().take(counted).map(|k| k.text.to_owned()));
    for (at, (text, _)) in statement.checks.iter().enumerate() {
        // The name may have had to be another one.
        let check = table.checks.iter().filter(|c| !of_column(&statement, c)).nth(at)?;
        let from = words(text).iter().find(|w| w.is("CHECK"))?.at;
        let name = check.name.as_ref().map(|n| format!("CONSTRAINT {} ", SQL.quote(n)));
        lines.push(name.unwrap_or_default() + &text[from..]);
    }
    lines.extend(statement.others.iter().map(|text| (*text).to_owned()));
    let mut made = format!(
        "CREATE TABLE IF NOT EXISTS {} (\n  {}\n) {}",
        SQL.table(&table.name),
        lines.join(",\n  "),
        statement.options
    );
    if let Some(comment) = &table.comment {
        made.push_str(" COMMENT=");
        SQL.push_string(comment, &mut made);
    }
    if let Some(by) = statement.partitioning {
        made.push('\n');
        made.push_str(by);
    }
    Some(made)
}

/// The line without its collation, where MySQL shows the one that the column has from the table:
/// said again, it would be the column's own.
fn implied(line: &Line<'_>, statement: &Statement<'_>) -> Option<String> {
    let all = words(line.text);
    let at = all.iter().position(|w| w.is("COLLATE"))?;
    let own = all[..at].windows(2).any(|w| w[0].is("CHARACTER") && w[1].is("SET"));
    let collation = all.get(at + 1)?;
    let of_table = words(&statement.options)
        .windows(3)
        .any(|w| w[0].is("COLLATE") && w[1].text == "=" && w[2].text == collation.text);
    (of_table && !own).then(|| {
        let (before, after) = (&line.text[..all[at].at], &line.text[collation.end()..]);
        format!("{}{after}", before.trim_end())
    })
}

/// How many of the keys have to be there from the start: a column that counts has to lead one.
fn counting_keys(table: &TableSchema) -> usize {
    let Some(counted) = table.columns.iter().find(|c| c.identity.is_some()) else { return 0 };
    if table.primary_key.first().is_some_and(|key| key == counted.name()) {
        return 0;
    }
    let over = |whole: bool| {
        table.indexes.iter().position(|i| {
            let mut parts = i.parts.iter().take(if whole { 1 } else { usize::MAX });
            parts.any(|p| p.column == counted.name())
        })
    };
    // Those before it too, so that their order is the same. In a table of MyISAM it may be any
    // column of the key.
    over(true)
        .or_else(|| over(false).filter(|_| !table.primary_key.iter().any(|k| k == counted.name())))
        .map_or(0, |at| at + 1)
}

fn of_column(statement: &Statement<'_>, check: &syncline_types::Check) -> bool {
    statement.columns.iter().any(|l| {
        Some(&l.name) == check.name.as_ref() && l.check == Some(check.condition.sql.as_str())
    })
}

/// Whether the statement says what the definition does.
fn agrees(table: &TableSchema, statement: &Statement<'_>) -> bool {
    let primary = statement.primary.iter().flat_map(|(_, parts)| parts);
    let own = |line: &Line<'_>| line.check.is_some() && !is_json(Some(line), &line.name);
    let column_checks = statement.columns.iter().filter(|l| own(l)).count();
    table.columns.len() == statement.columns.len()
        && table.columns.iter().zip(&statement.columns).all(|(c, line)| {
            let native = field::native(&c.field, STORE).unwrap_or_default();
            c.name() == line.name
                && same_type(native, line)
                && c.generated == line.generated
                && (c.identity.is_some()
                    || c.default == line.default.and_then(|d| default(native, d)))
        })
        && primary.map(|p| &p.column).eq(&table.primary_key)
        && table.indexes.len() == statement.keys.len()
        && table.checks.len() == statement.checks.len() + column_checks
        && table.checks.iter().filter(|c| of_column(statement, c)).count() == column_checks
        && table.options.as_ref().map_or("", |o| &o.sql) == statement.options
        && table.partitioning.as_ref().map(|p| p.by.sql.as_str()) == statement.partitioning
}

fn same_type(native: &str, line: &Line<'_>) -> bool {
    let words_of = |text: &str| -> String {
        let all = words(text).iter().map(|w| w.text.to_lowercase()).collect::<Vec<_>>();
        all.join(" ")
    };
    let plain = native.split_once(" SRID ").map_or(native, |(base, _)| base);
    let json = native == "json" && is_json(Some(line), &line.name);
    json || words_of(plain) == words_of(line.native)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};
    use syncline_types::{NativeSql, TableName};

    use super::*;

    fn table(native: &str) -> TableSchema {
        let f = field::with(
            Field::new("a", DataType::Int32, true),
            [(field::STORE, STORE.to_owned()), (field::NATIVE, native.to_owned())],
        );
        let mut table = TableSchema::new(TableName::new("d", "o`dd"), [f]);
        let sql = "/* MySQL 8.0.33 */ CREATE TABLE `t` (\n  `a` int DEFAULT NULL COMMENT 'é',\n  \
                   UNIQUE KEY `u` (`a`) USING BTREE\n) ENGINE=InnoDB AUTO_INCREMENT=9 DEFAULT CHARSET=latin1";
        table.statements = vec![NativeSql::new(STORE, sql)];
        table.options = Some(NativeSql::new(STORE, "ENGINE=InnoDB DEFAULT CHARSET=latin1"));
        table.indexes = Statement::parse(sql, Default::default())
            .unwrap()
            .keys
            .into_iter()
            .map(|k| k.index)
            .collect();
        table
    }

    #[test]
    fn a_table_that_was_not_changed_is_made_word_for_word() {
        let making = making(&table("int"));
        assert!(making.same);
        assert_eq!(
            making.sql,
            "CREATE TABLE IF NOT EXISTS `d`.`o``dd` (\n  `a` int DEFAULT NULL COMMENT 'é'\n) \
             ENGINE=InnoDB DEFAULT CHARSET=latin1"
        );
    }

    #[test]
    fn a_collation_of_the_table_is_not_said_again() {
        let sql = "CREATE TABLE `t` (`a` text COLLATE x_ci COMMENT 'COLLATE', `b` text CHARACTER SET x COLLATE x_ci, \
                   `c` text COLLATE y_ci) DEFAULT CHARSET=x COLLATE=x_ci";
        let s = Statement::parse(sql, Default::default()).unwrap();
        assert_eq!(implied(&s.columns[0], &s).as_deref(), Some("`a` text COMMENT 'COLLATE'"));
        assert_eq!((implied(&s.columns[1], &s), implied(&s.columns[2], &s)), (None, None));
    }

    #[test]
    fn a_table_that_was_changed_is_put_together() {
        assert!(!making(&table("bigint")).same);
        let mut fewer = table("int");
        fewer.indexes.clear();
        assert!(!making(&fewer).same);
        let mut other = table("int");
        other.partitioning = Some(syncline_types::Partitioning {
            by: NativeSql::new(STORE, "PARTITION BY HASH (a)"),
            partitions: Vec::new(),
        });
        assert!(!making(&other).same);
    }
}
