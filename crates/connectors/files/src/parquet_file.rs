//! Parquet files: row groups as pieces to read, sealed files as segments to write, and their row
//! groups spliced into one file without being decoded.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::ArrowWriter;
use parquet::arrow::{ArrowSchemaConverter, ProjectionMask, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Compression as Codec, GzipLevel, Type as PhysicalType, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use syncline_types::{Code, Error, Result, TableSchema};

use crate::block::{Batches, BlockReader, Projection};
use crate::options::Compression;
use crate::os_error;
use crate::parts::{Assemble, Piece as Part};
use crate::piece::{Piece, Place};
use crate::table_note::{TABLE_KEY, table_text};

/// Bytes of Arrow data a batch of the reader aims at, and rows at most.
const BATCH: (i64, i64) = (4 << 20, 16_384);

/// A row group ends when the writer holds this much of it, so that writers stay small.
const ROW_GROUP_BYTES: usize = 16 << 20;

/// What a file says of itself.
pub(crate) struct ParquetFile {
    /// Its columns as Arrow fields.
    pub(crate) fields: Vec<Field>,
    /// What it notes beside its columns.
    pub(crate) notes: HashMap<String, String>,
    /// Rows and bytes of each row group.
    pub(crate) groups: Vec<(u64, u64)>,
    /// Names of columns whose timestamps are read to the microsecond, whatever they hold.
    pub(crate) int96: Vec<String>,
}

/// An error of the library, by what it means.
fn broken(path: &Path, error: ParquetError) -> Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
            Ok(io) => os_error::of(path, "read", *io),
            Err(other) => os_error::corrupt(path, "it is no whole Parquet file", other),
        },
        other => os_error::corrupt(path, "it is no whole Parquet file", other),
    }
}

fn failed(path: &Path, error: ParquetError) -> Error {
    if let ParquetError::External(cause) = error {
        return match cause.downcast::<std::io::Error>() {
            Ok(io) => os_error::of(path, "write", *io),
            Err(other) => {
                let message = format!("cannot write {}", path.display());
                Error::new(Code::StoreFailed, message).because(other)
            }
        };
    }
    // The library turns I/O errors of the file into texts in places.
    let message = format!("cannot write {}", path.display());
    let code = if error.to_string().contains("No space left") {
        Code::DiskFull
    } else {
        Code::StoreFailed
    };
    Error::new(code, message).because(error)
}

fn metadata(path: &Path, file: &File) -> Result<(ArrowReaderMetadata, Vec<String>)> {
    let load = |options| ArrowReaderMetadata::load(file, options).map_err(|e| broken(path, e));
    let found = load(ArrowReaderOptions::new())?;
    let columns = found.metadata().file_metadata().schema_descr().columns();
    let int96: Vec<String> = columns
        .iter()
        .filter(|c| c.physical_type() == PhysicalType::INT96 && c.path().parts().len() == 1)
        .map(|c| c.name().to_owned())
        .collect();
    if int96.is_empty() {
        return Ok((found, int96));
    }
    // As nanoseconds they would end in 2262; those who write INT96 use years up to 9999.
    let fields: Vec<Field> = found
        .schema()
        .fields()
        .iter()
        .map(|f| match f.data_type() {
            DataType::Timestamp(_, zone) if int96.contains(f.name()) => f
                .as_ref()
                .clone()
                .with_data_type(DataType::Timestamp(TimeUnit::Microsecond, zone.clone())),
            _ => f.as_ref().clone(),
        })
        .collect();
    let schema = Arc::new(Schema::new(fields));
    Ok((load(ArrowReaderOptions::new().with_schema(schema))?, int96))
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|e| os_error::of(path, "open", e))
}

/// Reads a file's footer.
///
/// # Errors
/// [`Code::Corrupt`] when it has none.
pub(crate) fn look(path: &Path) -> Result<ParquetFile> {
    let file = open(path)?;
    let (metadata, int96) = metadata(path, &file)?;
    let parquet = metadata.metadata();
    let pairs = parquet.file_metadata().key_value_metadata().into_iter().flatten();
    let group = |g: &parquet::file::metadata::RowGroupMetaData| {
        let number = |n: i64| u64::try_from(n).unwrap_or_default();
        (number(g.num_rows()), number(g.compressed_size()))
    };
    Ok(ParquetFile {
        fields: metadata.schema().fields().iter().map(|f| f.as_ref().clone()).collect(),
        notes: pairs.filter_map(|p| Some((p.key.clone(), p.value.clone()?))).collect(),
        groups: parquet.row_groups().iter().map(group).collect(),
        int96,
    })
}

