//! What tables files hold: their columns, sizes and where their rows begin.

mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syncline_connector::Endpoint;
use syncline_convert::portable::type_name;
use syncline_types::{Code, Error, Result, TableInfo, TableName, TableSchema, field};

use crate::csv::reader as csv_reader;
use crate::location::{self, SourceFile, Stamp, named};
use crate::options::{Compression, FilesOptions, Format};
use crate::piece::{Piece, ScriptPiece};
use crate::table_note::Said;
use crate::text_types::{Looks, TypeOverrides};
use crate::window::{Packing, Window};
use crate::{arrow_file, charset, foreign, parquet_file, script_file, table_note};

pub(crate) use text::stream;

/// A table, and the files it is in.
#[derive(Debug, Clone)]
pub(crate) struct FoundTable {
    /// The table.
    pub(crate) info: TableInfo,
    /// Its files, in order.
    pub(crate) files: Vec<FoundFile>,
}

/// A file, or what it holds of one table.
#[derive(Debug, Clone)]
pub(crate) struct FoundFile {
    /// The piece that is all of it.
    pub(crate) piece: Piece,
    /// How it can be cut.
    pub(crate) layout: Layout,
}

/// How a file can be cut.
#[derive(Debug, Clone)]
pub(crate) enum Layout {
    /// Not at all.
    Whole,
    /// At any beginning of a record.
    Records,
    /// Between row groups or batches, of so many rows and bytes.
    Groups(Vec<(u64, u64)>),
    /// At these places of a script: rows before, and the place.
    Marks(Vec<(u64, syncline_sql::script::Place)>),
}

/// Rows and bytes of a file, where they are known.
type Size = (Option<u64>, u64);

/// The files of an endpoint.
///
/// # Errors
/// [`Code::FileNotFound`]; [`Code::BadUrl`] for a format that is not known.
pub(crate) fn files(endpoint: &Endpoint, options: &FilesOptions) -> Result<Vec<SourceFile>> {
    location::list(&endpoint.path)?.into_iter().map(|path| source_file(path, options)).collect()
}

/// What options and name say of a file.
pub(crate) fn source_file(path: PathBuf, options: &FilesOptions) -> Result<SourceFile> {
    let named = named(&path);
    let Some(format) = options.format.or(named.format) else {
        let message = format!("{}: its extension tells no format", path.display());
        return Err(Error::new(Code::BadUrl, message).hint("name it, as in ?format=csv"));
    };
    let is_block = matches!(format, Format::Parquet | Format::Arrow);
    if is_block && named.compression != Compression::None {
        let message = format!("{}: a packed {} file is not read", path.display(), format.name());
        return Err(Error::new(Code::Unsupported, message).hint("unpack it first"));
    }
    let compression = match options.compression {
        Some(compression) if !is_block => compression,
        _ => named.compression,
    };
    let table = options.table.clone().unwrap_or(named.stem);
    Ok(SourceFile { path, format, compression, table })
}

/// How the bytes of a file become text.
pub(crate) fn packing(compression: Compression, options: &FilesOptions) -> Result<Packing> {
    let charset = charset::label(options.charset.as_deref())?;
    Ok(Packing { compression, charset, charset_given: options.charset.is_some() })
}

/// Everything the files hold, by table name. Only tables that are `wanted` are looked into.
pub(crate) fn tables(
    files: &[SourceFile],
    options: &FilesOptions,
    wanted: &dyn Fn(&TableName) -> bool,
) -> Result<Vec<FoundTable>> {
    let mut groups: BTreeMap<&str, Vec<&SourceFile>> = BTreeMap::new();
    let mut found: BTreeMap<TableName, FoundTable> = BTreeMap::new();
    for file in files {
        if file.format == Format::Sql {
            script(file, options, wanted, &mut found)?;
        } else {
            groups.entry(&file.table).or_default().push(file);
        }
    }
    for (name, files) in groups {
        let table = TableName::bare(name);
        if !wanted(&table) {
            continue;
        }
        if files.len() > 1 && options.table.is_none() {
            let (a, b) = (files[0].path.display(), files[1].path.display());
            let message = format!("{a} and {b} are both the table {name}");
            return Err(Error::new(Code::BadUrl, message)
                .hint("narrow the path, or make all files one table with ?table=name"));
        }
        let one = one_table(&table, &files, options)?;
        if found.contains_key(&table) {
            let message = format!("the table {name} is both in an SQL script and in another file");
            return Err(Error::new(Code::BadUrl, message).hint("narrow the path"));
        }
        found.insert(table, one);
    }
    Ok(found.into_values().collect())
}

