//! Jobs as DataX's manuals show them, from files, with variables where users have them: they run
//! unchanged, and `convert` prints what runs the same.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod place;

use std::path::{Path, PathBuf};

use place::{Kind, Place, folder, run, run_well, shown, syncline};

/// A job of `datax_jobs/`, and the values of its variables as `-p` takes them.
struct Manual {
    path: PathBuf,
    variables: Vec<String>,
}

impl Manual {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/datax_jobs");
        let path = folder.join(format!("{name}.json"));
        assert!(path.is_file(), "{}", path.display());
        Self { path, variables: Vec::new() }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push(format!("-D{name}={value}"));
        self
    }

    /// With the address of a server's database, and the account there.
    fn at(self, name: &str, place: &Place) -> Self {
        let url = place.database.as_ref().unwrap().url();
        let (account, address) = url.split_once('@').unwrap();
        let account = account.split_once("://").unwrap().1;
        let (user, password) = account.split_once(':').unwrap_or((account, ""));
        let db = address.split_once('/').unwrap().1;
        self.with(name, address)
            .with("db", db)
            .with(&format!("{name}_user"), user)
            .with(&format!("{name}_password"), password)
    }

    fn args<'a>(&'a self, command: &'a str, joined: &'a str) -> Vec<&'a str> {
        let mut args = vec![command, self.path.to_str().unwrap()];
        if !joined.is_empty() {
            args.push(joined);
        }
        args
    }

    /// Runs it as it is, all variables in one `-p"-Da=b -Dc=d"`.
    fn run(&self, state: &Path) -> String {
        run_well(state, &self.args("run", &self.joined()))
    }

    fn joined(&self) -> String {
        match self.variables.is_empty() {
            true => String::new(),
            false => format!("-p{}", self.variables.join(" ")),
        }
    }

    /// Runs what `convert` prints of it.
    fn run_converted(&self, state: &Path) -> String {
        let yaml = run_well(state, &self.args("convert", &self.joined()));
        let mut printed = String::new();
        for (at, part) in yaml.split("---\n").enumerate() {
            let path = state.join(format!("converted-{at}.yaml"));
            std::fs::write(&path, part).unwrap();
            let output = syncline(state)
                .args(["run", path.to_str().unwrap(), "--fresh"])
                .env("SOURCE_PASSWORD", self.password(true))
                .env("SINK_PASSWORD", self.password(false))
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", shown(&output));
            printed.push_str(&String::from_utf8(output.stdout).unwrap());
        }
        printed
    }

    /// The password of the first account in the file, or of the last.
    fn password(&self, first: bool) -> &str {
        let text = std::fs::read_to_string(&self.path).unwrap();
        let mut names: Vec<&str> = ["mysql", "postgres"]
            .into_iter()
            .filter(|n| text.contains(&format!("{n}_password")))
            .collect();
        names.sort_by_key(|n| text.find(&format!("{n}_password")));
        let name = if first { names.first() } else { names.last() };
        let wanted = format!("-D{}_password=", name.unwrap_or(&""));
        self.variables.iter().find_map(|v| v.strip_prefix(&wanted)).unwrap_or("")
    }
}

