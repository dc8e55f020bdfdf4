//! `syncline convert`: a DataX job in our own words.

use syncline_types::{Code, Error, Result};

use crate::args::JobArgs;
use crate::output::line;
use crate::{DONE, jobs};

/// `syncline convert`.
pub(crate) fn run(args: &JobArgs) -> Result<u8> {
    let Some(parts) = jobs::parts(args)? else {
        // A file that cannot be read says so; one of our own needs no converting.
        syncline_engine::JobFile::read(&args.job)?;
        let message = format!("{} is a job file of Syncline already", args.job.display());
        return Err(Error::new(Code::Usage, message));
    };
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            line("---");
        }
        for (password, variable) in [
            (&part.source_password, syncline_datax::SOURCE_PASSWORD),
            (&part.sink_password, syncline_datax::SINK_PASSWORD),
        ] {
            if password.is_some() {
                line(format!("# set {variable} in the environment"));
            }
        }
        if let Some(files) = &part.clear {
            line(format!("# before the first run: {files}"));
        }
        line(syncline_datax::to_yaml(&part.job)?.trim_end());
    }
    Ok(DONE)
}
