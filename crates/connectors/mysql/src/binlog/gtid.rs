//! Sets of global transaction ids: MySQL's (intervals of numbers for each server) and MariaDB's
//! (the last number of each domain).

use std::collections::BTreeMap;

use crate::wire::Flavor;
use crate::wire::packet::Fields;

/// A server's UUID.
pub(crate) type Sid = [u8; 16];

/// Transactions of a log, by their global ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gtids {
    /// For each server intervals `[first, last]`, rising, with gaps between.
    MySql(BTreeMap<Sid, Vec<(u64, u64)>>),
    /// For each domain the server and number of the last transaction.
    MariaDb(BTreeMap<u32, (u32, u64)>),
}

/// The id of one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gtid {
    MySql(Sid, u64),
    MariaDb { domain: u32, server: u32, number: u64 },
}

impl Gtids {
    /// None at all.
    pub(crate) fn none(flavor: Flavor) -> Self {
        match flavor {
            Flavor::MySql => Gtids::MySql(BTreeMap::new()),
            Flavor::MariaDb => Gtids::MariaDb(BTreeMap::new()),
        }
    }

    /// Reads the form the servers write. `None` for anything else.
    pub(crate) fn parse(flavor: Flavor, text: &str) -> Option<Self> {
        let mut all = Self::none(flavor);
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            match &mut all {
                Gtids::MySql(sets) => {
                    let (sid, intervals) = part.split_once(':')?;
                    let sid = crate::decode::value::uuid(sid.trim().as_bytes())?;
                    for interval in intervals.split(':') {
                        let (first, last) =
                            interval.split_once('-').unwrap_or((interval, interval));
                        let pair: (u64, u64) =
                            (first.trim().parse().ok()?, last.trim().parse().ok()?);
                        if pair.0 == 0 || pair.0 > pair.1 {
                            return None;
                        }
                        insert(sets.entry(sid).or_default(), pair);
                    }
                }
                Gtids::MariaDb(domains) => {
                    let mut numbers = part.split('-');
                    let domain = numbers.next()?.parse().ok()?;
                    let server = numbers.next()?.parse().ok()?;
                    let number = numbers.next()?.parse().ok()?;
                    if numbers.next().is_some()
                        || domains.insert(domain, (server, number)).is_some()
                    {
                        return None;
                    }
                }
            }
        }
        Some(all)
    }

    /// Adds a transaction.
    pub(crate) fn add(&mut self, gtid: Gtid) {
        match (self, gtid) {
            (Gtids::MySql(sets), Gtid::MySql(sid, number)) => {
                insert(sets.entry(sid).or_default(), (number, number));
            }
            (Gtids::MariaDb(domains), Gtid::MariaDb { domain, server, number }) => {
                domains.insert(domain, (server, number));
            }
            // The flavor of a connection does not change.
            _ => {}
        }
    }

    /// Whether all of `other` are among these.
    pub(crate) fn contains(&self, other: &Gtids) -> bool {
        match (self, other) {
            (Gtids::MySql(ours), Gtids::MySql(theirs)) => theirs.iter().all(|(sid, intervals)| {
                let have = ours.get(sid).map(Vec::as_slice).unwrap_or_default();
                intervals.iter().all(|(a, b)| have.iter().any(|(c, d)| c <= a && b <= d))
            }),
            (Gtids::MariaDb(ours), Gtids::MariaDb(theirs)) => theirs
                .iter()
                .all(|(domain, (_, number))| ours.get(domain).is_some_and(|(_, n)| n >= number)),
            _ => false,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Gtids::MySql(sets) => sets.is_empty(),
            Gtids::MariaDb(domains) => domains.is_empty(),
        }
    }

    /// As COM_BINLOG_DUMP_GTID takes it (MySQL).
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Gtids::MySql(sets) = self {
            out.extend_from_slice(&(sets.len() as u64).to_le_bytes());
            for (sid, intervals) in sets {
                out.extend_from_slice(sid);
                out.extend_from_slice(&(intervals.len() as u64).to_le_bytes());
                for (first, last) in intervals {
                    out.extend_from_slice(&first.to_le_bytes());
                    out.extend_from_slice(&(last + 1).to_le_bytes());
                }
            }
        }
        out
    }
}

