//! `streamreader/-writer`: generated rows, and rows shown or thrown away.

use serde_json::{Value, json};
use syncline_types::Result;

use crate::jdbc::encode;
use crate::keys::Node;
use crate::text_file::portable;
use crate::{Input, Output};

pub(crate) fn reader(node: &Node<'_>, channels: u64) -> Result<Vec<Input>> {
    let keys = node.keys()?;
    let count = keys.need("sliceRecordCount")?;
    let rows = count.count()?.filter(|n| *n > 0).ok_or_else(|| count.wrong("at least 1"))?;
    let list = keys.need("column")?;
    let mut columns = Vec::new();
    for (at, item) in list.list()?.iter().enumerate() {
        columns.push(column(item, at)?);
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

fn column(item: &Node<'_>, at: usize) -> Result<Value> {
    let keys = item.keys()?;
    let kind = keys.text("type")?.unwrap_or_else(|| "string".into()).to_ascii_lowercase();
    let format = keys.get("dateFormat");
    let (value, random) = (keys.get("value"), keys.text("random")?);
    keys.finish()?;
    if let Some(format) = format
        && format.text()? != "yyyy-MM-dd HH:mm:ss"
    {
        return Err(format.wrong("dates of a stream are written yyyy-MM-dd HH:mm:ss here"));
    }
    let ours = portable(&kind).ok_or_else(|| {
        let hint = "there are long, double, string, bool, date and bytes";
        item.wrong(format!("type {kind:?} is not known")).hint(hint)
    })?;
    let name = format!("c{}", at + 1);
    if let Some(value) = value {
        let text = value.text()?;
        return Ok(json!({ "name": name, "type": ours, "value": text }));
    }
    let Some(random) = random else { return Err(item.wrong("needs either value or random")) };
    let (low, high) =
        random.split_once(',').ok_or_else(|| item.wrong("random is written \"from, to\""))?;
    let (low, high) = (low.trim(), high.trim());
    let number = |text: &str| -> Result<Value> {
        let number = text.parse::<i64>().ok().filter(|n| *n >= 0);
        Ok(number.ok_or_else(|| item.wrong(format!("{text:?} is no number from 0")))?.into())
    };
    let range = match ours {
        "timestamp" => json!([low, high]),
        _ => json!([number(low)?, number(high)?]),
    };
    let ours = if ours == "decimal" { "float64" } else { ours };
    Ok(json!({ "name": name, "type": ours, "random": range }))
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
