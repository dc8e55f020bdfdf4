//! Tickets: how a page of another origin says who it is. A browser sends neither a header of the
//! page's own nor, to another site, a cookie along with a WebSocket; what it does send are the names
//! of protocols, so the ticket travels as one of them, and not in an address that is logged.
//!
//! A ticket is good once, for half a minute, and for the page that asked for it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, header};
use syncline_types::{Code, Error, Result};

use crate::caller::Caller;
use crate::people::{hash_of, secret};

/// The protocol that is spoken; asked for beside the ticket, and answered.
pub(crate) const PROTOCOL: &str = "syncline.live";
/// How a ticket begins where protocols are named.
const PREFIX: &str = "ticket.";
/// How long a ticket is good.
pub(crate) const GOOD_FOR: Duration = Duration::from_secs(30);
/// Tickets that are out at the same time.
const MOST: usize = 4_000;
/// Those of one caller.
const EACH: usize = 50;

/// Tickets that are out. They are of this process: a page whose server was started again asks anew.
#[derive(Default)]
pub(crate) struct Tickets(Mutex<HashMap<String, Ticket>>);

struct Ticket {
    caller: Caller,
    origin: Option<HeaderValue>,
    made: Instant,
}

impl Tickets {
    fn out(&self) -> MutexGuard<'_, HashMap<String, Ticket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A ticket for `caller`, who asks from a page of `origin`, or from none.
    ///
    /// # Errors
    /// [`Code::TooManyRequests`].
    pub(crate) fn make(&self, caller: &Caller, origin: Option<&HeaderValue>) -> Result<String> {
        let ticket = secret()?;
        let mut out = self.out();
        out.retain(|_, ticket| ticket.made.elapsed() < GOOD_FOR);
        let own = out.values().filter(|ticket| ticket.caller.name == caller.name).count();
        if own >= EACH || out.len() >= MOST {
            return Err(Error::new(Code::TooManyRequests, "too many tickets have not been used")
                .hint("ask for one when a WebSocket is about to be opened"));
        }
        let (caller, origin) = (caller.clone(), origin.cloned());
        out.insert(hash_of(&ticket), Ticket { caller, origin, made: Instant::now() });
        Ok(ticket)
    }

    /// Whose ticket it is. However that ends, it is not good again.
    fn take(&self, ticket: &str, origin: Option<&HeaderValue>) -> Option<Caller> {
        let taken = self.out().remove(&hash_of(ticket))?;
        let good = taken.made.elapsed() < GOOD_FOR && taken.origin.as_ref() == origin;
        good.then_some(taken.caller)
    }

    /// Who asks for a WebSocket by a ticket; `None` when they name none.
    ///
    /// # Errors
    /// [`Code::NotSignedIn`] when the ticket is not good.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Result<Option<Caller>> {
        let protocols = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
        let mut names = protocols.iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(','));
        let Some(ticket) = names.find_map(|name| name.trim().strip_prefix(PREFIX)) else {
            return Ok(None);
        };
        let caller = self.take(ticket, headers.get(header::ORIGIN));
        let wrong = || {
            Error::new(Code::NotSignedIn, "the ticket is not known, was used, or has expired")
                .hint("ask for another: POST /api/v1/live-tickets")
        };
        caller.map(Some).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(ticket: &str, origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let protocols = format!("{PROTOCOL}, {PREFIX}{ticket}");
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocols.parse().unwrap());
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        headers
    }

    #[test]
    fn a_ticket_is_good_once_and_for_the_page_that_asked() {
        let tickets = Tickets::default();
        let caller = Caller::signing_in("vera", None);
        let (here, there) = (HeaderValue::from_static("https://a"), "https://b");
        let ticket = tickets.make(&caller, Some(&here)).unwrap();
        let known = tickets.caller(&asking(&ticket, "https://a")).unwrap().unwrap();
        assert_eq!(known.name, "vera");
        assert!(tickets.caller(&asking(&ticket, "https://a")).is_err(), "it is good twice");
        let ticket = tickets.make(&caller, Some(&here)).unwrap();
        assert!(tickets.caller(&asking(&ticket, there)).is_err());
        assert!(tickets.caller(&asking(&ticket, "https://a")).is_err(), "it was shown elsewhere");
        assert!(tickets.caller(&HeaderMap::new()).unwrap().is_none());
        assert!(tickets.caller(&asking("forged", "https://a")).is_err());
        assert!(tickets.out().is_empty());
    }

    #[test]
    fn tickets_that_nobody_uses_are_few() {
        let tickets = Tickets::default();
        let caller = Caller::signing_in("vera", None);
        for _ in 0..EACH {
            tickets.make(&caller, None).unwrap();
        }
        let error = tickets.make(&caller, None).unwrap_err();
        assert_eq!(error.code(), Code::TooManyRequests);
        tickets.make(&Caller::signing_in("ann", None), None).unwrap();
        tickets.out().values_mut().for_each(|t| t.made -= GOOD_FOR);
        tickets.make(&caller, None).unwrap();
        assert_eq!(tickets.out().len(), 1);
    }
}
