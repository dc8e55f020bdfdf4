//! `syncline login` and `logout`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::Method;
use serde_json::{Value, json};
use syncline_connector::Secret;
use syncline_types::{Code, Error, Result};

use crate::args::{LoginArgs, LogoutArgs};
use crate::client::{Client, Logins, ask, ask_secret, base, text};
use crate::output::{self, line};

/// How long a token made by a login is good.
const GOOD_FOR: Duration = Duration::from_secs(90 * 24 * 3600);

/// `syncline login`.
pub(crate) fn login(args: &LoginArgs) -> Result<u8> {
    let server = base(&args.url)?;
    let local = server.host_str().is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    });
    if server.scheme() == "http" && !local {
        output::note(format!("warning: {server} is not encrypted: others may read along"));
    }
    let (token, id) = if args.token {
        (ask_secret("token")?, None)
    } else {
        let user = match &args.user {
            Some(user) => user.clone(),
            None => ask("name")?,
        };
        let password = ask_secret("password")?;
        by_password(&Client::with(server.clone(), None)?, &user, &password)?
    };
    // It is kept only if it opens the door.
    let me = Client::with(server.clone(), Some(token.expose()))?.get(&["session"], &[])?;
    Logins::read()?.add(&server, &token, id)?;
    let (name, role) = (text(&me["user"], "name"), text(&me["user"], "role"));
    line(format!("logged in to {server} as {name} ({role})"));
    Ok(crate::DONE)
}

/// A token of one's own, made in a session that ends right away.
fn by_password(client: &Client, user: &str, password: &Secret) -> Result<(Secret, Option<String>)> {
    let body = json!({ "name": user, "password": password.expose() });
    let session = client.ask(Method::POST, &["session"], &[], Some(&body), &[])?;
    let role = text(&session.body["user"], "role").to_owned();
    let headers =
        [("cookie", session.cookies.as_str()), ("x-csrf-token", text(&session.body, "csrf"))];
    let now = SystemTime::now();
    let until = humantime::format_rfc3339_seconds(now + GOOD_FOR).to_string();
    let wanted = json!({ "name": token_name(now), "role": role, "expires_at": until });
    let made = client.ask(Method::POST, &["tokens"], &[], Some(&wanted), &headers);
    // Whatever became of the token: the session has done its work.
    let _ = client.ask(Method::DELETE, &["session"], &[], None, &headers);
    let made = made?.body;
    let token = text(&made, "token");
    if token.is_empty() {
        return Err(Error::new(Code::ServerUnsupported, "the server gave no token")
            .hint("make one in the console, and `syncline login --token URL`"));
    }
    let id = match &made["id"] {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    };
    Ok((Secret::new(token), id))
}

/// What a token is called: by this machine, and by the moment, which tells two logins apart.
fn token_name(now: SystemTime) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host.trim().chars().filter(|c| c.is_ascii_alphanumeric()).take(64).collect();
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    format!("login-{host}-{seconds}")
}

/// `syncline logout`.
pub(crate) fn logout(args: &LogoutArgs) -> Result<u8> {
    let mut logins = Logins::read()?;
    let server = match (&args.url, logins.last()) {
        (Some(url), _) => base(url)?,
        (None, Some(last)) => base(last)?,
        (None, None) => return Err(Error::new(Code::Usage, "nobody is logged in here")),
    };
    let client = Client::with(server.clone(), logins.token(&server).as_deref())?;
    let (known, id) = logins.remove(&server)?;
    if !known {
        return Err(Error::new(Code::Usage, format!("nobody is logged in to {server} from here")));
    }
    if let Some(id) = id
        && let Err(error) = client.delete(&["tokens", &id], None)
    {
        output::note(format!("the token is forgotten here, but lives on: {}", error.chain()));
    }
    line(format!("logged out of {server}"));
    Ok(crate::DONE)
}
