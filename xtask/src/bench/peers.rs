//! Other movers of data, run when their command is given. None of them comes with this project.

use std::path::Path;

use serde_json::{Value, json};

use super::Copy;
use super::rounds::Contender;
use super::routes::{Store, Trip};
use super::servers::{FROM, TO, quoted};

/// Whether everyone named with `--against` can be run.
pub(super) fn check(copy: &Copy) -> Result<(), String> {
    for name in &copy.against {
        let given = match name.as_str() {
            "native" => true,
            "duckdb" => copy.duckdb.is_some(),
            "sling" => copy.sling.is_some(),
            "pgloader" => copy.pgloader.is_some(),
            "ape-dts" => copy.ape_dts.is_some(),
            "datax" => copy.datax.is_some(),
            other => {
                let all = "native, duckdb, sling, pgloader, ape-dts, datax";
                return Err(format!("no {other:?}: {all}"));
            }
        };
        if !given {
            return Err(format!("--against {name} needs --{name} with its command"));
        }
    }
    Ok(())
}

/// Those whose command was given and who can go this way.
pub(super) fn contenders(copy: &Copy, trip: &Trip<'_>) -> Vec<Contender> {
    let ways = [
        ("DuckDB", copy.duckdb.as_deref().and_then(|command| duckdb(command, trip))),
        ("Sling", copy.sling.as_deref().and_then(|command| sling(command, trip))),
        ("pgloader", copy.pgloader.as_deref().and_then(|command| pgloader(command, trip))),
        ("ape-dts", copy.ape_dts.as_deref().and_then(|command| ape_dts(command, trip))),
        ("DataX", copy.datax.as_deref().and_then(|folder| datax(folder, trip))),
    ];
    let contender = |(name, line): (&str, Option<String>)| {
        Some(Contender { name: name.to_owned(), line: line?, events: None })
    };
    ways.into_iter().filter_map(contender).collect()
}

fn duckdb(command: &str, trip: &Trip<'_>) -> Option<String> {
    if (trip.route.from, trip.route.to) != (Store::Csv, Store::Parquet) {
        return None;
    }
    // The same packing as ours.
    let sql = format!(
        "copy (from read_csv('{}', header = true)) to '{}' (format parquet, compression zstd)",
        trip.csv.display(),
        trip.target_file().display()
    );
    Some(format!("{command} -c {}", quoted(&sql)))
}

fn is_sql(store: Store) -> bool {
    matches!(store, Store::Mysql | Store::Postgres)
}

fn sling(command: &str, trip: &Trip<'_>) -> Option<String> {
    let (from, to, name) = (trip.route.from, trip.route.to, trip.table.name());
    if !is_sql(from) || !is_sql(to) {
        return None;
    }
    let url = |store, database| match store {
        Store::Mysql => trip.servers.url(true, database),
        _ => format!("{}?sslmode=disable", trip.servers.url(false, database)),
    };
    let object = |store, database| match store {
        Store::Mysql => format!("{database}.{name}"),
        _ => format!("public.{name}"),
    };
    Some(format!(
        "{command} run --src-conn {} --src-stream {} --tgt-conn {} --tgt-object {} --mode truncate",
        quoted(&url(from, FROM)),
        object(from, FROM),
        quoted(&url(to, TO)),
        object(to, TO)
    ))
}

fn pgloader(command: &str, trip: &Trip<'_>) -> Option<String> {
    if (trip.route.from, trip.route.to) != (Store::Mysql, Store::Postgres) {
        return None;
    }
    let name = trip.table.name();
    let into = trip.servers.url(false, TO).replacen("postgres:", "postgresql:", 1);
    let text = format!(
        "LOAD DATABASE FROM {} INTO {into}\n WITH data only\n \
         INCLUDING ONLY TABLE NAMES MATCHING '{name}'\n \
         ALTER SCHEMA '{FROM}' RENAME TO 'public';\n",
        trip.servers.url(true, FROM),
    );
    let file = write(&trip.prepared.join(format!("{name}.load")), &text)?;
    Some(format!("{command} --quiet {}", quoted(&file)))
}

fn write(path: &Path, text: &str) -> Option<String> {
    std::fs::create_dir_all(path.parent()?).ok()?;
    std::fs::write(path, text).ok()?;
    Some(path.display().to_string())
}

fn ape_dts(command: &str, trip: &Trip<'_>) -> Option<String> {
    let (from, to, name) = (trip.route.from, trip.route.to, trip.table.name());
    // Between the two kinds it goes only with DDL of its own.
    if from != to || !is_sql(from) {
        return None;
    }
    let (kind, schemas) = match from {
        Store::Mysql => ("mysql", (FROM, TO)),
        _ => ("pg", ("public", "public")),
    };
    let mysql = from == Store::Mysql;
    // For MySQL the URL names no database.
    let url = |name: &str| trip.servers.url(mysql, if mysql { "" } else { name });
    let text = format!(
        "[extractor]\ndb_type={kind}\nextract_type=snapshot\nurl={}\n\n\
         [sinker]\ndb_type={kind}\nsink_type=write\nurl={}\nbatch_size=1000\n\n\
         [filter]\ndo_dbs=\ndo_tbs={}.{name}\ndo_events=insert\n\n\
         [router]\ntb_map={}.{name}:{}.{name}\n\n\
         [pipeline]\nbuffer_size=16000\ncheckpoint_interval_secs=10\n\n\
         [parallelizer]\nparallel_type=snapshot\nparallel_size=4\n\n\
         [runtime]\nlog_level=error\nlog_dir={}\n",
        url(FROM),
        url(TO),
        schemas.0,
        schemas.0,
        schemas.1,
        trip.prepared.join("ape-dts").display(),
    );
    let path = trip.prepared.join(format!("{kind}-{name}.ini"));
    Some(format!("{command} {}", quoted(&write(&path, &text)?)))
}

fn datax(folder: &str, trip: &Trip<'_>) -> Option<String> {
    let (from, to, name) = (trip.route.from, trip.route.to, trip.table.name());
    if !is_sql(from) || !is_sql(to) {
        return None;
    }
    let jdbc = |store, database| {
        let url = trip.servers.url(store == Store::Mysql, database);
        let place = url.rsplit_once('@').map_or("", |(_, place)| place).to_owned();
        match store {
            Store::Mysql => {
                format!(
                    "jdbc:mysql://{place}?useSSL=false&characterEncoding=utf8&rewriteBatchedStatements=true"
                )
            }
            _ => format!("jdbc:postgresql://{place}"),
        }
    };
    let plugin = |store, kind: &str, parameter: Value| {
        let (name, user) = match store {
            Store::Mysql => ("mysql", "root"),
            _ => ("postgresql", "postgres"),
        };
        let mut parameter = parameter;
        parameter["username"] = user.into();
        parameter["password"] = "".into();
        parameter["column"] = json!(trip.table.columns());
        json!({ "name": format!("{name}{kind}"), "parameter": parameter })
    };
    let reader = json!({ "connection": [{ "table": [name], "jdbcUrl": [jdbc(from, FROM)] }] });
    let writer = json!({ "connection": [{ "table": [name], "jdbcUrl": jdbc(to, TO) }] });
    let job = json!({ "job": {
        "setting": { "speed": { "channel": 1 } },
        "content": [{
            "reader": plugin(from, "reader", reader),
            "writer": plugin(to, "writer", writer),
        }],
    }});
    let path = trip.prepared.join(format!("datax-{name}.json"));
    let file = write(&path, &job.to_string())?;
    Some(format!("python3 {}/bin/datax.py {}", quoted(folder), quoted(&file)))
}