/// Reads the row groups of a piece, from `at`.
pub(crate) fn read(piece: &Piece, at: Option<&Place>, table: &TableSchema) -> Result<BlockReader> {
    let path = piece.path.clone();
    let file = open(&path)?;
    let (metadata, _) = metadata(&path, &file)?;
    let fields: Vec<Field> =
        metadata.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
    let projection = Projection::new(&path, &fields, table)?;
    let parquet = metadata.metadata().clone();
    let mask = ProjectionMask::roots(
        parquet.file_metadata().schema_descr(),
        projection.places.iter().copied(),
    );
    let groups: Vec<usize> = (piece.groups.0..piece.groups.1).collect();
    let (mut rows, mut bytes) = (0, 0);
    for group in &groups {
        let group = parquet.row_groups().get(*group).ok_or_else(|| {
            os_error::corrupt(&path, "it has fewer row groups than it had", "missing row group")
        })?;
        rows += group.num_rows();
        bytes += group.total_byte_size();
    }
    // Dictionaries make values look smaller than they are; the budget is a wish, not a limit.
    let each = (bytes / rows.max(1)).max(1);
    let batch_size = usize::try_from((BATCH.0 / each).clamp(1, BATCH.1)).unwrap_or(1);
    let row = at.map_or(0, |p| p.row);
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
        .with_projection(mask)
        .with_row_groups(groups)
        .with_batch_size(batch_size)
        .with_offset(usize::try_from(row).unwrap_or(usize::MAX))
        .build()
        .map_err(|e| broken(&path, e))?;
    let batches: Batches = Box::new(
        reader.map(move |batch| batch.map_err(|e| os_error::corrupt(&path, "it is damaged", e))),
    );
    Ok(BlockReader::new(batches, projection, row))
}

/// How a table is written.
#[derive(Clone)]
pub(crate) struct ParquetForm {
    schema: SchemaRef,
    properties: Arc<WriterProperties>,
    table: Option<String>,
}

impl ParquetForm {
    /// The form for a table.
    pub(crate) fn new(
        table: &TableSchema,
        compression: Option<Compression>,
        level: Option<u32>,
    ) -> Result<Self> {
        let bad = |e: ParquetError| Error::new(Code::BadValue, "level is out of range").because(e);
        let codec = match compression.unwrap_or(Compression::Zstd) {
            Compression::None => Codec::UNCOMPRESSED,
            Compression::Snappy => Codec::SNAPPY,
            Compression::Bzip2 | Compression::Zip => {
                let message = "Parquet is packed by zstd, gzip, snappy or not at all";
                return Err(Error::new(Code::BadValue, message));
            }
            Compression::Gzip => Codec::GZIP(GzipLevel::try_new(level.unwrap_or(6)).map_err(bad)?),
            Compression::Zstd => {
                let level = i32::try_from(level.unwrap_or(3)).unwrap_or(3);
                Codec::ZSTD(ZstdLevel::try_new(level).map_err(bad)?)
            }
        };
        let mut properties = WriterProperties::builder()
            .set_compression(codec)
            .set_created_by(format!("syncline {}", env!("CARGO_PKG_VERSION")));
        // Bytes rarely repeat, and nobody asks for the least of them: a dictionary and the bounds
        // of each page would only hold copies of large values.
        for column in &table.columns {
            if *column.field.data_type() == DataType::Binary {
                let path = ColumnPath::from(vec![column.name().to_owned()]);
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_statistics_enabled(path, EnabledStatistics::None);
            }
        }
        Ok(Self {
            schema: table.arrow(),
            properties: Arc::new(properties.build()),
            table: table_text(table),
        })
    }

    /// Begins a file.
    pub(crate) fn begin(&self, path: &Path, file: File) -> Result<ParquetSegment> {
        let properties = self.properties.as_ref().clone();
        let mut writer = ArrowWriter::try_new(file, self.schema.clone(), Some(properties))
            .map_err(|e| failed(path, e))?;
        if let Some(text) = &self.table {
            writer.append_key_value_metadata(KeyValue::new(TABLE_KEY.to_owned(), text.clone()));
        }
        Ok(ParquetSegment { path: path.to_owned(), writer })
    }
}

/// A file that is being written.
pub(crate) struct ParquetSegment {
    path: PathBuf,
    writer: ArrowWriter<File>,
}