/// One table of one or more files.
fn one_table(
    name: &TableName,
    files: &[&SourceFile],
    options: &FilesOptions,
) -> Result<FoundTable> {
    let mut table: Option<FoundTable> = None;
    let mut looks: Vec<Looks> = Vec::new();
    let mut sampled = 0;
    let (mut rows, mut bytes) = (Some(0), 0);
    let files = telling(files, options)?;
    for file in &files {
        let mut one = match file.format {
            Format::Csv | Format::Tsv | Format::Jsonl => text::text(name, file, options)?,
            Format::Parquet | Format::Arrow => block(name, file, options)?,
            Format::Sql => return Err(Error::bug("a script is no single table")),
        };
        rows = rows.zip(one.size.0).map(|(a, b)| a + b);
        bytes += one.size.1;
        sampled += one.sampled;
        match &mut table {
            None => {
                looks = one.looks;
                table = Some(one.table);
            }
            Some(first) => {
                join(first, &mut looks, &mut one, &files[0].path, &file.path)?;
            }
        }
    }
    let mut table = table.ok_or_else(|| Error::bug("a table of no files"))?;
    table.info.rows = rows;
    table.info.bytes = Some(bytes);
    if files[0].format.is_text() {
        settle(&mut table, &looks, sampled, &files[0].path, options)?;
    }
    Ok(table)
}

/// The files that tell their columns: without names in them that takes a row. One at least.
fn telling<'a>(files: &[&'a SourceFile], options: &FilesOptions) -> Result<Vec<&'a SourceFile>> {
    if files.len() < 2 || options.header || options.names.is_some() {
        return Ok(files.to_vec());
    }
    let mut found = Vec::with_capacity(files.len());
    for file in files {
        let tells = match file.format {
            Format::Csv | Format::Tsv => {
                let packing = packing(file.compression, options)?;
                let mut window = Window::open(&file.path, packing, 0, None)?;
                csv_reader::has_records(&mut window, options)?
            }
            _ => true,
        };
        if tells {
            found.push(*file);
        }
    }
    if found.is_empty() { Ok(files[..1].to_vec()) } else { Ok(found) }
}

struct One {
    table: FoundTable,
    looks: Vec<Looks>,
    sampled: u64,
    size: Size,
}

