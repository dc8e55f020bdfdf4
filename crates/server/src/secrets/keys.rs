//! Keys that secrets are sealed with: where they come from, and how a new one takes over.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use syncline_connector::Secret;
use syncline_types::{Code, Error, Result};

/// Name of the key file in the server's folder.
const FILE: &str = "secrets.key";
/// Length of a key in bytes.
const LENGTH: usize = 32;

/// A key, and the name by which sealed secrets refer to it.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) bytes: [u8; LENGTH],
}

impl Key {
    fn new(bytes: [u8; LENGTH]) -> Self {
        let digest =
            Sha256::new().chain_update(b"syncline key id\0").chain_update(bytes).finalize();
        Self { id: hex::encode(&digest[..6]), bytes }
    }

    fn random() -> Self {
        Self::new(rand::random())
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim()).ok()?;
        bytes.try_into().ok().map(Self::new)
    }
}

/// The keys there are: secrets are sealed with the first; the others open what is older.
pub(super) struct Keys {
    pub(super) all: Vec<Key>,
    /// Where they come from, for people.
    pub(super) place: String,
}

impl Keys {
    /// Keys as texts: base64 of 32 bytes each, separated by commas or line breaks; what follows a
    /// `#` in a line is said to people.
    fn parse(text: &str, place: String) -> Result<Self> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let words = lines.flat_map(|line| line.split(',')).map(str::trim);
        let all: Option<Vec<Key>> = words.filter(|w| !w.is_empty()).map(Key::parse).collect();
        match all {
            Some(all) if !all.is_empty() => Ok(Self { all, place }),
            _ => Err(Error::new(Code::WrongKey, format!("{place}: no key of secrets"))
                .hint("a key is 32 random bytes in base64: openssl rand -base64 32")),
        }
    }

    /// The keys of `given` (`SYNCLINE_KEY`), else of the file; one in `folder` is made when there
    /// is none.
    ///
    /// # Errors
    /// [`Code::WrongKey`] for what is no key; [`Code::StateUnusable`] when the file cannot be read
    /// or made.
    pub(super) fn load(folder: &Path, file: Option<&Path>, given: Option<&Secret>) -> Result<Self> {
        if let Some(given) = given {
            return Self::parse(given.expose(), "SYNCLINE_KEY".to_owned());
        }
        let path = file.map_or_else(|| folder.join(FILE), Path::to_owned);
        let place = path.display().to_string();
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                refuse_if_open(&path)?;
                Self::parse(&text, place)
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && file.is_none() => {
                let keys = Self { all: vec![Key::random()], place };
                match keys.write(&path, true) {
                    // Another process has made it in the same moment.
                    Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                        Self::load(folder, Some(&path), None)
                    }
                    Err(e) => Err(unusable(&path, e)),
                    Ok(()) => Ok(keys),
                }
            }
            Err(e) => Err(unusable(&path, e)),
        }
    }

    /// Puts a new key before those of the file, and gives the file's keys then.
    ///
    /// # Errors
    /// [`Code::Usage`] when the keys come from the environment; as [`Keys::load`].
    pub(super) fn with_new(folder: &Path, file: Option<&Path>) -> Result<Self> {
        let mut keys = Self::load(folder, file, None)?;
        keys.all.insert(0, Key::random());
        let path = PathBuf::from(&keys.place);
        keys.write(&path, false).map_err(|e| unusable(&path, e))?;
        Ok(keys)
    }

    /// Leaves only the first key in the file.
    ///
    /// # Errors
    /// [`Code::StateUnusable`] when it cannot be written.
    pub(super) fn keep_first(&mut self) -> Result<()> {
        self.all.truncate(1);
        let path = PathBuf::from(&self.place);
        self.write(&path, false).map_err(|e| unusable(&path, e))
    }

    /// Writes the file beside its place, whole, and moves it there.
    fn write(&self, path: &Path, new: bool) -> std::io::Result<()> {
        let mut text = String::from(
            "# Keys of the secrets in Syncline's state: keep this file, and keep it apart from\n\
             # copies of the state. The first key seals; all of them open.\n",
        );
        for key in &self.all {
            text.push_str(&STANDARD.encode(key.bytes));
            text.push('\n');
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = folder.join(format!(".{name}.{}", std::process::id()));
        let done = (|| {
            let mut file = private(&beside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            if new {
                // A link, unlike a move, does not take the place of a file that is there.
                std::fs::hard_link(&beside, path)?;
                std::fs::remove_file(&beside)?;
            } else {
                std::fs::rename(&beside, path)?;
            }
            std::fs::File::open(folder)?.sync_all()
        })();
        if done.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        done
    }
}

/// A new file that nobody else can read.
fn private(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let _ = std::fs::remove_file(path);
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// A key that everybody on the machine can read is none.
fn refuse_if_open(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map_err(|e| unusable(path, e))?.permissions().mode();
    if mode & 0o007 == 0 {
        return Ok(());
    }
    let message = format!("{}: everybody on this machine can read the key", path.display());
    Err(Error::new(Code::WrongKey, message).hint(format!("chmod 600 {}", path.display())))
}

fn unusable(path: &Path, cause: std::io::Error) -> Error {
    Error::new(Code::StateUnusable, format!("key file {}", path.display())).because(cause)
}
