//! `txtfilereader/-writer`: text files, column by column.

use serde_json::{Value, json};
use syncline_types::Result;

use crate::jdbc::encode;
use crate::keys::{Keys, Node};
use crate::{Clear, Input, Output};

/// What the two sides say alike.
struct Form {
    delimiter: String,
    charset: Option<String>,
    null: String,
    compression: Option<&'static str>,
}

/// How files may be packed, by DataX's names and ours.
const READ_PACKED: &[(&str, &str)] =
    &[("gzip", "gzip"), ("bzip2", "bzip2"), ("zip", "zip"), ("framing-snappy", "snappy")];
const WRITE_PACKED: &[(&str, &str)] = &[("gzip", "gzip"), ("bzip2", "bzip2")];

impl Form {
    fn parse(keys: &Keys<'_>, packed: &[(&str, &'static str)]) -> Result<Self> {
        let compression = match keys.get("compress") {
            None => None,
            Some(node) => match node.text()?.to_ascii_lowercase().as_str() {
                "" | "none" => None,
                other => {
                    let found = packed.iter().find(|(name, _)| *name == other);
                    let known: Vec<&str> = packed.iter().map(|(name, _)| *name).collect();
                    Some(found.map(|(_, ours)| *ours).ok_or_else(|| {
                        node.wrong(format!("compression {other:?} is not supported here"))
                            .hint(format!("there are {}", known.join(", ")))
                    })?)
                }
            },
        };
        let delimiter = match keys.get("fieldDelimiter") {
            None => ",".to_owned(),
            Some(node) => match node.text()?.as_str() {
                "" => ",".to_owned(),
                "\t" | "\\t" => "tab".to_owned(),
                "\\u0001" => "\u{1}".to_owned(),
                one if one.len() == 1 => one.to_owned(),
                other => return Err(node.wrong(format!("{other:?} is not one ASCII character"))),
            },
        };
        Ok(Self {
            delimiter,
            charset: keys.text("encoding")?,
            null: keys.text("nullFormat")?.unwrap_or_else(|| "\\N".into()),
            compression,
        })
    }

    /// The options of a file's URL.
    fn options(&self) -> Vec<(&'static str, String)> {
        let mut options = vec![
            ("format", "csv".to_owned()),
            ("delimiter", self.delimiter.clone()),
            ("header", "false".into()),
            ("null", self.null.clone()),
            ("compression", self.compression.unwrap_or("none").into()),
        ];
        options.extend(self.charset.clone().map(|charset| ("charset", charset)));
        options
    }
}

fn url(path: &str, options: &[(&str, String)]) -> String {
    let pairs: Vec<String> = options.iter().map(|(k, v)| format!("{k}={}", encode(v))).collect();
    format!("{path}?{}", pairs.join("&"))
}

pub(crate) fn reader(node: &Node<'_>, notes: &mut Vec<String>) -> Result<Vec<Input>> {
    let keys = node.keys()?;
    let paths = keys.need("path")?.texts()?;
    let form = Form::parse(&keys, READ_PACKED)?;
    let mut options = form.options();
    if let Some(format) = keys.get("fileFormat") {
        let text = format.text()?;
        if !["csv", "text"].contains(&text.to_ascii_lowercase().as_str()) {
            return Err(format.wrong(format!("{text:?} is not supported")).hint("csv or text"));
        }
    }
    if keys.get("skipHeader").map(|n| n.flag()).transpose()?.unwrap_or(false) {
        options.push(("skip", "1".into()));
    }
    let mut marks = Marks::default();
    if let Some(csv) = keys.get("csvReaderConfig") {
        marks.configure(&csv, &mut options, notes)?;
    }
    options.extend([
        ("quote", marks.quote),
        ("trim", marks.trims.to_string()),
        ("blank_lines", if marks.skips_blank { "skip" } else { "record" }.into()),
    ]);
    options.extend(marks.escape.map(|e| ("escape", e)));
    keys.harmless(&["bufferSize", "maxTraversalLevel"], notes);
    let columns = Columns::parse(&keys.need("column")?)?;
    keys.finish()?;
    if columns.types.is_empty() {
        options.push(("infer", "false".into()));
    } else {
        options.extend([("infer", "false".into()), ("types", columns.types.join(","))]);
    }
    options.push(("table", "rows".into()));
    let input = |path: &String| Input {
        url: url(&files(path), &options),
        steps: columns.steps.clone(),
        columns: columns.chosen.clone(),
        ..Input::default()
    };
    Ok(paths.iter().map(input).collect())
}

