//! A connection to MySQL or MariaDB: log in, run statements, read rows, feed LOAD DATA.
//!
//! Our own, on the scrambles of `mysql_common`, because of what the way of the data needs and a
//! general driver does not give: row packets lent out of the read buffer, LOAD DATA fed from the
//! encoder's buffer, and a reader that can be dropped in the middle of a result without reading
//! the rest of it. What the values mean is left to `decode` and `encode`.

pub(crate) mod fault;
mod handshake;
pub(crate) mod packet;
pub(crate) mod replica;
mod tls;

use std::time::Duration;

use syncline_connector::Endpoint;
use syncline_types::Result;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

pub(crate) use fault::Fault;
use handshake::Login;
use packet::{Fields, Io, Packets};

use crate::options::MysqlOptions;

/// Where a server is when its address does not say.
pub(crate) const HERE: &str = "127.0.0.1";
pub(crate) const PORT: u16 = 3306;

/// Which of the two servers it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    MySql,
    MariaDb,
}

/// A column of a result, as the server describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WireColumn {
    pub(crate) name: String,
    /// Id of the collation; 63 is binary.
    pub(crate) charset: u16,
    /// Largest length in bytes of the result's character set.
    pub(crate) length: u32,
    /// The protocol's type number (`MYSQL_TYPE_…`).
    pub(crate) kind: u8,
    pub(crate) flags: u16,
    pub(crate) decimals: u8,
}

/// What a statement without rows came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// Rows changed; rows found, for an UPDATE.
    pub(crate) affected: u64,
    pub(crate) warnings: u16,
    /// `Records: 3  Deleted: 0  Skipped: 0  Warnings: 0`, and the like.
    pub(crate) info: String,
}

/// A prepared statement.
#[derive(Debug)]
pub(crate) struct Statement {
    id: u32,
    pub(crate) columns: Vec<WireColumn>,
}

/// A small result, as text.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    names: Vec<String>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
}

impl Rows {
    /// The value in `row` of the column of that name (letter case aside), when it is there and
    /// not NULL.
    pub(crate) fn get<'a>(&'a self, row: &'a [Option<String>], name: &str) -> Option<&'a str> {
        let at = self.names.iter().position(|n| n.eq_ignore_ascii_case(name))?;
        row.get(at)?.as_deref()
    }

    /// The first value of the first row.
    pub(crate) fn single(&self) -> Option<&str> {
        self.rows.first()?.first()?.as_deref()
    }
}

/// What stands in the read buffer of a result.
pub(crate) enum Next<'a> {
    Row(&'a [u8]),
    End,
    /// The next packet has not arrived as a whole.
    Wait,
}

/// A session on a server.
pub(crate) struct Conn {
    packets: Packets,
    pub(crate) flavor: Flavor,
    pub(crate) version: (u32, u32, u32),
    pub(crate) version_text: String,
    /// Its number at the server.
    pub(crate) id: u32,
    /// Which snapshot it has open, by a number of this process; 0 for none.
    pub(crate) snapshot: u64,
    /// Which of the store's hosts it is on.
    pub(crate) host: usize,
    /// Of several hosts, which one it is, and what is wrong with those before it.
    pub(crate) found: Vec<String>,
    /// No command is under way and the stream is whole: it can be used for another.
    idle: bool,
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "connection {} to {}", self.id, self.version_text)
    }
}

/// An ERR packet as a fault.
fn server_error(packet: &[u8]) -> Fault {
    let mut fields = Fields(&packet[1..]);
    let code = fields.u16().unwrap_or_default();
    // Before the login is through there is no SQL state.
    let state = match fields.0.first() {
        Some(b'#') => fields.take(6).map(|s| String::from_utf8_lossy(&s[1..]).into_owned()),
        _ => None,
    };
    let message = String::from_utf8_lossy(fields.0).into_owned();
    Fault::Server { code, state: state.unwrap_or_else(|| "HY000".into()), message }
}

fn is_eof(packet: &[u8]) -> bool {
    packet.first() == Some(&0xFE) && packet.len() < 9
}

fn short(what: &str) -> Fault {
    Fault::Protocol(format!("{what} is cut short"))
}

