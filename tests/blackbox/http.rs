//! A small HTTP/1.1 client over one TCP connection.
//!
//! A client of the tests' own, because they send what a good client never would: broken bodies,
//! lengths that lie, bytes that are no text. [`Client`] keeps its connection for the next
//! request and opens a new one after a fault or a pause; it never sends a request twice by
//! itself, so a test always knows what it asked for.

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::DEADLINE;

/// A connection that rested longer may be closed by the server at any moment.
const REST_MAX: Duration = Duration::from_secs(1);

/// JSON, one document.
pub(crate) const JSON: &str = "application/json";

/// JSON, one document a line.
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A request without a body.
    pub(crate) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: None }
    }

    /// A POST of JSON.
    pub(crate) fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::new("POST", path).body(JSON, body.to_string())
    }

    /// A POST of lines of JSON.
    pub(crate) fn lines(path: impl Into<String>, lines: &[Value]) -> Self {
        let lines: Vec<_> = lines.iter().map(Value::to_string).collect();
        Self::new("POST", path).body(NDJSON, lines.join("\n"))
    }

    /// With one more header.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With a key.
    pub(crate) fn key(self, key: impl Into<String>) -> Self {
        self.header("Idempotency-Key", key)
    }

    /// With a body of this type.
    pub(crate) fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("Content-Type", media_type)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut lines = vec![format!("{} {} HTTP/1.1", self.method, self.path)];
        lines.push("Host: test".to_owned());
        lines.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        lines.extend(self.body.iter().map(|body| format!("Content-Length: {}", body.len())));
        let mut bytes = lines.join("\r\n").into_bytes();
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    /// The body, whole.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header's value, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// The body's lines, each as JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = self.text();
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The JSON of an answer that must have this status.
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// Asserts that the server is well.
    pub(crate) fn expect_ok(&self) {
        assert_eq!(self.status, 200, "{}", self.text());
    }

    /// Whether this is a replay.
    pub(crate) fn is_replay(&self) -> bool {
        self.header("idempotency-replayed") == Some("true")
    }

    /// A refusal with this status and code, in the form that every refusal has.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let text = self.text();
        assert_eq!(self.status, status, "{code} expected: {text}");
        let media_type = self.header("content-type").unwrap_or_default();
        assert!(media_type.starts_with("application/problem+json"), "{media_type}: {text}");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{text}");
        assert_eq!(problem["status"], status, "{text}");
        for member in ["type", "title", "detail", "request_id"] {
            let words = problem[member].as_str().unwrap_or_default();
            assert!(!words.is_empty(), "{member} is missing: {text}");
        }
        assert!(problem["retryable"].is_boolean(), "{text}");
        let request_id = self.header("x-request-id");
        assert!(request_id.is_some(), "X-Request-Id is missing: {text}");
        // A replay has the body of the first answer, with the id of the first request in it.
        if !self.is_replay() {
            assert_eq!(problem["request_id"].as_str(), request_id, "{text}");
        }
        problem
    }
}

/// A client with its connection.
pub(crate) struct Client {
    address: SocketAddr,
    connection: Option<(BufReader<TcpStream>, Instant)>,
}

impl Client {
    /// A client of the server at this address.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    /// Where its server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a request; an error when no whole answer came.
    pub(crate) fn try_send(&mut self, request: &Request) -> io::Result<Answer> {
        let mut stream = match self.connection.take() {
            Some((stream, used)) if used.elapsed() < REST_MAX => stream,
            _ => connect(self.address)?,
        };
        stream.get_mut().write_all(&request.bytes())?;
        let answer = read_answer(&mut stream)?;
        let closes = answer.header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
        if !closes {
            self.connection = Some((stream, Instant::now()));
        }
        Ok(answer)
    }

    /// Sends a request that must be answered.
    pub(crate) fn send(&mut self, request: &Request) -> Answer {
        let answer = self.try_send(request);
        answer.unwrap_or_else(|error| panic!("{} {}: {error}", request.method, request.path))
    }

