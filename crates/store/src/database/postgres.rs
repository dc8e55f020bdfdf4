//! PostgreSQL: a connection with a thread of its own, so that whoever asks may stand inside a
//! runtime or outside of one.
//!
//! A connection that broke is opened again for the next statement outside of a transaction.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Statement};

use super::{Address, Done, Failed, Failure, Row, Value};

/// How long a server that is away is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one try to connect may take.
const TRY: Duration = Duration::from_secs(5);
/// How long a statement may take: whoever waits for it has gone by then, and others want the
/// connection. Tables are made and changed in peace.
const STATEMENT: Duration = Duration::from_secs(20);
const TABLES: Duration = Duration::from_secs(3600);
/// How long to wait between two tries.
const PAUSE: Duration = Duration::from_millis(200);
/// Statements kept prepared on a connection.
const PREPARED: usize = 200;

/// Something asked of the thread.
struct Request {
    sql: String,
    params: Vec<Value>,
    /// Rows are wanted, not a count.
    rows: bool,
    answer: mpsc::SyncSender<Done<Answer>>,
}

struct Answer {
    count: u64,
    rows: Vec<Row>,
}

/// One connection.
pub(crate) struct Link {
    requests: tokio::sync::mpsc::UnboundedSender<Request>,
}

impl Link {
    /// Connects.
    pub(super) fn open(address: &Address) -> Done<Self> {
        let (requests, mut received) = tokio::sync::mpsc::unbounded_channel::<Request>();
        let (opened, is_open) = mpsc::sync_channel(1);
        let address = address.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Failed::new(Failure::Other, e))?;
        let work = move || {
            runtime.block_on(async {
                let mut connection = Connection::new(address);
                let _ = opened.send(connection.client().await.map(|_| ()));
                while let Some(request) = received.recv().await {
                    let _ = request.answer.send(connection.serve(&request).await);
                }
            });
        };
        std::thread::Builder::new()
            .name("state".into())
            .spawn(work)
            .map_err(|e| Failed::new(Failure::Other, e))?;
        is_open.recv().map_err(gone)??;
        Ok(Self { requests })
    }

    pub(super) fn execute(&mut self, sql: &str, params: &[Value]) -> Done<u64> {
        Ok(self.ask(sql, params, false)?.count)
    }

    pub(super) fn query(&mut self, sql: &str, params: &[Value]) -> Done<Vec<Row>> {
        Ok(self.ask(sql, params, true)?.rows)
    }

    pub(super) fn begin(&mut self) -> Done<()> {
        self.execute("BEGIN", &[]).map(|_| ())
    }

    pub(super) fn end(&mut self, sql: &str) -> Done<()> {
        self.execute(sql, &[]).map(|_| ())
    }

    fn ask(&self, sql: &str, params: &[Value], rows: bool) -> Done<Answer> {
        let (answer, answered) = mpsc::sync_channel(1);
        let request = Request { sql: sql.to_owned(), params: params.to_vec(), rows, answer };
        self.requests.send(request).map_err(|_| gone("its thread has ended"))?;
        answered.recv().map_err(gone)?
    }
}

fn gone(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failed {
    Failed::new(Failure::Other, cause)
}

/// The thread's side of a link.
struct Connection {
    address: Address,
    client: Option<Client>,
    /// What carries its bytes.
    carrier: Option<AbortHandle>,
    /// A transaction is open: what breaks the connection breaks it, too.
    inside: bool,
    /// A statement of that transaction has failed, so none of it can happen any more.
    failed: bool,
    prepared: HashMap<(String, Vec<Type>), Statement>,
}

impl Connection {
    fn new(address: Address) -> Self {
        let (client, carrier, prepared) = (None, None, HashMap::new());
        Self { address, client, carrier, inside: false, failed: false, prepared }
    }

    /// The connection, opened where there is none, but never inside of a transaction: the rest of
    /// it would happen without its beginning.
    async fn client(&mut self) -> Done<&Client> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            if self.inside {
                return Err(Failed::new(Failure::Away, "the connection broke"));
            }
            self.prepared.clear();
            let (client, carrier) = connect(&self.address).await?;
            self.client = Some(client);
            self.carrier = Some(carrier);
        }
        self.client.as_ref().ok_or_else(|| gone("no connection"))
    }

    async fn serve(&mut self, request: &Request) -> Done<Answer> {
        let ends = matches!(request.sql.as_str(), "COMMIT" | "ROLLBACK");
        let makes_tables = self.inside && !ends && request.params.is_empty() && !request.rows;
        let patience = if makes_tables { TABLES } else { STATEMENT };
        let done = tokio::time::timeout(patience, self.obey(request)).await.unwrap_or_else(|_| {
            let seconds = patience.as_secs();
            Err(Failed::new(Failure::Away, format!("it has not answered in {seconds} s")))
        });
        if done.as_ref().is_err_and(|failed| failed.kind == Failure::Away) {
            // It may take a moment until the connection itself knows that it is no more; one that
            // does not answer would never know.
            self.client = None;
            if let Some(carrier) = self.carrier.take() {
                carrier.abort();
            }
        }
        done
    }

    async fn obey(&mut self, request: &Request) -> Done<Answer> {
        match request.sql.as_str() {
            "BEGIN" => {
                self.inside = false;
                self.failed = false;
                self.client().await?.batch_execute("BEGIN").await?;
                self.inside = true;
            }
            "COMMIT" | "ROLLBACK" => {
                let ended = self.end(&request.sql).await;
                self.inside = false;
                ended?;
            }
            _ => {
                let done = self.run(request).await;
                self.failed |= done.is_err();
                return done;
            }
        }
        Ok(Answer { count: 0, rows: Vec::new() })
    }

    async fn end(&mut self, sql: &str) -> Done<()> {
        if sql == "COMMIT" && self.failed {
            // The server would answer it by rolling back, and call that a success.
            return Err(Failed::new(Failure::Other, "a statement of the transaction has failed"));
        }
        Ok(self.client().await?.batch_execute(sql).await?)
    }

    async fn run(&mut self, request: &Request) -> Done<Answer> {
        if request.params.is_empty() && !request.rows {
            let client = self.client().await?;
            // Several statements may stand in one text: those that make tables do.
            client.batch_execute(&request.sql).await?;
            return Ok(Answer { count: 0, rows: Vec::new() });
        }
        let types: Vec<Type> = request.params.iter().map(kind).collect();
        let key = (request.sql.clone(), types);
        self.client().await?;
        if !self.prepared.contains_key(&key) {
            let statement = self.client().await?.prepare_typed(&key.0, &key.1).await?;
            if self.prepared.len() >= PREPARED {
                self.prepared.clear();
            }
            self.prepared.insert(key.clone(), statement);
        }
        let (Some(client), Some(statement)) = (&self.client, self.prepared.get(&key)) else {
            return Err(gone("no connection"));
        };
        let params: Vec<&(dyn ToSql + Sync)> =
            request.params.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
        if !request.rows {
            let count = client.execute(statement, &params).await?;
            return Ok(Answer { count, rows: Vec::new() });
        }
        let columns: Arc<[String]> =
            statement.columns().iter().map(|c| c.name().to_owned()).collect();
        let rows = client.query(statement, &params).await?;
        let row = |row: tokio_postgres::Row| {
            let values = (0..row.len()).map(|at| Ok(row.try_get::<_, Value>(at)?));
            Ok(Row::new(Arc::clone(&columns), values.collect::<Done<_>>()?))
        };
        let rows = rows.into_iter().map(row).collect::<Done<Vec<_>>>()?;
        Ok(Answer { count: rows.len() as u64, rows })
    }
}

