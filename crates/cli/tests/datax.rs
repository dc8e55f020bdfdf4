//! DataX jobs, written as its manuals write them, run as they are.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod place;

use std::path::{Path, PathBuf};

use place::{Kind, Place, folder, run, run_well, shown};
use serde_json::{Value, json};

/// A server's database, as DataX addresses it.
fn jdbc(place: &Place) -> String {
    let url = place.database.as_ref().unwrap().url();
    let (scheme, rest) = url.split_once("://").unwrap();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let scheme = if scheme == "mysql" { "mysql" } else { "postgresql" };
    format!("jdbc:{scheme}://{rest}")
}

fn user(place: &Place) -> &'static str {
    if place.kind == Kind::Postgres { "postgres" } else { "root" }
}

fn reader(place: &Place, name: &str, more: Value) -> Value {
    let mut parameter = json!({ "username": user(place), "password": "" });
    parameter.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "name": name, "parameter": parameter })
}

fn job(folder: &Path, contents: Value) -> PathBuf {
    let path = folder.join("job.json");
    let job = json!({ "job": {
        "setting": { "speed": { "channel": 2 }, "errorLimit": { "record": 0 } },
        "content": contents,
    }});
    std::fs::write(&path, job.to_string()).unwrap();
    path
}

fn stream(columns: Value, rows: u64) -> Value {
    json!({ "name": "streamreader", "parameter": { "column": columns, "sliceRecordCount": rows } })
}

fn run_job(folder: &Path, contents: Value) -> String {
    run_with(folder, contents, &[])
}

fn run_with(folder: &Path, contents: Value, more: &[&str]) -> String {
    let path = job(folder, contents);
    let mut args = vec!["run", path.to_str().unwrap()];
    args.extend(more);
    run_well(folder, &args)
}

fn rows(place: &Place, sql: &str) -> Vec<String> {
    let row = |row: Vec<Option<String>>| {
        row.into_iter().map(|v| v.unwrap_or_else(|| "NULL".into())).collect::<Vec<_>>().join("|")
    };
    place.database.as_ref().unwrap().rows(sql).into_iter().map(row).collect()
}

#[test]
fn a_stream_is_printed() {
    let folder = folder();
    let columns = json!([
        { "value": "DataX", "type": "string" },
        { "value": 19880808, "type": "long" },
        { "value": "1988-08-08 08:08:08", "type": "date" },
        { "value": true, "type": "bool" },
        { "value": "test", "type": "bytes" },
    ]);
    let writer =
        json!({ "name": "streamwriter", "parameter": { "print": true, "encoding": "UTF-8" } });
    let printed =
        run_job(folder.path(), json!([{ "reader": stream(columns, 2), "writer": writer }]));
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 4, "two channels of two rows: {printed}");
    assert!(lines[0].starts_with("DataX\t19880808\t1988-08-08 08:08:08\ttrue\t"), "{printed}");
}

#[test]
fn a_stream_goes_into_a_table_after_its_statements() {
    let Some(mysql) = Place::new(Kind::MariaDb) else { return };
    mysql.execute("CREATE TABLE test (name varchar(40), id bigint, at datetime, n int DEFAULT 7)");
    mysql.execute("INSERT INTO test (name) VALUES ('old')");
    let columns = json!([
        { "type": "long", "random": "5, 5" },
        { "type": "string", "value": "DataX" },
        { "type": "date", "value": "1988-08-08 08:08:08" },
    ]);
    let writer = reader(
        &mysql,
        "mysqlwriter",
        json!({
            "writeMode": "insert", "column": ["id", "`name`", "at"],
            "preSql": ["delete from @table"], "postSql": ["update @table set n = n + 1"],
            "batchSize": 1024,
            "connection": [{ "jdbcUrl": jdbc(&mysql) + "?useUnicode=true&characterEncoding=utf8",
                             "table": ["test"] }],
        }),
    );
    run_job(mysql.folder.path(), json!([{ "reader": stream(columns, 500), "writer": writer }]));
    assert_eq!(
        rows(&mysql, "SELECT name, id, at, n, count(*) FROM test GROUP BY 1, 2, 3, 4"),
        ["DataX|5|1988-08-08 08:08:08|8|1000"]
    );
}

fn orders(mysql: &Place) {
    mysql.execute("CREATE TABLE orders (id bigint PRIMARY KEY, name varchar(40), day date, price decimal(9,2))");
    mysql.execute(
        "INSERT INTO orders VALUES (1, 'a,b', '2026-11-20', 1.50), (2, 'größe', '2026-11-21', 2.00),
         (3, NULL, '2026-11-21', -3.25)",
    );
}

