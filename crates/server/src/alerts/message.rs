//! The words.

use serde::Serialize;
use syncline_store::Notice;

/// What people are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Message {
    /// `opened`, `resolved`, or `test`.
    pub(crate) event: &'static str,
    /// `failed`, `waiting`, `lag`, `dead_letters`, or `test`.
    pub(crate) cause: String,
    /// The incident; the same at its beginning and its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) incident: Option<i64>,
    /// The job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job: Option<String>,
    /// The run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<String>,
    /// One line that says it all; chats show it.
    pub(crate) text: String,
    /// What happened, in full.
    pub(crate) message: String,
    /// Since when (UTC, ISO 8601).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) opened_at: Option<String>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resolved_at: Option<String>,
    /// Where to look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) link: Option<String>,
    /// The node that says so.
    pub(crate) node: String,
}

impl Message {
    /// What is told of an incident.
    pub(crate) fn of(notice: &Notice, node: &str, link: Option<&str>) -> Self {
        let incident = &notice.incident;
        let what = &incident.what;
        let job = &what.job;
        let text = match (notice.resolved, what.cause.as_str()) {
            (false, "failed") => format!("{job} has failed"),
            (false, "waiting") => format!("{job} waits for too long"),
            (false, "lag") => format!("{job} lags behind"),
            (false, "dead_letters") => format!("{job} keeps rows back as dead letters"),
            (false, other) => format!("{job}: {other}"),
            (true, "failed") => format!("{job} runs again"),
            (true, "waiting") => format!("{job} waits no longer"),
            (true, "lag") => format!("{job} has caught up"),
            (true, other) => format!("{job}: {} is over", other.replace('_', " ")),
        };
        Self {
            event: if notice.resolved { "resolved" } else { "opened" },
            cause: what.cause.clone(),
            incident: Some(incident.id),
            job: Some(job.clone()),
            run: Some(what.run.clone()),
            text,
            message: what.message.clone(),
            opened_at: Some(incident.opened_at.clone()),
            resolved_at: incident.resolved_at.clone(),
            link: link.map(|link| format!("{link}/runs/{}", what.run)),
            node: node.to_owned(),
        }
    }

    /// A word to see whether it arrives.
    pub(crate) fn test(node: &str, by: &str, link: Option<&str>) -> Self {
        Self {
            event: "test",
            cause: "test".into(),
            incident: None,
            job: None,
            run: None,
            text: format!("{by} tests the alerts of {node}"),
            message: "Nothing is wrong.".into(),
            opened_at: None,
            resolved_at: None,
            link: link.map(str::to_owned),
            node: node.to_owned(),
        }
    }

    /// As a mail's text.
    pub(crate) fn letter(&self) -> String {
        let mut lines = vec![self.message.clone(), String::new()];
        let mut add = |name: &str, value: Option<&str>| {
            lines.extend(value.map(|value| format!("{name:<9} {value}")));
        };
        add("job", self.job.as_deref());
        add("run", self.run.as_deref());
        add("since", self.opened_at.as_deref());
        add("until", self.resolved_at.as_deref());
        add("node", Some(&self.node));
        add("look", self.link.as_deref());
        lines.join("\n") + "\n"
    }
}
