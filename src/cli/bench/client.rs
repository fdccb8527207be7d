//! One HTTP/1.1 connection, with as little work per request as there can be.
//!
//! A request is bytes that were rendered beforehand; an answer is its status, with the body kept
//! only until the next. There is no pipelining: one request is outstanding at a time, as with any
//! client that waits for its payment. A batch is sent and its answer read at the same time, since
//! the server may answer the first lines while the last are still under way.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::failure::Failure;
use super::response::{self, Chunks, Framing};

const BUFFER_BYTES: usize = 16 * 1024;
/// How long a call outside of any measurement may take: a checkpoint of a million wallets does.
const CALL_PATIENCE: Duration = Duration::from_mins(2);

/// A connection that is kept alive.
pub(crate) struct Connection {
    stream: TcpStream,
    inbox: Inbox,
}

struct Inbox {
    buffer: Box<[u8]>,
    body: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let inbox = Inbox { buffer: vec![0; BUFFER_BYTES].into(), body: Vec::new() };
        Ok(Self { stream, inbox })
    }

    /// Sends a request and waits for its answer; gives the status.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        self.inbox.receive(&mut self.stream).await
    }

    /// As [`Self::exchange`], for requests too long for the kernel's buffers.
    pub(crate) async fn exchange_long(&mut self, head: &[u8], body: &[u8]) -> io::Result<u16> {
        let (mut reader, mut writer) = self.stream.split();
        let upload = async {
            writer.write_all(head).await?;
            writer.write_all(body).await
        };
        let (sent, status) = tokio::join!(upload, self.inbox.receive(&mut reader));
        // An early refusal (413) explains a broken pipe, so the answer is looked at first.
        let status = status?;
        if status < 400 {
            sent?;
        }
        Ok(status)
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> &[u8] {
        &self.inbox.body
    }
}

impl Inbox {
    async fn receive<R: AsyncRead + Unpin>(&mut self, reader: &mut R) -> io::Result<u16> {
        self.body.clear();
        let mut filled = 0;
        let head = loop {
            if filled == self.buffer.len() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a head without end"));
            }
            filled += some(reader.read(&mut self.buffer[filled..]).await?)?;
            if let Some(head) = response::head(&self.buffer[..filled])? {
                break head;
            }
        };
        let start = &self.buffer[head.length..filled];
        match head.framing {
            Framing::Length(length) => {
                self.body.extend_from_slice(start);
                while self.body.len() < length {
                    let read = some(reader.read(&mut self.buffer).await?)?;
                    self.body.extend_from_slice(&self.buffer[..read]);
                }
            }
            Framing::Chunked => {
                let mut chunks = Chunks::START;
                chunks.feed(start, &mut self.body)?;
                while !chunks.is_done() {
                    let read = some(reader.read(&mut self.buffer).await?)?;
                    chunks.feed(&self.buffer[..read], &mut self.body)?;
                }
            }
        }
        Ok(head.status)
    }
}

fn some(read: usize) -> io::Result<usize> {
    if read == 0 {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server closed the connection",
        ));
    }
    Ok(read)
}

/// A runtime of one thread: the generator must not take more of the machine than it needs.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::system("starting the generator"))
}

/// A status and a body.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: String,
}

/// Makes one call outside of any measurement, on a connection of its own.
pub(crate) fn call(address: SocketAddr, method: &str, path: &str) -> io::Result<Answer> {
    let head = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
    once(address, method, path, head, "")
}

/// As [`call`]: posts some JSON under an idempotency key.
pub(crate) fn post(address: SocketAddr, path: &str, key: &str, body: &str) -> io::Result<Answer> {
    let head = format!(
        "Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    once(address, "POST", path, &head, body)
}

fn once(
    address: SocketAddr,
    method: &str,
    path: &str,
    head: &str,
    body: &str,
) -> io::Result<Answer> {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\r\n{body}"
    );
    let exchange = async {
        let mut connection = Connection::open(address).await?;
        let status = connection.exchange(request.as_bytes()).await?;
        let body = String::from_utf8_lossy(connection.body()).into_owned();
        Ok(Answer { status, body })
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match tokio::time::timeout(CALL_PATIENCE, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("{method} {path}"))),
        }
    })
}
