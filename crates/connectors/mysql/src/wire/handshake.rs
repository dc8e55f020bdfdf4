//! From a bare stream to a session: greeting, TLS, login.
//!
//! MySQL protocol, connection phase: <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html>.
//! The scrambles of the login plug-ins are those of `mysql_common`.

use mysql_common::packets::AuthPlugin;

use super::fault::Fault;
use super::packet::{Fields, Io, Packets, put_int};
use super::{Flavor, server_error, tls};
use crate::options::{MysqlOptions, Tls};

mod cap {
    pub(super) const LONG_PASSWORD: u32 = 1;
    pub(super) const FOUND_ROWS: u32 = 1 << 1;
    pub(super) const LONG_FLAG: u32 = 1 << 2;
    pub(super) const CONNECT_WITH_DB: u32 = 1 << 3;
    pub(super) const LOCAL_FILES: u32 = 1 << 7;
    pub(super) const PROTOCOL_41: u32 = 1 << 9;
    pub(super) const SSL: u32 = 1 << 11;
    pub(super) const TRANSACTIONS: u32 = 1 << 13;
    pub(super) const SECURE_CONNECTION: u32 = 1 << 15;
    pub(super) const PLUGIN_AUTH: u32 = 1 << 19;
    pub(super) const PLUGIN_AUTH_LENENC: u32 = 1 << 21;
}

/// utf8mb4_general_ci, which both servers know; the session says the rest with SET NAMES.
const UTF8MB4: u8 = 45;
/// The packet size announced to the server; it sends larger values in several frames all the same.
const MAX_PACKET: u32 = 1 << 30;

/// Who wants in, and where to.
pub(super) struct Login<'a> {
    pub(super) user: &'a str,
    pub(super) password: &'a str,
    pub(super) database: &'a str,
    /// Host to check the certificate against; `None` on a unix socket, which needs no TLS.
    pub(super) host: Option<&'a str>,
    pub(super) options: &'a MysqlOptions,
}

/// What the server said of itself.
pub(super) struct Greeting {
    pub(super) flavor: Flavor,
    pub(super) version: (u32, u32, u32),
    pub(super) version_text: String,
    pub(super) id: u32,
    capabilities: u32,
    nonce: Vec<u8>,
    plugin: String,
}

impl Greeting {
    fn read(packet: &[u8]) -> Result<Self, Fault> {
        if packet.first() == Some(&0xFF) {
            return Err(server_error(packet));
        }
        let unknown = || Fault::Protocol("it greets in a protocol that is not MySQL's".into());
        let mut fields = Fields(packet);
        if fields.u8() != Some(10) {
            return Err(unknown());
        }
        let text = String::from_utf8_lossy(fields.until_zero()).into_owned();
        let id = fields.u32().ok_or_else(unknown)?;
        let mut nonce = fields.take(8).ok_or_else(unknown)?.to_vec();
        fields.take(1).ok_or_else(unknown)?;
        let low = fields.u16().ok_or_else(unknown)?;
        fields.take(3).ok_or_else(unknown)?;
        let high = fields.u16().ok_or_else(unknown)?;
        let length = fields.u8().ok_or_else(unknown)?;
        fields.take(10).ok_or_else(unknown)?;
        let rest = usize::from(length).saturating_sub(8).max(13).min(fields.0.len());
        nonce.extend_from_slice(fields.take(rest).ok_or_else(unknown)?);
        nonce.resize(20, 0);
        let plugin = String::from_utf8_lossy(fields.until_zero()).into_owned();
        let (flavor, version) = version_of(&text);
        Ok(Self {
            flavor,
            version,
            version_text: text,
            id,
            capabilities: u32::from(low) | u32::from(high) << 16,
            nonce,
            plugin,
        })
    }
}

/// `8.0.33-log` is MySQL; `5.5.5-10.11.19-MariaDB-…` and `11.4.5-MariaDB-…` are MariaDB.
fn version_of(text: &str) -> (Flavor, (u32, u32, u32)) {
    let flavor = if text.contains("MariaDB") { Flavor::MariaDb } else { Flavor::MySql };
    let numbers = match flavor {
        Flavor::MariaDb => text.strip_prefix("5.5.5-").unwrap_or(text),
        Flavor::MySql => text,
    };
    let mut parts = numbers
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse::<u32>().unwrap_or_default());
    let mut next = || parts.next().unwrap_or_default();
    (flavor, (next(), next(), next()))
}

