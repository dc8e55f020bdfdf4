//! The commands by which a replica gets a server's binary log.

use super::packet::Packets;
use super::{Conn, Fault, server_error};

/// Where a dump begins.
pub(crate) enum From<'a> {
    /// At an offset of a file.
    File(&'a str, u32),
    /// Behind a set of transactions, as the protocol writes it (MySQL).
    Gtids(&'a [u8]),
    /// As the session's variables say (MariaDB: `@slave_connect_state`).
    Session,
}

/// A session that sends its log, event by event, for ever.
pub(crate) struct Dump {
    packets: Packets,
}

impl Conn {
    /// Makes itself known as a replica; the server forgets it with the session.
    pub(crate) async fn register(
        &mut self,
        server: u32,
        host: &str,
        user: &str,
    ) -> Result<(), Fault> {
        let mut argument = server.to_le_bytes().to_vec();
        for text in [host, user, ""] {
            let length = u8::try_from(text.len()).unwrap_or_default();
            argument.push(length);
            argument.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
        }
        // Port, rank, and the number of the server it replicates from: none of them matters.
        argument.extend_from_slice(&[0; 10]);
        self.command(0x15, &argument).await?;
        self.done().await.map(drop)
    }

    /// Asks for the log. What is wrong with the place is said by the first event.
    pub(crate) async fn dump(mut self, server: u32, from: From<'_>) -> Result<Dump, Fault> {
        let mut argument = Vec::new();
        match from {
            From::File(_, _) | From::Session => {
                let (file, offset) = match from {
                    From::File(file, offset) => (file, offset),
                    _ => ("", 4),
                };
                argument.extend_from_slice(&offset.to_le_bytes());
                argument.extend_from_slice(&[0; 2]);
                argument.extend_from_slice(&server.to_le_bytes());
                argument.extend_from_slice(file.as_bytes());
                self.command(0x12, &argument).await?;
            }
            From::Gtids(set) => {
                // Flag 4: the set counts.
                argument.extend_from_slice(&[4, 0]);
                argument.extend_from_slice(&server.to_le_bytes());
                argument.extend_from_slice(&[0; 4]);
                argument.extend_from_slice(&4_u64.to_le_bytes());
                let length = u32::try_from(set.len()).unwrap_or(u32::MAX);
                argument.extend_from_slice(&length.to_le_bytes());
                argument.extend_from_slice(set);
                self.command(0x1E, &argument).await?;
            }
        }
        Ok(Dump { packets: self.packets })
    }
}

impl Dump {
    /// Goes on to the next event, if it has arrived.
    pub(crate) fn advance(&mut self) -> Result<bool, Fault> {
        Ok(self.packets.ready()?.is_some())
    }

    /// Goes on to the next event. May be dropped at any time, and called again.
    pub(crate) async fn wait(&mut self) -> Result<(), Fault> {
        self.packets.next().await?;
        Ok(())
    }

    /// The event gone on to.
    pub(crate) fn event(&self) -> Result<&[u8], Fault> {
        match self.packets.current() {
            [0, event @ ..] => Ok(event),
            packet @ [0xFF, _, _, ..] => Err(server_error(packet)),
            [0xFE, ..] => {
                let text = "the server ended the log";
                Err(Fault::Io(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, text)))
            }
            _ => Err(Fault::Protocol("no event where one was due".into())),
        }
    }
}
