//! Packed rows into the target: what another server's COPY has sent, sent again as it is.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::buffer::Buffer;
use bytes::Bytes;
use syncline_connector::Packing;
use syncline_types::{Result, field};

use super::{Plan, Writer, given_back, stream};
use crate::encode::{BEGIN, CHUNK, END, Encoder};
use crate::source::PACKED;
use crate::types::{STORE, wire};

/// Whether the target's columns take the packed values for the very values they are, as far as
/// types tell: the same types, to the last modifier, or bytes that we would write, too.
pub(super) fn fits(packing: &Packing, plan: &Plan, encoder: &Encoder) -> bool {
    let columns = plan.table.columns.iter().zip(&plan.columns);
    packing.form == PACKED
        && encoder.is_binary()
        && packing.table.columns.len() == plan.columns.len()
        && packing.table.columns.iter().zip(columns).enumerate().all(
            |(at, (from, (to, target)))| {
                let same = field::native(&from.field, STORE) == Some(&target.ty.format);
                let passes = || wire(&from.field).is_ok_and(|wire| encoder.passes(at, wire));
                from.field.data_type() == to.field.data_type() && (same || passes())
            },
        )
}

impl Writer {
    /// The rows into the target, inside of a savepoint that is there.
    pub(super) async fn copy_packed(&mut self, rows: &RecordBatch) -> Result<()> {
        let place = self.place();
        let Some(session) = &self.session else { return Err(given_back()) };
        stream(session, &self.copy, pieces(rows).map(Ok), rows.num_rows(), &place).await
    }
}

/// The rows as data of a whole COPY.
fn pieces(rows: &RecordBatch) -> impl Iterator<Item = Bytes> + Send + use<> {
    let begin = std::iter::once(Bytes::from_static(BEGIN));
    begin.chain(data(rows)).chain(std::iter::once(Bytes::from_static(END)))
}

/// The rows as data within a COPY.
pub(super) fn data(rows: &RecordBatch) -> impl Iterator<Item = Bytes> + Send + use<> {
    let values = rows.column(0).as_binary::<i32>();
    let ends = values.value_offsets();
    let [from, to] = [ends[0], ends[values.len()]].map(|end| usize::try_from(end).unwrap_or(0));
    let mut left = Bytes::from_owner(Values(values.values().clone())).slice(from..to);
    std::iter::from_fn(move || {
        let piece = left.split_to(left.len().min(CHUNK));
        (!piece.is_empty()).then_some(piece)
    })
}

/// A buffer of Arrow's, lent to the connection.
struct Values(Buffer);

impl AsRef<[u8]> for Values {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
