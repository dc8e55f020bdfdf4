//! Places in the log, and the tokens they are written as.

use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Result};

use super::gtid::Gtids;
use crate::wire::Flavor;

/// A place between two transactions of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file and the offset in it, of the server named by `server`.
    pub(crate) file: Option<(String, u64)>,
    /// All transactions before it, where they have global ids.
    pub(crate) gtids: Option<Gtids>,
    /// Which server the file is of.
    pub(crate) server: String,
    /// Distributed transactions that are prepared at this place and change nothing of what is
    /// followed.
    pub(crate) prepared: Vec<String>,
    /// An earlier place from which the log must be read again: a distributed transaction with rows
    /// was prepared behind it, and has not ended here.
    pub(crate) from: Option<Box<Place>>,
}

/// A place as it is written down.
#[derive(Serialize, Deserialize)]
struct Written {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gtid: Option<String>,
    server: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    xa: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
}

impl Place {
    /// A place by file and offset, GTIDs, or both.
    pub(crate) fn new(file: Option<(String, u64)>, gtids: Option<Gtids>, server: &str) -> Self {
        Self { file, gtids, server: server.to_owned(), prepared: Vec::new(), from: None }
    }

    /// Reads a token of this or an earlier version.
    pub(crate) fn read(flavor: Flavor, token: &str) -> Result<Self> {
        let bad = |why: &str| Error::new(Code::CannotResume, format!("place {token}: {why}"));
        let written: Written = serde_json::from_str(token).map_err(|e| bad(&e.to_string()))?;
        if written.v != 1 {
            return Err(bad("it is of a later version"));
        }
        let gtids = match &written.gtid {
            Some(text) => {
                let other = || bad("its GTIDs are not of this kind of server");
                Some(Gtids::parse(flavor, text).ok_or_else(other)?)
            }
            None => None,
        };
        let from = written.from.map(|token| Self::read(flavor, &token).map(Box::new));
        Ok(Self {
            file: written.file.zip(written.offset),
            gtids,
            server: written.server,
            prepared: written.xa,
            from: from.transpose()?,
        })
    }

    /// The token.
    pub(crate) fn write(&self) -> Result<String> {
        let (file, offset) = self.file.clone().unzip();
        let gtid = self.gtids.as_ref().map(ToString::to_string);
        let from = self.from.as_ref().map(|place| place.write()).transpose()?;
        let (server, xa) = (self.server.clone(), self.prepared.clone());
        let written = Written { v: 1, file, offset, gtid, server, xa, from };
        serde_json::to_string(&written).map_err(|e| Error::bug(format!("a place's token: {e}")))
    }

    /// Whether it is `goal` or behind it; an error when the two cannot be compared.
    pub(crate) fn reached(&self, goal: &Place) -> Result<bool> {
        if self.server == goal.server
            && let (Some(ours), Some(theirs)) = (&self.file, &goal.file)
        {
            let (a, b) = (number(&ours.0), number(&theirs.0));
            // Read from GTIDs on, a log goes over all before them: the offset begins anew.
            let gtids = matches!((&self.gtids, &goal.gtids), (Some(a), Some(b)) if !a.is_empty() && !b.is_empty());
            let reached = (a.1, ours.1) >= (b.1, theirs.1);
            if a.0 == b.0 && (reached || !gtids) {
                return Ok(reached);
            }
        }
        match (&self.gtids, &goal.gtids) {
            (Some(ours), Some(theirs)) => Ok(ours.contains(theirs)),
            _ => Err(Error::new(
                Code::PositionLost,
                format!("{self} and {goal} are places in the logs of two servers without GTIDs"),
            )),
        }
    }
}

/// For people: GTIDs where there are some, else file and offset.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.gtids, &self.file) {
            (Some(gtids), _) if !gtids.is_empty() => write!(f, "{gtids}"),
            (_, Some((file, offset))) => write!(f, "{file}:{offset}"),
            _ => f.write_str("the log's beginning"),
        }
    }
}

/// A log file's name, taken apart: `binlog.000012` is `binlog` and 12.
pub(crate) fn number(file: &str) -> (&str, u64) {
    match file.rsplit_once('.') {
        Some((base, digits)) => (base, digits.parse().unwrap_or_default()),
        None => (file, 0),
    }
}

/// A place as people write it: `file:offset`, or GTIDs.
pub(crate) fn parse(flavor: Flavor, text: &str, server: &str) -> Option<Place> {
    let text = text.trim();
    if let Some((file, offset)) = text.rsplit_once(':')
        && !file.contains(':')
        && let (Some((_, digits)), Ok(offset)) = (file.rsplit_once('.'), offset.parse())
        && digits.bytes().all(|b| b.is_ascii_digit())
    {
        return Some(Place::new(Some((file.to_owned(), offset)), None, server));
    }
    let gtids = Gtids::parse(flavor, text).filter(|g| !g.is_empty())?;
    Some(Place::new(None, Some(gtids), server))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: &str, offset: u64, gtid: Option<&str>, server: &str) -> Place {
        let gtids = gtid.map(|g| Gtids::parse(Flavor::MariaDb, g).unwrap());
        Place::new(Some((file.into(), offset)), gtids, server)
    }

    #[test]
    fn tokens_are_read_as_they_are_written() {
        let place = at("binlog.000003", 1 << 40, Some("0-1-29"), "1");
        let token = place.write().unwrap();
        assert_eq!(Place::read(Flavor::MariaDb, &token).unwrap(), place);
        let from = Some(Box::new(at("binlog.000002", 4, None, "1")));
        let later = Place { from, prepared: vec!["X'61',X'',1".into()], ..place };
        let written = later.write().unwrap();
        assert_eq!(Place::read(Flavor::MariaDb, &written).unwrap(), later);
        let old = r#"{"v":1,"file":"b.1","offset":4,"server":""}"#;
        assert_eq!(Place::read(Flavor::MySql, old).unwrap().gtids, None);
        assert!(Place::read(Flavor::MySql, r#"{"v":2,"server":""}"#).is_err());
        assert!(Place::read(Flavor::MySql, &token).is_err());
    }

    #[test]
    fn files_are_in_the_order_of_their_numbers() {
        let behind = |a: &Place, b: &Place| a.reached(b).unwrap();
        let (a, b) = (at("binlog.999999", 9, None, "1"), at("binlog.1000000", 4, None, "1"));
        assert!(behind(&b, &a) && !behind(&a, &b) && behind(&a, &a));
        // Of another server only its GTIDs count.
        let other = at("binlog.000001", 4, Some("0-1-5"), "2");
        assert!(behind(&other, &at("binlog.000009", 4, Some("0-1-4"), "1")));
        assert!(other.reached(&a).is_err());
    }

    #[test]
    fn places_are_read_as_people_write_them() {
        let place = parse(Flavor::MySql, "binlog.000012:345", "s").unwrap();
        assert_eq!(place.file, Some(("binlog.000012".into(), 345)));
        let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5";
        assert_eq!(parse(Flavor::MySql, uuid, "s").unwrap().to_string(), uuid);
        assert_eq!(parse(Flavor::MariaDb, "0-1-5", "s").unwrap().to_string(), "0-1-5");
        for text in ["", "binlog", "binlog:4", "0-1-5:4"] {
            assert_eq!(parse(Flavor::MariaDb, text, "s"), None, "{text}");
        }
    }
}
