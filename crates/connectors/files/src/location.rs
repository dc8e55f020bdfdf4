//! Where files are: formats by extension, table names from file names, globs and folders of
//! source files, and target paths with `{schema}`, `{table}` and `{page}` in them.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use syncline_types::{Code, Error, Result, TableName};

use crate::options::{Compression, Format};
use crate::os_error;

/// What a file's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The name without its extensions.
    pub(crate) stem: String,
    /// By its extension.
    pub(crate) format: Option<Format>,
    /// By its last extension.
    pub(crate) compression: Compression,
}

/// Reads a file's name.
pub(crate) fn named(path: &Path) -> Named {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let (rest, compression) = match extension(&name) {
        Some((rest, "gz" | "gzip")) => (rest, Compression::Gzip),
        Some((rest, "zst" | "zstd")) => (rest, Compression::Zstd),
        Some((rest, "snappy" | "sz")) => (rest, Compression::Snappy),
        Some((rest, "bz2" | "bzip2")) => (rest, Compression::Bzip2),
        Some((rest, "zip")) => (rest, Compression::Zip),
        _ => (name.as_str(), Compression::None),
    };
    let (stem, format) = match extension(rest) {
        Some((stem, "csv")) => (stem, Some(Format::Csv)),
        Some((stem, "tsv" | "txt" | "tab")) => (stem, Some(Format::Tsv)),
        Some((stem, "jsonl" | "ndjson")) => (stem, Some(Format::Jsonl)),
        Some((stem, "parquet")) => (stem, Some(Format::Parquet)),
        Some((stem, "arrow" | "feather" | "ipc")) => (stem, Some(Format::Arrow)),
        Some((stem, "sql")) => (stem, Some(Format::Sql)),
        _ => (rest, None),
    };
    Named { stem: stem.to_owned(), format, compression }
}

/// A name and its extension, without a dot. A name that begins with its only dot has none.
fn extension(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())
}

/// A file as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Stamp {
    /// Its length in bytes.
    pub(crate) size: u64,
    /// When it was changed last, in nanoseconds since 1970, as text (JSON numbers end at 2^53).
    pub(crate) mtime: String,
}

impl Stamp {
    /// Looks at a file.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let meta = std::fs::metadata(path).map_err(|e| os_error::of(path, "look at", e))?;
        let mtime = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        Ok(Self { size: meta.len(), mtime: mtime.map_or(0, |t| t.as_nanos()).to_string() })
    }

    /// # Errors
    /// [`Code::FileChanged`] when the file is not what it was.
    pub(crate) fn verify(&self, path: &Path) -> Result<()> {
        if &Self::of(path)? == self {
            return Ok(());
        }
        Err(Error::new(
            Code::FileChanged,
            format!("{} has changed since the run began", path.display()),
        )
        .hint("start over with --fresh once the file is at rest"))
    }
}

/// A source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// How it is laid out.
    pub(crate) format: Format,
    /// How it is packed.
    pub(crate) compression: Compression,
    /// The table it is (a piece of).
    pub(crate) table: String,
}

/// The files a source path stands for, in the order of their names.
///
/// # Errors
/// [`Code::FileNotFound`] when there is none.
pub(crate) fn list(path: &str) -> Result<Vec<PathBuf>> {
    let literal = Path::new(path);
    match std::fs::metadata(literal) {
        Ok(meta) if meta.is_dir() => {
            let mut files = Vec::new();
            for entry in entries(literal)? {
                let hidden = entry.file_name().is_none_or(|n| n.to_string_lossy().starts_with('.'));
                if !hidden && entry.is_file() && named(&entry).format.is_some() {
                    files.push(entry);
                }
            }
            if files.is_empty() {
                let message = format!("the folder {path} holds no file of a known format");
                return Err(Error::new(Code::FileNotFound, message).hint(
                    "known are .csv .tsv .txt .jsonl .parquet .arrow .sql, also with .gz .zst \
                     .snappy .bz2 .zip; a glob such as folder/* with ?format= takes others",
                ));
            }
            Ok(files)
        }
        Ok(_) => Ok(vec![literal.to_owned()]),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && is_glob(path) => {
            let mut files = glob(path)?;
            files.retain(|file| !crate::table_note::is_sidecar(file));
            if files.is_empty() {
                return Err(Error::new(Code::FileNotFound, format!("no file fits {path}")));
            }
            Ok(files)
        }
        Err(e) => Err(os_error::of(literal, "look at", e)),
    }
}

fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// What a folder holds, in name order.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let at = |e| os_error::of(folder, "list", e);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(at)? {
        let name = entry.map_err(at)?.file_name();
        // A glob without a folder gives names without `./`.
        paths.push(if folder == Path::new(".") { name.into() } else { folder.join(name) });
    }
    paths.sort();
    Ok(paths)
}

/// Files that fit a pattern: `*`, `?` and `[a-z]` inside of one name, `**` for any depth. Hidden
/// files fit only a pattern that begins with a dot itself.
fn glob(pattern: &str) -> Result<Vec<PathBuf>> {
    let root = if pattern.starts_with('/') { PathBuf::from("/") } else { PathBuf::from(".") };
    let parts: Vec<&str> = pattern.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    let mut found = Vec::new();
    walk(&root, &parts, &mut found)?;
    found.sort();
    found.dedup();
    Ok(found)
}

fn walk(folder: &Path, parts: &[&str], found: &mut Vec<PathBuf>) -> Result<()> {
    let Some((first, rest)) = parts.split_first() else { return Ok(()) };
    if *first == "**" {
        walk(folder, rest, found)?;
        for entry in entries(folder)? {
            if entry.is_dir() && !entry.is_symlink() && !is_hidden(&entry) {
                walk(&entry, parts, found)?;
            }
        }
        return Ok(());
    }
    let candidates = if is_glob(first) {
        entries(folder)?
    } else {
        vec![if folder == Path::new(".") { PathBuf::from(first) } else { folder.join(first) }]
    };
    for path in candidates {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
        let name = name.unwrap_or_else(|| (*first).to_owned());
        let fits = !is_glob(first)
            || ((first.starts_with('.') || !is_hidden(&path))
                && fits(first.as_bytes(), name.as_bytes()));
        if fits && rest.is_empty() && path.is_file() {
            found.push(path);
        } else if fits && !rest.is_empty() && path.is_dir() {
            walk(&path, rest, found)?;
        }
    }
    Ok(())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'))
}

/// Whether a name fits a pattern of `*`, `?` and `[…]` (`[!…]`: none of these).
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return name.is_empty() };
    match first {
        b'*' => (0..=name.len()).any(|n| fits(rest, &name[n..])),
        b'?' => {
            // One character of UTF-8, not one byte.
            let len = name
                .iter()
                .enumerate()
                .skip(1)
                .find(|(_, b)| **b & 0xC0 != 0x80)
                .map_or(name.len(), |(i, _)| i);
            !name.is_empty() && fits(rest, &name[len..])
        }
        b'[' => match rest.iter().skip(1).position(|b| *b == b']') {
            None => name.first() == Some(&b'[') && fits(rest, &name[1..]),
            Some(end) => {
                let (set, after) = (&rest[..=end], &rest[end + 2..]);
                let (negated, set) = match set.split_first() {
                    Some((b'!' | b'^', set)) => (true, set),
                    _ => (false, set),
                };
                let Some((byte, name)) = name.split_first() else { return false };
                let mut within = false;
                let mut i = 0;
                while i < set.len() {
                    if i + 2 < set.len() && set[i + 1] == b'-' {
                        within |= (set[i]..=set[i + 2]).contains(byte);
                        i += 3;
                    } else {
                        within |= set[i] == *byte;
                        i += 1;
                    }
                }
                within != negated && fits(after, name)
            }
        },
        byte => name.first() == Some(byte) && fits(rest, &name[1..]),
    }
}

/// A target path as typed, with its placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(String);

