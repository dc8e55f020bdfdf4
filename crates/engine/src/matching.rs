//! Columns of the rows and columns of the target: which goes where, by name or by position, and the
//! write mode that follows from the target's key.

use syncline_connector::{Mode, WriteMode};
use syncline_types::{Code, Column, Error, Result, TableName, TableSchema, did_you_mean};

use crate::carried;
use crate::job::Job;

/// Pairs of (given column, target column) in the target's order: by position where the job names
/// the target's columns, by name otherwise.
pub(crate) fn pairs(
    job: &Job,
    given: &TableSchema,
    target: &TableSchema,
    notes: &mut Vec<String>,
) -> Result<Vec<(usize, usize)>> {
    if job.target_columns.is_empty() {
        return match_columns(given, target, notes);
    }
    let mut named = given.clone();
    if job.target_columns == ["*"] {
        let plain = target.columns.iter().filter(|c| c.generated.is_none());
        let names: Vec<&str> = plain.map(Column::name).collect();
        rename_all(&mut named, &names)?;
    } else {
        named = by_position(job, named)?.0;
    }
    match_columns(&named, target, notes)
}

/// The table with the names the job gives to its columns by their position, and what of it does not
/// hold under them.
pub(crate) fn by_position(job: &Job, mut table: TableSchema) -> Result<(TableSchema, Vec<String>)> {
    let names: Vec<&str> = job.target_columns.iter().map(String::as_str).collect();
    if names.is_empty() || names == ["*"] {
        return Ok((table, Vec::new()));
    }
    let notes = rename_all(&mut table, &names)?;
    Ok((table, notes))
}

fn rename_all(table: &mut TableSchema, names: &[&str]) -> Result<Vec<String>> {
    if names.len() != table.columns.len() {
        let (given, wanted) = (table.columns.len(), names.len());
        let message = format!("{}: {given} columns are read, and {wanted} written", table.name);
        return Err(Error::new(Code::ColumnMismatch, message)
            .hint("columns go by their position here: give as many to write as are read"));
    }
    let all: Vec<(String, String)> = table
        .columns
        .iter()
        .zip(names)
        .map(|(column, to)| (column.name().to_owned(), (*to).to_owned()))
        .collect();
    let renamed = |name: &str| {
        let pair = all.iter().find(|(from, _)| from == name);
        pair.map_or_else(|| name.to_owned(), |(_, to)| to.clone())
    };
    for column in &mut table.columns {
        column.field = column.field.clone().with_name(renamed(column.name()));
    }
    for name in &mut table.primary_key {
        *name = renamed(name);
    }
    for part in table.indexes.iter_mut().flat_map(|index| &mut index.parts) {
        part.column = renamed(&part.column);
    }
    for name in table.foreign_keys.iter_mut().flat_map(|key| &mut key.columns) {
        *name = renamed(name);
    }
    // What is said in a store's own words says the old names.
    let lost: Vec<&str> =
        all.iter().filter(|(from, to)| from != to).map(|(from, _)| from.as_str()).collect();
    if lost.is_empty() {
        return Ok(Vec::new());
    }
    let mut notes = carried::materialise(table, &lost);
    notes.extend(carried::keep_actions(table, &lost));
    notes.extend(carried::leave_out(table, &lost));
    Ok(notes)
}

/// Pairs of (given column, target column) by name, in the target's order.
///
/// Names are compared as they are spelled; when that finds nothing, without regard to case, as
/// long as that is unambiguous.
fn match_columns(
    given: &TableSchema,
    target: &TableSchema,
    notes: &mut Vec<String>,
) -> Result<Vec<(usize, usize)>> {
    let mut pairs = Vec::with_capacity(given.columns.len());
    for (from, column) in given.columns.iter().enumerate() {
        let to = find_column(target, column.name()).ok_or_else(|| {
            let near = did_you_mean(column.name(), target.columns.iter().map(Column::name));
            Error::new(
                Code::ColumnMismatch,
                format!("{}: no column {:?}{near}", target.name, column.name()),
            )
            .hint("choose and name columns with --columns 'from:to, …'")
        })?;
        if target.columns[to].generated.is_some() {
            notes.push(format!(
                "column {} is generated at the target: its values are computed there",
                column.name()
            ));
            continue;
        }
        pairs.push((from, to));
    }
    let missing = target.columns.iter().enumerate().find(|(index, column)| {
        !column.field.is_nullable()
            && column.default.is_none()
            && column.identity.is_none()
            && column.generated.is_none()
            && !pairs.iter().any(|(_, to)| to == index)
    });
    if let Some((_, column)) = missing {
        return Err(Error::new(
            Code::ColumnMismatch,
            format!(
                "{}: column {:?} takes no NULL, has no default, and is not given",
                target.name,
                column.name()
            ),
        ));
    }
    if pairs.is_empty() {
        return Err(Error::new(
            Code::ColumnMismatch,
            format!("{}: no column is written", target.name),
        ));
    }
    pairs.sort_by_key(|(_, to)| *to);
    Ok(pairs)
}

pub(crate) fn find_column(table: &TableSchema, name: &str) -> Option<usize> {
    table.index_of(name).or_else(|| {
        let folded = name.to_lowercase();
        let mut fits =
            (0..table.columns.len()).filter(|i| table.columns[*i].name().to_lowercase() == folded);
        fits.next().filter(|_| fits.next().is_none())
    })
}

