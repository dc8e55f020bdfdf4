//! Which project each job is in, kept in memory: whoever may see only some projects is asked about
//! with every event of every run.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use syncline_store::{DEFAULT_PROJECT, Store};
use syncline_types::Result;

/// The projects of jobs, those that were removed too: their runs stay.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Jobs in another project than the default one.
    jobs: RwLock<HashMap<String, Arc<str>>>,
}

impl Places {
    /// As the state has it. Blocks.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub(crate) fn of(store: &Store) -> Result<Self> {
        let jobs = store.job_projects()?.into_iter().map(|(job, name)| (job, name.into()));
        Ok(Self { jobs: RwLock::new(jobs.collect()) })
    }

    /// A job has been put into a project.
    pub(crate) fn put(&self, job: &str, project: &str) {
        let mut jobs = self.jobs.write().unwrap_or_else(PoisonError::into_inner);
        if project == DEFAULT_PROJECT {
            jobs.remove(job);
        } else {
            jobs.insert(job.to_owned(), project.into());
        }
    }

    /// What `look` says of a job's project.
    pub(crate) fn look<T>(&self, job: &str, look: impl FnOnce(&str) -> T) -> T {
        let jobs = self.jobs.read().unwrap_or_else(PoisonError::into_inner);
        look(jobs.get(job).map_or(DEFAULT_PROJECT, AsRef::as_ref))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_where_it_was_last_put() {
        let places = Places::default();
        let of = |job: &str| places.look(job, str::to_owned);
        assert_eq!(of("a"), "default");
        places.put("a", "sales");
        assert_eq!((of("a"), of("b")), ("sales".into(), "default".into()));
        places.put("a", "default");
        assert_eq!(of("a"), "default");
    }
}