/// The files that a path stands for, as a pattern of ours: a folder stands for all that is below
/// it, and a `*` at the beginning of a name reaches into folders.
fn files(path: &str) -> String {
    if path.ends_with('/') || std::path::Path::new(path).is_dir() {
        return format!("{}/**/*", path.trim_end_matches('/'));
    }
    let deep = |name: &str| {
        if name.starts_with('*') && name != "**" { format!("**/{name}") } else { name.to_owned() }
    };
    path.split('/').map(deep).collect::<Vec<_>>().join("/")
}

/// What DataX's CSV reader goes by.
struct Marks {
    quote: String,
    escape: Option<String>,
    trims: bool,
    skips_blank: bool,
}

impl Default for Marks {
    fn default() -> Self {
        Self { quote: "\"".into(), escape: None, trims: true, skips_blank: true }
    }
}

impl Marks {
    fn configure(
        &mut self,
        node: &Node<'_>,
        options: &mut Vec<(&'static str, String)>,
        notes: &mut Vec<String>,
    ) -> Result<()> {
        let keys = node.keys()?;
        let character = |node: &Node<'_>| -> Result<String> {
            // A character may be given by its number.
            let number = node.value.as_u64().and_then(|n| u32::try_from(n).ok());
            let code = number.and_then(char::from_u32);
            code.map_or_else(|| node.text(), |c| Ok(c.to_string()))
        };
        let flag = |key: &str, usual: bool| -> Result<bool> {
            Ok(keys.get(key).map(|n| n.flag()).transpose()?.unwrap_or(usual))
        };
        if let Some(mark) = keys.get("textQualifier") {
            self.quote = character(&mark)?;
        }
        if !flag("useTextQualifier", true)? {
            self.quote = "none".into();
        }
        if let Some(mode) = keys.get("escapeMode") {
            match mode.count()? {
                Some(1) => {}
                Some(2) => self.escape = Some("\\".into()),
                _ => return Err(mode.wrong("1 (doubled quotes) or 2 (backslash)")),
            }
        }
        if let Some(delimiter) = keys.get("delimiter") {
            options.retain(|(key, _)| *key != "delimiter");
            options.push(("delimiter", character(&delimiter)?));
        }
        self.trims = flag("trimWhitespace", true)?;
        self.skips_blank = flag("skipEmptyRecords", true)?;
        if flag("useComments", false)? {
            let node = keys.need("useComments")?;
            return Err(node.wrong("lines that are comments are not told from others"));
        }
        if let Some(end) = keys.get("recordDelimiter")
            && !matches!(character(&end)?.as_str(), "\0" | "\n")
        {
            return Err(end.wrong("records end at a line's end here"));
        }
        keys.harmless(&["safetySwitch", "caseSensitive", "captureRawRecord", "comment"], notes);
        keys.finish()
    }
}

/// The columns of a file, as DataX lists them.
#[derive(Default)]
struct Columns {
    /// `c1:int64`, for the types option.
    types: Vec<String>,
    /// Names in the order wanted, where not all columns are.
    chosen: Option<Vec<String>>,
    /// Constants and dates by patterns.
    steps: Vec<Value>,
}

impl Columns {
    fn parse(node: &Node<'_>) -> Result<Self> {
        let list = node.list()?;
        let all = list.iter().any(|item| item.value == "*");
        if all && list.len() == 1 {
            return Ok(Self::default());
        }
        if list.is_empty() || all {
            return Err(node.wrong("a list of columns, or \"*\" alone"));
        }
        let mut this = Self::default();
        let mut order = Vec::new();
        let (mut constants, mut dates) = (serde_json::Map::new(), serde_json::Map::new());
        let mut read: Vec<(String, &str)> = Vec::new();
        for (at, item) in list.iter().enumerate() {
            let keys = item.keys()?;
            let kind = keys.text("type")?.unwrap_or_else(|| "string".into()).to_ascii_lowercase();
            let format = keys.text("format")?;
            let (index, value) = (keys.get("index"), keys.get("value"));
            keys.finish()?;
            let portable = portable(&kind).ok_or_else(|| {
                let hint = "there are long, double, string, boolean, date and bytes";
                item.wrong(format!("type {kind:?} is not known")).hint(hint)
            })?;
            match (index, value) {
                (Some(index), None) => {
                    let place = index.count()?.ok_or_else(|| index.wrong("counted from 0"))?;
                    let mut name = format!("c{}", place + 1);
                    let pattern = format.filter(|_| kind == "date");
                    let wanted = if pattern.is_some() { "text" } else { portable };
                    if let Some((_, first)) = read.iter().find(|(known, _)| *known == name) {
                        if *first != wanted {
                            let what = "this column is listed twice, with different types";
                            return Err(index.wrong(what).hint("read it as a string in both"));
                        }
                        let copied = format!("{name}_{}", at + 1);
                        constants.insert(copied.clone(), name.into());
                        name = copied;
                    } else {
                        read.push((name.clone(), wanted));
                        // Also of texts: a file without rows has these columns then.
                        this.types.push(format!("{name}:{wanted}"));
                    }
                    dates.extend(pattern.map(|pattern| (name.clone(), pattern.into())));
                    order.push(name);
                }
                (None, Some(value)) => {
                    let name = format!("value_{}", at + 1);
                    let text = value.text()?;
                    constants.insert(name.clone(), constant(&text, portable).into());
                    if let Some(pattern) = format.filter(|_| kind == "date") {
                        constants.insert(name.clone(), quoted(&text).into());
                        dates.insert(name.clone(), pattern.into());
                    }
                    order.push(name);
                }
                _ => return Err(item.wrong("needs either index or value")),
            }
        }
        if !constants.is_empty() {
            this.steps.push(json!({ "add": constants }));
        }
        if !dates.is_empty() {
            this.steps.push(json!({ "parse_date": dates }));
        }
        if this.steps.is_empty() {
            this.chosen = Some(order);
        } else {
            this.steps.push(json!({ "select": order }));
        }
        Ok(this)
    }
}