/// Logs in over `io`.
pub(super) async fn log_in(
    io: Box<dyn Io>,
    login: &Login<'_>,
) -> Result<(Packets, Greeting), Fault> {
    let mut packets = Packets::new(io);
    let greeting = Greeting::read(packets.next().await?)?;
    let offered = greeting.capabilities & cap::SSL != 0;
    let secure = match (login.host, login.options.tls) {
        (None, _) | (_, Tls::Disabled) => false,
        (Some(host), Tls::Preferred) => offered && !is_this_machine(host),
        (Some(_), _) if !offered => {
            return Err(Fault::Tls("the server offers no TLS".into()));
        }
        (Some(_), _) => true,
    };
    let mut wanted = cap::LONG_PASSWORD
        | cap::FOUND_ROWS
        | cap::LONG_FLAG
        | cap::LOCAL_FILES
        | cap::PROTOCOL_41
        | cap::TRANSACTIONS
        | cap::SECURE_CONNECTION
        | cap::PLUGIN_AUTH
        | cap::PLUGIN_AUTH_LENENC;
    if !login.database.is_empty() {
        wanted |= cap::CONNECT_WITH_DB;
    }
    if secure {
        wanted |= cap::SSL;
    }
    // MariaDB leaves LONG_PASSWORD out of its offer and takes it all the same.
    let capabilities = wanted & (greeting.capabilities | cap::LONG_PASSWORD);
    let mut hello = Vec::with_capacity(128);
    hello.extend_from_slice(&capabilities.to_le_bytes());
    hello.extend_from_slice(&MAX_PACKET.to_le_bytes());
    hello.push(UTF8MB4);
    hello.extend_from_slice(&[0; 23]);
    if secure {
        packets.send(&hello).await?;
        let (io, sequence) = packets.into_io();
        let host = login.host.unwrap_or_default();
        packets = Packets::at(tls::wrap(io, host, login.options).await?, sequence);
    }

    let plugin = match greeting.plugin.as_str() {
        "caching_sha2_password" => "caching_sha2_password",
        _ => "mysql_native_password",
    };
    hello.extend_from_slice(login.user.as_bytes());
    hello.push(0);
    let answer = scramble(plugin, login.password, &greeting.nonce)?;
    put_int(&mut hello, answer.len() as u64);
    hello.extend_from_slice(&answer);
    if !login.database.is_empty() {
        hello.extend_from_slice(login.database.as_bytes());
        hello.push(0);
    }
    hello.extend_from_slice(plugin.as_bytes());
    hello.push(0);
    packets.send(&hello).await?;
    // On a socket, or inside TLS, nobody listens: the password may go as it is.
    let private = secure || login.host.is_none();
    let nonce = greeting.nonce.clone();
    authenticate(&mut packets, login, plugin.to_owned(), nonce, private).await?;
    Ok((packets, greeting))
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The answer of `plugin` to the server's nonce. Empty for an empty password.
fn scramble(plugin: &str, password: &str, nonce: &[u8]) -> Result<Vec<u8>, Fault> {
    let known = match plugin {
        "mysql_native_password" => AuthPlugin::MysqlNativePassword,
        "caching_sha2_password" => AuthPlugin::CachingSha2Password,
        "client_ed25519" => AuthPlugin::Ed25519,
        other => {
            return Err(Fault::Login(format!(
                "the account logs in by {other}, which is not supported (supported: \
                 caching_sha2_password, mysql_native_password, ed25519)"
            )));
        }
    };
    if password.is_empty() && plugin != "client_ed25519" {
        return Ok(Vec::new());
    }
    let data = known.gen_data(Some(password), nonce);
    Ok(data.map(|d| d.to_vec()).unwrap_or_default())
}

/// The talk after the hello, up to the server's OK.
async fn authenticate(
    packets: &mut Packets,
    login: &Login<'_>,
    mut plugin: String,
    mut nonce: Vec<u8>,
    private: bool,
) -> Result<(), Fault> {
    loop {
        let packet = packets.next().await?;
        match packet.first() {
            Some(0x00) => return Ok(()),
            Some(0xFF) => return Err(server_error(packet)),
            // The account uses another plug-in than the server's default.
            Some(0xFE) => {
                let mut fields = Fields(&packet[1..]);
                plugin = String::from_utf8_lossy(fields.until_zero()).into_owned();
                nonce = fields.0.to_vec();
                if nonce.last() == Some(&0) {
                    nonce.pop();
                }
                let answer = match plugin.as_str() {
                    "mysql_clear_password" if private => zero_ended(login.password),
                    _ => scramble(&plugin, login.password, &nonce)?,
                };
                packets.send(&answer).await?;
            }
            Some(0x01) if plugin == "caching_sha2_password" => match packet.get(1) {
                // The server knows this password already; its OK follows.
                Some(0x03) => {}
                Some(0x04) if private => packets.send(&zero_ended(login.password)).await?,
                // It wants the password itself, encrypted with its RSA key.
                Some(0x04) => {
                    packets.send(&[0x02]).await?;
                    let key = match packets.next().await? {
                        [0x01, key @ ..] => key.to_vec(),
                        other if other.first() == Some(&0xFF) => return Err(server_error(other)),
                        _ => return Err(Fault::Protocol("no RSA key where one was due".into())),
                    };
                    if !key.starts_with(b"-----BEGIN PUBLIC KEY-----") {
                        return Err(Fault::Protocol("an RSA key that is not PEM".into()));
                    }
                    let mut secret = zero_ended(login.password);
                    for (byte, mask) in secret.iter_mut().zip(nonce.iter().cycle()) {
                        *byte ^= mask;
                    }
                    packets.send(&mysql_common::crypto::encrypt(&secret, &key)).await?;
                }
                _ => return Err(Fault::Protocol("an unknown step of the login".into())),
            },
            _ => return Err(Fault::Protocol("an unknown step of the login".into())),
        }
    }
}

fn zero_ended(password: &str) -> Vec<u8> {
    let mut bytes = password.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_both_servers_are_told_apart() {
        assert_eq!(version_of("8.0.33"), (Flavor::MySql, (8, 0, 33)));
        assert_eq!(version_of("9.7.4-log"), (Flavor::MySql, (9, 7, 4)));
        let (maria, version) = version_of("5.5.5-10.11.19-MariaDB-0+deb12u1");
        assert_eq!((maria, version), (Flavor::MariaDb, (10, 11, 19)));
        assert_eq!(version_of("11.4.5-MariaDB-log"), (Flavor::MariaDb, (11, 4, 5)));
    }
}
