//! Secrets at rest: sealed with AES-256-GCM under a key that the state does not hold.
//!
//! What is sealed names its key, so that keys rotate: a new key is put before the old ones
//! (`syncline server --rotate-key`, or by hand); at its start the server seals everything anew with
//! the first key, and the others may go. A sealed secret is bound to its place: moved to another
//! row, it does not open.

mod keys;

use std::path::Path;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use sha2::{Digest as _, Sha256};
use syncline_connector::Secret;
use syncline_store::{Sealed, Store};
use syncline_types::{Code, Error, Result};

use self::keys::{Key, Keys};
use crate::config::KeySource;

/// Version of the sealed form, its first byte: nonce and ciphertext follow.
const FORM: u8 = 1;
/// Length of a nonce in bytes.
const NONCE: usize = 12;

/// Seals and opens secrets.
pub(crate) struct Vault {
    keys: Keys,
}

impl Vault {
    /// The vault of a node, as its configuration says.
    ///
    /// # Errors
    /// [`Code::Usage`] for keys of the environment that are to be rotated; as [`Vault::open`].
    pub(crate) fn of(store: &Store, folder: &Path, keys: &KeySource) -> Result<Self> {
        let file = keys.file.as_deref();
        match (keys.rotate, &keys.given) {
            (true, None) => Self::rotate(store, folder, file),
            (true, Some(_)) => Err(Error::new(Code::Usage, "--rotate-key needs a key file")
                .hint("put a new key before the old one: SYNCLINE_KEY=NEW,OLD")),
            (false, given) => Self::open(store, folder, file, given.as_ref()),
        }
    }

    /// A vault with the keys of `given` (`SYNCLINE_KEY`), of `file`, or of a file in `folder` that
    /// is made when there is none. Everything in the state is sealed anew that is not sealed with
    /// the first key.
    ///
    /// # Errors
    /// [`Code::WrongKey`] when something in the state opens with none of the keys.
    pub(crate) fn open(
        store: &Store,
        folder: &Path,
        file: Option<&Path>,
        given: Option<&Secret>,
    ) -> Result<Self> {
        let vault = Self { keys: Keys::load(folder, file, given)? };
        vault.seal_anew(store)?;
        Ok(vault)
    }

    /// Makes a new key in the key file, seals everything in the state anew with it, and takes the
    /// older keys out of the file.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub(crate) fn rotate(store: &Store, folder: &Path, file: Option<&Path>) -> Result<Self> {
        let mut vault = Self { keys: Keys::with_new(folder, file)? };
        vault.seal_anew(store)?;
        vault.keys.keep_first()?;
        Ok(vault)
    }

    fn first(&self) -> Result<&Key> {
        self.keys.all.first().ok_or_else(|| Error::bug("a vault without a key"))
    }

    /// Seals what only opens again for the same place.
    pub(crate) fn seal(&self, place: &str, secret: &Secret) -> Result<Sealed> {
        self.seal_bytes(place, secret.expose().as_bytes())
    }

    /// As [`Vault::seal`], for bytes.
    pub(crate) fn seal_bytes(&self, place: &str, bytes: &[u8]) -> Result<Sealed> {
        let key = self.first()?;
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: bytes, aad: place.as_bytes() };
        let sealed = cipher(key)
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| Error::bug("a secret cannot be sealed"))?;
        let bytes = [&[FORM], nonce.as_slice(), &sealed].concat();
        Ok(Sealed { key_id: key.id.clone(), bytes })
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`Code::WrongKey`] when there is no such key, or it is not what was sealed here.
    pub(crate) fn open_secret(&self, place: &str, sealed: &Sealed) -> Result<Secret> {
        let bytes = self.open_bytes(place, sealed)?;
        String::from_utf8(bytes).map(Secret::new).map_err(|_| self.wrong(place))
    }

    /// As [`Vault::open_secret`], for bytes.
    ///
    /// # Errors
    /// As [`Vault::open_secret`].
    pub(crate) fn open_bytes(&self, place: &str, sealed: &Sealed) -> Result<Vec<u8>> {
        let opened = || {
            let key = self.keys.all.iter().find(|key| key.id == sealed.key_id)?;
            let rest = sealed.bytes.strip_prefix(&[FORM])?;
            let (nonce, message) = rest.split_at_checked(NONCE)?;
            let nonce: [u8; NONCE] = nonce.try_into().ok()?;
            let payload = Payload { msg: message, aad: place.as_bytes() };
            cipher(key).decrypt(&Nonce::from(nonce), payload).ok()
        };
        opened().ok_or_else(|| self.wrong(place))
    }

    /// Tells contents apart without saying anything of them to who has not the key.
    pub(crate) fn digest(&self, bytes: &[u8]) -> Result<String> {
        let key = self.first()?.bytes;
        let digest = Sha256::new()
            .chain_update(b"syncline digest\0")
            .chain_update(key)
            .chain_update(Sha256::digest(bytes))
            .finalize();
        Ok(hex::encode(digest))
    }

    /// The secret that is kept for a place.
    ///
    /// # Errors
    /// [`Code::WrongKey`]; when the state cannot be read.
    pub(crate) fn find(&self, store: &Store, place: &str) -> Result<Option<Secret>> {
        store.secret(place)?.map(|sealed| self.open_secret(place, &sealed)).transpose()
    }

    fn wrong(&self, place: &str) -> Error {
        let from = &self.keys.place;
        Error::new(Code::WrongKey, format!("{from}: no key in it opens the secret {place}"))
            .hint("start the server with the key file the secrets were written with (--key-file)")
    }

    /// Seals everything anew that is not sealed with the first key; so every secret is known to
    /// open.
    fn seal_anew(&self, store: &Store) -> Result<()> {
        let first = self.first()?.id.clone();
        for (place, sealed) in store.secrets()? {
            let opened = self.open_bytes(&place, &sealed)?;
            if sealed.key_id != first {
                store.reseal(&place, &sealed, &self.seal_bytes(&place, &opened)?)?;
            }
        }
        Ok(())
    }
}