fn rows(place: &Place, sql: &str) -> Vec<String> {
    let row = |row: Vec<Option<String>>| {
        row.into_iter().map(|v| v.unwrap_or_else(|| "NULL".into())).collect::<Vec<_>>().join("|")
    };
    place.database.as_ref().unwrap().rows(sql).into_iter().map(row).collect()
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

fn users(mysql: &Place) {
    mysql.execute(
        "CREATE TABLE users_0 (id bigint PRIMARY KEY, name varchar(20), region varchar(9));
         CREATE TABLE users_1 (id bigint PRIMARY KEY, name varchar(20), region varchar(9));
         INSERT INTO users_0 VALUES (1, 'anna', 'north'), (2, 'bert', 'south'), (3, NULL, 'north');
         INSERT INTO users_1 VALUES (11, 'cleo', 'north'), (12, 'dora', 'north')",
    );
}

fn people(postgres: &Place) {
    postgres.execute(
        "CREATE TABLE people (id int PRIMARY KEY, name text, born date, price numeric(9,2));
         INSERT INTO people VALUES (1, '中文', '2000-02-29', 1.50), (2, 'b', NULL, NULL),
                                   (3, NULL, '1999-12-31', -0.05), (4, 'a;b', NULL, 0)",
    );
}

#[test]
fn columns_of_a_stream_are_constant_and_random() {
    let state = folder();
    let printed = Manual::new("01-stream-to-stream").with("rows", "40").run(state.path());
    assert_eq!(printed.lines().count(), 120, "three channels of 40 rows");
    let mut different = std::collections::BTreeSet::new();
    for line in printed.lines() {
        let fields: Vec<&str> = line.split('|').collect();
        assert_eq!(fields[..4], ["DataX", "19890604", "1989-06-04 00:00:00", "true"], "{line}");
        assert_eq!((fields.len(), fields[11]), (12, "1989-06-04 00:00:00"), "{line}");
        assert!((0..=10).contains(&fields[5].parse::<i64>().unwrap()), "{line}");
        assert!((3..=5).contains(&fields[6].len()), "{line}");
        assert!(["true", "false"].contains(&fields[7]), "{line}");
        assert!((0.0..11.0).contains(&fields[8].parse::<f64>().unwrap()), "{line}");
        assert!(("2014-07-07 00:00:00"..="2016-07-07 00:00:00").contains(&fields[9]), "{line}");
        different.insert(fields[5..11].join("|"));
    }
    assert!(different.len() > 110, "{} different rows", different.len());
}

#[test]
fn a_stream_goes_into_mysql() {
    let Some(mysql) = Place::new(Kind::MariaDb) else { return };
    mysql.execute(
        "CREATE TABLE test (name varchar(9), id bigint, at datetime, flag bit(1), raw blob)",
    );
    mysql.execute("INSERT INTO test (id) VALUES (5)");
    let job = Manual::new("02-stream-to-mysql").at("mysql", &mysql);
    let state = folder();
    for run in [job.run(state.path()), job.run_converted(state.path())] {
        assert!(run.contains("1,000"), "{run}");
        assert_eq!(
            rows(
                &mysql,
                "SELECT name, id, at, flag + 0, raw, count(*) FROM test GROUP BY 1, 2, 3, 4, 5"
            ),
            ["DataX|19880809|1988-08-08 08:08:08|1|test|1000"]
        );
    }
}

#[test]
fn tables_of_mysql_are_printed_with_constants_and_a_condition() {
    let Some(mysql) = Place::new(Kind::MySql) else { return };
    users(&mysql);
    let job = Manual::new("03-mysql-to-stream")
        .at("mysql", &mysql)
        .with("part", "0")
        .with("from", "1")
        .with("region", "north");
    let expected = [
        "11\tcleo\tconst\t1\tnull\tCLEO\t1",
        "12\tdora\tconst\t1\tnull\tDORA\t1",
        "3\tnull\tconst\t1\tnull\tnull\t1",
    ];
    let state = folder();
    assert_eq!(sorted(&job.run(state.path())), expected);
    assert_eq!(sorted(&job.run_converted(state.path())), expected);
}

#[test]
fn queries_of_mysql_are_printed_one_after_the_other() {
    let Some(mysql) = Place::new(Kind::MariaDb) else { return };
    users(&mysql);
    let job = Manual::new("04-mysql-queries-to-stream").at("mysql", &mysql);
    let state = folder();
    let expected = ["1,anna", "111,cleo", "112,dora", "2,bert"];
    assert_eq!(sorted(&job.run(state.path())), expected);
    assert_eq!(sorted(&job.run_converted(state.path())), expected);
}

#[test]
fn numbered_tables_of_mysql_go_into_one_of_postgresql() {
    let (Some(mysql), Some(postgres)) = (Place::new(Kind::MariaDb), Place::new(Kind::Postgres))
    else {
        return;
    };
    users(&mysql);
    postgres.execute("CREATE TABLE users (id bigint, \"Name\" text, region text)");
    postgres.execute("INSERT INTO users VALUES (99, 'old', 'x')");
    let job = Manual::new("05-mysql-to-postgres")
        .at("mysql", &mysql)
        .at("postgres", &postgres)
        .with("channels", "4");
    let expected =
        ["1|anna|north", "2|bert|south", "3|NULL|north", "11|cleo|north", "12|dora|north"];
    let state = folder();
    job.run(state.path());
    assert_eq!(rows(&postgres, "SELECT * FROM users ORDER BY id"), expected);
    job.run_converted(state.path());
    assert_eq!(rows(&postgres, "SELECT * FROM users ORDER BY id"), expected);
}

#[test]
fn a_table_of_postgresql_goes_into_a_packed_file_of_another_encoding_and_back() {
    let Some(postgres) = Place::new(Kind::Postgres) else { return };
    people(&postgres);
    let (state, base) = (folder(), folder());
    let out = base.path().join("out");
    std::fs::create_dir(&out).unwrap();
    for compress in ["", "gzip", "bzip2"] {
        let job = Manual::new("06-postgres-to-text")
            .at("postgres", &postgres)
            .with("folder", base.path().to_str().unwrap())
            .with("compress", compress);
        job.run(state.path());
        let file = out.join("people__0");
        let bytes = std::fs::read(&file).unwrap();
        let magic: &[u8] = match compress {
            "gzip" => b"\x1f\x8b",
            "bzip2" => b"BZh",
            _ => b"id;",
        };
        assert!(bytes.starts_with(magic), "{compress}: {bytes:?}");
        // 中文 in GBK stands there as it is where nothing is packed.
        let plain = bytes.windows(4).any(|four| four == [0xd6, 0xd0, 0xce, 0xc4]);
        assert!(plain || !compress.is_empty(), "{bytes:?}");
        let back = format!(
            "{}?format=csv&delimiter=;&charset=gbk&null=%5CN&compression={}",
            file.display(),
            if compress.is_empty() { "none" } else { compress }
        );
        let target = state.path().join("back.csv");
        run_well(state.path(), &["copy", &back, target.to_str().unwrap(), "--write", "replace"]);
        assert_eq!(
            std::fs::read_to_string(&target).unwrap(),
            "id,name,born,price\n1,中文,2000-02-29,1.50\n3,,1999-12-31,-0.05\n4,a;b,,0.00\n"
        );
    }
}

#[test]
fn text_files_go_into_text_files_in_every_way_of_writing() {
    let (state, base) = (folder(), folder());
    let (within, out) = (base.path().join("in/deep"), base.path().join("out"));
    std::fs::create_dir_all(&within).unwrap();
    std::fs::create_dir(&out).unwrap();
    let head = "n,flag,price,name,day\n";
    let upper = format!("{head} 1 ,true,1.10,\"q ,2014.12.31\n");
    std::fs::write(base.path().join("in/a.txt"), upper).unwrap();
    std::fs::write(within.join("b"), format!("{head}2,FALSE,1e2,,2000.02.29\n")).unwrap();
    std::fs::write(out.join("luohw_of_old"), "old").unwrap();
    let job = |mode: &str| {
        let folder = base.path().to_str().unwrap();
        Manual::new("07-text-to-text").with("folder", folder).with("mode", mode)
    };
    let refused = job("nonConflict");
    let output = run(state.path(), &refused.args("run", &refused.joined()));
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert!(shown(&output).contains("luohw_of_old is there"), "{}", shown(&output));
    let once = "1,true,1.10,\"q,2014-12-31,alibaba\n2,false,100,,2000-02-29,alibaba\n";
    let file = out.join("luohw__0");
    let written = || std::fs::read_to_string(&file).unwrap();
    job("truncate").run(state.path());
    assert_eq!(written(), once);
    assert!(!out.join("luohw_of_old").exists(), "removed before the first row");
    job("append").run(state.path());
    assert_eq!(written(), format!("{once}{once}"));
    std::fs::remove_file(&file).unwrap();
    job("nonConflict").run(state.path());
    assert_eq!(written(), once);
    job("truncate").run_converted(state.path());
    assert_eq!(written(), once);
}

#[test]
fn transformers_change_columns_one_after_the_other() {
    let (state, base) = (folder(), folder());
    let lines = [
        "stays\tdataxTest\tdataxTest\tabc\txyzzzzz",
        "gone today\tdataxTest\tdataxTest\tabc\tx",
        "stays too\tdatax\tdat\tabcdefgh\t",
        // No third character to begin at: a bad row, one of which is let go.
        "bad\td\tdatax\tabc\tx",
    ];
    std::fs::write(base.path().join("in.txt"), lines.join("\n")).unwrap();
    let job = Manual::new("08-transformers").with("folder", base.path().to_str().unwrap());
    let printed = job.run(state.path());
    assert_eq!(
        printed.lines().collect::<Vec<_>>(),
        [
            "stays,taxTe,dat****st,abcxyx,9CDFFC4FA4E45A99DB8BBCD762ACFFA2",
            "stays too,tax,dat****,abcdef,D41D8CD98F00B204E9800998ECF8427E",
        ]
    );
    let listed = run_well(state.path(), &["dead-letters", "list"]);
    assert!(listed.contains("has no character 2"), "{listed}");
}

#[test]
fn any_server_is_read_and_written_by_its_address() {
    let (Some(mysql), Some(postgres)) = (Place::new(Kind::MySql), Place::new(Kind::Postgres))
    else {
        return;
    };
    people(&postgres);
    mysql.execute("CREATE TABLE copied (day date, who varchar(9), nr int, more int DEFAULT 3)");
    mysql.execute("INSERT INTO copied (nr) VALUES (77)");
    let job = Manual::new("09-rdbms-to-rdbms").at("mysql", &mysql).at("postgres", &postgres);
    let state = folder();
    let expected = ["1|中文|2000-02-29|3", "2|b|NULL|3", "3|NULL|1999-12-31|3", "4|a;b|NULL|3"];
    job.run(state.path());
    assert_eq!(rows(&mysql, "SELECT nr, who, day, more FROM copied ORDER BY nr"), expected);
    job.run_converted(state.path());
    assert_eq!(rows(&mysql, "SELECT nr, who, day, more FROM copied ORDER BY nr"), expected);
}

#[test]
fn two_contents_run_one_after_the_other_in_each_write_mode() {
    let (Some(mysql), Some(postgres)) = (Place::new(Kind::MariaDb), Place::new(Kind::Postgres))
    else {
        return;
    };
    mysql.execute("CREATE TABLE kept (id int PRIMARY KEY, name varchar(20), extra int DEFAULT 7)");
    mysql.execute("INSERT INTO kept VALUES (1, 'old', 100), (2, 'two', 200)");
    postgres.execute("CREATE TABLE kept (id int, name text, extra int)");
    let base = folder();
    let job = |mode: &str| {
        Manual::new("10-two-contents")
            .at("mysql", &mysql)
            .at("postgres", &postgres)
            .with("folder", base.path().to_str().unwrap())
            .with("mode", mode)
    };
    let state = folder();
    for (mode, id, expected) in [
        ("insert", 3, ["1|old|100", "2|two|200", "3|insert|7"].as_slice()),
        ("replace", 1, &["1|replace|100", "2|two|200", "3|insert|7"]),
        ("update", 2, &["1|replace|100", "2|update|200", "3|insert|7"]),
    ] {
        std::fs::write(base.path().join("new.csv"), format!("{id},{mode}\n")).unwrap();
        job(mode).run(state.path());
        for place in [&mysql, &postgres] {
            let found = rows(place, "SELECT id, name, extra FROM kept ORDER BY id");
            assert_eq!(found, expected, "{mode}");
        }
    }
}