async fn connect(address: &Address) -> Done<(Client, AbortHandle)> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let tried = tokio::time::timeout(TRY, try_to_connect(address)).await;
        match tried.unwrap_or_else(|_| Err(Failed::new(Failure::Away, "it does not answer"))) {
            Ok(connected) => return Ok(connected),
            Err(failed) => {
                if failed.kind != Failure::Away || tokio::time::Instant::now() >= deadline {
                    return Err(failed);
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn try_to_connect(address: &Address) -> Done<(Client, AbortHandle)> {
    Ok(match &address.tls {
        Some(tls) => {
            let (client, connection) = address.config.connect(tls.clone()).await?;
            (client, tokio::spawn(connection).abort_handle())
        }
        None => {
            let (client, connection) = address.config.connect(tokio_postgres::NoTls).await?;
            (client, tokio::spawn(connection).abort_handle())
        }
    })
}

/// The type a parameter has; what NULL is comes from where it stands.
fn kind(value: &Value) -> Type {
    match value {
        Value::Null => Type::UNKNOWN,
        Value::Integer(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Bytes(_) => Type::BYTEA,
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut bytes::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(
        kind: &Type,
        raw: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match *kind {
            Type::INT8 => Self::Integer(i64::from_sql(kind, raw)?),
            Type::INT4 => Self::Integer(i32::from_sql(kind, raw)?.into()),
            Type::BOOL => Self::Integer(bool::from_sql(kind, raw)?.into()),
            Type::BYTEA => Self::Bytes(raw.to_owned()),
            _ => Self::Text(String::from_sql(kind, raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(kind: &Type) -> bool {
        use Type as T;
        [T::INT8, T::INT4, T::BOOL, T::BYTEA, T::TEXT, T::VARCHAR, T::NAME].contains(kind)
    }
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        let kind = match error.code() {
            Some(&SqlState::UNIQUE_VIOLATION) => Failure::Exists,
            Some(&SqlState::FOREIGN_KEY_VIOLATION) => Failure::Referred,
            Some(&SqlState::DISK_FULL) => Failure::Full,
            Some(
                &SqlState::LOCK_NOT_AVAILABLE
                | &SqlState::T_R_DEADLOCK_DETECTED
                | &SqlState::T_R_SERIALIZATION_FAILURE
                // What is limited there: time of a statement, memory, temporary files.
                | &SqlState::QUERY_CANCELED
                | &SqlState::INSUFFICIENT_RESOURCES
                | &SqlState::OUT_OF_MEMORY
                | &SqlState::CONFIGURATION_LIMIT_EXCEEDED
                // A standby, or one that was closed for writing because its disk is nearly full.
                | &SqlState::READ_ONLY_SQL_TRANSACTION,
            ) => Failure::Busy,
            Some(
                &SqlState::ADMIN_SHUTDOWN
                | &SqlState::CRASH_SHUTDOWN
                | &SqlState::CANNOT_CONNECT_NOW
                | &SqlState::TOO_MANY_CONNECTIONS
                | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            ) => Failure::Away,
            Some(_) => Failure::Other,
            // Without a code it is the connection's: refused, broken, timed out.
            None => Failure::Away,
        };
        Self::new(kind, error)
    }
}