/// What happens to rows that are there: as the job says, else as the target's key and rows allow.
pub(crate) fn choose_write(
    job: &Job,
    name: &TableName,
    target: &TableSchema,
    written: &[(usize, usize)],
    exists: bool,
    empty: bool,
) -> Result<WriteMode> {
    let key = target.key();
    let key_written = !key.is_empty()
        && key.iter().all(|k| written.iter().any(|(_, to)| target.columns[*to].name() == *k));
    match job.write {
        Some(WriteMode::Upsert) if !key_written => Err(Error::new(
            Code::WriteModeNeeded,
            format!("{name}: upsert needs a key at the target whose columns are all written"),
        )
        .hint(format!(
            "ALTER TABLE {name} ADD PRIMARY KEY (…), at the source where the table is yet to be \
             made; or --write append, which adds rows, or --write replace, which puts them in \
             place of the old ones"
        ))),
        Some(mode) => Ok(mode),
        None if key_written => Ok(WriteMode::Upsert),
        None if empty || !exists => Ok(WriteMode::Append),
        // What is there is what the log's changes are about.
        None if job.mode == Mode::Changes => Ok(WriteMode::Append),
        None => Err(Error::new(
            Code::WriteModeNeeded,
            format!("{name} has rows already, and no key to tell them from new ones"),
        )
        .hint("--write append adds rows, --write replace puts them in place of the old ones")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field};

    fn table(name: &str, columns: &[(&str, bool)]) -> TableSchema {
        let fields = columns.iter().map(|(n, null)| Field::new(*n, DataType::Int64, *null));
        TableSchema::new(TableName::bare(name), fields)
    }

    #[test]
    fn columns_are_matched_by_name_in_the_targets_order() {
        let given = table("g", &[("a", true), ("B", true)]);
        let target = table("t", &[("b", true), ("c", true), ("a", true)]);
        let pairs = match_columns(&given, &target, &mut Vec::new()).unwrap();
        assert_eq!(pairs, [(1, 0), (0, 2)]);
    }

    #[test]
    fn a_column_that_fits_nowhere_is_an_error_with_the_nearest_name() {
        let given = table("g", &[("nmae", true)]);
        let target = table("t", &[("name", true)]);
        let error = match_columns(&given, &target, &mut Vec::new()).unwrap_err();
        assert_eq!(error.code(), Code::ColumnMismatch);
        assert!(error.message().contains("\"name\""), "{error}");
    }

    #[test]
    fn a_column_the_target_demands_must_be_given() {
        let given = table("g", &[("a", true)]);
        let mut target = table("t", &[("a", true), ("must", false)]);
        let error = match_columns(&given, &target, &mut Vec::new()).unwrap_err();
        assert!(error.message().contains("\"must\""), "{error}");
        target.columns[1].default = Some(syncline_types::DefaultValue::Value("1".into()));
        assert!(match_columns(&given, &target, &mut Vec::new()).is_ok());
    }

    #[test]
    fn columns_go_by_position_where_the_job_names_them() {
        let given = table("g", &[("a", true), ("b", true)]);
        let target = table("t", &[("x", true), ("b", true), ("y", true)]);
        let job = |names: &[&str]| {
            let text = format!(
                "version: 1\nsource: {{ url: a.csv }}\nsink: {{ url: b.csv, columns: {names:?} }}\n"
            );
            crate::JobFile::parse(&text, "job").unwrap().resolve("job", "").unwrap()
        };
        let matched = |names: &[&str]| pairs(&job(names), &given, &target, &mut Vec::new());
        assert_eq!(matched(&["y", "x"]).unwrap(), [(1, 0), (0, 2)]);
        assert_eq!(matched(&["b", "x"]).unwrap(), [(1, 0), (0, 1)]);
        assert_eq!(matched(&["x"]).unwrap_err().code(), Code::ColumnMismatch);
        assert_eq!(matched(&["*"]).unwrap_err().code(), Code::ColumnMismatch);
        let two = table("t", &[("x", true), ("y", true)]);
        assert_eq!(pairs(&job(&["*"]), &given, &two, &mut Vec::new()).unwrap(), [(0, 0), (1, 1)]);
    }

    #[test]
    fn what_says_other_names_is_left_out_of_a_table_that_is_made_and_said() {
        let words = |text: &str| syncline_types::NativeSql::new("mysql", text);
        let mut given = table("g", &[("id", false), ("pay", true), ("twice", true)]);
        let check = |text: &str| syncline_types::Check {
            name: None,
            condition: words(text),
            enforced: true,
        };
        given.checks = vec![check("`pay` > 0"), check("`id` > 0")];
        let expression = words("`pay` * 2");
        given.columns[2].generated = Some(syncline_types::Generated { expression, stored: true });
        given.primary_key = vec!["id".into()];
        let text = "version: 1\nsource: { url: a.csv }\nsink: { url: b.csv, columns: [id, wage, twice] }\n";
        let job = crate::JobFile::parse(text, "job").unwrap().resolve("job", "").unwrap();
        let (made, notes) = by_position(&job, given).unwrap();
        assert_eq!(
            made.columns.iter().map(Column::name).collect::<Vec<_>>(),
            ["id", "wage", "twice"]
        );
        assert_eq!(made.checks.len(), 1);
        assert!(made.columns[2].generated.is_none() && made.primary_key == ["id"]);
        assert_eq!(
            notes,
            [
                "column twice is made a plain one: it is computed from pay",
                "check `pay` > 0 is left out: it is about pay",
            ]
        );
    }

    #[test]
    fn generated_columns_of_the_target_are_left_to_it() {
        let given = table("g", &[("a", true), ("sum", true)]);
        let mut target = table("t", &[("a", true), ("sum", true)]);
        target.columns[1].generated = Some(syncline_types::Generated {
            expression: syncline_types::NativeSql::new("mysql", "a + 1"),
            stored: false,
        });
        let mut notes = Vec::new();
        assert_eq!(match_columns(&given, &target, &mut notes).unwrap(), [(0, 0)]);
        assert_eq!(notes.len(), 1);
    }
}