#[test]
fn a_table_is_printed_with_constants() {
    let Some(mysql) = Place::new(Kind::MariaDb) else { return };
    orders(&mysql);
    let read = reader(
        &mysql,
        "mysqlreader",
        json!({
            "column": ["id", "'x'", "price * 2", "null", "`name`"], "splitPk": "id", "where": "id < 3",
            "connection": [{ "table": ["orders"], "jdbcUrl": [jdbc(&mysql)] }],
        }),
    );
    let writer = json!({ "name": "streamwriter", "parameter": { "fieldDelimiter": ";" } });
    let printed = run_job(mysql.folder.path(), json!([{ "reader": read, "writer": writer }]));
    let mut lines: Vec<&str> = printed.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["1;x;3.00;null;a,b", "2;x;4.00;null;größe"]);
}

#[test]
fn a_query_goes_into_a_text_file() {
    let Some(mysql) = Place::new(Kind::MariaDb) else { return };
    orders(&mysql);
    let folder = mysql.folder.path();
    let out = folder.join("out");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("result__old"), "old").unwrap();
    std::fs::write(out.join("other"), "kept").unwrap();
    let read = reader(
        &mysql,
        "mysqlreader",
        json!({
            "connection": [{ "querySql": ["select id, name, day from orders order by id;"],
                             "jdbcUrl": [jdbc(&mysql)] }],
        }),
    );
    let writer = json!({ "name": "txtfilewriter", "parameter": {
        "path": out, "fileName": "result", "writeMode": "truncate", "dateFormat": "yyyy.MM.dd",
        "fileFormat": "csv", "nullFormat": "\\N", "header": ["id", "name", "day"],
    }});
    let contents = json!([{ "reader": read, "writer": writer }]);
    run_job(folder, contents.clone());
    run_job(folder, contents);
    let mut names: Vec<String> = std::fs::read_dir(&out)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["other", "result__0"]);
    let written = std::fs::read_to_string(out.join("result__0")).unwrap();
    assert_eq!(
        written,
        "id,name,day\n1,\"a,b\",2026.11.20\n2,größe,2026.11.21\n3,\\N,2026.11.21\n"
    );
}

#[test]
fn columns_go_by_position_between_servers_with_variables() {
    let (Some(mysql), Some(postgres)) = (Place::new(Kind::MariaDb), Place::new(Kind::Postgres))
    else {
        return;
    };
    orders(&mysql);
    postgres.execute("CREATE TABLE wh (title text, key bigint, amount numeric, extra int)");
    let read = reader(
        &mysql,
        "mysqlreader",
        json!({
            "column": ["id", "price", "name"], "splitPk": "id", "where": "day = '${day}'",
            "connection": [{ "table": ["orders"], "jdbcUrl": [jdbc(&mysql)] }],
        }),
    );
    let writer = reader(
        &postgres,
        "postgresqlwriter",
        json!({
            "column": ["KEY", "amount", "\"title\""], "session": ["set application_name = 'datax'"],
            "connection": [{ "jdbcUrl": jdbc(&postgres), "table": ["public.wh"] }],
        }),
    );
    let contents = json!([{ "reader": read, "writer": writer }]);
    run_with(mysql.folder.path(), contents, &["-p", "-Dday=2026-11-21"]);
    assert_eq!(
        rows(&postgres, "SELECT key, amount, title, extra FROM wh ORDER BY key"),
        ["2|2.00|größe|NULL", "3|-3.25|NULL|NULL"]
    );
}

#[test]
fn replace_and_update_write_over_what_is_there() {
    let (Some(mysql), Some(postgres)) = (Place::new(Kind::MariaDb), Place::new(Kind::Postgres))
    else {
        return;
    };
    postgres.execute("CREATE TABLE s (id int, t text)");
    postgres.execute("INSERT INTO s SELECT n, 'new ' || n FROM generate_series(1, 100) n");
    mysql.execute("CREATE TABLE t (id int PRIMARY KEY, t varchar(20), kept int)");
    mysql.execute("INSERT INTO t VALUES (7, 'old', 1), (700, 'other', 2)");
    for mode in ["replace", "update"] {
        let read = reader(
            &postgres,
            "postgresqlreader",
            json!({
                "column": ["*"], "fetchSize": 1000,
                "connection": [{ "table": ["s"], "jdbcUrl": [jdbc(&postgres)] }],
            }),
        );
        let writer = reader(
            &mysql,
            "mysqlwriter",
            json!({
                "column": ["id", "t"], "writeMode": mode,
                "connection": [{ "jdbcUrl": jdbc(&mysql), "table": ["t"] }],
            }),
        );
        run_job(mysql.folder.path(), json!([{ "reader": read, "writer": writer }]));
        assert_eq!(
            rows(&mysql, "SELECT count(*), sum(t LIKE 'new%') FROM t"),
            ["101|100"],
            "{mode}"
        );
    }
}

