//! `TYPES.md`, line by line, against a real server.

use syncline_types::{TableName, field};

use crate::support::{find, server, sink, source};

/// Native type, Arrow type and logical type of each line.
fn lines() -> Vec<(String, String, String)> {
    include_str!("../../TYPES.md")
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            (cells[1].trim_matches('`').to_owned(), cells[2].to_owned(), cells[3].to_owned())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_what_is_found_and_made_again() {
    let Some(server) = server() else { return };
    let lines = lines();
    assert!(lines.len() > 60, "the table of TYPES.md is not found");
    let columns: Vec<String> =
        lines.iter().enumerate().map(|(at, (native, ..))| format!("c{at} {native}")).collect();
    let types = "CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree;
        CREATE TYPE mood AS ENUM ('a'); CREATE TYPE pair AS (a int);
        CREATE TYPE floatrange AS RANGE (subtype = float8)";
    let (from, to) = (server.database(), server.database());
    for database in [&from, &to] {
        database.execute(types);
    }
    from.execute(&format!("CREATE TABLE t ({})", columns.join(", ")));
    let (source, sink) = (source(&from.url()), sink(&to.url()));
    let found = find(&*source, "t").await;
    let task =
        crate::support::write_task(&*sink, &found, "t", syncline_connector::WriteMode::Append)
            .await;
    sink.prepare(&task).await.unwrap();
    let made = sink.describe(&TableName::bare("t")).await.unwrap().unwrap().schema;
    for (at, (native, arrow, logical)) in lines.iter().enumerate() {
        for table in [&found, &made] {
            let column = &table.columns[at].field;
            assert_eq!(field::native(column, "postgres"), Some(native.as_str()));
            assert_eq!(column.data_type().to_string(), *arrow, "{native}");
            assert_eq!(field::logical(column).unwrap_or_default(), logical, "{native}");
        }
        assert_eq!(found.columns[at], made.columns[at]);
    }
}
