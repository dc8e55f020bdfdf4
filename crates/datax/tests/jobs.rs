//! Jobs in the form of DataX's manuals, and what they become.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline_datax::{Converted, convert, is_datax, to_yaml};
use syncline_types::{Code, Error};

fn job(reader: Value, writer: Value) -> Value {
    json!({ "job": {
        "setting": { "speed": { "channel": 3 }, "errorLimit": { "record": 0, "percentage": 0.02 } },
        "content": [{ "reader": reader, "writer": writer }],
    }})
}

fn mysql_reader(more: Value) -> Value {
    let mut parameter = json!({
        "username": "me", "password": "s3cret", "column": ["id", "name"], "splitPk": "id",
        "connection": [{ "table": ["orders"], "jdbcUrl": ["jdbc:mysql://db1:3306/shop"] }],
    });
    parameter.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "name": "mysqlreader", "parameter": parameter })
}

fn printing() -> Value {
    json!({ "name": "streamwriter", "parameter": { "print": true } })
}

fn read(job: &Value) -> Result<Converted, Error> {
    convert(&job.to_string(), "job.json", &BTreeMap::new())
}

fn refused(job: &Value) -> Error {
    read(job).map(drop).unwrap_err()
}

#[test]
fn a_table_with_chosen_columns_goes_by_position() {
    let writer = json!({ "name": "postgresqlwriter", "parameter": {
        "username": "you", "password": "pw", "column": ["Key", "\"Title\""],
        "preSql": ["delete from @table"], "postSql": ["analyze @table"], "batchSize": 1024,
        "connection": [{ "jdbcUrl": "jdbc:postgresql://wh/dw", "table": ["stage.orders"] }],
    }});
    let converted = read(&job(mysql_reader(json!({ "where": "id > 7" })), writer)).unwrap();
    let [part] = converted.parts.as_slice() else { panic!("one part") };
    assert_eq!(part.source_password.as_ref().unwrap().expose(), "s3cret");
    assert_eq!(part.job.source.tables, ["`orders`"]);
    assert_eq!(part.job.source.filter.as_deref(), Some("id > 7"));
    assert_eq!(part.job.sink.columns, ["key", "Title"]);
    assert_eq!(part.job.sink.before, ["delete from stage.orders"]);
    assert_eq!(part.job.sink.after, ["analyze stage.orders"]);
    assert_eq!(part.job.speed.parallel, Some(3));
    assert_eq!((part.job.errors.rows, part.job.errors.ratio), (Some(0), Some(0.02)));
    let yaml = to_yaml(&part.job).unwrap();
    assert!(yaml.contains("mysql://me@db1:3306/shop"), "{yaml}");
    assert!(yaml.contains("SOURCE_PASSWORD") && !yaml.contains("s3cret"), "{yaml}");
    assert!(converted.notes.iter().any(|n| n.contains("batchSize")), "{:?}", converted.notes);
    syncline_engine::JobFile::parse(&yaml, "again").unwrap();
}

#[test]
fn constants_and_expressions_are_the_servers_to_compute() {
    let columns =
        json!({ "column": ["id", "`table`", "1", "'x'", "null", "a + 1"], "where": "a > 1" });
    let converted = read(&job(mysql_reader(columns), printing())).unwrap();
    assert_eq!(
        converted.parts[0].job.source.query.as_deref(),
        Some(
            "SELECT id, `table`, 1 AS c3, 'x' AS c4, null AS c5, a + 1 AS c6 FROM orders \
             WHERE a > 1"
        )
    );
}

#[test]
fn many_tables_are_many_jobs_into_one_target() {
    let reader = mysql_reader(json!({ "connection": [
        { "table": ["o_0", "o_1"], "jdbcUrl": ["jdbc:mysql://bad:3306/s", "jdbc:mysql://a:3306/s"] },
        { "querySql": ["select 1;"], "jdbcUrl": ["jdbc:mysql://b/t"] },
    ]}));
    let writer = json!({ "name": "mysqlwriter", "parameter": {
        "username": "u", "column": ["*"], "writeMode": "replace",
        "preSql": ["truncate table o"], "postSql": ["analyze table o"],
        "connection": [{ "jdbcUrl": "jdbc:mysql://c/s", "table": ["o"] }],
    }});
    let parts = read(&job(reader, writer)).unwrap().parts;
    let urls: Vec<&str> = parts.iter().map(|p| p.job.connections["reader"].url.as_str()).collect();
    assert_eq!(
        urls,
        ["mysql://me@bad:3306,a:3306/s", "mysql://me@bad:3306,a:3306/s", "mysql://me@b/t"]
    );
    let before: Vec<usize> = parts.iter().map(|p| p.job.sink.before.len()).collect();
    let after: Vec<usize> = parts.iter().map(|p| p.job.sink.after.len()).collect();
    assert_eq!((before, after), (vec![1, 0, 0], vec![0, 0, 1]));
    assert_eq!(parts[2].job.source.query.as_deref(), Some("select 1"));
}

