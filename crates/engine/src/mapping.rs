//! What becomes of each column's values, and the refusal of mappings that lose something.

use syncline_convert::Fidelity;
use syncline_types::{Code, Column, Error, Result, field};

use crate::job::Job;
use crate::plan::BoundTable;

/// What becomes of one column.
pub(crate) struct Mapping {
    /// As the source has it.
    pub(crate) from: Column,
    /// As it is written.
    pub(crate) to: Column,
    pub(crate) fidelity: Fidelity,
    /// Odd values that are refused although every other is kept.
    pub(crate) refused: Vec<String>,
    /// The job gives its type.
    pub(crate) typed: bool,
}

impl Mapping {
    /// Whether something is lost that nobody has asked for. A type that was found in a sample is
    /// none that the target could fall short of.
    fn loses(&self) -> bool {
        let sampled = field::get(&self.from.field, field::SAMPLED).is_some();
        matches!(self.fidelity, Fidelity::Lossy(_)) && !self.typed && !sampled
    }
}

/// Refuses columns whose target does not keep every value, unless the job says that it is meant.
///
/// # Errors
/// [`Code::LossyMapping`], with the columns.
pub(crate) fn refuse_lossy(job: &Job, tables: &[BoundTable]) -> Result<()> {
    const SHOWN: usize = 5;
    if job.allow_lossy {
        return Ok(());
    }
    let mut lost = Vec::new();
    for table in tables {
        for mapping in table.mappings(job).iter().filter(|m| m.loses()) {
            let Fidelity::Lossy(why) = &mapping.fidelity else { continue };
            let name = &table.plan.source.name;
            lost.push(format!("{name}: column {:?}: {why}", mapping.from.name()));
        }
    }
    let Some(first) = lost.first() else { return Ok(()) };
    let more = match lost.len() {
        1 => first.clone(),
        n if n <= SHOWN => lost.join("\n  "),
        n => format!("{}\n  and {} more", lost[..SHOWN].join("\n  "), n - SHOWN),
    };
    Err(Error::new(Code::LossyMapping, more).hint(
        "--allow-lossy (errors.allow_lossy in a job file) takes what fits, and refuses other rows \
         one by one; --columns 'name::type' chooses a type for a column",
    ))
}
