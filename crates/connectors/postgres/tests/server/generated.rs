//! Generated values of every type, from PostgreSQL to PostgreSQL: the server writes both rows as
//! text, and is the judge.

use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;
use proptest::test_runner::{Config, TestRunner};
use syncline_connector::WriteMode;

use crate::support::{assert_same, copy, server};

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Any text that PostgreSQL has.
fn text() -> BoxedStrategy<String> {
    prop_oneof![
        "[^\u{0}]{0,40}",
        "[ \\t\\n\\r\\\\'\"{},()NUL.]{0,12}",
        "\\PC{0,10}",
        Just(String::new())
    ]
    .boxed()
}

fn digits(most: usize) -> BoxedStrategy<String> {
    proptest::string::string_regex(&format!("-?[0-9]{{1,{most}}}")).unwrap().boxed()
}

/// A number with a fraction of its own length.
fn numeric(whole: usize, fraction: usize) -> BoxedStrategy<String> {
    let tail = proptest::string::string_regex(&format!("[0-9]{{0,{fraction}}}")).unwrap();
    (digits(whole), tail).prop_map(|(w, f)| format!("{w}.{f}0")).boxed()
}

fn float() -> BoxedStrategy<String> {
    let special = prop_oneof![Just("NaN"), Just("Infinity"), Just("-Infinity"), Just("-0")];
    prop_oneof![
        9 => any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |f| f.is_finite())
            .prop_map(|f| format!("'{f:e}'")),
        3 => any::<i32>().prop_map(|n| format!("'{n}.5'")),
        1 => special.prop_map(|s| format!("'{s}'")),
    ]
    .boxed()
}

fn single() -> BoxedStrategy<String> {
    prop_oneof![
        9 => any::<u32>().prop_map(f32::from_bits).prop_filter("finite", |f| f.is_finite())
            .prop_map(|f| format!("'{f:e}'")),
        1 => prop_oneof![Just("NaN"), Just("Infinity"), Just("-0")].prop_map(|s| format!("'{s}'")),
    ]
    .boxed()
}

fn day() -> BoxedStrategy<String> {
    prop_oneof![
        8 => (-2_451_507..106_751_983_i64).prop_map(|n| format!("('2000-01-01'::date + {n})")),
        1 => prop_oneof![Just("'infinity'::date"), Just("'-infinity'::date")].prop_map(str::to_owned),
    ]
    .boxed()
}

fn moment(ty: &'static str) -> BoxedStrategy<String> {
    let add = move |s: i64, us: i64| {
        format!(
            "('2000-01-01'::{ty} + {s} * interval '1 second' + {us} * interval '1 microsecond')"
        )
    };
    prop_oneof![
        8 => (-200_000_000_000..9_200_000_000_000_i64, 0..1_000_000_i64).prop_map(move |(s, us)| add(s, us)),
        2 => (-100_000_000..100_000_000_i64, -1_000_000..1_000_000_i64).prop_map(move |(s, us)| add(s, us)),
        1 => prop_oneof![Just("infinity"), Just("-infinity")].prop_map(move |t| format!("'{t}'::{ty}")),
    ]
    .boxed()
}

fn interval() -> BoxedStrategy<String> {
    (-2_000_000..2_000_000_i32, -3_000_000..3_000_000_i32, any::<i32>(), 0..1_000_000_i32)
        .prop_map(|(m, d, s, us)| {
            format!("make_interval(months => {m}, days => {d}, secs => {s}) + {us} * interval '1 microsecond'")
        })
        .boxed()
}

fn bytes() -> BoxedStrategy<String> {
    proptest::collection::vec(any::<u8>(), 0..40)
        .prop_map(|b| b.iter().map(|b| format!("{b:02x}")).collect::<String>())
        .prop_map(|hex| format!("'\\x{hex}'::bytea"))
        .boxed()
}

fn array_of(item: BoxedStrategy<String>, ty: &'static str) -> BoxedStrategy<String> {
    let one = prop_oneof![4 => item, 1 => Just("NULL".to_owned())];
    let list = proptest::collection::vec(one.clone(), 0..5)
        .prop_map(move |items| format!("ARRAY[{}]::{ty}[]", items.join(", ")));
    let table = (proptest::collection::vec(one, 6), -5..5_i32).prop_map(move |(i, at)| {
        let rows = format!(
            "ARRAY[ARRAY[ARRAY[{},{},{}], ARRAY[{},{},{}]]]::{ty}[]",
            i[0], i[1], i[2], i[3], i[4], i[5]
        );
        // The bounds are given in front of the array's own text.
        format!(
            "('[{at}:{at}][{}:{}][0:2]=' || replace(({rows})::text, '', ''))::{ty}[]",
            at + 1,
            at + 2
        )
    });
    prop_oneof![2 => list, 1 => table].boxed()
}