impl Conn {
    /// Connects to one of the endpoint's hosts, and logs in.
    pub(crate) async fn connect(
        endpoint: &Endpoint,
        at: usize,
        options: &MysqlOptions,
    ) -> Result<Self> {
        let limit = Duration::from_secs(u64::from(options.connect_timeout));
        let place = endpoint.redacted();
        if let Some(path) = &options.socket {
            let way = Self::over_socket(path, endpoint, options);
            let found = tokio::time::timeout(limit, way).await.unwrap_or(Err(Fault::Timeout));
            return found.map_err(|e| e.connecting(&format!("{place} (socket {path})")));
        }
        let host = endpoint.hosts.get(at);
        let name = host.map_or(HERE, |h| h.host.as_str());
        let port = host.and_then(|h| h.port).unwrap_or(PORT);
        let way = Self::over_tcp(name, port, endpoint, options);
        let made = tokio::time::timeout(limit, way).await.unwrap_or(Err(Fault::Timeout));
        let several = endpoint.hosts.len() > 1;
        let mut conn = made.map_err(|fault| match fault {
            Fault::Io(_) | Fault::Timeout => fault.connecting(&format!("{place} ({name}:{port})")),
            _ if several => fault.connecting(&format!("{place} ({name}:{port})")),
            _ => fault.connecting(&place),
        })?;
        conn.host = at;
        Ok(conn)
    }

    async fn over_tcp(
        host: &str,
        port: u16,
        endpoint: &Endpoint,
        options: &MysqlOptions,
    ) -> Result<Self, Fault> {
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        // A peer that vanished without a word is found out while we wait for it.
        let alive = socket2::TcpKeepalive::new().with_time(Duration::from_secs(30));
        socket2::SockRef::from(&stream).set_tcp_keepalive(&alive)?;
        Self::log_in(Box::new(stream), Some(host), endpoint, options).await
    }

    #[cfg(unix)]
    async fn over_socket(
        path: &str,
        endpoint: &Endpoint,
        options: &MysqlOptions,
    ) -> Result<Self, Fault> {
        let stream = UnixStream::connect(path).await?;
        Self::log_in(Box::new(stream), None, endpoint, options).await
    }

    #[cfg(not(unix))]
    async fn over_socket(_: &str, _: &Endpoint, _: &MysqlOptions) -> Result<Self, Fault> {
        Err(Fault::Login("unix sockets are not there on this system".into()))
    }

    async fn log_in(
        io: Box<dyn Io>,
        host: Option<&str>,
        endpoint: &Endpoint,
        options: &MysqlOptions,
    ) -> Result<Self, Fault> {
        let user = endpoint.user.clone().or_else(|| std::env::var("USER").ok());
        let login = Login {
            user: user.as_deref().unwrap_or("root"),
            password: endpoint.password.as_ref().map_or("", |p| p.expose()),
            database: &endpoint.path,
            host,
            options,
        };
        let (packets, greeting) = handshake::log_in(io, &login).await?;
        Ok(Self {
            packets,
            flavor: greeting.flavor,
            version: greeting.version,
            version_text: greeting.version_text,
            id: greeting.id,
            snapshot: 0,
            host: 0,
            found: Vec::new(),
            idle: true,
        })
    }

    /// What the server says it is: its kind and version, for people.
    pub(crate) fn server(&self) -> String {
        let kind = match self.flavor {
            Flavor::MySql => "MySQL",
            Flavor::MariaDb => "MariaDB",
        };
        let (major, minor, patch) = self.version;
        format!("{kind} {major}.{minor}.{patch}")
    }

    /// Whether it can be used for another statement.
    pub(crate) fn is_idle(&self) -> bool {
        self.idle
    }

    async fn command(&mut self, number: u8, argument: &[u8]) -> Result<(), Fault> {
        self.idle = false;
        self.packets.restart();
        let mut packet = Vec::with_capacity(1 + argument.len());
        packet.push(number);
        packet.extend_from_slice(argument);
        self.packets.send(&packet).await?;
        Ok(())
    }

    /// The packet after a command: an error of the server leaves the connection usable.
    async fn answer(&mut self) -> Result<&[u8], Fault> {
        let packet = self.packets.next().await?;
        if packet.first() == Some(&0xFF) {
            self.idle = true;
            return Err(server_error(packet));
        }
        Ok(packet)
    }

    /// Runs a statement that returns no rows.
    pub(crate) async fn exec(&mut self, sql: &str) -> Result<Done, Fault> {
        self.exec_bytes(sql.as_bytes()).await
    }