#[test]
fn text_files_in_another_encoding_go_into_a_table() {
    let Some(postgres) = Place::new(Kind::Postgres) else { return };
    let folder = postgres.folder.path();
    let data = folder.join("in");
    std::fs::create_dir(&data).unwrap();
    // 中文 in GBK.
    let chinese = [0xd6, 0xd0, 0xce, 0xc4];
    for (name, id) in [("a.txt", "1"), ("b.txt", "2")] {
        let mut bytes = b"id|name|day\n".to_vec();
        bytes.extend([id.as_bytes(), b"|", &chinese, b"|2014.12.31\n"].concat());
        bytes.extend([id.as_bytes(), b"0|-|-\n"].concat());
        std::fs::write(data.join(name), bytes).unwrap();
    }
    postgres.execute("CREATE TABLE t (id bigint, day timestamp, name text, who text, n int)");
    let read = json!({ "name": "txtfilereader", "parameter": {
        "path": [data], "encoding": "GBK", "fieldDelimiter": "|", "skipHeader": "true",
        "nullFormat": "-",
        "column": [
            { "index": 0, "type": "long" },
            { "index": 2, "type": "date", "format": "yyyy.MM.dd" },
            { "index": 1, "type": "string" },
            { "type": "string", "value": "ali'baba" },
            { "type": "long", "value": "42" },
        ],
        "csvReaderConfig": { "safetySwitch": false },
    }});
    let writer = reader(
        &postgres,
        "postgresqlwriter",
        json!({
            "column": ["*"],
            "connection": [{ "jdbcUrl": jdbc(&postgres), "table": ["t"] }],
        }),
    );
    run_job(folder, json!([{ "reader": read, "writer": writer }]));
    assert_eq!(
        rows(&postgres, "SELECT * FROM t ORDER BY id"),
        [
            "1|2014-12-31 00:00:00|中文|ali'baba|42",
            "2|2014-12-31 00:00:00|中文|ali'baba|42",
            "10|NULL|NULL|ali'baba|42",
            "20|NULL|NULL|ali'baba|42",
        ]
    );
}

#[test]
fn parts_of_one_table_go_into_one_target_and_are_continued_where_they_broke_off() {
    let Some(mysql) = Place::new(Kind::MariaDb) else { return };
    let folder = mysql.folder.path();
    for (n, table) in ["o_0", "o_1", "o_2"].iter().enumerate() {
        mysql.execute(&format!("CREATE TABLE {table} (id int, t varchar(20))"));
        mysql.execute(&format!("INSERT INTO {table} VALUES ({n}, 'x'), ({n} + 10, 'y')"));
    }
    mysql.execute("CREATE TABLE o (id int, t varchar(20))");
    mysql.execute("INSERT INTO o VALUES (99, 'old')");
    mysql.execute("DROP TABLE o_1");
    let read = reader(
        &mysql,
        "mysqlreader",
        json!({
            "column": ["id", "t"],
            "connection": [{ "table": ["o_0", "o_1", "o_2"], "jdbcUrl": [jdbc(&mysql)] }],
        }),
    );
    let writer = reader(
        &mysql,
        "mysqlwriter",
        json!({
            "column": ["id", "t"], "preSql": ["truncate table @table"],
            "connection": [{ "jdbcUrl": jdbc(&mysql), "table": ["o"] }],
        }),
    );
    let path = job(folder, json!([{ "reader": read, "writer": writer }]));
    let args = ["run", path.to_str().unwrap()];
    let failed = run(folder, &args);
    assert_eq!(failed.status.code(), Some(2), "{}", shown(&failed));
    assert_eq!(rows(&mysql, "SELECT id FROM o ORDER BY id"), ["0", "10"]);
    mysql.execute("CREATE TABLE o_1 (id int, t varchar(20))");
    mysql.execute("INSERT INTO o_1 VALUES (1, 'x'), (11, 'y')");
    run_well(folder, &args);
    assert_eq!(rows(&mysql, "SELECT id FROM o ORDER BY id"), ["0", "1", "2", "10", "11", "12"]);
    // A whole new turn begins at the first again, and empties the target.
    run_well(folder, &args);
    assert_eq!(rows(&mysql, "SELECT count(*) FROM o"), ["6"]);
}