/// Adds a file to a table: it must have the same columns, in any order.
fn join(
    table: &mut FoundTable,
    looks: &mut Vec<Looks>,
    one: &mut One,
    first: &Path,
    path: &Path,
) -> Result<()> {
    let differ = |what: String| {
        let message =
            format!("{} and {} are to be one table: {what}", first.display(), path.display());
        Err(Error::new(Code::ColumnMismatch, message))
    };
    let json = one.table.files.iter().all(|f| f.piece.format == Format::Jsonl)
        && table.files.iter().all(|f| f.piece.format == Format::Jsonl);
    for (i, column) in one.table.info.schema.columns.drain(..).enumerate() {
        match table.info.schema.index_of(column.name()) {
            Some(at) if looks.is_empty() => {
                let known = &table.info.schema.columns[at].field;
                if known.data_type() != column.field.data_type() {
                    let (a, b) = (type_name(known), type_name(&column.field));
                    return differ(format!(
                        "column {:?} is {a} in one, {b} in the other",
                        known.name()
                    ));
                }
            }
            Some(at) => looks[at].join(&one.looks[i]),
            None if json => {
                looks.push(one.looks[i].clone());
                table.info.schema.columns.push(column);
            }
            None => return differ(format!("only the second has the column {:?}", column.name())),
        }
    }
    let columns = &one.table.files[0].piece.columns;
    if !json && columns.len() < table.info.schema.columns.len() {
        let missing =
            table.info.schema.columns.iter().find(|c| !columns.iter().any(|n| n == c.name()));
        return differ(format!(
            "only the first has the column {:?}",
            missing.map_or("", |c| c.name())
        ));
    }
    table.info.notes.append(&mut one.table.info.notes);
    table.files.append(&mut one.table.files);
    if json {
        // A key that one file lacks is NULL in it.
        let all: Vec<String> =
            table.info.schema.columns.iter().map(|c| c.name().to_owned()).collect();
        for file in &mut table.files {
            file.piece.columns.clone_from(&all);
        }
    }
    Ok(())
}

/// Gives text columns their types.
fn settle(
    table: &mut FoundTable,
    looks: &[Looks],
    sampled: u64,
    path: &Path,
    options: &FilesOptions,
) -> Result<()> {
    let overrides = TypeOverrides::parse(options.types.as_deref())?;
    let names = table.info.schema.columns.iter().map(|c| c.name());
    overrides.check(&path.display().to_string(), names)?;
    let said = by_sidecar(table, path, options)?;
    let known = matches!(said, Some(Said::Types(_)));
    table.info.notes.extend(said.map(Said::note));
    let mut guessed = false;
    for (at, column) in table.info.schema.columns.iter_mut().enumerate() {
        let name = column.name().to_owned();
        if let Some(given) = overrides.of(&name) {
            column.field = given.field(name, true);
            column.generated = None;
            continue;
        }
        let Some(looks) = looks.get(at).filter(|_| !known) else { continue };
        // Whatever it is from here on, the file does not say so.
        let sampled_type = || [(field::SAMPLED, "true".to_owned())];
        if !options.infer {
            column.field = field::with(column.field.clone(), sampled_type());
            continue;
        }
        let guess = looks.guess(&name);
        if let Some((word, wanted)) = guess.null_word {
            table.info.notes.push(format!(
                "column {name:?} is text because of {word:?}; with ?null={word} it is {wanted}"
            ));
        }
        guessed = true;
        column.field = field::with(guess.field, sampled_type());
    }
    if guessed && table.info.rows.is_none_or(|rows| rows > sampled) {
        table.info.notes.insert(0, format!("types are those of {sampled} rows looked at"));
    }
    Ok(())
}

/// What a sidecar says of a table whose files are texts.
fn by_sidecar(table: &mut FoundTable, path: &Path, options: &FilesOptions) -> Result<Option<Said>> {
    if options.schema == Some(false) || path.as_os_str() == "-" {
        return Ok(None);
    }
    let json = table.files.iter().all(|f| f.piece.format == Format::Jsonl);
    let said = table_note::by_sidecar(path, &mut table.info.schema, json)?;
    if json && matches!(said, Some(Said::Types(_))) {
        // A key that no row has is NULL in all of them.
        let columns = &table.info.schema.columns;
        let names: Vec<String> = columns.iter().map(|c| c.name().to_owned()).collect();
        for file in &mut table.files {
            file.piece.columns.clone_from(&names);
        }
    }
    Ok(said)
}

fn piece(file: &SourceFile, stamp: Stamp, columns: Vec<String>) -> Piece {
    Piece {
        path: file.path.clone(),
        format: file.format,
        compression: file.compression,
        stamp,
        columns,
        from: 0,
        until: None,
        line: 1,
        groups: (0, 0),
        script: None,
    }
}