fn range_of(
    item: BoxedStrategy<String>,
    ty: &'static str,
    name: &'static str,
) -> BoxedStrategy<String> {
    let bounds = prop_oneof![Just("[)"), Just("(]"), Just("[]"), Just("()")];
    let part = prop_oneof![4 => item, 1 => Just(format!("NULL::{ty}"))];
    (part.clone(), part, bounds)
        .prop_map(move |(a, b, bounds)| {
            format!("(SELECT CASE WHEN a > b THEN {name}(b, a, '{bounds}') ELSE {name}(a, b, '{bounds}') END FROM (SELECT {a} AS a, {b} AS b) x)")
        })
        .boxed()
}

/// Each type, and expressions of its values.
fn types() -> Vec<(&'static str, BoxedStrategy<String>)> {
    let texts = || text().prop_map(|t| quoted(&t)).boxed();
    let json = || {
        (text(), any::<i64>(), numeric(30, 20)).prop_map(|(t, n, d)| {
            format!(
                "json_build_object({}, {n}, 'd', {d}, 'l', json_build_array(NULL, {}))",
                quoted(&t),
                quoted(&t)
            )
        })
    };
    let number = |ty: &'static str| move |n: String| format!("'{n}'::{ty}");
    let point = || (float(), float()).prop_map(|(x, y)| format!("point({x}::float8, {y}::float8)"));
    let finite =
        || (any::<i32>(), any::<i16>()).prop_map(|(a, b)| format!("point({a} / 7.0, {b} / 3.0)"));
    vec![
        ("boolean", any::<bool>().prop_map(|b| b.to_string()).boxed()),
        ("smallint", any::<i16>().prop_map(|n| format!("'{n}'")).boxed()),
        ("integer", any::<i32>().prop_map(|n| format!("'{n}'")).boxed()),
        ("bigint", any::<i64>().prop_map(|n| format!("'{n}'")).boxed()),
        ("oid", any::<u32>().prop_map(|n| format!("'{n}'")).boxed()),
        ("real", single()),
        ("double precision", float()),
        ("numeric", prop_oneof![5 => numeric(200, 100).prop_map(number("numeric")), 1 => Just("'NaN'::numeric".to_owned())].boxed()),
        ("numeric(20,5)", prop_oneof![5 => numeric(14, 4).prop_map(number("numeric")), 1 => Just("'NaN'".to_owned())].boxed()),
        ("numeric(60,20)", prop_oneof![5 => numeric(39, 19).prop_map(number("numeric")), 1 => Just("'NaN'".to_owned())].boxed()),
        ("numeric(90,20)", numeric(60, 19).prop_map(number("numeric")).boxed()),
        ("money", any::<i64>().prop_map(|n| format!("({n}::numeric / 100)::money")).boxed()),
        ("text", texts()),
        ("varchar(60)", texts()),
        ("char(60)", texts()),
        ("name", "[a-z 'é\"]{0,20}".prop_map(|t| quoted(&t)).boxed()),
        ("citext", texts()),
        ("json", json().boxed()),
        ("jsonb", json().prop_map(|j| format!("({j})::jsonb")).boxed()),
        ("xml", text().prop_map(|t| t.chars().filter(|c| !c.is_control()).collect::<String>())
            .prop_map(|t| format!("xmlelement(name \"a b\", xmlattributes({0} AS x), {0})", quoted(&t))).boxed()),
        ("bytea", bytes()),
        ("uuid", any::<u128>().prop_map(|n| format!("'{n:032x}'")).boxed()),
        ("date", day()),
        ("time", (0..=86_400_000_000_i64).prop_map(|n| format!("(time '00:00' + {n} * interval '1 microsecond')")).boxed()),
        ("timetz", (0..86_400_000_000_i64, -57_540..57_540_i32).prop_map(|(n, z)| {
            format!("timezone({z} * interval '1 second', timetz '00:00+00' + {n} * interval '1 microsecond')")
        }).boxed()),
        ("timestamp", moment("timestamp")),
        ("timestamptz", moment("timestamptz")),
        ("timestamp(3)", moment("timestamp")),
        ("interval", interval()),
        ("bit(13)", (0..8192_i32).prop_map(|n| format!("{n}::bit(13)")).boxed()),
        ("varbit", "[01]{0,70}".prop_map(|t| format!("B'{t}'")).boxed()),
        ("inet", (any::<u32>(), 0..=32_u8).prop_map(|(a, m)| format!("'{}/{m}'", std::net::Ipv4Addr::from(a))).boxed()),
        ("cidr", (any::<u128>(), 0..=128_u8).prop_map(|(a, m)| format!("network('{}/{m}'::inet)", std::net::Ipv6Addr::from(a))).boxed()),
        ("macaddr8", any::<u64>().prop_map(|n| format!("'{n:016x}'")).boxed()),
        ("integer[]", array_of(any::<i32>().prop_map(|n| format!("'{n}'::int")).boxed(), "integer")),
        ("text[]", array_of(texts(), "text")),
        ("timestamptz[]", array_of(moment("timestamptz"), "timestamptz")),
        ("int8range", range_of(any::<i32>().prop_map(|n| format!("'{n}'::bigint")).boxed(), "bigint", "int8range")),
        ("numrange", range_of(numeric(9, 5).prop_map(number("numeric")).boxed(), "numeric", "numrange")),
        ("tstzrange", range_of(moment("timestamptz"), "timestamptz", "tstzrange")),
        ("pair", (any::<i32>(), text()).prop_map(|(n, t)| format!("ROW('{n}'::int, {})::pair", quoted(&t))).boxed()),
        ("posint", (1..i32::MAX).prop_map(|n| n.to_string()).boxed()),
        ("hstore", (text(), text()).prop_map(|(k, v)| format!("hstore(ARRAY[{}, 'n'], ARRAY[{}, NULL])", quoted(&k), quoted(&v))).boxed()),
        ("ltree", "[a-z]{1,5}(\\.[A-Z_0-9]{1,5}){0,4}".prop_map(|t| quoted(&t)).boxed()),
        ("tsvector", text().prop_map(|t| format!("to_tsvector('simple', {})", quoted(&t))).boxed()),
        ("point", point().boxed()),
        ("box", (finite(), finite()).prop_map(|(a, b)| format!("box({a}, {b})")).boxed()),
        ("path", (finite(), finite(), any::<bool>()).prop_map(|(a, b, open)| {
            format!("{}(path(polygon(box({a}, {b}))))", if open { "popen" } else { "pclose" })
        }).boxed()),
        ("circle", finite().prop_map(|c| format!("circle({c}, 0.3)")).boxed()),
        ("pg_lsn", (any::<u32>(), any::<u32>()).prop_map(|(a, b)| format!("'{a:X}/{b:X}'")).boxed()),
    ]
}

