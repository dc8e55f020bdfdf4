//! What the operating system reports, as errors with a code and a hint.

use std::io;
use std::path::Path;

use syncline_types::{Code, Error, did_you_mean};

/// An I/O error of a file, by what it means for the run. `doing` completes "cannot …".
pub(crate) fn of(path: &Path, doing: &str, error: io::Error) -> Error {
    use io::ErrorKind as K;
    let place = path.display();
    let message = format!("cannot {doing} {place}");
    match error.kind() {
        K::NotFound => not_found(path),
        K::StorageFull | K::QuotaExceeded => {
            Error::new(Code::DiskFull, format!("{message}: the disk is full"))
                .hint("make room and start the same command again: it continues")
                .because(error)
        }
        K::ReadOnlyFilesystem => {
            Error::new(Code::ReadOnly, format!("{message}: the file system is read-only"))
                .because(error)
        }
        K::PermissionDenied => {
            Error::new(Code::NoPrivilege, format!("{message}: permission denied"))
                .hint("check the rights of the file and of its folder")
                .because(error)
        }
        K::InvalidFilename => {
            Error::new(Code::BadValue, format!("{message}: the name is too long or not possible"))
                .because(error)
        }
        K::UnexpectedEof | K::InvalidData => corrupt(path, "it is damaged or cut short", error),
        _ => Error::new(Code::StoreFailed, message).because(error),
    }
}

/// A file that is damaged or cut short.
pub(crate) fn corrupt(
    path: &Path,
    what: &str,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::new(Code::Corrupt, format!("{}: {what}", path.display()))
        .hint("fetch or make the file again; nothing of it after this place can be trusted")
        .because(cause)
}

/// A path that is not there, with the nearest name in its folder.
pub(crate) fn not_found(path: &Path) -> Error {
    let mut missing = path;
    while let Some(parent) = missing.parent() {
        if parent.as_os_str().is_empty() || parent.exists() {
            break;
        }
        missing = parent;
    }
    let folder = match missing.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let names: Vec<String> = std::fs::read_dir(folder)
        .map(|entries| {
            entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect()
        })
        .unwrap_or_default();
    let wanted = missing.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let near = did_you_mean(&wanted, names.iter().map(String::as_str));
    Error::new(Code::FileNotFound, format!("{} does not exist{near}", missing.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_errors_have_their_codes() {
        let code = |n| of(Path::new("/x/y"), "write", io::Error::from_raw_os_error(n)).code();
        assert_eq!(code(28), Code::DiskFull); // ENOSPC
        assert_eq!(code(122), Code::DiskFull); // EDQUOT
        assert_eq!(code(30), Code::ReadOnly); // EROFS
        assert_eq!(code(13), Code::NoPrivilege); // EACCES
        assert_eq!(code(5), Code::StoreFailed); // EIO
    }

    #[test]
    fn a_missing_file_names_its_neighbour_or_the_folder_that_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("flights.csv"), "").unwrap();
        let error = not_found(&dir.path().join("fligths.csv"));
        assert!(error.message().contains("did you mean \"flights.csv\""), "{error}");
        let error = not_found(&dir.path().join("no/such/file.csv"));
        assert!(error.message().ends_with("/no does not exist"), "{error}");
    }
}
