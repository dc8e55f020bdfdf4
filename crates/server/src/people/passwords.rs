//! Passwords: hashed with argon2id, a few at a time, for each takes much memory and time.

use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use syncline_types::{Code, Error, Result};
use tokio::sync::Semaphore;

use crate::state::ended_early;

/// Hashes at the same time.
const AT_ONCE: usize = 2;
/// How long to wait for one's turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// Characters of a password at least.
const SHORTEST: usize = 10;
/// Bytes of a password at most.
const LONGEST: usize = 1024;

/// Hashes and verifies passwords.
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    /// The hash of a password that nobody has: verifying against it takes as long as against one
    /// of a user.
    nobody: String,
}

impl Passwords {
    /// Ready to hash.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(crate) fn new() -> Result<Self> {
        let nobody = hash(&super::secret()?)?;
        Ok(Self { turns: Arc::new(Semaphore::new(AT_ONCE)), nobody })
    }

    /// The hash of a new password.
    ///
    /// # Errors
    /// [`Code::BadValue`] for one that is too short or too long; [`Code::TooManyRequests`].
    pub(crate) async fn hash(&self, user: &str, password: String) -> Result<String> {
        if password.chars().count() < SHORTEST || password.len() > LONGEST {
            let wanted = format!("password: {SHORTEST} characters to {LONGEST} bytes are taken");
            return Err(Error::new(Code::BadValue, wanted));
        }
        if password.eq_ignore_ascii_case(user) {
            return Err(Error::new(Code::BadValue, "password: it is the user's name"));
        }
        self.in_turn(move || hash(&password)).await
    }

    /// Whether a password is the one that was hashed. Without a hash it is not, after the same
    /// time.
    ///
    /// # Errors
    /// [`Code::TooManyRequests`].
    pub(crate) async fn verify(&self, password: String, hashed: Option<&str>) -> Result<bool> {
        let known = hashed.is_some();
        let hashed = hashed.unwrap_or(&self.nobody).to_owned();
        if password.len() > LONGEST {
            return Ok(false);
        }
        let fits = self.in_turn(move || {
            let hashed = PasswordHash::new(&hashed)
                .map_err(|e| Error::bug("the hash of a password cannot be read").because(e))?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &hashed).is_ok())
        });
        Ok(fits.await? && known)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned());
        let Ok(Ok(turn)) = turn.await else {
            return Err(Error::new(Code::TooManyRequests, "too many sign in at the same time"));
        };
        let done = tokio::task::spawn_blocking(move || {
            // It is held until the work is done, also when nobody waits for it any more.
            let _turn = turn;
            work()
        });
        done.await.map_err(|e| ended_early("hashing a password", &e))?
    }
}

fn hash(password: &str) -> Result<String> {
    // argon2id with 19 MiB and two passes; the parameters stand in the hash.
    let hashed = Argon2::default().hash_password(password.as_bytes());
    let hashed = hashed.map_err(|e| Error::bug("a password cannot be hashed").because(e))?;
    Ok(hashed.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_verified_and_nobody_has_the_one_of_nobody() {
        let passwords = Passwords::new().unwrap();
        let hashed = passwords.hash("anna", "correct horse".into()).await.unwrap();
        assert!(hashed.starts_with("$argon2id$"), "{hashed}");
        let again = passwords.hash("anna", "correct horse".into()).await.unwrap();
        assert_ne!(hashed, again, "each has a salt of its own");
        assert!(passwords.verify("correct horse".into(), Some(&hashed)).await.unwrap());
        assert!(!passwords.verify("correct horsf".into(), Some(&hashed)).await.unwrap());
        assert!(!passwords.verify("correct horse".into(), None).await.unwrap());
        for bad in ["short", "Anna-the-1st", &"x".repeat(2000)] {
            let error = passwords.hash("anna-the-1st", bad.into()).await.unwrap_err();
            assert_eq!(error.code(), Code::BadValue);
            assert!(!error.chain().contains(bad), "{error}");
        }
    }
}