fn cipher(key: &Key) -> Aes256Gcm {
    Aes256Gcm::new(&key.bytes.into())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn open(folder: &Path, store: &Store) -> Result<Vault> {
        Vault::open(store, folder, None, None)
    }

    #[test]
    fn a_secret_opens_again_at_its_place_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let vault = open(folder.path(), &store).unwrap();
        let sealed = vault.seal("connections/a/password", &Secret::new("geheim ☃")).unwrap();
        assert!(!sealed.bytes.windows(6).any(|w| w == b"geheim"));
        store.save_secret("connections/a/password", &sealed).unwrap();
        let again = open(folder.path(), &store).unwrap();
        let found = again.find(&store, "connections/a/password").unwrap().unwrap();
        assert_eq!(found.expose(), "geheim ☃");
        let moved = again.open_secret("connections/b/password", &sealed).unwrap_err();
        assert_eq!(moved.code(), Code::WrongKey);
        for at in 0..sealed.bytes.len() {
            let mut bytes = sealed.bytes.clone();
            bytes[at] ^= 1;
            let changed = Sealed { bytes, ..sealed.clone() };
            assert!(again.open_secret("connections/a/password", &changed).is_err(), "{at}");
        }
        for cut in 0..sealed.bytes.len() {
            let cut = Sealed { bytes: sealed.bytes[..cut].to_vec(), ..sealed.clone() };
            assert!(again.open_secret("connections/a/password", &cut).is_err());
        }
        let mode = folder.path().join("secrets.key").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn keys_rotate_and_another_key_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let vault = open(folder.path(), &store).unwrap();
        store.save_secret("x", &vault.seal("x", &Secret::new("one")).unwrap()).unwrap();
        let file = folder.path().join("secrets.key");
        let old = std::fs::read_to_string(&file).unwrap();
        let rotated = Vault::rotate(&store, folder.path(), None).unwrap();
        assert_eq!(rotated.find(&store, "x").unwrap().unwrap().expose(), "one");
        assert!(vault.find(&store, "x").is_err());
        let new = std::fs::read_to_string(&file).unwrap();
        assert_ne!(old, new);
        assert_eq!(new.lines().filter(|l| !l.starts_with('#')).count(), 1);
        // By hand: another key before it, and at the next start only that one is needed.
        let by_hand = format!("# a new one\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n{new}");
        std::fs::write(&file, by_hand).unwrap();
        open(folder.path(), &store).unwrap();
        let given = Secret::new("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        let vault = Vault::open(&store, folder.path(), None, Some(&given)).unwrap();
        assert_eq!(vault.find(&store, "x").unwrap().unwrap().expose(), "one");
        std::fs::write(&file, old).unwrap();
        let error = open(folder.path(), &store).err().unwrap();
        assert_eq!(error.code(), Code::WrongKey);
        assert!(error.message().contains("secrets.key"), "{error}");
    }

    #[test]
    fn a_key_file_that_is_none_or_open_to_all_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let file = folder.path().join("k");
        let with = |file: &Path| Vault::open(&store, folder.path(), Some(file), None).err();
        assert_eq!(with(&file).unwrap().code(), Code::StateUnusable);
        for text in ["", "# nothing", "short", "AAAA", "not base64 at all !!"] {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
            assert_eq!(with(&file).unwrap().code(), Code::WrongKey, "{text:?}");
        }
        std::fs::write(&file, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
        assert!(with(&file).is_none());
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert!(with(&file).unwrap().hint_text().unwrap().contains("chmod 600"));
    }
}
