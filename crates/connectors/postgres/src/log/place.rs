//! Places in the log: numbers of bytes as the server writes them (`16/B374D848`), and the tokens of
//! positions, which say them with what else is needed to go on.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Position, Result};

/// A byte of the write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Lsn(pub(super) u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

impl Lsn {
    pub(super) fn parse(text: &str) -> Option<Lsn> {
        let (high, low) = text.trim().split_once('/')?;
        let half = |part: &str| match part.len() {
            1..=8 if !part.starts_with('+') => u32::from_str_radix(part, 16).ok(),
            _ => None,
        };
        Some(Lsn(u64::from(half(high)?) << 32 | u64::from(half(low)?)))
    }

    /// As [`Lsn::parse`], of what the server wrote.
    pub(super) fn of_server(text: Option<&str>) -> Result<Lsn> {
        text.and_then(Lsn::parse).ok_or_else(|| {
            let text = text.unwrap_or("nothing");
            Error::new(Code::StoreFailed, format!("{text} where a place of the log was expected"))
        })
    }
}

/// What a position says beside its count of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    v: u8,
    /// Everything that was committed before it has been read.
    lsn: String,
    /// Which cluster it is a place of, as `IDENTIFY_SYSTEM` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    system: Option<String>,
    /// Columns that tables have there and that are not read. A column that is in neither is new.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    without: BTreeMap<String, Vec<String>>,
}

const VERSION: u8 = 1;

/// What is the same in the tokens of many positions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Surroundings {
    pub(super) system: Option<String>,
    pub(super) without: BTreeMap<String, Vec<String>>,
}

impl Surroundings {
    /// The position at `lsn`, after `seq` rows.
    pub(super) fn at(&self, seq: u64, lsn: Lsn) -> Result<Position> {
        let place = Place {
            v: VERSION,
            lsn: lsn.to_string(),
            system: self.system.clone(),
            without: self.without.clone(),
        };
        let token = serde_json::to_string(&place)
            .map_err(|e| Error::bug("a place in the log cannot be written").because(e))?;
        Ok(Position::new(seq, token))
    }

    /// What [`Surroundings::at`] wrote.
    pub(super) fn of(position: &Position) -> Result<(Self, Lsn)> {
        let unknown = || {
            let message = format!("no place in a PostgreSQL log: {}", position.token);
            Error::new(Code::CannotResume, message)
                .hint("it was written by a newer version, or is not of this connector")
        };
        let place: Place = serde_json::from_str(&position.token).map_err(|_| unknown())?;
        if place.v != VERSION {
            return Err(unknown());
        }
        let lsn = Lsn::parse(&place.lsn).ok_or_else(unknown)?;
        Ok((Self { system: place.system, without: place.without }, lsn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_written() {
        for text in ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF", "0/15E68A0"] {
            assert_eq!(Lsn::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "0", "/", "0/", "0/G", "100000000/0", "0/+1", "1/2/3"] {
            assert_eq!(Lsn::parse(text), None, "{text}");
        }
        let around = Surroundings {
            system: Some("7".into()),
            without: [("public.t".to_owned(), vec!["c".to_owned()])].into(),
        };
        let position = around.at(7, Lsn(0x16_B374_D848)).unwrap();
        assert_eq!(Surroundings::of(&position).unwrap(), (around, Lsn(0x16_B374_D848)));
        assert!(Surroundings::of(&Position::new(0, "{\"v\":2,\"lsn\":\"0/0\"}")).is_err());
        assert!(Surroundings::of(&Position::new(0, "")).is_err());
    }
}