impl Template {
    /// Checks a target path.
    ///
    /// # Errors
    /// [`Code::BadUrl`] for a folder, a glob or a placeholder that is not known.
    pub(crate) fn parse(path: &str) -> Result<Self> {
        let bad = |what: &str| Err(Error::new(Code::BadUrl, format!("{path}: {what}")));
        if path.ends_with('/') || Path::new(path).is_dir() {
            return bad("is a folder").map_err(|e: Error| {
                e.hint(format!(
                    "name the files, as in {}/{{table}}.csv",
                    path.trim_end_matches('/')
                ))
            });
        }
        let mut rest = path;
        while let Some((_, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            if !matches!(name, "table" | "schema" | "page") {
                return bad(&format!("{{{name}}} is not known"))
                    .map_err(|e: Error| e.hint("there are {schema}, {table} and {page}"));
            }
            rest = after;
        }
        Ok(Self(path.to_owned()))
    }

    /// As it was typed.
    pub(crate) fn typed(&self) -> &str {
        &self.0
    }

    /// Whether tables are cut into pages.
    pub(crate) fn is_paged(&self) -> bool {
        self.0.contains("{page}")
    }

    /// The path for a table; `{page}` stays in it.
    ///
    /// # Errors
    /// [`Code::BadValue`] when the path needs a schema and the table has none.
    pub(crate) fn path(&self, table: &TableName) -> Result<PathBuf> {
        if self.0.contains("{schema}") && table.schema.is_none() {
            let message = format!("{}: the table {table} has no schema", self.0);
            return Err(Error::new(Code::BadValue, message).hint("leave {schema} out"));
        }
        let mut out = String::with_capacity(self.0.len() + 32);
        let mut rest = self.0.as_str();
        // One pass, so that a table named `{page}` stays what it is.
        while let Some(at) = rest.find('{') {
            let (before, tail) = rest.split_at(at);
            out.push_str(before);
            let (text, used) = if tail.starts_with("{table}") {
                (safe(&table.name), 7)
            } else if tail.starts_with("{schema}") {
                (safe(table.schema.as_deref().unwrap_or_default()), 8)
            } else {
                ("{".to_owned(), 1)
            };
            out.push_str(&text);
            rest = &tail[used..];
        }
        out.push_str(rest);
        Ok(PathBuf::from(out))
    }

    /// The file of what is to be done with a table when all of `tables` are there: by name it comes
    /// after theirs.
    ///
    /// # Errors
    /// As [`Template::path`].
    pub(crate) fn after(&self, table: &TableName, tables: &[&TableName]) -> Result<PathBuf> {
        let name = |table: &TableName| -> Result<(PathBuf, String)> {
            let path = self.path(table)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Ok((parent(&path), name.replace(".{page}", "").replace("{page}", "")))
        };
        let (folder, own) = name(table)?;
        let others = tables.iter().map(|t| name(t).map(|(_, name)| name));
        let last = others.collect::<Result<Vec<_>>>()?.into_iter().max().unwrap_or_default();
        let marks = ["zz-foreign-keys.", "zzzz-foreign-keys.", "~foreign-keys."];
        let found = marks.into_iter().find(|mark| *mark > last.as_str());
        Ok(folder.join(format!("{}{own}", found.unwrap_or("\u{10fffd}foreign-keys."))))
    }

    /// What a source calls the file of a table, or all of its pages.
    ///
    /// # Errors
    /// As [`Template::path`].
    pub(crate) fn pattern(&self, table: &TableName) -> Result<String> {
        let path = self.path(table)?.to_string_lossy().into_owned();
        if !self.is_paged() {
            return Ok(path);
        }
        let literal = |part: &str| part.replace('[', "[[]").replace('*', "[*]").replace('?', "[?]");
        let parts: Vec<String> = path.split("{page}").map(literal).collect();
        Ok(parts.join("[0-9][0-9][0-9][0-9]*"))
    }
}

/// A name as a part of a file name: what would lead out of the folder, or be taken for a page's
/// number, is percent-encoded.
fn safe(name: &str) -> String {
    let encoded = name.replace('/', "%2F").replace('\0', "%00").replace("{page}", "%7Bpage}");
    match encoded.as_str() {
        "." => "%2E".into(),
        ".." => "%2E%2E".into(),
        _ => encoded,
    }
}

/// The path of one page: `{page}` is its number, from 1, in four digits or more.
pub(crate) fn page_path(path: &Path, page: u64) -> PathBuf {
    PathBuf::from(path.to_string_lossy().replace("{page}", &format!("{page:04}")))
}

/// The pages that are there, by number.
pub(crate) fn pages(path: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let folder = parent(path);
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let Some((before, after)) = name.split_once("{page}") else { return Ok(Vec::new()) };
    let listing = match std::fs::read_dir(&folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|e| os_error::of(&folder, "list", e))?,
    };
    let mut found = Vec::new();
    for entry in listing {
        let name = entry.map_err(|e| os_error::of(&folder, "list", e))?.file_name();
        let name = name.to_string_lossy();
        let digits = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        let whole = digits.filter(|d| d.len() >= 4 && d.bytes().all(|b| b.is_ascii_digit()));
        if let Some(number) = whole.and_then(|d| d.parse().ok()) {
            found.push((number, page_path(path, number)));
        }
    }
    found.sort();
    Ok(found)
}