/// Looks into a Parquet or Arrow file.
fn block(name: &TableName, file: &SourceFile, options: &FilesOptions) -> Result<One> {
    if options.types.is_some() {
        let message = format!("types= is for text; {} has types", file.path.display());
        return Err(Error::new(Code::BadValue, message)
            .hint("other types are chosen by --columns 'name::type'"));
    }
    let stamp = Stamp::of(&file.path)?;
    let (fields, notes, groups, rows, mut said);
    if file.format == Format::Parquet {
        let found = parquet_file::look(&file.path)?;
        let int96 = found.int96.iter();
        said = int96
            .map(|c| format!("column {c:?}: INT96 times are read to the microsecond"))
            .collect::<Vec<_>>();
        rows = Some(found.groups.iter().map(|g| g.0).sum());
        (fields, notes, groups) = (found.fields, found.notes, found.groups);
    } else {
        let found = arrow_file::look(&file.path)?;
        let each = stamp.size / (found.batches as u64).max(1);
        (fields, notes, groups) = (found.fields, found.notes, vec![(0, each); found.batches]);
        (rows, said) = (None, Vec::new());
    }
    let mut columns = Vec::new();
    for field in &fields {
        let (field, note) = foreign::column(field).map_err(|e| e.at(file.path.display()))?;
        said.extend(note);
        columns.push(field);
    }
    let names = columns.iter().map(|f| f.name().clone()).collect();
    let mut schema = TableSchema::new(name.clone(), columns);
    table_note::complete(&mut schema, &notes);
    let mut piece = piece(file, stamp.clone(), names);
    piece.groups = (0, groups.len());
    let info = TableInfo { schema, rows: None, bytes: None, notes: said };
    let files = vec![FoundFile { piece, layout: Layout::Groups(groups) }];
    let size = (rows, stamp.size);
    Ok(One { table: FoundTable { info, files }, looks: Vec::new(), sampled: 0, size })
}

/// Looks into an SQL script.
fn script(
    file: &SourceFile,
    options: &FilesOptions,
    wanted: &dyn Fn(&TableName) -> bool,
    found: &mut BTreeMap<TableName, FoundTable>,
) -> Result<()> {
    let stamp = Stamp::of(&file.path)?;
    let packing = packing(file.compression, options)?;
    let plain = packing.is_plain(&file.path)?;
    for table in script_file::look(&file.path, packing, options)? {
        let mut name = table.schema.name.clone();
        if let Some(given) = &options.table {
            name = TableName::bare(given);
        }
        if !wanted(&name) {
            continue;
        }
        let mut piece = piece(file, stamp.clone(), table.columns);
        piece.until = Some(table.end);
        piece.script = Some(ScriptPiece {
            table: table.schema.name.clone(),
            start: table.start,
            parts: table.parts,
        });
        let layout = if plain { Layout::Marks(table.marks) } else { Layout::Whole };
        let one = FoundFile { piece, layout };
        match found.get_mut(&name) {
            None => {
                let mut schema = table.schema;
                schema.name = name.clone();
                let (rows, bytes) = (Some(table.rows), Some(table.bytes));
                let info = TableInfo { schema, rows, bytes, notes: table.notes };
                found.insert(name, FoundTable { info, files: vec![one] });
            }
            Some(known) => {
                let same = known.info.schema.columns.len() == table.schema.columns.len()
                    && known.info.schema.columns.iter().zip(&table.schema.columns).all(|(a, b)| {
                        a.name() == b.name() && a.field.data_type() == b.field.data_type()
                    });
                if !same {
                    let (first, path) = (known.files[0].piece.path.display(), file.path.display());
                    let message = format!("{first} and {path}: the columns of {name} differ");
                    return Err(Error::new(Code::ColumnMismatch, message).hint("narrow the path"));
                }
                known.info.rows = known.info.rows.map(|n| n + table.rows);
                known.info.bytes = known.info.bytes.map(|n| n + table.bytes);
                known.files.push(one);
            }
        }
    }
    Ok(())
}