    /// Sends requests one behind the other without waiting; an answer for each, in their order.
    pub(crate) fn send_all(&mut self, requests: &[Request]) -> Vec<Answer> {
        let mut stream = connect(self.address).expect("the server listens");
        let bytes: Vec<u8> = requests.iter().flat_map(Request::bytes).collect();
        stream.get_mut().write_all(&bytes).expect("requests can be sent");
        let read = |_| read_answer(&mut stream).expect("each request is answered");
        requests.iter().map(read).collect()
    }

    /// GET.
    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send(&Request::new("GET", path))
    }

    /// POST of JSON with a key.
    pub(crate) fn post(&mut self, path: &str, key: &str, body: &Value) -> Answer {
        self.send(&Request::post(path, body).key(key))
    }

    /// POST without a key or a body.
    pub(crate) fn command(&mut self, path: &str) -> Answer {
        self.send(&Request::new("POST", path).body(JSON, ""))
    }

    /// POST of lines of JSON; an answer a line.
    pub(crate) fn batch(&mut self, path: &str, lines: &[Value]) -> Vec<Value> {
        let answer = self.send(&Request::lines(path, lines));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.lines()
    }
}

/// Opens a connection on which nothing waits for ever.
pub(crate) fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    Ok(BufReader::new(stream))
}

/// Sends bytes as they are on a connection of their own and reads one answer.
pub(crate) fn send_bytes(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = connect(address).expect("the server listens");
    // The server may answer and close before it has read everything: the answer counts.
    drop(stream.get_mut().write_all(bytes));
    read_answer(&mut stream).expect("the server answers before it closes")
}

/// The status and the headers, their names in lower case.
pub(crate) fn read_head(reader: &mut impl BufRead) -> io::Result<(u16, Vec<(String, String)>)> {
    let status = read_line(reader)?;
    let status = status.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| broken("no status line"))?;
    Ok((status, read_headers(reader)?))
}

/// The headers of a request or an answer, their names in lower case.
pub(crate) fn read_headers(reader: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| broken("no header line"))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// One whole answer.
pub(crate) fn read_answer(reader: &mut impl BufRead) -> io::Result<Answer> {
    let (status, headers) = read_head(reader)?;
    let mut answer = Answer { status, headers, body: Vec::new() };
    if answer.header("transfer-encoding").is_some_and(|encoding| encoding.contains("chunked")) {
        Chunked::new(reader).read_to_end(&mut answer.body)?;
    } else if let Some(length) = answer.header("content-length") {
        let length = length.parse().map_err(|_| broken("no content length"))?;
        answer.body.resize(length, 0);
        reader.read_exact(&mut answer.body)?;
    } else if status != 204 {
        reader.read_to_end(&mut answer.body)?;
    }
    Ok(answer)
}

/// A line of a head, without its end.
pub(crate) fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(line) => Ok(line.to_owned()),
        None => Err(ErrorKind::UnexpectedEof.into()),
    }
}

/// What came is not HTTP.
pub(crate) fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

/// Reads a body that comes in chunks.
pub(crate) struct Chunked<R> {
    inner: R,
    left: usize,
    started: bool,
    ended: bool,
}

impl<R: BufRead> Chunked<R> {
    /// The body behind a head that was read.
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, left: 0, started: false, ended: false }
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        if self.started {
            read_line(&mut self.inner)?;
        }
        self.started = true;
        let size = read_line(&mut self.inner)?;
        let size = size.split(';').next().unwrap_or_default();
        self.left = usize::from_str_radix(size, 16).map_err(|_| broken("no chunk size"))?;
        if self.left == 0 {
            read_line(&mut self.inner)?;
            self.ended = true;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Chunked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended {
            self.next_chunk()?;
        }
        let wanted = self.left.min(buffer.len());
        if wanted == 0 {
            // A buffered reader asked for nothing waits for more all the same.
            return Ok(0);
        }
        let count = self.inner.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.left -= count;
        Ok(count)
    }
}
