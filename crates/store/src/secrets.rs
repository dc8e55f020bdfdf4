//! Secrets, sealed by whoever gives them: what is kept here nobody can read without the key.

use syncline_types::Result;

use crate::database::{Done, Row, Session, params};
use crate::{Store, now};

/// A secret that only its key opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key it was sealed with.
    pub key_id: String,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

const COLUMNS: &str = "place, key_id, sealed";

fn sealed(row: &Row) -> Done<(String, Sealed)> {
    Ok((row.get("place")?, Sealed { key_id: row.get("key_id")?, bytes: row.get("sealed")? }))
}

/// Keeps a secret under its place, instead of the one that was there.
pub(crate) fn put(session: &mut Session, place: &str, secret: &Sealed) -> Done<()> {
    session
        .execute(
            "INSERT INTO secrets (place, key_id, sealed, updated_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (place) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed,
                 updated_at = excluded.updated_at",
            params![place, &secret.key_id, &secret.bytes, now()],
        )
        .map(drop)
}

/// Takes the secret of a place away, if there is one.
pub(crate) fn remove(session: &mut Session, place: &str) -> Done<()> {
    session.execute("DELETE FROM secrets WHERE place = $1", params![place]).map(drop)
}

impl Store {
    /// The secret of a place.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn secret(&self, place: &str) -> Result<Option<Sealed>> {
        let sql = format!("SELECT {COLUMNS} FROM secrets WHERE place = $1");
        let found = self.database().read("reading a secret", &sql, params![place], sealed)?;
        Ok(found.into_iter().next().map(|(_, secret)| secret))
    }

    /// Keeps a secret under its place, instead of the one that was there.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn save_secret(&self, place: &str, secret: &Sealed) -> Result<()> {
        let doing = "keeping a secret";
        self.database()
            .transaction(doing, |session| put(session, place, secret).map_err(|e| e.while_(doing)))
    }

    /// Takes the secret of a place away, if there is one.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn remove_secret(&self, place: &str) -> Result<()> {
        let doing = "removing a secret";
        self.database()
            .transaction(doing, |session| remove(session, place).map_err(|e| e.while_(doing)))
    }

    /// All secrets with their places.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn secrets(&self) -> Result<Vec<(String, Sealed)>> {
        let sql = format!("SELECT {COLUMNS} FROM secrets ORDER BY place");
        self.database().read("reading secrets", &sql, &[], sealed)
    }

    /// Puts a secret that was sealed anew in the place of `old`, unless it has changed meanwhile.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn reseal(&self, place: &str, old: &Sealed, new: &Sealed) -> Result<bool> {
        let sql = "UPDATE secrets SET key_id = $1, sealed = $2 WHERE place = $3 AND sealed = $4";
        let values = params![&new.key_id, &new.bytes, place, &old.bytes];
        Ok(self.database().execute("sealing a secret anew", sql, values)? > 0)
    }
}
