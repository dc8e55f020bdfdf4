//! What a job file refers to outside of itself: stored connections, the environment, files.

use syncline_connector::{Endpoint, Secret};
use syncline_types::{Code, Error, Result};

/// What a job may refer to outside of its own text. Who runs it decides what there is.
pub trait Surroundings {
    /// The stored connection of that name, with its password.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    fn connection(&self, name: &str) -> Result<Option<Endpoint>>;

    /// The environment variable of that name; `None` when it is not set.
    ///
    /// # Errors
    /// When the job may not read it.
    fn variable(&self, name: &str) -> Result<Option<String>>;

    /// The password in a file.
    ///
    /// # Errors
    /// [`Code::SecretMissing`]; or when the job may not read it.
    fn password_file(&self, path: &str) -> Result<Secret>;
}

/// Somebody's own machine: all of its environment and files, and no stored connections.
#[derive(Debug, Clone, Copy)]
pub struct OwnMachine;

impl Surroundings for OwnMachine {
    fn connection(&self, _: &str) -> Result<Option<Endpoint>> {
        Ok(None)
    }

    fn variable(&self, name: &str) -> Result<Option<String>> {
        Ok(std::env::var(name).ok())
    }

    fn password_file(&self, path: &str) -> Result<Secret> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Secret::new(text.trim_end_matches(['\r', '\n']))),
            Err(e) => {
                Err(Error::new(Code::SecretMissing, format!("password file {path}")).because(e))
            }
        }
    }
}

/// An address; a password `$VAR` in it comes from the surroundings.
pub(super) fn endpoint(text: &str, around: &dyn Surroundings) -> Result<Endpoint> {
    let refused = std::cell::RefCell::new(None);
    let parsed = Endpoint::parse_with(text, |name| match around.variable(name) {
        Ok(value) => value,
        Err(error) => {
            *refused.borrow_mut() = Some(error);
            None
        }
    });
    match refused.into_inner() {
        Some(error) => Err(error),
        None => parsed,
    }
}
