//! Work that waits for a disk in the middle of asynchronous work.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does work that waits for a disk; the thread's other tasks go on elsewhere meanwhile, where there
/// is an elsewhere. A runtime of one thread has none, and waits.
pub(crate) fn block_in_place<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
