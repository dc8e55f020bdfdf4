//! A store with several hosts: which is tried next, and what is said when none will do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use syncline_types::{Code, Error, ErrorKind, Result};

/// The hosts of one store, by their place in its address.
///
/// Copies share which of them was taken last, and begin with it: what belongs together is asked of
/// one host, one that is down is waited for once, and whoever has moved on to another host does
/// not go back in the middle of the work.
#[derive(Debug, Clone)]
pub struct Hosts {
    names: Arc<[String]>,
    taken: Arc<AtomicUsize>,
}

impl Hosts {
    /// By their names, as people are to read them.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self { names: names.into_iter().collect(), taken: Arc::default() }
    }

    /// Whether there is a choice.
    pub fn are_several(&self) -> bool {
        self.names.len() > 1
    }

    /// What one of them is called, for people.
    pub fn name(&self, at: usize) -> &str {
        self.names.get(at).map_or("", String::as_str)
    }

    /// The first of them that will do: each is tried once, by its place. Where there was a choice,
    /// tells people which it is, and what is wrong with those that were asked before it.
    ///
    /// # Errors
    /// None will do: of what is wrong with them, what waiting does not mend.
    pub async fn first<T, F>(&self, attempt: impl Fn(usize) -> F) -> Result<(T, Vec<String>)>
    where
        F: Future<Output = Result<T>>,
    {
        let mut turn = self.turn();
        while let Some(at) = turn.next_host() {
            match attempt(at).await {
                Ok(found) => return Ok((found, turn.taken(at))),
                Err(error) => turn.refused(at, error),
            }
        }
        Err(turn.none())
    }

    /// Begins to look for one that will do.
    fn turn(&self) -> Turn<'_> {
        Turn { hosts: self, first: self.taken.load(Relaxed), tried: 0, refusals: Vec::new() }
    }
}

/// One look for a host that will do, each tried once.
#[derive(Debug)]
struct Turn<'a> {
    hosts: &'a Hosts,
    first: usize,
    tried: usize,
    refusals: Vec<(usize, Error)>,
}

impl Turn<'_> {
    /// The next to try; `None` when each has been.
    fn next_host(&mut self) -> Option<usize> {
        let count = self.hosts.names.len();
        let next = (self.tried < count).then(|| (self.first + self.tried) % count);
        self.tried += 1;
        next
    }

    /// The one at hand will not do.
    fn refused(&mut self, at: usize, error: Error) {
        self.refusals.push((at, error));
    }

    /// The one at hand will do. Where there was a choice, tells people which it is, and what is
    /// wrong with those that were asked before it.
    fn taken(self, at: usize) -> Vec<String> {
        self.hosts.taken.store(at, Relaxed);
        if !self.hosts.are_several() {
            return Vec::new();
        }
        let passed = self.refusals.iter();
        let mut notes: Vec<String> = passed
            .map(|(at, e)| format!("{} is passed over: {}", self.hosts.name(*at), e.chain()))
            .collect();
        notes.push(format!("{} answers", self.hosts.name(at)));
        notes
    }

    /// None will do. What waiting does not mend is told first; a replica that takes no rows may
    /// be about to take the place of the host that is down, and is waited for along with it.
    fn none(self) -> Error {
        let weight = |error: &Error| match (error.code(), error.kind()) {
            (Code::ReadOnly, _) => 2,
            (_, ErrorKind::Transient) => 1,
            _ => 0,
        };
        let refusals = self.refusals.into_iter().map(|(_, error)| error);
        refusals.min_by_key(weight).unwrap_or_else(|| Error::bug("no host was tried"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Hosts {
        Hosts::new(["a:1", "b:2", "c:3"].map(str::to_owned))
    }

    fn order(hosts: &Hosts) -> Vec<usize> {
        let mut turn = hosts.turn();
        std::iter::from_fn(|| turn.next_host()).collect()
    }

    #[test]
    fn who_was_taken_last_is_asked_first_by_everybody() {
        let hosts = three();
        let same = hosts.clone();
        assert_eq!(order(&hosts), [0, 1, 2]);
        let mut turn = hosts.turn();
        turn.refused(0, Error::new(Code::Unreachable, "it is down"));
        let notes = turn.taken(1);
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].starts_with("a:1 is passed over: ") && notes[0].contains("down"));
        assert_eq!(notes[1], "b:2 answers");
        assert_eq!(order(&same), [1, 2, 0]);
        assert_eq!(Hosts::new(["a".to_owned()]).turn().taken(0), Vec::<String>::new());
    }

    #[test]
    fn a_takeover_is_waited_for_and_what_is_wrong_for_good_is_told() {
        let told = |codes: &[Code]| {
            let hosts = three();
            let mut turn = hosts.turn();
            for (at, code) in codes.iter().enumerate() {
                turn.refused(at, Error::new(*code, "no"));
            }
            turn.none().code()
        };
        assert_eq!(told(&[Code::ReadOnly, Code::Unreachable]), Code::Unreachable);
        assert_eq!(told(&[Code::Unreachable, Code::ReadOnly]), Code::Unreachable);
        assert_eq!(told(&[Code::Unreachable, Code::AuthFailed]), Code::AuthFailed);
        assert_eq!(told(&[Code::ReadOnly, Code::AuthFailed]), Code::AuthFailed);
        assert_eq!(told(&[Code::ReadOnly, Code::ReadOnly]), Code::ReadOnly);
        assert_eq!(told(&[]), Code::Bug);
    }
}
