//! What a DataX job's settings do and what is said of jobs that are wrong: limits of speed and of
//! bad rows, files in every form, keys and plug-ins that are not there.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod place;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use place::{fails, folder, run, run_well, shown, syncline};
use serde_json::{Value, json};

fn file(folder: &Path, job: &Value) -> PathBuf {
    let path = folder.join("job.json");
    std::fs::write(&path, job.to_string()).unwrap();
    path
}

fn job(setting: Value, reader: Value, writer: Value) -> Value {
    json!({ "job": { "setting": setting, "content": [{ "reader": reader, "writer": writer }] } })
}

fn stream(rows: u64) -> Value {
    json!({ "name": "streamreader", "parameter": {
        "sliceRecordCount": rows,
        "column": [{ "value": 7, "type": "long" }, { "value": "0123456789", "type": "string" }],
    }})
}

fn nowhere() -> Value {
    json!({ "name": "streamwriter", "parameter": { "print": false } })
}

fn printed() -> Value {
    json!({ "name": "streamwriter", "parameter": { "print": true, "fieldDelimiter": "|" } })
}

fn text_file(path: &str, more: Value) -> Value {
    let mut parameter = json!({ "path": path, "column": ["*"] });
    parameter.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "name": "txtfilereader", "parameter": parameter })
}

