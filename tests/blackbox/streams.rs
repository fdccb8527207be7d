//! Readers of the outcome stream: over WebSocket and as server-sent events.
//!
//! Both give outcomes one by one and fail the test when none comes in time. To show that nothing
//! more comes, a test makes one more thing happen and finds it next. How a stream ended can be
//! asked for too, by the tests in which it ends.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use tungstenite::{HandshakeError, Message, WebSocket};

use crate::harness::DEADLINE;
use crate::http::{Chunked, connect, read_head};

/// The stream over WebSocket.
pub(crate) struct Outcomes {
    socket: WebSocket<TcpStream>,
}

impl Outcomes {
    /// Listens with this query (without `?`).
    pub(crate) fn open(address: SocketAddr, query: &str) -> Self {
        match Self::try_open(address, query) {
            Ok(outcomes) => outcomes,
            Err(status) => panic!("the stream was refused with {status}: {query}"),
        }
    }

    /// The same; or the status it is refused with.
    pub(crate) fn try_open(address: SocketAddr, query: &str) -> Result<Self, u16> {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
        match tungstenite::client(format!("ws://{address}/v1/outcomes?{query}"), stream) {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                Err(answer.status().as_u16())
            }
            Err(error) => panic!("no handshake: {error}"),
        }
    }

    /// The next outcome.
    pub(crate) fn next(&mut self) -> Value {
        self.next_or_end().unwrap_or_else(|code| panic!("the stream goes on; closed: {code:?}"))
    }

    /// The next outcome; or how the stream ended, with a code when the server said one.
    pub(crate) fn next_or_end(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    let outcome: Value = serde_json::from_str(&text).expect("frames are JSON");
                    for member in ["cursor", "id", "type", "at"] {
                        assert!(outcome[member].is_string(), "{member} is missing: {outcome}");
                    }
                    assert!(outcome["data"].is_object(), "{outcome}");
                    return Ok(outcome);
                }
                Ok(Message::Close(close)) => return Err(close.map(|close| close.code.into())),
                Ok(message) => assert!(message.is_ping(), "{message:?}"),
                Err(tungstenite::Error::Io(error)) if is_timeout(&error) => {
                    panic!("no outcome in time")
                }
                Err(_) => return Err(None),
            }
        }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// One server-sent event.
#[derive(Debug, Default)]
pub(crate) struct Event {
    /// Where to resume: the cursor.
    pub(crate) id: String,
    /// The whole outcome.
    pub(crate) data: Value,
}

/// The stream as server-sent events.
pub(crate) struct Events {
    reader: BufReader<Chunked<BufReader<TcpStream>>>,
}

impl Events {
    /// Listens with this query, after the event with this id if there is one.
    pub(crate) fn open(address: SocketAddr, query: &str, last_event_id: Option<&str>) -> Self {
        let mut stream = connect(address).expect("the server listens");
        let last = last_event_id.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let request = format!(
            "GET /v1/outcomes/events?{query} HTTP/1.1\r\nHost: test\r\n\
             Accept: text/event-stream\r\n{last}\r\n"
        );
        stream.get_mut().write_all(request.as_bytes()).expect("a request can be sent");
        let (status, headers) = read_head(&mut stream).expect("the stream begins");
        assert_eq!(status, 200, "{headers:?}");
        let media_type = headers.iter().find(|(name, _)| name == "content-type");
        let media_type = &media_type.expect("a stream has a type").1;
        assert!(media_type.starts_with("text/event-stream"), "{media_type}");
        Self { reader: BufReader::new(Chunked::new(stream)) }
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Event {
        let mut event = Event::default();
        loop {
            let mut line = String::new();
            let count = self.reader.read_line(&mut line).expect("the stream goes on");
            assert!(count > 0, "the stream ended");
            let line = line.trim_end();
            if let Some(id) = line.strip_prefix("id:") {
                id.trim().clone_into(&mut event.id);
            } else if let Some(data) = line.strip_prefix("data:") {
                event.data = serde_json::from_str(data).expect("events are JSON");
            } else if line.is_empty() && !event.data.is_null() {
                return event;
            }
        }
    }
}