/// The folder a path is in; `.` for a bare name.
pub(crate) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_format_and_table() {
        let n = |name: &str| named(Path::new(name));
        let flights = n("data/flights.2020.csv.gz");
        assert_eq!(flights.stem, "flights.2020");
        assert_eq!((flights.format, flights.compression), (Some(Format::Csv), Compression::Gzip));
        assert_eq!(n("x.txt").format, Some(Format::Tsv));
        assert_eq!(n("x.ndjson.zst").compression, Compression::Zstd);
        assert_eq!(n("x.feather").format, Some(Format::Arrow));
        assert_eq!((n("README").format, n("README").stem), (None, "README".into()));
        assert_eq!(n(".csv").format, None);
    }

    #[test]
    fn globs_fit_names_as_in_a_shell() {
        let f = |p: &str, n: &str| fits(p.as_bytes(), n.as_bytes());
        assert!(f("*.csv", "a.csv") && !f("*.csv", "a.csv.gz") && f("*.csv*", "a.csv.gz"));
        assert!(f("?.csv", "é.csv") && !f("?.csv", "ab.csv"));
        assert!(f("a[0-3].csv", "a2.csv") && !f("a[!0-3].csv", "a2.csv") && f("[ab]*", "b"));
    }

    #[test]
    fn folders_and_globs_list_files_in_name_order() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("sub/deep")).unwrap();
        for name in ["b.csv", "a.csv.gz", "notes.md", ".hidden.csv", "sub/c.csv", "sub/deep/d.csv"]
        {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        let list = |pattern: &str| -> Vec<String> {
            let files = list(&format!("{}{pattern}", dir.path().display())).unwrap();
            let strip = |p: &PathBuf| p.strip_prefix(dir.path()).unwrap().display().to_string();
            files.iter().map(strip).collect()
        };
        assert_eq!(list(""), ["a.csv.gz", "b.csv"]);
        assert_eq!(list("/*.csv"), ["b.csv"]);
        assert_eq!(list("/*/*.csv"), ["sub/c.csv"]);
        assert_eq!(list("/**/*.csv"), ["b.csv", "sub/c.csv", "sub/deep/d.csv"]);
        std::fs::write(dir.path().join("odd*.csv"), "x").unwrap();
        assert_eq!(list("/odd*.csv"), ["odd*.csv"]);
        let missing = super::list(&format!("{}/z*.csv", dir.path().display())).unwrap_err();
        assert_eq!(missing.code(), Code::FileNotFound);
    }

    #[test]
    fn target_paths_take_names_that_would_lead_elsewhere() {
        let path = |template: &str, table: &TableName| {
            Template::parse(template).unwrap().path(table).unwrap().display().to_string()
        };
        let orders = TableName::new("shop", "orders");
        assert_eq!(path("out/{schema}/{table}.csv", &orders), "out/shop/orders.csv");
        assert_eq!(path("out.csv", &orders), "out.csv");
        assert_eq!(path("o/{table}.csv", &TableName::bare("../x")), "o/..%2Fx.csv");
        assert_eq!(path("{schema}/a", &TableName::new("..", "t")), "%2E%2E/a");
        let odd = path("{table}.{page}.sql", &TableName::bare("{page}"));
        assert_eq!(page_path(Path::new(&odd), 7).display().to_string(), "%7Bpage}.0007.sql");
        assert_eq!(Template::parse("o/{tabel}.csv").unwrap_err().code(), Code::BadUrl);
        assert_eq!(Template::parse("out/").unwrap_err().code(), Code::BadUrl);
        let no_schema = Template::parse("{schema}.csv").unwrap().path(&TableName::bare("t"));
        assert_eq!(no_schema.unwrap_err().code(), Code::BadValue);
    }
}