impl ParquetSegment {
    /// Adds rows.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.writer.write(rows).map_err(|e| failed(&self.path, e))?;
        if self.writer.memory_size() >= ROW_GROUP_BYTES {
            self.writer.flush().map_err(|e| failed(&self.path, e))?;
        }
        Ok(())
    }

    /// Writes the footer.
    pub(crate) fn seal(self) -> Result<File> {
        self.writer.into_inner().map_err(|e| failed(&self.path, e))
    }
}

impl Assemble for ParquetForm {
    fn assemble(&self, old: Option<&Path>, pieces: &[Part], out: &Path) -> Result<PathBuf> {
        if let (None, [one]) = (old, pieces) {
            return Ok(one.path.clone());
        }
        let at = |e| failed(out, e);
        let file = File::create(out).map_err(|e| os_error::of(out, "make", e))?;
        let descriptor = ArrowSchemaConverter::new().convert(&self.schema).map_err(at)?;
        let mut properties = self.properties.as_ref().clone().into_builder().build();
        add_encoded_arrow_schema_to_metadata(&self.schema, &mut properties);
        let root = descriptor.root_schema_ptr();
        let mut writer =
            SerializedFileWriter::new(file, root.clone(), Arc::new(properties)).map_err(at)?;
        if let Some(text) = &self.table {
            writer.append_key_value_metadata(KeyValue::new(TABLE_KEY.to_owned(), text.clone()));
        }
        for path in old.into_iter().chain(pieces.iter().map(|p| p.path.as_path())) {
            let input = open(path)?;
            let metadata = ParquetMetaDataReader::new()
                .with_page_index_policy(PageIndexPolicy::Optional)
                .parse_and_finish(&input)
                .map_err(|e| broken(path, e))?;
            if metadata.file_metadata().schema_descr().columns().iter().ne(descriptor.columns()) {
                let message = format!("{}: its columns are not those written", path.display());
                return Err(Error::new(Code::ColumnMismatch, message)
                    .hint("write to another file, or use --write replace"));
            }
            for (i, group) in metadata.row_groups().iter().enumerate() {
                let mut target = writer.next_row_group().map_err(at)?;
                for (j, column) in group.columns().iter().enumerate() {
                    let close = ColumnCloseResult {
                        bytes_written: u64::try_from(column.compressed_size()).unwrap_or_default(),
                        rows_written: u64::try_from(group.num_rows()).unwrap_or_default(),
                        metadata: column.clone(),
                        bloom_filter: None,
                        column_index: metadata
                            .column_index()
                            .and_then(|c| c.get(i)?.get(j).cloned()),
                        offset_index: metadata
                            .offset_index()
                            .and_then(|o| o.get(i)?.get(j).cloned()),
                    };
                    target.append_column(&input, close).map_err(at)?;
                }
                target.close().map_err(at)?;
            }
        }
        let file = writer.into_inner().map_err(at)?;
        file.sync_all().map_err(|e| os_error::of(out, "write", e))?;
        Ok(out.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::TimestampMicrosecondType;
    use parquet::data_type::{Int96, Int96Type};
    use parquet::schema::parser::parse_message_type;
    use syncline_connector::Budget;
    use syncline_types::TableName;

    use crate::location::Stamp;
    use crate::options::Format;
    use crate::piece::PieceReader;

    #[test]
    fn int96_times_of_the_year_9999_are_read_and_pointed_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.parquet");
        let schema = parse_message_type("message m { optional int96 at; }").unwrap();
        let file = File::create(&path).unwrap();
        let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        // Nanoseconds of the day, and the Julian day of 9999-12-31.
        let value = Int96::from(vec![1_000, 0, 5_373_484]);
        column.typed::<Int96Type>().write_batch(&[value], Some(&[1, 0]), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();

        let found = look(&path).unwrap();
        assert_eq!(found.int96, ["at"]);
        let table = TableSchema::new(TableName::bare("t"), found.fields);
        let piece = Piece {
            stamp: Stamp::of(&path).unwrap(),
            path,
            format: Format::Parquet,
            compression: Compression::None,
            columns: vec!["at".into()],
            from: 0,
            until: None,
            line: 1,
            groups: (0, 1),
            script: None,
        };
        let mut reader = read(&piece, None, &table).unwrap();
        let rows = reader.next(Budget { rows: 10, bytes: 1 << 20 }).unwrap().unwrap().rows;
        let times = rows.column(0).as_primitive::<TimestampMicrosecondType>();
        assert_eq!(times.value(0), 2_932_896 * 86_400_000_000 + 1);
        assert!(times.is_null(1));
    }
}
