//! Every native type of the servers, with its extremes and odd values, as SQL.

/// How a server is asked for a value's exact text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Numbers, dates and whatever has one text.
    Plain,
    /// Floating point.
    Float,
    /// Texts and bytes.
    Hex,
    /// Bits as a number.
    Bits,
}

/// A native type with its values.
#[derive(Debug, Clone)]
pub(crate) struct Type {
    /// As it stands in CREATE TABLE.
    pub(crate) native: &'static str,
    pub(crate) look: Look,
    /// SQL expressions.
    pub(crate) values: Vec<String>,
}

fn of(native: &'static str, look: Look, values: &[&str]) -> Type {
    Type { native, look, values: values.iter().map(|v| (*v).to_owned()).collect() }
}

const TEXT: &[&str] = &[
    "''",
    "' lead'",
    "'a\tb'",
    "'NULL'",
    "'\u{fffd}é😀'",
    "'x,\"y\"'",
    "'2024-01-01'",
    "'007'",
    "'1e5'",
    "'infinity'",
    "'{}'",
];

/// What MariaDB and MySQL have in common.
fn mysql_family() -> Vec<Type> {
    use Look::{Bits, Float, Hex, Plain};
    let nines = |n: usize| "9".repeat(n);
    let d65 = [format!("{}.{}", nines(35), nines(30)), format!("-{}.{}", nines(35), nines(30))];
    let d65: Vec<&str> = d65.iter().map(String::as_str).chain(["0", "-0.1"]).collect();
    let whole65 = nines(65);
    let texts = |more: &[&'static str]| -> Vec<&'static str> { [TEXT, more].concat() };
    let long =
        ["CONCAT('é', CHAR(0 USING utf8mb4), 'x')", "'line\\nbreak\\r\\\\'", "REPEAT('😀', 5000)"];
    vec![
        of("tinyint", Plain, &["-128", "127", "0"]),
        of("tinyint(1)", Plain, &["0", "1", "-128", "127"]),
        of("tinyint unsigned", Plain, &["0", "255"]),
        of("smallint", Plain, &["-32768", "32767"]),
        of("smallint unsigned", Plain, &["65535"]),
        of("mediumint", Plain, &["-8388608", "8388607"]),
        of("mediumint unsigned", Plain, &["16777215"]),
        of("int", Plain, &["-2147483648", "2147483647"]),
        of("int unsigned", Plain, &["4294967295"]),
        of("bigint", Plain, &["-9223372036854775808", "9223372036854775807"]),
        of("bigint unsigned", Plain, &["0", "18446744073709551615"]),
        of("year", Plain, &["0", "1901", "2155"]),
        of("float", Float, &["-3.402823466e38", "1.17549435e-38", "0.1", "16777216", "-0e0"]),
        of(
            "double",
            Float,
            &["-1.7976931348623157e308", "5e-324", "0.1", "9007199254740993", "-0e0"],
        ),
        of("decimal(10,2)", Plain, &["-99999999.99", "0.01", "0"]),
        of("decimal(38,10)", Plain, &["9999999999999999999999999999.9999999999", "-0.0000000001"]),
        of("decimal(65,30)", Plain, &d65),
        of("decimal(65,0)", Plain, &[&whole65, "-1"]),
        of("bit(1)", Bits, &["b'0'", "b'1'"]),
        of("bit(13)", Bits, &["b'1111111111111'", "b'1000000000000'", "b'1'"]),
        of("bit(64)", Bits, &["18446744073709551615", "0"]),
        of(
            "date",
            Plain,
            &["'1000-01-01'", "'9999-12-31'", "'0000-01-01'", "'0000-00-00'", "'2024-00-10'"],
        ),
        of(
            "datetime",
            Plain,
            &["'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'", "'0000-00-00 00:00:00'"],
        ),
        of("datetime(6)", Plain, &["'9999-12-31 23:59:59.999999'", "'1969-12-31 23:59:59.000001'"]),
        of(
            "timestamp",
            Plain,
            &["'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'0000-00-00 00:00:00'"],
        ),
        of("timestamp(6)", Plain, &["'1970-01-01 00:00:01.000001'", "'2024-10-27 02:30:00.5'"]),
        of("time", Plain, &["'-838:59:59'", "'838:59:59'", "'00:00:00'"]),
        of(
            "time(6)",
            Plain,
            &["'-00:00:00.000001'", "'23:59:59.999999'", "'100:00:00.5'", "'-838:59:59.000000'"],
        ),
        of("char(10)", Hex, TEXT),
        of("varchar(100)", Hex, &texts(&["'trailing  '", "REPEAT('😀', 100)"])),
        of("varchar(20) CHARACTER SET latin1", Hex, &["'äöüß€'", "'ÿþ '"]),
        of("varchar(20) CHARACTER SET gbk", Hex, &["'中文'"]),
        of("tinytext", Hex, &["''", "REPEAT('x', 255)"]),
        of("text", Hex, &texts(&long)),
        of("mediumtext", Hex, &texts(&long)),
        of("longtext", Hex, &texts(&long)),
        of("binary(5)", Hex, &["0x0001090A5C", "0xFFFFFFFFFF", "0x2020202020"]),
        of("varbinary(300)", Hex, &["''", "0x00", "0xFFFE00", "REPEAT(0xC3, 300)"]),
        of("tinyblob", Hex, &["''", "0x5C4E"]),
        of("blob", Hex, &["''", "0x0D0A00", "REPEAT(0x00FF, 3000)"]),
        of("mediumblob", Hex, &["0x00"]),
        of("longblob", Hex, &["0x22FF22"]),
        of("enum('a','B','it''s','x,y','','ü')", Hex, &["'a'", "'it\\'s'", "'x,y'", "''", "'ü'"]),
        of("set('a','b','c d','é')", Hex, &["''", "'a,b,c d,é'", "'b'"]),
        of("json", Hex, &[r#"'{"a": [1, 2.5, null, true, "ü😀"]}'"#, "'[]'", "'1'", "'\"x\"'"]),
        of(
            "geometry",
            Hex,
            &["ST_GeomFromText('POINT(1 2)', 4326)", "ST_GeomFromText('LINESTRING(0 0,1 1)')"],
        ),
        of("point", Hex, &["ST_GeomFromText('POINT(-1e300 5e-324)')"]),
        of("linestring", Hex, &["ST_GeomFromText('LINESTRING(0 0,1 1,2 2)')"]),
        of("polygon", Hex, &["ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0))')"]),
        of("multipoint", Hex, &["ST_GeomFromText('MULTIPOINT(1 1,2 2)')"]),
        of("multilinestring", Hex, &["ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))')"]),
        of("multipolygon", Hex, &["ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))')"]),
        of(
            "geometrycollection",
            Hex,
            &["ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')"],
        ),
    ]
}

pub(crate) fn mariadb() -> Vec<Type> {
    let mut types = mysql_family();
    // MySQL's times end with the beginning of the last second.
    let last = ["'838:59:59.999999'", "'-838:59:59.999999'"].map(str::to_owned);
    types.iter_mut().filter(|t| t.native == "time(6)").for_each(|t| t.values.extend(last.clone()));
    types.push(of("time(2)", Look::Plain, &["'-838:59:59.99'", "'838:59:59.99'"]));
    types.push(of(
        "uuid",
        Look::Plain,
        &["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-1fff-bfff-ffffffffffff'"],
    ));
    types.push(of("inet4", Look::Plain, &["'0.0.0.0'", "'255.255.255.255'"]));
    types.push(of("inet6", Look::Plain, &["'::'", "'2001:db8::1'"]));
    types
}

pub(crate) fn mysql() -> Vec<Type> {
    mysql_family()
}

/// What must be there before PostgreSQL's table: made at every place that holds it.
pub(crate) const POSTGRES_BEFORE: &str = "
CREATE EXTENSION IF NOT EXISTS hstore;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE EXTENSION IF NOT EXISTS ltree;
CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'élan 😀', '');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN posint AS int CHECK (value > 0);
CREATE TYPE floatrange AS RANGE (subtype = float8);
";

pub(crate) fn postgres() -> Vec<Type> {
    use Look::Plain;
    let p = |native, values: &[&str]| of(native, Plain, values);
    let text: Vec<&str> = TEXT
        .iter()
        .copied()
        .chain(["E'line\\nbreak\\r\\\\'", "E'\\\\N'", "repeat('😀', 5000)"])
        .collect();
    let nines = |n: usize| format!("repeat('9', {n})::numeric");
    let huge = format!("{} + 0.123456789012345678901234567890", nines(1000));
    vec![
        p("boolean", &["true", "false"]),
        p("smallint", &["-32768", "32767"]),
        p("integer", &["-2147483648", "2147483647"]),
        p("bigint", &["-9223372036854775808", "9223372036854775807"]),
        p("real", &["'NaN'", "'-Infinity'", "'-0'", "3.4028235e38", "1e-45", "0.1"]),
        p(
            "double precision",
            &["'NaN'", "'Infinity'", "'-0'", "1.7976931348623157e308", "5e-324", "0.1"],
        ),
        p("numeric(12,2)", &["-9999999999.99", "0.01", "'NaN'"]),
        p("numeric(38,10)", &["9999999999999999999999999999.9999999999", "'NaN'"]),
        p("numeric(76,30)", &["-1e45", "0.000000000000000000000000000001", "'NaN'"]),
        p("numeric(100,5)", &["99999.99999", "1e90"]),
        p("numeric", &["0.00010000", &huge, "'NaN'", "123456789012345678901234567890.00"]),
        p("money", &["'-92233720368547758.08'", "'92233720368547758.07'"]),
        p("text", &text),
        p("character varying", &text),
        p("character varying(10)", &["''", "'a '", "'😀😀😀😀😀😀😀😀😀😀'"]),
        p("character(5)", &["''", "'ab  c'", "'ü'"]),
        p("bpchar", &["'x   '"]),
        p("name", &["repeat('n', 63)"]),
        p("citext", &["'CiText'"]),
        p("bytea", &["''", "'\\x00ff5c6e0a0d09'", "'\\xdeadbeef'"]),
        p(
            "uuid",
            &["'00000000-0000-0000-0000-000000000000'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
        ),
        p("json", &[r#"'{"b" : 1,  "a": [1, 2.50, null], "b":2}'"#, "'null'", "'\"x\"'"]),
        p("jsonb", &[r#"'{"b": 1e3, "a": [1.50, "é"]}'"#, "'null'", "'[]'"]),
        p("mood", &["'sad'", "'it''s ok'", "'élan 😀'", "''"]),
        p("bit(9)", &["B'000000000'", "B'111111111'", "B'100000001'"]),
        p("bit varying", &["B''", "B'10110'", "B'10'", "repeat('1', 100)::varbit"]),
        p("bit varying(3)", &["B'101'", "B'0'", "B'10'"]),
        p("oid", &["0", "4294967295"]),
        p(
            "date",
            &["'4713-01-01 BC'", "'5874897-12-31'", "'infinity'", "'-infinity'", "'2000-02-29'"],
        ),
        p(
            "timestamp",
            &[
                "'4713-01-01 00:00:00 BC'",
                "'294246-12-31 23:59:59.999999'",
                "'infinity'",
                "'-infinity'",
                "'1969-12-31 23:59:59.5'",
            ],
        ),
        p("timestamp(3)", &["'1969-12-31 23:59:59.001'"]),
        p(
            "timestamptz",
            &[
                "'4713-01-02 00:00:00+00 BC'",
                "'294246-12-31 23:59:59.999999+00'",
                "'infinity'",
                "'-infinity'",
            ],
        ),
        p("timestamptz(0)", &["'2000-01-01 00:00:00+13:45'"]),
        p("time", &["'00:00'", "'24:00'", "'12:34:56.789012'"]),
        p("time(3)", &["'23:59:59.999'"]),
        p("timetz", &["'23:59:59.999999-15:59'", "'00:00:00+15:59'"]),
        p("interval", &["'1 mon -2 days +03:04:05.000006'", "'-0.25'", "'-178000000 years'"]),
        p("interval(2)", &["'0.01'"]),
        p("inet", &["'192.168.1.1'", "'2001:db8::1/64'"]),
        p("cidr", &["'10.0.0.0/8'"]),
        p("macaddr", &["'08:00:2b:01:02:03'"]),
        p("macaddr8", &["'08:00:2b:01:02:03:04:05'"]),
        p("xml", &["'<a b=\"1\">é&amp;</a>'", "'just text'"]),
        p("integer[]", &["'{1,NULL,-3}'", "'{}'", "'[0:1][-1:0]={{1,2},{3,4}}'"]),
        p("text[]", &[r#"ARRAY['a"b', 'c\d', '', NULL, 'NULL', '{x,y}']"#, "'{}'"]),
        p("mood[]", &["ARRAY['sad','']::mood[]"]),
        p("bytea[]", &["ARRAY['\\x00ff'::bytea]"]),
        p("numeric[]", &["'{NaN,1.50,-0.00}'"]),
        p("timestamptz[]", &["ARRAY['2020-01-01 00:00:00+00'::timestamptz, 'infinity']"]),
        p("int4range", &["'[1,5)'", "'empty'"]),
        p("tstzrange", &["'[\"2020-01-01 00:00:00+00\",)'"]),
        p("floatrange", &["'[0.1,0.30000000000000004)'"]),
        p("int4multirange", &["'{[1,2),[5,9)}'", "'{}'"]),
        p("pair", &["ROW(1, 'x\"y,(z)')::pair", "ROW(NULL, NULL)::pair"]),
        p("posint", &["1", "2147483647"]),
        p("hstore", &[r#"'a=>1,"b c"=>NULL'"#, "''"]),
        p("ltree", &["'Top.Science'", "''"]),
        p("tsvector", &["to_tsvector('simple', 'a fat cat :1')"]),
        p("tsquery", &["to_tsquery('simple', 'a & !b')"]),
        p("point", &["'(0.1,-1e300)'"]),
        p("line", &["'{1,2,3.3}'"]),
        p("lseg", &["'[(0,0),(1,1)]'"]),
        p("box", &["'(1,1),(0,0)'"]),
        p("path", &["'[(0,0),(1,1),(2,0)]'"]),
        p("polygon", &["'((0,0),(1,1),(2,0))'"]),
        p("circle", &["'<(0.1,0.2),0.30000000000000004>'"]),
        p("pg_lsn", &["'16/B374D848'"]),
        p("xid", &["'4294967295'"]),
        p("tid", &["'(42,7)'"]),
        p("regclass", &["'pg_catalog.pg_class'"]),
        p("\"char\"", &["'x'"]),
        p("jsonpath", &["'$.\"a\"[*]?(@ > 1)'"]),
        p("txid_snapshot", &["'10:20:10,14,15'"]),
    ]
}

pub(crate) fn sqlite() -> Vec<Type> {
    use Look::Plain;
    let p = |native, values: &[&str]| of(native, Plain, values);
    let text: Vec<&str> = TEXT.iter().copied().chain(["'a' || char(10) || 'b'"]).collect();
    vec![
        p("INTEGER", &["-9223372036854775808", "9223372036854775807", "0"]),
        p("BIGINT UNSIGNED", &["0", "9223372036854775807"]),
        p("BOOLEAN", &["0", "1"]),
        p("DOUBLE", &["1.7976931348623157e308", "5e-324", "0.1", "9e999"]),
        p("DECIMAL(12,2)", &["-9999999999.99", "0.01"]),
        p("DECIMAL_TEXT(30,10)", &["'99999999999999999999.9999999999'", "'-0.0000000001'"]),
        p("DECIMAL_TEXT", &["'0.0001000'", "'123456789012345678901234567890.00'"]),
        p("VARCHAR(40)", &text),
        p("TEXT", &text),
        p("JSON_TEXT", &[r#"'{"b" : 1,  "b":2}'"#, "'[1.50]'"]),
        p("BLOB", &["x''", "x'00ff'", "x'deadbeef'"]),
        p("DATE", &["'0000-01-01'", "'9999-12-31'"]),
        p("TIMESTAMP", &["'0000-01-01 00:00:00'", "'9999-12-31 23:59:59.999999'"]),
        p("TIMESTAMPTZ", &["'1969-12-31 23:59:59.500000+00:00'"]),
        p("TIME", &["'00:00:00'", "'24:00:00'", "'12:34:56.789012'"]),
        p("DURATION", &["'-838:59:59'", "'1000000:00:00.000001'"]),
    ]
}