#[test]
fn generated_values_of_every_type_come_back_the_same() {
    let Some(server) = server() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (from, to) = (server.database(), server.database());
    let needed = "CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree;
        CREATE TYPE pair AS (a int, b text); CREATE DOMAIN posint AS int CHECK (value > 0)";
    from.execute(needed);
    let types = types();
    let columns: Vec<String> =
        types.iter().enumerate().map(|(at, (ty, _))| format!("c{at} {ty}")).collect();
    from.execute(&format!(
        "CREATE TABLE all_types (id serial PRIMARY KEY, {})",
        columns.join(", ")
    ));
    // One table in COPY's text form, and one in its binary form, of the types that have it.
    let row: Vec<BoxedStrategy<String>> = types
        .iter()
        .map(|(_, values)| prop_oneof![9 => values.clone(), 1 => Just("NULL".to_owned())].boxed())
        .collect();
    let mut runner =
        TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let rows = std::cell::RefCell::new(Vec::new());
    runner
        .run(&row, |row| {
            rows.borrow_mut().push(row);
            Ok(())
        })
        .unwrap();
    let names: Vec<String> = (0..types.len()).map(|at| format!("c{at}")).collect();
    for row in rows.borrow().iter() {
        from.execute(&format!(
            "SET xmloption = content; INSERT INTO all_types ({}) SELECT {}",
            names.join(", "),
            row.join(", ")
        ));
    }
    let direct: Vec<&str> = names
        .iter()
        .zip(&types)
        .filter(|(_, (ty, _))| {
            let text_of = [
                "xml", "timetz", "interval", "inet", "cidr", "macaddr8", "pair", "hstore", "ltree",
                "tsvector", "point", "box", "path", "circle", "pg_lsn",
            ];
            !ty.ends_with("[]") && !ty.ends_with("range") && !text_of.contains(ty)
        })
        .map(|(name, _)| name.as_str())
        .collect();
    from.execute(&format!("CREATE TABLE direct AS SELECT id, {} FROM all_types; ALTER TABLE direct ADD PRIMARY KEY (id)", direct.join(", ")));
    for table in ["all_types", "direct"] {
        let copied = runtime.block_on(copy(&from, &to, table, table, WriteMode::Append));
        assert_eq!(copied, 400);
        assert_same((&from, table), (&to, table));
    }
}