    /// As [`Conn::exec`], for a statement with literals that are not UTF-8.
    pub(crate) async fn exec_bytes(&mut self, sql: &[u8]) -> Result<Done, Fault> {
        self.command(0x03, sql).await?;
        self.done().await
    }

    async fn done(&mut self) -> Result<Done, Fault> {
        let packet = self.answer().await?;
        if packet.first() != Some(&0x00) {
            return Err(Fault::Protocol("rows where none were due".into()));
        }
        let mut fields = Fields(&packet[1..]);
        let affected = fields.int().ok_or_else(|| short("an OK packet"))?;
        fields.int();
        fields.u16();
        let warnings = fields.u16().unwrap_or_default();
        // MariaDB puts the length before the text, MySQL does not.
        let info = match fields.0 {
            [length, text @ ..] if usize::from(*length) == text.len() => text,
            text => text,
        };
        let info = String::from_utf8_lossy(info).into_owned();
        self.idle = true;
        Ok(Done { affected, warnings, info })
    }

    /// Runs a query whose result is small, and returns it as text. A statement without rows gives
    /// none.
    pub(crate) async fn query(&mut self, sql: &str) -> Result<Rows, Fault> {
        let (names, rows) = self.query_bytes(sql).await?;
        let text = |v: Option<Vec<u8>>| v.map(|v| String::from_utf8_lossy(&v).into_owned());
        let rows = rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect();
        Ok(Rows { names, rows })
    }

    /// As [`Conn::query`], for texts that may not be UTF-8: the columns' names, and the rows.
    #[allow(clippy::type_complexity)]
    pub(crate) async fn query_bytes(
        &mut self,
        sql: &str,
    ) -> Result<(Vec<String>, Vec<Vec<Option<Vec<u8>>>>), Fault> {
        self.command(0x03, sql.as_bytes()).await?;
        let packet = self.answer().await?;
        if packet.first() == Some(&0x00) {
            self.idle = true;
            return Ok((Vec::new(), Vec::new()));
        }
        let count = Fields(packet).int().ok_or_else(|| short("a result's head"))?;
        let columns = self.columns(count).await?;
        let names: Vec<String> = columns.into_iter().map(|c| c.name).collect();
        let mut rows = Vec::new();
        while let Some(packet) = self.next_row().await? {
            let mut fields = Fields(packet);
            let mut row = Vec::with_capacity(names.len());
            while !fields.0.is_empty() {
                if fields.0[0] == 0xFB {
                    fields.u8();
                    row.push(None);
                } else {
                    row.push(Some(fields.string().ok_or_else(|| short("a row"))?.to_vec()));
                }
            }
            rows.push(row);
        }
        Ok((names, rows))
    }

    /// Column definitions, with the EOF packet behind them.
    async fn columns(&mut self, count: u64) -> Result<Vec<WireColumn>, Fault> {
        let mut columns = Vec::new();
        if count == 0 {
            return Ok(columns);
        }
        for _ in 0..count {
            let packet = self.answer().await?;
            columns.push(column(packet).ok_or_else(|| short("a column's definition"))?);
        }
        if !is_eof(self.answer().await?) {
            return Err(Fault::Protocol("no end of the column definitions".into()));
        }
        Ok(columns)
    }

    /// Prepares a statement without parameters.
    pub(crate) async fn prepare(&mut self, sql: &str) -> Result<Statement, Fault> {
        self.command(0x16, sql.as_bytes()).await?;
        let packet = self.answer().await?;
        let mut fields = Fields(&packet[1..]);
        let parts = (fields.u32(), fields.u16(), fields.u16());
        let (Some(id), Some(columns), Some(parameters)) = parts else {
            return Err(short("a prepared statement"));
        };
        self.columns(u64::from(parameters)).await?;
        let columns = self.columns(u64::from(columns)).await?;
        self.idle = true;
        if parameters > 0 {
            self.close(&Statement { id, columns }).await?;
            return Err(Fault::Server {
                code: 1064,
                state: "42000".into(),
                message: "a ? outside of quotes has no value".into(),
            });
        }
        Ok(Statement { id, columns })
    }

