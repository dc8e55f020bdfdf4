//! People are told when something is wrong, once, and when it is over: by webhook and by mail.
//!
//! What is wrong is seen in what the pool and the state say anyway (`causes.rs`), and kept with what
//! is still to be told, so that a node that was killed goes on telling. Whoever cannot be reached is
//! tried again, ever later, for a day.

mod causes;
mod mail;
mod message;
mod webhook;

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use syncline_connector::Secret;
use syncline_store::{AlertSettings, Notice};
use syncline_types::{Code, Error, Result};

use crate::settings::{MAIL_PASSWORD, webhook_place};
use crate::state::AppState;

use causes::Watched;
pub(crate) use message::Message;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(5);
/// Between two tries: doubled each time, and no more than this.
const FIRST_PAUSE: i64 = 5;
const LONGEST_PAUSE: i64 = 3600;
/// Tries at most: over a day.
const TRIES: u32 = 32;
/// Notices taken at once.
const BATCH: u32 = 50;

/// The way that mail is.
const EMAIL: &str = "email";

/// Looks and tells until the node stops.
pub(crate) fn spawn(state: &AppState) {
    let state = state.clone();
    tokio::spawn(async move {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut watched = Watched::default();
        loop {
            tokio::select! {
                () = state.runner.left() => return,
                _ = looks.tick() => {}
            }
            state.metrics.pace.sample(state.runner.live().iter().map(|l| l.now().rows_per_second));
            if let Err(error) = look(&state, &mut watched).await {
                tracing::warn!(error = error.chain(), "alerts cannot be looked after");
            }
        }
    });
}

/// Looks once at what is wrong and what is over, and tells what is to be told.
async fn look(state: &AppState, watched: &mut Watched) -> Result<()> {
    let settings = state.blocking(|store| Ok(store.settings()?.settings.alerts)).await?;
    watched.look(state, &settings, &channels(&settings)).await?;
    let due = state.blocking(|store| store.due_notices(&text(Utc::now()), BATCH)).await?;
    // One that hangs holds the others up no longer than its own time.
    futures::future::join_all(due.into_iter().map(|notice| tell(state, &settings, notice))).await;
    Ok(())
}

/// The ways there are to tell people.
fn channels(settings: &AlertSettings) -> Vec<String> {
    let webhooks = settings.webhooks.iter().map(|webhook| format!("webhook {}", webhook.name));
    webhooks.chain(settings.email.iter().map(|_| EMAIL.to_owned())).collect()
}

async fn tell(state: &AppState, settings: &AlertSettings, notice: Notice) {
    let message = Message::of(&notice, &state.node, settings.link.as_deref());
    let sent = send(state, settings, &notice.channel, &message).await;
    let id = notice.id;
    let noted = match sent {
        Ok(()) => state.blocking(move |store| store.notice_sent(id)).await,
        Err(error) => {
            let again = again_at(notice.tries, Utc::now());
            let why = error.chain();
            tracing::warn!(channel = notice.channel, error = why, "people could not be told");
            let again = again.map(text);
            state.blocking(move |store| store.notice_failed(id, again.as_deref(), &why)).await
        }
    };
    if let Err(error) = noted {
        tracing::warn!(error = error.chain(), "it cannot be noted what people were told");
    }
}

/// When it is tried again after so many tries; never when there were enough.
fn again_at(tries: u32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if tries + 1 >= TRIES {
        return None;
    }
    let pause = FIRST_PAUSE.saturating_mul(1 << tries.min(16)).min(LONGEST_PAUSE);
    Some(now + chrono::Duration::seconds(pause))
}

async fn send(
    state: &AppState,
    settings: &AlertSettings,
    channel: &str,
    message: &Message,
) -> Result<()> {
    if channel == EMAIL {
        let email = settings.email.as_ref().ok_or_else(|| gone(channel))?;
        let password = secret(state, email.has_password, MAIL_PASSWORD.to_owned()).await?;
        return mail::send(email, password, message).await;
    }
    let name = channel.strip_prefix("webhook ").unwrap_or_default();
    let found = settings.webhooks.iter().find(|webhook| webhook.name == name);
    let webhook = found.ok_or_else(|| gone(channel))?;
    let authorization = secret(state, webhook.has_authorization, webhook_place(name)).await?;
    webhook::send(webhook, authorization, message).await
}

async fn secret(state: &AppState, has: bool, place: String) -> Result<Option<Secret>> {
    if !has {
        return Ok(None);
    }
    let vault = std::sync::Arc::clone(&state.vault);
    state.blocking(move |store| vault.find(store, &place)).await
}

fn gone(channel: &str) -> Error {
    Error::new(Code::NotFound, format!("{channel} is no longer in the settings"))
}

/// Sends a word to every way there is; what came of it by each.
///
/// # Errors
/// When the settings cannot be read.
pub(crate) async fn test(state: &AppState, by: &str) -> Result<Vec<(String, Result<()>)>> {
    let settings = state.blocking(|store| Ok(store.settings()?.settings.alerts)).await?;
    let message = Message::test(&state.node, by, settings.link.as_deref());
    let mut told = Vec::new();
    for channel in channels(&settings) {
        let sent = send(state, &settings, &channel, &message).await;
        told.push((channel, sent));
    }
    Ok(told)
}

/// A moment as the state keeps it.
pub(crate) fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_cannot_be_reached_is_tried_ever_later_and_then_given_up() {
        let now = Utc::now();
        let pauses: Vec<i64> = (0..TRIES)
            .map_while(|tries| again_at(tries, now))
            .map(|at| (at - now).num_seconds())
            .collect();
        assert_eq!(pauses[..4], [5, 10, 20, 40]);
        assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
        let whole: i64 = pauses.iter().sum();
        assert!((20 * 3600..30 * 3600).contains(&whole), "{whole}");
        assert_eq!(again_at(TRIES, now), None);
    }
}
