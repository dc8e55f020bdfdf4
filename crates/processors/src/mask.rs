//! `mask: { columns: [email], with: sha256 }`: values that must not travel as they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::datatypes::{DataType, Field, SchemaRef};
use serde_json::Value;
use sha2::{Digest, Sha256};
use syncline_connector::{BoundProcessor, Processor, Secret, Step, StepOutput};
use syncline_convert::Converter;
use syncline_types::field::{self, LENGTH};
use syncline_types::{Code, Column, Error, Result, TableSchema, did_you_mean};

use crate::columns::{find, mend_keys};
use crate::config::Place;

/// The ways to mask.
pub(crate) const METHODS: &[&str] = &["partial", "redact", "sha256"];

/// How values are made unreadable. NULL stays NULL in each.
#[derive(Debug, Clone)]
enum Method {
    /// The hexadecimal SHA-256 of the value's text (or bytes); with a key, HMAC-SHA-256.
    Sha256(Option<Secret>),
    /// `***`
    Redact,
    /// All but the last so many characters as `*`; shorter values altogether.
    Partial(usize),
}

/// Masks columns.
#[derive(Debug)]
pub(crate) struct Mask {
    place: Place,
    columns: Vec<String>,
    method: Method,
}

impl Mask {
    pub(crate) fn new(place: Place, value: &Value) -> Result<Self> {
        let object = place.object(value)?;
        place.known(object, &["columns", "with", "key", "keep"])?;
        let needed = |key: &str| {
            let missing = || Error::new(Code::BadProcessor, format!("{key} is missing")).at(&place);
            object.get(key).ok_or_else(missing)
        };
        let columns = place.under("columns").names(needed("columns")?)?;
        let at = place.under("with");
        let with = at.text(needed("with")?)?;
        let only = |key: &str, method: &str| match object.get(key) {
            Some(_) if with != method => {
                let message = format!("goes only with {method}");
                Err(Error::new(Code::BadProcessor, message).at(place.under(key)))
            }
            found => Ok(found),
        };
        let key = only("key", "sha256")?.map(|v| read_key(&place.under("key"), v)).transpose()?;
        let keep = only("keep", "partial")?.map(|v| place.under("keep").number(v)).transpose()?;
        let method = match with {
            "sha256" => Method::Sha256(key),
            "redact" => Method::Redact,
            "partial" => Method::Partial(usize::try_from(keep.unwrap_or(4)).unwrap_or(usize::MAX)),
            other => {
                let near = did_you_mean(other, METHODS.iter().copied());
                let message = format!("{other:?} is no way to mask{near}");
                let hint = format!("there are {}", METHODS.join(", "));
                return Err(Error::new(Code::BadValue, message).at(at).hint(hint));
            }
        };
        Ok(Self { place, columns, method })
    }
}

/// The key of a hash: a text, or `{ env: NAME }`. `{ secret: NAME }` stands in jobs of a server, which
/// keeps the text elsewhere and puts it in before the steps are read.
fn read_key(place: &Place, value: &Value) -> Result<Secret> {
    if let Value::String(text) = value {
        return Ok(Secret::new(text.clone()));
    }
    let object = place.object(value)?;
    place.known(object, &["env", "secret"])?;
    if object.contains_key("secret") {
        let message = "the key is kept by the server that the job was written on";
        return Err(Error::new(Code::SecretMissing, message)
            .at(place)
            .hint("give the key as a text, or as { env: NAME }"));
    }
    let name = place.text(object.get("env").unwrap_or(&Value::Null))?;
    std::env::var(name).map(Secret::new).map_err(|_| {
        let message = format!("the key is to come from ${name}, which is not set");
        Error::new(Code::SecretMissing, message).at(place)
    })
}

