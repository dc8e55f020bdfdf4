//! `streamreader/-writer`: generated rows, and rows shown or thrown away.

use serde_json::{Value, json};
use syncline_types::Result;

use crate::jdbc::encode;
use crate::keys::Node;
use crate::text_file::portable;
use crate::{Input, Output};

pub(crate) fn reader(
    node: &Node<'_>,
    channels: u64,
    notes: &mut Vec<String>,
) -> Result<Vec<Input>> {
    let keys = node.keys()?;
    let count = keys.need("sliceRecordCount")?;
    let rows = count.count()?.filter(|n| *n > 0).ok_or_else(|| count.wrong("at least 1"))?;
    let list = keys.need("column")?;
    let mut columns = Vec::new();
    for (at, item) in list.list()?.iter().enumerate() {
        columns.push(column(item, at, notes)?);
    }
    if columns.is_empty() {
        return Err(list.wrong("no columns"));
    }
    keys.finish()?;
    let columns = encode(&Value::from(columns).to_string());
    // Each of DataX's channels makes a slice of its own.
    let rows = rows.saturating_mul(channels);
    let url = format!("stream:?table=rows&rows={rows}&columns={columns}");
    Ok(vec![Input { url, ..Input::default() }])
}

/// How DataX writes dates where nothing else is said.
const DATES: &str = "yyyy-MM-dd HH:mm:ss";

fn column(item: &Node<'_>, at: usize, notes: &mut Vec<String>) -> Result<Value> {
    let keys = item.keys()?;
    let kind = keys.text("type")?.unwrap_or_else(|| "string".into()).to_ascii_lowercase();
    let format = keys.text("dateFormat")?.unwrap_or_else(|| DATES.into());
    let (value, random) = (keys.get("value"), keys.text("random")?);
    keys.finish()?;
    let ours = portable(&kind).ok_or_else(|| {
        let hint = "there are long, double, string, bool, date and bytes";
        item.wrong(format!("type {kind:?} is not known")).hint(hint)
    })?;
    let date = |text: &str| {
        moment(text.trim(), &format).ok_or_else(|| {
            let hint = "dateFormat is of y, M, d, H, m, s and S";
            item.wrong(format!("{text:?} is no date in the form {format:?}")).hint(hint)
        })
    };
    let name = format!("c{}", at + 1);
    let Some(random) = random else {
        let value = value.ok_or_else(|| item.wrong("needs either value or random"))?;
        let text = value.text()?;
        let text = match ours {
            "timestamp" => date(&text)?,
            "int64" if text.trim().parse::<i64>().is_err() => {
                return Err(item.wrong(format!("{text:?} is no whole number")));
            }
            "decimal" if text.trim().parse::<f64>().is_err() => {
                return Err(item.wrong(format!("{text:?} is no number")));
            }
            // Whatever is not true is false.
            "bool" => text.trim().eq_ignore_ascii_case("true").to_string(),
            _ => text,
        };
        return Ok(json!({ "name": name, "type": ours, "value": text }));
    };
    if value.is_some() {
        notes.push(format!("{}: random goes before value", item.place));
    }
    let (low, high) =
        random.split_once(',').ok_or_else(|| item.wrong("random is written \"from, to\""))?;
    let (low, high) = (low.trim(), high.trim());
    let number = |text: &str| -> Result<Value> {
        let number = text.parse::<i64>().ok().filter(|n| *n >= 0);
        Ok(number.ok_or_else(|| item.wrong(format!("{text:?} is no number from 0")))?.into())
    };
    let range = match ours {
        "timestamp" => json!([date(low)?, date(high)?]),
        _ => json!([number(low)?, number(high)?]),
    };
    let ours = if ours == "decimal" { "float64" } else { ours };
    Ok(json!({ "name": name, "type": ours, "random": range }))
}

/// A date written by a pattern of numbers, as `yyyy-MM-dd HH:mm:ss`.
fn moment(text: &str, pattern: &str) -> Option<String> {
    // Year, month, day, hour, minute, second, thousandths: what is not said is 1970-01-01.
    let mut parts = [1970_u32, 1, 1, 0, 0, 0, 0];
    let (mut rest, mut wanted) = (text, pattern.chars().peekable());
    while let Some(letter) = wanted.next() {
        let Some(part) = "yMdHmsS".find(letter) else {
            rest = rest.strip_prefix(letter).filter(|_| !letter.is_ascii_alphabetic())?;
            continue;
        };
        let mut width = 1;
        while wanted.next_if_eq(&letter).is_some() {
            width += 1;
        }
        // Only before another number does a number end where its letters do.
        let tight = wanted.peek().is_some_and(|next| "yMdHmsS".contains(*next));
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let taken = if tight { digits.min(width) } else { digits };
        parts[part] = rest.get(..taken)?.parse().ok()?;
        rest = rest.get(taken..)?;
    }
    let [y, mo, d, h, mi, s, ms] = parts;
    let fraction = if ms > 0 { format!(".{ms:03}") } else { String::new() };
    rest.is_empty().then(|| format!("{y:04}-{mo:02}-{d:02} {h:02}:{mi:02}:{s:02}{fraction}"))
}

pub(crate) fn writer(node: &Node<'_>, notes: &mut Vec<String>) -> Result<Vec<Output>> {
    let keys = node.keys()?;
    let print = keys.get("print").map(|n| n.flag()).transpose()?.unwrap_or(true);
    let delimiter = match keys.text("fieldDelimiter")?.as_deref() {
        None | Some("\t" | "\\t") => "tab".to_owned(),
        Some(other) => other.to_owned(),
    };
    let (path, name) = (keys.text("path")?, keys.text("fileName")?);
    keys.harmless(&["encoding", "recordNumBeforeSleep", "sleepTime"], notes);
    keys.finish()?;
    let options = format!("format=csv&delimiter={}&header=false&null=null", encode(&delimiter));
    let (url, write) = match (path, name) {
        (Some(path), Some(name)) => {
            (format!("{}/{name}?{options}", path.trim_end_matches('/')), Some("replace"))
        }
        _ if print => (format!("-?{options}"), Some("append")),
        _ => ("stream:".into(), Some("append")),
    };
    Ok(vec![Output { url, write, makes_target: true, ..Output::default() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_by_their_form() {
        let read = |text, pattern| moment(text, pattern);
        assert_eq!(read("2014-07-07 08:09:10", DATES).unwrap(), "2014-07-07 08:09:10");
        assert_eq!(read("20140707", "yyyyMMdd").unwrap(), "2014-07-07 00:00:00");
        assert_eq!(read("7/5/2014", "d/M/yyyy").unwrap(), "2014-05-07 00:00:00");
        assert_eq!(
            read("20140707080910123", "yyyyMMddHHmmssSSS").unwrap(),
            "2014-07-07 08:09:10.123"
        );
        assert_eq!(read("2014年7月", "yyyy年MM月").unwrap(), "2014-07-01 00:00:00");
        for (text, pattern) in
            [("2014-07", DATES), ("2014-07-07 x", "yyyy-MM-dd"), ("7 Jul", "d MMM"), ("", "yyyy")]
        {
            assert_eq!(read(text, pattern), None, "{text} as {pattern}");
        }
    }
}