/// Reads what [`Gtids::encode`] writes.
pub(crate) fn decode(bytes: &[u8]) -> Option<Gtids> {
    let mut fields = Fields(bytes);
    let long = |fields: &mut Fields<'_>| {
        fields.u32().zip(fields.u32()).map(|(a, b)| u64::from(a) | u64::from(b) << 32)
    };
    let mut sets: BTreeMap<Sid, Vec<(u64, u64)>> = BTreeMap::new();
    for _ in 0..long(&mut fields)? {
        let mut sid = [0; 16];
        sid.copy_from_slice(fields.take(16)?);
        for _ in 0..long(&mut fields)? {
            let (first, end) = (long(&mut fields)?, long(&mut fields)?);
            insert(sets.entry(sid).or_default(), (first, end.checked_sub(1)?));
        }
    }
    Some(Gtids::MySql(sets))
}

/// Puts an interval among those that are there, joined where they touch.
fn insert(intervals: &mut Vec<(u64, u64)>, new: (u64, u64)) {
    // The next number of a server, nearly always.
    if let Some(last) = intervals.last_mut()
        && last.1 + 1 == new.0
    {
        last.1 = new.1;
        return;
    }
    let from = intervals.partition_point(|(_, last)| last.saturating_add(1) < new.0);
    let to = intervals.partition_point(|(first, _)| *first <= new.1.saturating_add(1));
    let joined = intervals[from..to].iter().fold(new, |a, b| (a.0.min(b.0), a.1.max(b.1)));
    intervals.splice(from..to, [joined]);
}

/// As the servers write it.
impl std::fmt::Display for Gtids {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Gtids::MySql(sets) => {
                for (at, (sid, intervals)) in sets.iter().enumerate() {
                    if at > 0 {
                        f.write_str(",")?;
                    }
                    for (i, byte) in sid.iter().enumerate() {
                        if matches!(i, 4 | 6 | 8 | 10) {
                            f.write_str("-")?;
                        }
                        write!(f, "{byte:02x}")?;
                    }
                    for (first, last) in intervals {
                        match first == last {
                            true => write!(f, ":{first}")?,
                            false => write!(f, ":{first}-{last}")?,
                        }
                    }
                }
                Ok(())
            }
            Gtids::MariaDb(domains) => {
                for (at, (domain, (server, number))) in domains.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(f, "{comma}{domain}-{server}-{number}")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn mysql(text: &str) -> Gtids {
        Gtids::parse(Flavor::MySql, text).unwrap()
    }

    #[test]
    fn intervals_are_joined_where_they_touch() {
        let set = mysql(&format!("{A}:1-3:7:11-12,\n{A}:4-6"));
        assert_eq!(set.to_string(), format!("{A}:1-7:11-12"));
        let mut set = mysql(&format!("{A}:1-3:5"));
        let Gtids::MySql(sets) = &set else { panic!() };
        let sid = *sets.keys().next().unwrap();
        for (number, then) in
            [(4, "1-5"), (9, "1-5:9"), (7, "1-5:7:9"), (8, "1-5:7-9"), (2, "1-5:7-9")]
        {
            set.add(Gtid::MySql(sid, number));
            assert_eq!(set.to_string(), format!("{A}:{then}"));
        }
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for text in ["x", "3e11fa47:1", &format!("{A}:3-1"), &format!("{A}:0"), &format!("{A}:")] {
            assert_eq!(Gtids::parse(Flavor::MySql, text), None, "{text}");
        }
        for text in ["0-1", "0-1-2-3", "0-1-2,0-1-3", "a-b-c"] {
            assert_eq!(Gtids::parse(Flavor::MariaDb, text), None, "{text}");
        }
    }

    #[test]
    fn a_set_is_behind_another_when_it_has_all_of_it() {
        let goal = mysql(&format!("{A}:1-7"));
        assert!(mysql(&format!("{A}:1-9")).contains(&goal));
        assert!(!mysql(&format!("{A}:1-3:5-9")).contains(&goal));
        let goal = Gtids::parse(Flavor::MariaDb, "0-1-5,2-1-9").unwrap();
        assert!(Gtids::parse(Flavor::MariaDb, "0-2-6,1-1-1,2-1-9").unwrap().contains(&goal));
        assert!(!Gtids::parse(Flavor::MariaDb, "0-1-6").unwrap().contains(&goal));
    }

    #[test]
    fn the_wire_form_has_ends_that_are_not_in_it() {
        let bytes = mysql(&format!("{A}:1-3")).encode();
        assert_eq!(bytes.len(), 8 + 16 + 8 + 16);
        assert_eq!(bytes[40], 4);
        assert_eq!(decode(&bytes), Some(mysql(&format!("{A}:1-3"))));
        assert_eq!(decode(&bytes[..40]), None);
    }
}
