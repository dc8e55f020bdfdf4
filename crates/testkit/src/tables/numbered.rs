//! A table of SQLite whose every row says which one it is.

use std::path::Path;

/// Makes a database at `path` with a table `t` of so many rows: the key `id` goes up by `step`, and
/// `v` is `row 1`, `row 2` and so on.
///
/// # Panics
/// When SQLite does not do it.
pub fn numbered_sqlite(path: &Path, rows: i64, step: i64) {
    let database = rusqlite::Connection::open(path).expect("SQLite opens");
    let sql = format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO t SELECT i * {step}, 'row ' || i FROM n;"
    );
    database.execute_batch(&sql).expect("SQLite executes");
}
