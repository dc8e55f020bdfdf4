//! Where rows and their fields lie in binary COPY data. The format stands in the manual under COPY,
//! "Binary Format": a header, then for each row a count of fields, and for each field its length
//! (-1 for NULL) and its bytes in the type's send form. What the bytes say is left to `decode`.

use bytes::{Buf, Bytes, BytesMut};
use syncline_types::{Code, Error, Result, TableName};

use crate::types::Wire;
use crate::wire::PIECE;

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// Where a part of the key stands among a row's fields, and in which form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyField {
    pub(crate) at: usize,
    pub(crate) wire: Wire,
}

/// Where a row's fields lie in its data; NULL lies nowhere.
pub(crate) type Spans = Vec<Option<(usize, usize)>>;

/// Rows as they arrive.
pub(crate) struct Frames {
    table: TableName,
    key: Vec<KeyField>,
    /// Fields of a row.
    fields: usize,
    /// Bytes that arrived and are no whole row yet.
    carry: BytesMut,
    /// A whole row has no fewer bytes than this.
    need: usize,
    pending: Bytes,
    header: bool,
    ended: bool,
    spans: Spans,
    last: Vec<String>,
    last_row: Option<(Bytes, Spans)>,
}

/// A whole row.
pub(crate) struct Frame<'a> {
    /// The row, and maybe what arrived behind it.
    data: Bytes,
    length: usize,
    spans: &'a Spans,
    key: &'a [KeyField],
}

impl Frame<'_> {
    /// Its bytes on the wire.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.data[..self.length]
    }

    /// The bytes of a field; `None` for NULL.
    pub(crate) fn field(&self, at: usize) -> Option<&[u8]> {
        self.spans[at].map(|(from, to)| &self.data[from..to])
    }

    /// The row's first fields as they are on the wire, without their count.
    pub(crate) fn first(&self, fields: usize) -> &[u8] {
        let from = 2;
        let mut to = from;
        for span in &self.spans[..fields] {
            to = span.map_or(to + 4, |(_, end)| end);
        }
        &self.data[from..to]
    }

    /// The parts of its key as texts.
    pub(crate) fn key(&self) -> Vec<String> {
        self.key.iter().map(|k| key_text(*k, &self.data, self.spans)).collect()
    }
}

impl Frames {
    /// For rows of a table with that many fields.
    pub(crate) fn new(table: TableName, fields: usize, key: Vec<KeyField>) -> Self {
        Self {
            table,
            key,
            fields,
            carry: BytesMut::new(),
            need: 0,
            pending: Bytes::new(),
            header: false,
            ended: false,
            spans: vec![None; fields],
            last: Vec::new(),
            last_row: None,
        }
    }

    /// The same for rows that come without the header and without the end.
    pub(crate) fn bare(table: TableName, fields: usize) -> Self {
        Self { header: true, ..Self::new(table, fields, Vec::new()) }
    }

    /// Whether the rows' end mark has been read.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Takes what has arrived.
    pub(crate) fn feed(&mut self, chunk: Bytes) {
        debug_assert!(self.pending.is_empty(), "rows were left when more arrived");
        if self.carry.is_empty() {
            self.pending = chunk;
            return;
        }
        self.carry.extend_from_slice(&chunk);
        if self.carry.len() >= self.need {
            self.pending = std::mem::take(&mut self.carry).freeze();
        }
    }

    /// Puts what is no whole row aside until more has come, with room for what is known to come:
    /// growing step by step would take twice the room.
    fn set_aside(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return;
        }
        let missing = (self.need + PIECE).saturating_sub(pending.len());
        self.carry = pending.try_into_mut().unwrap_or_else(|shared| {
            let mut own = BytesMut::with_capacity(shared.len() + missing);
            own.extend_from_slice(&shared);
            own
        });
        self.carry.reserve(missing);
    }

    /// Hands the next row to `take`; false when no whole one is left of what has arrived.
    pub(crate) fn row(&mut self, take: impl FnOnce(&Frame<'_>) -> Result<()>) -> Result<bool> {
        if self.ended || (!self.header && !self.read_header()?) {
            return Ok(false);
        }
        let Some(length) = self.find_row()? else {
            self.set_aside();
            return Ok(false);
        };
        self.need = 0;
        if self.ended {
            return Ok(false);
        }
        let data = std::mem::take(&mut self.pending);
        // An empty rest would keep the memory of what it is the rest of.
        if length < data.len() {
            self.pending = data.clone();
            self.pending.advance(length);
        }
        let frame = Frame { data, length, spans: &self.spans, key: &self.key };
        take(&frame)?;
        if !self.key.is_empty() {
            // A chunk holds about one row, so that keeping the last one keeps little more.
            match &mut self.last_row {
                Some((row, spans)) => {
                    *row = frame.data;
                    spans.clone_from(&self.spans);
                }
                none => *none = Some((frame.data, self.spans.clone())),
            }
        }
        Ok(true)
    }

    fn read_header(&mut self) -> Result<bool> {
        let data = &self.pending;
        let Some(length) = data.get(15..19) else {
            self.need = 19;
            self.set_aside();
            return Ok(false);
        };
        if data[..11] != SIGNATURE[..] {
            return Err(Error::new(Code::StoreFailed, "the server's COPY is not in binary format"));
        }
        let extension = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let whole = 19 + extension;
        if data.len() < whole {
            self.need = whole;
            self.set_aside();
            return Ok(false);
        }
        self.pending.advance(whole);
        self.header = true;
        Ok(true)
    }

    /// Finds the fields of the first row in `pending` and its length, if it is all there; if not,
    /// notes how long it is at least.
    fn find_row(&mut self) -> Result<Option<usize>> {
        let data = &self.pending[..];
        self.need = 2;
        let Some(count) = data.get(..2) else { return Ok(None) };
        let count = i16::from_be_bytes([count[0], count[1]]);
        if count == -1 {
            self.ended = true;
            return Ok(Some(2));
        }
        if usize::try_from(count) != Ok(self.fields) {
            let message = format!(
                "{}: a row of {count} fields where {} were asked for",
                self.table, self.fields
            );
            return Err(Error::new(Code::StoreFailed, message));
        }
        let mut at = 2;
        for span in &mut self.spans {
            let Some(length) = data.get(at..at + 4) else {
                self.need = at + 4;
                return Ok(None);
            };
            let length = i32::from_be_bytes([length[0], length[1], length[2], length[3]]);
            at += 4;
            *span = match usize::try_from(length) {
                Ok(length) => {
                    let from = at;
                    at += length;
                    Some((from, at))
                }
                Err(_) => None,
            };
        }
        self.need = at;
        Ok((at <= data.len()).then_some(at))
    }

    /// The key of the last row taken, each part as the text of its value.
    pub(crate) fn last_key(&mut self) -> &[String] {
        if let Some((data, spans)) = self.last_row.take() {
            self.last.clear();
            self.last.extend(self.key.iter().map(|k| key_text(*k, &data, &spans)));
        }
        &self.last
    }
}

fn key_text(key: KeyField, data: &[u8], spans: &[Option<(usize, usize)>]) -> String {
    spans[key.at].map(|(from, to)| key.wire.show(&data[from..to])).unwrap_or_default()
}
