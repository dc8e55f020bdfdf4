//! By mail.

use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use syncline_connector::Secret;
use syncline_store::{Email, MailSecurity};
use syncline_types::{Code, Error, Result};

use super::Message;

/// How long the mail server may take for a step.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends it to everybody who is to be told.
pub(super) async fn send(email: &Email, password: Option<Secret>, message: &Message) -> Result<()> {
    let letter = letter(email, message)?;
    let host = &email.host;
    let tls = || {
        TlsParameters::new(host.clone())
            .map_err(|e| Error::new(Code::Tls, format!("mail server {host}")).because(e))
    };
    let security = match email.security {
        MailSecurity::Tls => Tls::Wrapper(tls()?),
        MailSecurity::StartTls => Tls::Required(tls()?),
        MailSecurity::None => Tls::None,
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(email.port)
        .tls(security)
        .timeout(Some(PATIENCE));
    if let Some(user) = &email.user {
        let password = password.as_ref().map_or("", Secret::expose);
        transport = transport.credentials(Credentials::new(user.clone(), password.to_owned()));
    }
    let sent = transport.build().send(letter).await;
    sent.map(drop).map_err(|e| {
        Error::new(Code::Unreachable, format!("mail server {host}:{}", email.port)).because(e)
    })
}

fn letter(email: &Email, message: &Message) -> Result<lettre::Message> {
    let mailbox = |text: &str| {
        text.parse::<Mailbox>()
            .map_err(|e| Error::new(Code::BadValue, format!("{text:?} is no address")).because(e))
    };
    let subject = match message.event {
        "opened" => format!("[syncline] {}", message.text),
        "resolved" => format!("[syncline] resolved: {}", message.text),
        _ => format!("[syncline] test: {}", message.text),
    };
    let mut letter = lettre::Message::builder()
        .from(mailbox(&email.from)?)
        .subject(subject)
        .header(ContentType::TEXT_PLAIN);
    for one in &email.to {
        letter = letter.to(mailbox(one)?);
    }
    letter.body(message.letter()).map_err(|e| Error::bug("a mail cannot be written").because(e))
}
