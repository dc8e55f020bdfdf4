//! Values that fit a JSON Schema, and ways to make them fit no more.

use rand::RngExt as _;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Map, Value, json};

/// How deep a fitting value goes.
const DEEP: usize = 6;

/// A value as the schema wants it.
pub(super) fn fitting(
    document: &Value,
    schema: &Value,
    depth: usize,
    random: &mut SmallRng,
) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let found = document.pointer(name.trim_start_matches('#')).unwrap();
        return fitting(document, found, depth, random);
    }
    if let Some(example) = schema.get("example").or_else(|| schema["examples"].get(0)) {
        return example.clone();
    }
    if let Some(one) = schema["enum"].as_array().and_then(|all| all.choose(random)) {
        return one.clone();
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(one) = schema[key].as_array().and_then(|all| all.choose(random)) {
            return fitting(document, one, depth + 1, random);
        }
    }
    if let Some(all) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for one in all {
            if let Value::Object(part) = fitting(document, one, depth + 1, random) {
                whole.extend(part);
            }
        }
        return whole.into();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.choose(random).cloned().unwrap_or_default(),
        one => one.clone(),
    };
    match kind.as_str().unwrap_or("object") {
        "string" => json!(
            *["a", "b-1", "2026-11-21T10:00:00Z", "mysql://me@127.0.0.1:1/shop"]
                .choose(random)
                .unwrap()
        ),
        "integer" | "number" => json!(random.random_range(0..50)),
        "boolean" => json!(random.random_range(0..2) == 0),
        "null" => Value::Null,
        "array" if depth < DEEP => {
            let count = random.random_range(0..3);
            let one = |_| fitting(document, &schema["items"], depth + 1, random);
            (0..count).map(one).collect()
        }
        "array" => json!([]),
        _ => {
            let mut whole = Map::new();
            for (name, part) in schema["properties"].as_object().into_iter().flatten() {
                let wanted = schema["required"].as_array();
                let wanted = wanted.is_some_and(|all| all.iter().any(|n| n == name));
                if wanted || (depth < DEEP && random.random_range(0..2) == 0) {
                    whole.insert(name.clone(), fitting(document, part, depth + 1, random));
                }
            }
            whole.into()
        }
    }
}

/// Makes one place of a value wrong.
pub(super) fn bend(value: &mut Value, random: &mut SmallRng) {
    let goes_in = random.random_range(0..4) > 0;
    match value {
        Value::Object(fields) if goes_in && !fields.is_empty() => {
            let names: Vec<String> = fields.keys().cloned().collect();
            let name = names.choose(random).unwrap();
            match random.random_range(0..5) {
                0 => drop(fields.remove(name)),
                1 => drop(fields.insert(format!("{name}\u{0}"), json!(1))),
                _ => bend(&mut fields[name], random),
            }
        }
        Value::Array(items) if goes_in && !items.is_empty() => {
            let at = random.random_range(0..items.len());
            bend(&mut items[at], random);
        }
        other => *other = odd_value(random),
    }
}

fn odd_value(random: &mut SmallRng) -> Value {
    let deep = || (0..200).fold(json!(1), |inner, _| json!([inner]));
    match random.random_range(0..17) {
        0 => Value::Null,
        1 => json!(-1),
        2 => json!(u64::MAX),
        3 => json!(1e308),
        4 => json!(0.5),
        5 => json!(""),
        6 => json!("\u{0}"),
        7 => json!("x".repeat(70_000)),
        8 => json!("\u{202e}\u{1f4a9}\u{feff}"),
        9 => json!("'; DROP TABLE runs; --"),
        10 => json!("../../etc/passwd"),
        11 => json!([]),
        12 => json!({}),
        13 => json!([[], {}, null, 1]),
        14 => json!(true),
        15 => deep(),
        _ => json!("9999-99-99T99:99:99Z"),
    }
}

/// Makes bytes no JSON, or JSON that nobody would write.
pub(super) fn spoil(body: &mut Vec<u8>, random: &mut SmallRng) {
    match random.random_range(0..10) {
        0 => body.clear(),
        1 => body.truncate(body.len() / 2),
        2 => body.extend_from_slice(b"}"),
        3 => body.splice(0..0, *b"\xef\xbb\xbf").for_each(drop),
        4 => body.push(0xff),
        5 => *body = b"[".repeat(20_000),
        6 => *body = br#"{"name":"a","name":"b"}"#.to_vec(),
        7 => *body = b"NaN".to_vec(),
        8 => *body = br#""\ud800""#.to_vec(),
        _ if body.is_empty() => *body = b"{}".to_vec(),
        _ => {
            let at = random.random_range(0..body.len());
            body[at] ^= 1 << random.random_range(0..8);
        }
    }
}

/// A text for a path or a query, already as it stands there.
pub(super) fn odd_text(random: &mut SmallRng) -> Vec<u8> {
    let texts: [&[u8]; 22] = [
        b"",
        b".",
        b"..",
        b"%00",
        b"%ff",
        b"%",
        b"%zz",
        b"%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        b"..%5c..%5c",
        b"-1",
        b"0",
        b"99999999999999999999999999",
        b"1e9",
        b"null",
        b"%7B%7D",
        b"%27%20OR%201=1--",
        b"%F0%9F%92%A9",
        b"a%20b",
        b"%E2%80%AE",
        b"a/b",
        b"01980000-0000-7000-8000-000000000000",
        b"eyJhIjoxfQ",
    ];
    match random.random_range(0..24) {
        0 => vec![b'x'; 5_000],
        1 => b"%41".repeat(900),
        _ => texts.choose(random).unwrap().to_vec(),
    }
}
