//! Where the writer stands in its transaction: what has to be said before the next rows, so that
//! they can be undone by themselves.
//!
//! A savepoint costs the server a transaction number of its own, so there is none where the whole
//! transaction can be undone as well: before its first rows.

/// What undoing goes back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The transaction's beginning.
    Beginning,
    /// The savepoint `s`, which the caller set.
    Set,
    /// The savepoint `c`, behind `s`, before a call.
    Call,
}

/// An open transaction, or none.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// It is open; the place that is the last one.
    last: Option<Place>,
    /// Nothing has happened since the last place.
    clean: bool,
    /// The caller's savepoint is `s`, and not the beginning.
    set: bool,
    /// The caller wants a savepoint here.
    wanted: bool,
}

impl Transaction {
    pub(super) fn is_open(&self) -> bool {
        self.last.is_some()
    }

    /// The statements that go before a call's.
    pub(super) fn begin_call(&mut self) -> String {
        let mut sql = Vec::new();
        if self.last.is_none() {
            sql.push("BEGIN");
            (self.last, self.clean, self.set, self.wanted) =
                (Some(Place::Beginning), true, false, false);
        }
        if self.wanted && !(self.clean && self.last != Some(Place::Call)) {
            if self.set {
                sql.push("RELEASE s");
            }
            sql.push("SAVEPOINT s");
            (self.last, self.clean, self.set) = (Some(Place::Set), true, true);
        }
        self.wanted = false;
        if !self.clean {
            if self.last == Some(Place::Call) {
                sql.push("RELEASE c");
            }
            sql.push("SAVEPOINT c");
            self.last = Some(Place::Call);
        }
        self.clean = false;
        sql.join("; ")
    }

    /// The statement that undoes the last call.
    pub(super) fn undo_call(&mut self) -> Option<&'static str> {
        if self.clean {
            return None;
        }
        self.clean = true;
        match self.last? {
            Place::Call => Some("ROLLBACK TO c"),
            Place::Set => Some("ROLLBACK TO s"),
            Place::Beginning => {
                *self = Self::default();
                Some("ROLLBACK")
            }
        }
    }

    /// [`Transaction::roll_back`] goes back to here from now on.
    pub(super) fn savepoint(&mut self) {
        self.wanted = true;
    }

    /// The statement that undoes what happened since the savepoint, or since the beginning.
    pub(super) fn roll_back(&mut self) -> Option<&'static str> {
        self.last?;
        if self.wanted {
            return None;
        }
        if self.set {
            (self.last, self.clean) = (Some(Place::Set), true);
            return Some("ROLLBACK TO s");
        }
        *self = Self::default();
        Some("ROLLBACK")
    }
}