#[test]
fn text_files_have_typed_columns_constants_and_dates() {
    let reader = json!({ "name": "txtfilereader", "parameter": {
        "path": ["/data/in/*"], "encoding": "GBK", "fieldDelimiter": "\t", "skipHeader": true,
        "nullFormat": "-", "compress": "gzip",
        "column": [
            { "index": 4, "type": "date", "format": "yyyy.MM.dd" },
            { "index": 0, "type": "long" },
            { "type": "string", "value": "it's" },
        ],
        "csvReaderConfig": { "safetySwitch": false, "useTextQualifier": false },
    }});
    let writer = json!({ "name": "txtfilewriter", "parameter": {
        "path": "/data/out", "fileName": "result", "writeMode": "truncate", "dateFormat": "yyyy-MM-dd",
        "fileFormat": "csv", "header": ["day", "id", "who"],
    }});
    let parts = read(&job(reader, writer)).unwrap().parts;
    let job = &parts[0].job;
    let url = &job.connections["reader"].url;
    for option in
        ["charset=GBK", "delimiter=tab", "skip=1", "null=-", "compression=gzip", "quote=none"]
    {
        assert!(url.contains(option), "{option} in {url}");
    }
    assert!(url.contains("types=c5%3Atext%2Cc1%3Aint64"), "{url}");
    assert_eq!(
        Value::from(job.processors.source.clone()),
        json!([
            { "add": { "value_3": "'it''s'" } },
            { "parse_date": { "c5": "yyyy.MM.dd" } },
            { "select": ["c5", "c1", "value_3"] },
        ])
    );
    assert_eq!(Value::from(job.processors.sink.clone()), json!([{ "format_date": "yyyy-MM-dd" }]));
    assert!(job.connections["writer"].url.starts_with("/data/out/result__0?"), "{job:?}");
    assert!(parts[0].clear.is_some());
}

#[test]
fn transformers_are_steps() {
    let mut job = job(mysql_reader(json!({})), printing());
    let step =
        json!({ "name": "dx_substr", "parameter": { "columnIndex": 1, "paras": ["2", "5"] } });
    job["job"]["content"][0]["transformer"] = json!([step]);
    let parts = read(&job).unwrap().parts;
    assert_eq!(
        Value::from(parts[0].job.processors.source.clone()),
        json!([{ "dx_substr": { "columnIndex": 1, "paras": ["2", "5"] } }])
    );
    job["job"]["content"][0]["transformer"][0]["name"] = "dx_groovy".into();
    let error = refused(&job);
    assert!(error.message().contains("transformer[0]: transformer \"dx_groovy\""), "{error}");
}

#[test]
fn what_is_not_supported_is_named_with_its_place() {
    let at = |path: &str, value: Value| {
        let mut job = job(mysql_reader(json!({})), printing());
        let (parent, key) = path.rsplit_once('/').unwrap();
        job.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.into(), value);
        refused(&job)
    };
    let content = "/job/content/0";
    let cases = [
        ("/job/settings", json!({}), Code::UnknownKey, "job: key \"settings\""),
        (
            "/job/setting/speed/chanel",
            json!(1),
            Code::UnknownKey,
            "job.setting.speed: key \"chanel\"",
        ),
        ("/job/setting/speed/channel", json!("many"), Code::BadValue, "job.setting.speed.channel"),
        (
            "/job/setting/errorLimit/percentage",
            json!(2),
            Code::BadValue,
            "job.setting.errorLimit.percentage",
        ),
        (
            &format!("{content}/reader/name"),
            json!("hdfsreader"),
            Code::UnknownConnector,
            "job.content[0].reader: plug-in \"hdfsreader\"",
        ),
        (
            &format!("{content}/reader/parameter/tabel"),
            json!("x"),
            Code::UnknownKey,
            "job.content[0].reader.parameter: key \"tabel\"",
        ),
        (
            &format!("{content}/writer/parameter/printt"),
            json!(true),
            Code::UnknownKey,
            "did you mean \"print\"?",
        ),
    ];
    for (path, value, code, words) in cases {
        let error = at(path, value);
        assert_eq!(error.code(), code, "{path}: {error}");
        assert!(error.to_string().contains(words), "{path}: {error}");
        assert!(error.to_string().contains("job.json"), "{path}: {error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[test]
fn a_job_of_datax_is_told_from_one_of_ours() {
    assert!(is_datax(&job(mysql_reader(json!({})), printing()).to_string()));
    assert!(!is_datax("version: 1\nsource: { url: a }\nsink: { url: b }\n"));
    assert!(!is_datax(r#"{"version": 1, "source": {"url": "a"}, "sink": {"url": "b"}}"#));
}

#[test]
fn streams_are_made_of_values_and_random_ones() {
    let reader = json!({ "name": "streamreader", "parameter": { "sliceRecordCount": 10, "column": [
        { "value": "DataX", "type": "string" },
        { "value": 19880808, "type": "long" },
        { "value": "1988-08-08 08:08:08", "type": "date" },
        { "value": true, "type": "bool" },
        { "value": "test", "type": "bytes" },
        { "random": "0, 10", "type": "long" },
        { "random": "2014-07-07 00:00:00, 2016-07-07 00:00:00", "type": "date" },
    ]}});
    let parts = read(&job(reader, printing())).unwrap().parts;
    let url = &parts[0].job.connections["reader"].url;
    assert!(url.starts_with("stream:?table=rows&rows=30&columns="), "{url}");
    syncline_connector::Endpoint::parse(url).unwrap();
    assert!(parts[0].job.connections["writer"].url.starts_with("-?format=csv"));
}