#[test]
fn any_database_is_read_and_written_by_its_address() {
    let Some(postgres) = Place::new(Kind::Postgres) else { return };
    postgres.execute("CREATE TABLE s (id int, t text); CREATE TABLE t (a int, b text)");
    postgres.execute("INSERT INTO s VALUES (1, 'one'), (2, NULL)");
    let connection = |table: &str| json!([{ "table": [table], "jdbcUrl": jdbc(&postgres) }]);
    let read = reader(
        &postgres,
        "rdbmsreader",
        json!({
            "column": ["id", "t"], "where": "1 = 1", "fetchSize": 1024, "connection": connection("s"),
        }),
    );
    let writer = reader(
        &postgres,
        "rdbmswriter",
        json!({
            "column": ["a", "b"], "connection": connection("t"),
        }),
    );
    run_job(postgres.folder.path(), json!([{ "reader": read, "writer": writer }]));
    assert_eq!(rows(&postgres, "SELECT * FROM t ORDER BY a"), ["1|one", "2|NULL"]);
}

#[test]
fn transformers_work_on_columns_by_position() {
    let folder = folder();
    std::fs::write(folder.path().join("in.csv"), "1,dataxTest,x\n2,xyz,y\n30,abc,z\n").unwrap();
    let read = json!({ "name": "txtfilereader", "parameter": {
        "path": folder.path().join("in.csv"), "column": ["*"],
    }});
    let writer = json!({ "name": "txtfilewriter", "parameter": {
        "path": folder.path(), "fileName": "out", "writeMode": "nonConflict",
    }});
    let step = |name: &str, column: u32, paras: Value| json!({ "name": name, "parameter": { "columnIndex": column, "paras": paras } });
    let contents = json!([{ "reader": read, "writer": writer, "transformer": [
        step("dx_filter", 2, json!(["=", "y"])),
        step("dx_pad", 0, json!(["l", "3", "0"])),
        step("dx_replace", 1, json!(["1", "2", "**"])),
        step("dx_digest", 2, json!(["md5", "toLowerCase"])),
    ]}]);
    run_job(folder.path(), contents.clone());
    let written = std::fs::read_to_string(folder.path().join("out__0")).unwrap();
    assert_eq!(
        written,
        "001,d**axTest,9dd4e461268c8034f5c8564e155c67a6\n\
         030,a**,fbade9e36a3f36d3d676c1b808451dd7\n"
    );
    let again = run(folder.path(), &["run", job(folder.path(), contents).to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(2), "{}", shown(&again));
    assert!(shown(&again).contains("nonConflict"), "{}", shown(&again));
}

#[test]
fn what_cannot_be_done_is_said_before_anything_is_touched() {
    let folder = folder();
    let read = stream(json!([{ "value": "x", "type": "string" }]), 1);
    let writer = json!({ "name": "hdfswriter", "parameter": {} });
    let path = job(folder.path(), json!([{ "reader": read, "writer": writer }]));
    for command in ["run", "check", "convert"] {
        let output = run(folder.path(), &[command, path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{command}: {}", shown(&output));
        let said = shown(&output);
        assert!(said.contains("job.content[0].writer: plug-in \"hdfswriter\""), "{said}");
    }
}

#[test]
fn a_converted_job_runs_like_the_original() {
    let folder = folder();
    let read = stream(
        json!([{ "random": "0, 9", "type": "long" }, { "value": "x", "type": "string" }]),
        20,
    );
    let writer = json!({ "name": "txtfilewriter", "parameter": {
        "path": folder.path().join("out"), "fileName": "f", "writeMode": "truncate",
    }});
    std::fs::create_dir(folder.path().join("out")).unwrap();
    let path = job(folder.path(), json!([{ "reader": read, "writer": writer }]));
    run_well(folder.path(), &["run", path.to_str().unwrap()]);
    let file = folder.path().join("out/f__0");
    let first = std::fs::read_to_string(&file).unwrap();
    assert_eq!(first.lines().count(), 40);
    let yaml = run_well(folder.path(), &["convert", path.to_str().unwrap()]);
    let converted = folder.path().join("job.yaml");
    std::fs::write(&converted, yaml).unwrap();
    std::fs::remove_file(&file).unwrap();
    run_well(folder.path(), &["run", converted.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
}