fn lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// However long it takes: no more passes than the limit lets pass in that time.
#[test]
fn a_limit_of_speed_holds() {
    use std::io::{BufRead as _, BufReader};
    // A row is the digits of a number and ten letters: more than ten bytes of memory.
    for (speed, most_rows_per_second) in [
        (json!({ "channel": 4, "record": 100 }), 100.0),
        (json!({ "channel": 2, "byte": 2_000 }), 200.0),
    ] {
        let state = folder();
        let path = file(state.path(), &job(json!({ "speed": speed }), stream(1 << 22), nowhere()));
        let began = Instant::now();
        let mut child = syncline(state.path())
            .args(["run", path.to_str().unwrap(), "--events", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut events = BufReader::new(child.stdout.take().unwrap()).lines();
        let written = events.find_map(|line| {
            let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
            event["rows_written"].as_u64().filter(|rows| *rows > 0)
        });
        let elapsed = began.elapsed().as_secs_f64();
        child.kill().unwrap();
        child.wait().unwrap();
        // And a burst of a tenth of a second.
        #[allow(clippy::cast_precision_loss)]
        let written = written.unwrap() as f64;
        let most = (elapsed + 0.1) * most_rows_per_second + 1.0;
        assert!(written <= most, "{speed}: {written} rows in {elapsed} s, not {most}");
    }
}

#[test]
fn limits_of_a_channel_make_channels_of_a_total_or_a_total_of_channels() {
    let state = folder();
    let speed_of = |setting: Value, core: Value| {
        let mut job = job(json!({ "speed": setting }), stream(1), nowhere());
        job["core"] = json!({ "transport": { "channel": { "speed": core } } });
        let yaml = run_well(state.path(), &["convert", file(state.path(), &job).to_str().unwrap()]);
        let found = |key: &str| {
            let line = yaml.lines().find_map(|l| l.trim().strip_prefix(key)).unwrap_or(": -");
            line.trim_start_matches(':').trim().to_owned()
        };
        ["parallel", "rows_per_second", "bytes_per_second"].map(found).join(" ")
    };
    assert_eq!(speed_of(json!({ "channel": 3 }), json!({})), "3 - -");
    assert_eq!(
        speed_of(json!({ "channel": 3 }), json!({ "byte": 1000, "record": 10 })),
        "3 30 3000"
    );
    assert_eq!(
        speed_of(json!({ "byte": 5000, "channel": 9 }), json!({ "byte": 1000 })),
        "5 - 5000"
    );
    let both = json!({ "byte": 5000, "record": 60 });
    assert_eq!(speed_of(both, json!({ "byte": 1000, "record": 20 })), "3 60 5000");
    assert_eq!(speed_of(json!({ "record": 7 }), json!({ "record": -1 })), "- 7 -");
}

#[test]
fn bad_rows_are_let_go_up_to_a_number_and_up_to_a_share() {
    let base = folder();
    let mut text = String::new();
    for row in 0..100 {
        text.push_str(&if row % 25 == 0 { "bad\n".to_owned() } else { format!("{row}\n") });
    }
    let data = base.path().join("in.txt");
    std::fs::write(&data, text).unwrap();
    let columns = json!({ "column": [{ "index": 0, "type": "long" }] });
    // Four rows of a hundred are bad.
    for (limit, passes) in [
        (json!({ "record": 4 }), true),
        (json!({ "record": "4" }), true),
        (json!({ "record": 3 }), false),
        (json!({ "record": 0 }), false),
        (json!({ "percentage": 0.04 }), true),
        (json!({ "percentage": 0.039 }), false),
        (json!({ "record": 10, "percentage": 0.5 }), true),
        (json!({ "record": 10, "percentage": 0.01 }), false),
        (json!({ "record": 3, "percentage": 0.5 }), false),
        (json!({}), false),
    ] {
        let state = folder();
        let reader = text_file(data.to_str().unwrap(), columns.clone());
        let setting = json!({ "errorLimit": limit, "speed": { "channel": 1 } });
        let path = file(state.path(), &job(setting, reader, nowhere()));
        let output = run(state.path(), &["run", path.to_str().unwrap()]);
        assert_eq!(output.status.success(), passes, "{limit}: {}", shown(&output));
        if passes {
            let kept = run_well(state.path(), &["dead-letters", "list", "--json"]);
            assert_eq!(kept.lines().count(), 4, "{limit}: {kept}");
            assert!(kept.contains("\\\"bad\\\""), "{kept}");
        }
    }
}

/// As the tools that people have make them: two files, packed by Python's zipfile and bz2.
const ZIP: &str = "504b030414000000080081be755dfaecd263110000002400000008000000696e2f612e747874\
    33acc9cf4be532aa2929cfe732c4c10600504b030414000000080081be755d07c897300b000000090000000800\
    0000696e2f622e74787433af29ce4c4d4acde30200504b0102140314000000080081be755dfaecd26311000000\
    24000000080000000000000000000000800100000000696e2f612e747874504b0102140314000000080081be75\
    5d07c897300b00000009000000080000000000000000000000800137000000696e2f622e747874504b05060000\
    0000020002006c000000680000000000";
const BZIP2: &str = "425a68393141592653598ddcf19800000149800010300002018484200031064c40d064c88e05\
    ae08e78bb9229c284846ee78cc00";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

#[test]
fn packed_files_are_read() {
    let state = folder();
    let at = |name: &str| state.path().join(name);
    std::fs::write(at("two.zip"), bytes(ZIP)).unwrap();
    std::fs::write(at("one.bz2"), bytes(BZIP2)).unwrap();
    for (name, compress, expected) in [
        (
            "two.zip",
            "zip",
            ["1|one"; 3].into_iter().chain(["2|two"; 3]).chain(["7|sieben"]).collect(),
        ),
        ("one.bz2", "bzip2", vec!["1|one", "2|two"]),
    ] {
        let path = at(name);
        let more = json!({ "fieldDelimiter": "|", "compress": compress });
        let reader = text_file(path.to_str().unwrap(), more);
        let path = file(state.path(), &job(json!({}), reader, printed()));
        let output = run_well(state.path(), &["run", path.to_str().unwrap()]);
        assert_eq!(lines(&output), expected, "{name}");
    }
    // Cut short, it is said so.
    let whole = bytes(BZIP2);
    std::fs::write(at("one.bz2"), &whole[..whole.len() - 9]).unwrap();
    let reader = text_file(at("one.bz2").to_str().unwrap(), json!({ "compress": "bzip2" }));
    let path = file(state.path(), &job(json!({}), reader, printed()));
    fails(&run(state.path(), &["run", path.to_str().unwrap()]), 1, "E0401", &["one.bz2"]);
}

#[test]
fn files_are_found_by_pattern_in_folders_too() {
    let state = folder();
    let within = state.path().join("in/deep/deeper");
    std::fs::create_dir_all(&within).unwrap();
    for (name, row) in [("../../a.txt", "a"), ("../b.csv", "b"), ("c.txt", "c")] {
        std::fs::write(within.join(name), format!("{row},1\n")).unwrap();
    }
    let found = |pattern: &str| {
        let path = state.path().join(pattern);
        let reader = text_file(path.to_str().unwrap(), json!({}));
        let path = file(state.path(), &job(json!({}), reader, printed()));
        let output = run_well(state.path(), &["run", path.to_str().unwrap()]);
        lines(&output).join(" ")
    };
    for (pattern, rows) in [
        ("in", "a|1 b|1 c|1"),
        ("in/", "a|1 b|1 c|1"),
        ("in/*", "a|1 b|1 c|1"),
        ("in/*.txt", "a|1 c|1"),
        ("in/d*/b.???", "b|1"),
        ("in/a.txt", "a|1"),
    ] {
        assert_eq!(found(pattern), rows, "{pattern}");
    }
    let reader = text_file(state.path().join("in/*.dat").to_str().unwrap(), json!({}));
    let path = file(state.path(), &job(json!({}), reader, printed()));
    fails(&run(state.path(), &["run", path.to_str().unwrap()]), 2, "E0212", &["*.dat"]);
}

#[test]
fn empty_files_are_no_rows() {
    let state = folder();
    let data = state.path().join("in");
    std::fs::create_dir(&data).unwrap();
    let run = |path: &str, column: Value| {
        let path = state.path().join(path);
        let reader =
            text_file(path.to_str().unwrap(), json!({ "column": column, "skipHeader": true }));
        let path = file(state.path(), &job(json!({}), reader, printed()));
        run_well(state.path(), &["run", path.to_str().unwrap()])
    };
    let columns = json!([{ "index": 1, "type": "string" }, { "index": 0, "type": "long" }]);
    std::fs::write(data.join("a.txt"), "").unwrap();
    std::fs::write(data.join("b.txt"), "n,name,more\n").unwrap();
    assert_eq!(run("in/a.txt", columns.clone()), "");
    assert_eq!(run("in", columns.clone()), "");
    std::fs::write(data.join("c.txt"), "n,name,more\n7,x,y\n").unwrap();
    assert_eq!(run("in", columns), "x|7\n");
    assert_eq!(run("in", json!(["*"])), "7|x|y\n");
}

/// The marks of DataX's CSV reader, with its defaults.
#[test]
fn text_is_taken_apart_as_its_csv_reader_is_told() {
    let state = folder();
    let data = state.path().join("in.txt");
    let read = |text: &str, more: Value| {
        std::fs::write(&data, text).unwrap();
        let reader = text_file(data.to_str().unwrap(), more);
        let path = file(state.path(), &job(json!({}), reader, printed()));
        run(state.path(), &["run", path.to_str().unwrap()])
    };
    let text_of = |text: &str, more: Value| {
        let output = read(text, more);
        assert!(output.status.success(), "{}", shown(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let csv = |config: Value| json!({ "csvReaderConfig": config });
    let spaced = "\n a b ,\t2 \n\" x \", 3\n\n";
    assert_eq!(text_of(spaced, json!({})), "a b|2\n x |3\n");
    let kept = csv(json!({ "trimWhitespace": false }));
    assert_eq!(text_of(spaced, kept), " a b |\t2 \n x | 3\n");
    let none = csv(json!({ "useTextQualifier": false, "safetySwitch": false }));
    // Printed rows are quoted where they would not be read back.
    assert_eq!(text_of("\"a,b\"\n", none), "\"\"\"a\"|\"b\"\"\"\n");
    let quote = csv(json!({ "textQualifier": 39, "delimiter": ";" }));
    assert_eq!(text_of("'a;b';'it''s'\n", quote), "a;b|it's\n");
    let escapes = csv(json!({ "escapeMode": 2 }));
    assert_eq!(text_of("\"a\\\"b\",c\n", escapes), "\"a\"\"b\"|c\n");
    let blank = csv(json!({ "skipEmptyRecords": false }));
    fails(&read("1,2\n\n3,4\n", blank), 1, "E0307", &["in.txt:2"]);
    fails(&read("1, \"2,3\"\n", json!({})), 1, "E0307", &["in.txt:1"]);
    let comments = csv(json!({ "useComments": true }));
    let words = ["reader.parameter.csvReaderConfig.useComments", "comments"];
    fails(&read("1\n", comments), 2, "E0105", &words);
    // A column twice, a constant, a date in another form, one that has none.
    let columns = json!({ "nullFormat": "-", "column": [
        { "index": 1, "type": "date", "format": "dd.MM.yyyy HH:mm" },
        { "index": 0, "type": "long" },
        { "index": 0, "type": "long" },
        { "value": "2.50", "type": "double" },
        { "index": 2, "type": "date" },
        { "index": 1, "type": "string" },
    ]});
    let rows = "7,31.12.2014 08:09,2014-07-07\n8,-,2014-07-07 01:02:03\n9,-,-\n";
    let expected = "2014-12-31 08:09:00|7|7|2.50|2014-07-07 00:00:00|31.12.2014 08:09\n\
                    null|8|8|2.50|2014-07-07 01:02:03|null\nnull|9|9|2.50|null|null\n";
    assert_eq!(text_of(rows, columns), expected);
}

/// Jobs as people get them wrong: each is refused before anything is touched, with the place in the
/// file and what would be right.
#[test]
fn wrong_jobs_are_refused_with_their_place() {
    let state = folder();
    let mysql = |more: Value| {
        let mut parameter = json!({ "username": "u", "password": "p", "column": ["*"],
            "connection": [{ "table": ["t"], "jdbcUrl": ["jdbc:mysql://127.0.0.1:1/d"] }] });
        parameter.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "name": "mysqlreader", "parameter": parameter })
    };
    let connection = |more: Value| {
        let mut one = json!({ "jdbcUrl": ["jdbc:mysql://127.0.0.1:1/d"] });
        one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        mysql(json!({ "connection": [one] }))
    };
    let writer = |more: Value| {
        let mut parameter = json!({ "username": "u", "column": ["a"],
            "connection": [{ "table": ["t"], "jdbcUrl": "jdbc:mysql://127.0.0.1:1/d" }] });
        parameter.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "name": "mysqlwriter", "parameter": parameter })
    };
    let text = |more: Value| {
        let mut parameter = json!({ "path": "/tmp", "fileName": "x", "writeMode": "truncate" });
        parameter.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "name": "txtfilewriter", "parameter": parameter })
    };
    let reader_at = "job.content[0].reader.parameter";
    let writer_at = "job.content[0].writer.parameter";
    let readers = [
        (
            json!({ "name": "oraclereader", "parameter": {} }),
            "E0103",
            vec!["job.content[0].reader", "oraclereader", "mysqlreader"],
        ),
        (
            json!({ "name": "mysqlreadr", "parameter": {} }),
            "E0103",
            vec!["did you mean \"mysqlreader\"?"],
        ),
        (mysql(json!({ "colunm": ["a"] })), "E0104", vec![reader_at, "did you mean \"column\"?"]),
        (mysql(json!({ "column": ["*", "a"] })), "E0105", vec![reader_at, "stands alone"]),
        (mysql(json!({ "column": [] })), "E0105", vec![reader_at, "column"]),
        (connection(json!({})), "E0105", vec!["connection[0]", "\"table\" is missing"]),
        (
            connection(json!({ "table": ["t"], "querySql": ["select 1"] })),
            "E0105",
            vec!["connection[0].table", "beside querySql"],
        ),
        (connection(json!({ "table": ["a b"] })), "E0105", vec!["\"a b\" is no table's name"]),
        (
            connection(json!({ "table": ["t"], "jdbcUrl": ["jdbc:postgresql://h/d"] })),
            "E0105",
            vec!["connection[0].jdbcUrl[0]", "another kind of store"],
        ),
        (
            connection(json!({ "table": ["t"], "jdbcUrl": ["jdbc:oracle:thin:@h:1521:x"] })),
            "E0103",
            vec!["jdbcUrl[0]", "oracle"],
        ),
        (
            connection(json!({ "table": ["t"], "jdbcUrl": ["jdbc:mysql://h/d?foo=1"] })),
            "E0104",
            vec!["jdbcUrl[0]", "\"foo\""],
        ),
        (
            json!({ "name": "streamreader", "parameter": { "column": [{ "type": "long" }], "sliceRecordCount": 1 } }),
            "E0105",
            vec!["column[0]", "either value or random"],
        ),
        (
            json!({ "name": "streamreader", "parameter": { "column": [{ "type": "lang", "value": 1 }], "sliceRecordCount": 1 } }),
            "E0105",
            vec!["column[0]", "\"lang\""],
        ),
        (
            json!({ "name": "streamreader", "parameter": { "column": [{ "value": 1 }], "sliceRecordCount": 0 } }),
            "E0105",
            vec!["sliceRecordCount", "at least 1"],
        ),
        (
            text_file("/tmp/x", json!({ "compress": "lzo" })),
            "E0105",
            vec!["compress", "gzip, bzip2, zip"],
        ),
        (
            text_file(
                "/tmp/x",
                json!({ "column": [{ "index": 0, "value": "x", "type": "long" }] }),
            ),
            "E0105",
            vec!["column[0]", "either index or value"],
        ),
        (
            text_file("/tmp/x", json!({ "fileFormat": "orc" })),
            "E0105",
            vec!["fileFormat", "csv or text"],
        ),
    ];
    let writers = [
        (
            writer(json!({ "writeMode": "upsert" })),
            "E0105",
            vec!["writeMode", "insert, replace or update"],
        ),
        (writer(json!({ "column": ["a + 1"] })), "E0105", vec![writer_at, "no column's name"]),
        (
            writer(
                json!({ "connection": [{ "table": ["t", "s"], "jdbcUrl": "jdbc:mysql://h/d" }] }),
            ),
            "E0105",
            vec!["job.content[0]", "1 tables are read, and 2 written"],
        ),
        (
            text(json!({ "writeMode": "overwrite" })),
            "E0105",
            vec!["writeMode", "truncate, append or nonConflict"],
        ),
        (text(json!({ "compress": "zip" })), "E0105", vec![writer_at, "gzip, bzip2"]),
        (
            json!({ "name": "streamwriter", "parameter": { "print": "yes" } }),
            "E0105",
            vec!["print", "neither true nor false"],
        ),
    ];
    let readers =
        readers.map(|(reader, code, words)| (job(json!({}), reader, nowhere()), code, words));
    let writers =
        writers.map(|(writer, code, words)| (job(json!({}), stream(1), writer), code, words));
    let mut transformer = job(json!({}), stream(1), nowhere());
    transformer["job"]["content"][0]["transformer"] =
        json!([{ "name": "dx_substr", "parameter": { "columnIndex": 1, "paras": ["0"] } }]);
    let others = [
        (
            json!({ "job": { "setting": { "speeed": {} }, "content": [{ "reader": stream(1), "writer": nowhere() }] } }),
            "E0104",
            vec!["job.setting", "did you mean \"speed\"?"],
        ),
        (
            job(json!({ "errorLimit": { "percentage": "2%" } }), stream(1), nowhere()),
            "E0105",
            vec!["errorLimit.percentage", "2%"],
        ),
        (
            json!({ "job": { "content": [{ "reader": stream(1) }] } }),
            "E0105",
            vec!["job.content[0]", "\"writer\" is missing"],
        ),
        (json!({ "job": { "content": [] } }), "E0105", vec!["job.content", "nothing to do"]),
        (
            job(json!({ "speed": { "channel": "${n}" } }), stream(1), nowhere()),
            "E0105",
            vec!["${n} has no value", "-p '-Dn="],
        ),
        (transformer, "E0105", vec!["dx_substr", "paras"]),
    ];
    for (job, code, words) in readers.into_iter().chain(writers).chain(others) {
        let path = file(state.path(), &job);
        for command in ["check", "run"] {
            let output = run(state.path(), &[command, path.to_str().unwrap()]);
            fails(&output, 2, code, &words);
            assert!(shown(&output).contains("job.json"), "{}", shown(&output));
        }
    }
    std::fs::write(state.path().join("job.json"), "{\"job\": {\"content\": [}").unwrap();
    let path = state.path().join("job.json");
    fails(
        &run(state.path(), &["run", path.to_str().unwrap()]),
        2,
        "E0106",
        &["job.json", "line 1"],
    );
}