/// DataX's types by our names.
pub(crate) fn portable(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "long" | "int" => "int64",
        "double" => "decimal",
        // DataX's bytes are those of a text in UTF-8.
        "string" | "bytes" => "text",
        "boolean" | "bool" => "bool",
        "date" => "timestamp",
        _ => return None,
    })
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A constant in the expression language.
fn constant(text: &str, portable: &str) -> String {
    match portable {
        "int64" => format!("cast({} as bigint)", quoted(text)),
        "bool" => format!("cast({} as boolean)", quoted(text)),
        "timestamp" => format!("cast({} as timestamp)", quoted(text)),
        _ => quoted(text),
    }
}

pub(crate) fn writer(node: &Node<'_>, notes: &mut Vec<String>) -> Result<Vec<Output>> {
    let keys = node.keys()?;
    let folder = keys.need("path")?.text()?;
    let name = keys.need("fileName")?.text()?;
    let form = Form::parse(&keys, WRITE_PACKED)?;
    let mut options = form.options();
    let mode = keys.need("writeMode")?;
    let (write, clear) = match mode.text()?.as_str() {
        "truncate" => ("replace", Some(Clear { refuse: false })),
        "append" => ("append", None),
        "nonConflict" => ("append", Some(Clear { refuse: true })),
        other => {
            let hint = "truncate, append or nonConflict";
            return Err(mode.wrong(format!("{other:?} is not supported")).hint(hint));
        }
    };
    let quote = match keys.text("fileFormat")?.as_deref() {
        None | Some("text") => {
            notes.push(format!(
                "{}: a value with the delimiter or a line's end in it makes a bad row, where \
                 DataX would write a broken line; fileFormat csv quotes it",
                keys.place
            ));
            "none"
        }
        Some("csv") => "\"",
        Some(other) => {
            let node = keys.need("fileFormat")?;
            return Err(node.wrong(format!("{other:?} is not supported")).hint("text or csv"));
        }
    };
    options.push(("quote", quote.into()));
    let header = keys.texts("header")?;
    // A file without names has its columns by their places.
    let columns = if header.is_empty() { vec!["*".to_owned()] } else { header.clone() };
    if !header.is_empty() {
        options.retain(|(key, _)| *key != "header");
        options.push(("header", "true".into()));
    }
    let mut steps = Vec::new();
    if let Some(pattern) = keys.text("dateFormat")?.or(keys.text("format")?) {
        steps.push(json!({ "format_date": pattern }));
    }
    let suffix = keys.text("suffix")?.unwrap_or_default();
    keys.harmless(&["column"], notes);
    keys.finish()?;
    let file = format!("{}/{name}__0{suffix}", folder.trim_end_matches('/'));
    Ok(vec![Output {
        url: url(&file, &options),
        columns,
        write: Some(write),
        steps,
        makes_target: true,
        clear: clear.map(|clear| (folder, name, clear)),
        ..Output::default()
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_reach_as_deep_as_in_datax() {
        assert_eq!(files("/no/such/folder/"), "/no/such/folder/**/*");
        assert_eq!(files("/data/*"), "/data/**/*");
        assert_eq!(files("/data/*.txt"), "/data/**/*.txt");
        assert_eq!(files("/data/2026-*/a?.txt"), "/data/2026-*/a?.txt");
        assert_eq!(files("/data/a.txt"), "/data/a.txt");
    }
}