impl Processor for Mask {
    fn name(&self) -> &'static str {
        "mask"
    }

    fn computes_with(&self, _: &TableSchema) -> Result<Option<Vec<String>>> {
        Ok(Some(Vec::new()))
    }

    fn bind(&self, input: &TableSchema) -> Result<BoundProcessor> {
        let mut output = input.clone();
        let mut masked = Vec::with_capacity(self.columns.len());
        for name in &self.columns {
            let index = find(input, name, &self.place)?;
            let old = &input.columns[index];
            let text = Field::new(name, DataType::Utf8, true);
            let reader = match old.field.data_type() {
                DataType::Binary => None,
                _ => Some(Converter::new(&old.field, &text).map_err(|e| e.at(&self.place))?),
            };
            if reader.is_none() && !matches!(self.method, Method::Sha256(_)) {
                let message = format!("{name:?} holds bytes, which only sha256 masks");
                return Err(Error::new(Code::BadProcessor, message).at(&self.place));
            }
            let plain = Field::new(name, DataType::Utf8, old.field.is_nullable());
            let longest = match self.method {
                Method::Sha256(_) => Some(64),
                Method::Redact => Some(3),
                Method::Partial(_) => field::length(&old.field),
            };
            let longest = longest.map(|n| (LENGTH, n.to_string()));
            let mut column = Column::new(field::with(plain, longest));
            column.comment = old.comment.clone();
            output.columns[index] = column;
            masked.push((index, reader));
        }
        // A hash tells rows apart as the value did; the others do not.
        let changed: BTreeSet<String> = match self.method {
            Method::Sha256(_) => BTreeSet::new(),
            _ => self.columns.iter().cloned().collect(),
        };
        mend_keys(&mut output, &changed);
        let schema = output.arrow();
        let step = Box::new(Masking { masked, method: self.method.clone(), schema });
        Ok(BoundProcessor { output, step })
    }
}

struct Masking {
    /// Columns, with the way into their text; bytes have none.
    masked: Vec<(usize, Option<Converter>)>,
    method: Method,
    schema: SchemaRef,
}

impl Step for Masking {
    fn apply(&self, rows: RecordBatch) -> Result<StepOutput> {
        let mut columns = rows.columns().to_vec();
        for (index, reader) in &self.masked {
            columns[*index] = self.mask(&columns[*index], reader.as_ref())?;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let rows = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|e| Error::bug("masked columns do not make rows").because(e))?;
        Ok(StepOutput { rows, rejects: Vec::new(), kept: None })
    }
}

impl Masking {
    fn mask(&self, column: &ArrayRef, reader: Option<&Converter>) -> Result<ArrayRef> {
        let column = match reader {
            None => column.clone(),
            Some(reader) => {
                let converted = reader.convert(column)?;
                if let Some(bad) = converted.bad.into_iter().next() {
                    // Every type has a text; a value without one must not slip through as NULL.
                    return Err(Error::bug("a value without a text").because(bad.error));
                }
                converted.array
            }
        };
        let mut out = StringBuilder::with_capacity(column.len(), column.len() * 16);
        for row in 0..column.len() {
            if column.is_null(row) {
                out.append_null();
                continue;
            }
            match column.as_string_opt::<i32>() {
                Some(texts) => {
                    self.mask_value(texts.value(row).as_bytes(), texts.value(row), &mut out)
                }
                None => self.mask_value(column.as_binary::<i32>().value(row), "", &mut out),
            }
        }
        Ok(Arc::new(out.finish()))
    }

    fn mask_value(&self, bytes: &[u8], text: &str, out: &mut StringBuilder) {
        match &self.method {
            Method::Sha256(None) => out.append_value(hex::encode(Sha256::digest(bytes))),
            Method::Sha256(Some(key)) => {
                out.append_value(hex::encode(hmac(key.expose().as_bytes(), bytes)));
            }
            Method::Redact => out.append_value("***"),
            Method::Partial(keep) => {
                let length = text.chars().count();
                // A value no longer than what is kept would be shown whole.
                let hidden = if length <= *keep { length } else { length - keep };
                let masked = (0..hidden).map(|_| '*').chain(text.chars().skip(hidden));
                out.append_value(masked.collect::<String>());
            }
        }
    }
}

/// HMAC-SHA-256 (RFC 2104): `H((K ⊕ opad) ‖ H((K ⊕ ipad) ‖ text))`.
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|b| b ^ 0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(block.map(|b| b ^ 0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_agrees_with_rfc_4231() {
        let tag = |key: &[u8], text: &[u8]| hex::encode(hmac(key, text));
        assert_eq!(
            tag(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            tag(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