    /// Starts a prepared statement; its rows come by [`Conn::next_row`] and [`Conn::ready_row`].
    pub(crate) async fn execute(
        &mut self,
        statement: &Statement,
    ) -> Result<Vec<WireColumn>, Fault> {
        let mut argument = statement.id.to_le_bytes().to_vec();
        // No cursor: the server sends rows as fast as they are taken. One iteration.
        argument.extend_from_slice(&[0, 1, 0, 0, 0]);
        self.command(0x17, &argument).await?;
        let packet = self.answer().await?;
        if packet.first() == Some(&0x00) {
            self.idle = true;
            return Err(Fault::Protocol("the query returns no rows".into()));
        }
        let count = Fields(packet).int().ok_or_else(|| short("a result's head"))?;
        self.columns(count).await
    }

    /// Forgets a prepared statement. The server does not answer.
    pub(crate) async fn close(&mut self, statement: &Statement) -> Result<(), Fault> {
        self.command(0x19, &statement.id.to_le_bytes()).await?;
        self.idle = true;
        Ok(())
    }

    /// The next row's packet; `None` at the end of the result.
    pub(crate) async fn next_row(&mut self) -> Result<Option<&[u8]>, Fault> {
        let packet = self.packets.next().await?;
        match packet.first() {
            Some(0xFE) if is_eof(packet) => {
                self.idle = true;
                Ok(None)
            }
            Some(0xFF) => {
                self.idle = true;
                Err(server_error(packet))
            }
            _ => Ok(Some(packet)),
        }
    }

    /// The next row's packet, if it has arrived.
    pub(crate) fn ready_row(&mut self) -> Result<Next<'_>, Fault> {
        match self.packets.ready()? {
            None => Ok(Next::Wait),
            Some(packet) if is_eof(packet) => {
                self.idle = true;
                Ok(Next::End)
            }
            Some(packet) if packet.first() == Some(&0xFF) => {
                self.idle = true;
                Err(server_error(packet))
            }
            Some(packet) => Ok(Next::Row(packet)),
        }
    }

    /// Starts a LOAD DATA LOCAL statement: the server asks for the file.
    pub(crate) async fn load_begin(&mut self, sql: &str) -> Result<(), Fault> {
        self.command(0x03, sql.as_bytes()).await?;
        match self.answer().await?.first() {
            Some(0xFB) => Ok(()),
            _ => Err(Fault::Protocol("LOAD DATA did not ask for its data".into())),
        }
    }

    /// Sends a piece of the file; rows may be cut anywhere.
    pub(crate) async fn load_data(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        // The server takes no packet beyond its max_allowed_packet, which may be small.
        for piece in bytes.chunks(512 * 1024) {
            self.packets.send(piece).await?;
        }
        Ok(())
    }

    /// Ends the file.
    pub(crate) async fn load_end(&mut self) -> Result<Done, Fault> {
        self.packets.send(&[]).await?;
        self.done().await
    }

    /// The messages behind the warnings of the last statement.
    pub(crate) async fn warnings(&mut self) -> Result<Vec<(u16, String)>, Fault> {
        let rows = self.query("SHOW WARNINGS").await?;
        let read = |row: &Vec<Option<String>>| {
            let code = rows.get(row, "Code").and_then(|c| c.parse().ok()).unwrap_or_default();
            (code, rows.get(row, "Message").unwrap_or_default().to_owned())
        };
        Ok(rows.rows.iter().map(read).collect())
    }

    /// Whether the server is still there.
    pub(crate) async fn ping(&mut self) -> Result<(), Fault> {
        self.command(0x0E, &[]).await?;
        self.done().await.map(drop)
    }

    /// Says goodbye. Without it, the server notes an aborted connection.
    pub(crate) async fn quit(mut self) {
        if self.idle {
            // Nothing is lost when the server is not there to hear it.
            drop(self.command(0x01, &[]).await);
        }
    }
}

/// A column definition (protocol 4.1).
fn column(packet: &[u8]) -> Option<WireColumn> {
    let mut fields = Fields(packet);
    for _ in 0..4 {
        fields.string()?; // catalog, schema, table, original table
    }
    let name = String::from_utf8_lossy(fields.string()?).into_owned();
    fields.string()?; // original name
    fields.int()?; // length of what follows
    Some(WireColumn {
        name,
        charset: fields.u16()?,
        length: fields.u32()?,
        kind: fields.u8()?,
        flags: fields.u16()?,
        decimals: fields.u8()?,
    })
}
