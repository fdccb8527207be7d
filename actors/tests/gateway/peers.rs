//! Scripted servers on port 0: they read what comes, note it, and say what they were told to say.
//!
//! One for HTTP, where each request gets the next conduct of the script, and one for SMTP, where a
//! word of the client decides the reply. They write raw bytes, so they can break off anywhere.
//! A server ends with its test.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What an HTTP server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Conduct {
    /// Says this and waits for the next request.
    Say(Vec<u8>),
    /// Says this and closes the connection.
    SayAndClose(Vec<u8>),
    /// Never says anything, and keeps the connection.
    Hang,
}

/// What a server has seen.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// How many connections were made.
    pub(crate) connections: usize,
    /// The requests, each with its body; for SMTP the lines.
    pub(crate) heard: Vec<String>,
}

/// A running server.
pub(crate) struct Peer {
    /// Where it listens.
    pub(crate) port: u16,
    noted: Arc<Mutex<Noted>>,
}

impl Peer {
    pub(crate) fn connections(&self) -> usize {
        self.noted.lock().unwrap().connections
    }

    pub(crate) fn heard(&self) -> Vec<String> {
        self.noted.lock().unwrap().heard.clone()
    }
}

/// A port where nobody listens.
pub(crate) async fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// An answer with a JSON body.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// Starts an HTTP server.
pub(crate) async fn http(script: impl IntoIterator<Item = Conduct>) -> Peer {
    let script = Arc::new(Mutex::new(script.into_iter().collect::<VecDeque<_>>()));
    serve(move |stream, noted| {
        let script = Arc::clone(&script);
        async move {
            let mut stream = BufReader::new(stream);
            while let Some(request) = request(&mut stream).await {
                noted.lock().unwrap().heard.push(request);
                let conduct = script.lock().unwrap().pop_front().expect("the script goes on");
                match conduct {
                    Conduct::Say(bytes) => stream.write_all(&bytes).await.unwrap(),
                    Conduct::SayAndClose(bytes) => return stream.write_all(&bytes).await.unwrap(),
                    Conduct::Hang => std::future::pending().await,
                }
            }
        }
    })
    .await
}

async fn request(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut text = String::new();
    let mut length = 0;
    loop {
        let start = text.len();
        if stream.read_line(&mut text).await.ok()? == 0 {
            return None;
        }
        let line = text[start..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(text + std::str::from_utf8(&body).unwrap())
}

/// The replies of an SMTP server, by the word they answer: `connect`, `EHLO`, `MAIL`, `RCPT`,
/// `DATA`, `.` for the content, and so on; `MAIL2` for the second time it is said. `close` closes
/// the connection, `hang` says nothing.
pub(crate) type Replies = HashMap<&'static str, &'static str>;

/// The replies of a server that takes all mail.
pub(crate) fn friendly() -> Replies {
    [
        ("connect", "220 peer"),
        ("EHLO", "250-peer\r\n250 SIZE 1000000"),
        ("MAIL", "250 ok"),
        ("RCPT", "250 ok"),
        ("DATA", "354 go on"),
        (".", "250 taken"),
        ("QUIT", "221 bye"),
    ]
    .into()
}

/// Starts an SMTP server. Each connection follows the next replies; the last ones stand for all
/// that come later.
pub(crate) async fn smtp(script: impl IntoIterator<Item = Replies>) -> Peer {
    let script = Arc::new(Mutex::new(script.into_iter().collect::<VecDeque<_>>()));
    serve(move |stream, noted| {
        let replies = {
            let mut script = script.lock().unwrap();
            let next = script.front().cloned().expect("there are replies");
            if script.len() > 1 {
                script.pop_front();
            }
            next
        };
        converse(stream, noted, replies)
    })
    .await
}

async fn converse(stream: TcpStream, noted: Arc<Mutex<Noted>>, replies: Replies) {
    let mut stream = BufReader::new(stream);
    let mut word = "connect".to_owned();
    let mut said: HashMap<String, usize> = HashMap::new();
    loop {
        let times = said.entry(word.clone()).or_default();
        *times += 1;
        let reply = replies.get(format!("{word}{times}").as_str());
        match *reply.or_else(|| replies.get(word.as_str())).unwrap_or(&"502 what?") {
            "close" => return,
            "hang" => std::future::pending().await,
            reply => {
                let reply = format!("{reply}\r\n");
                if stream.write_all(reply.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
        let in_content = word == "DATA" && replies["DATA"].starts_with("354");
        let Some(heard) = heard(&mut stream, in_content).await else { return };
        word = if in_content { ".".to_owned() } else { heard.chars().take(4).collect() };
        noted.lock().unwrap().heard.push(heard);
    }
}

/// A line, or all lines up to the dot.
async fn heard(stream: &mut BufReader<TcpStream>, content: bool) -> Option<String> {
    let mut text = String::new();
    loop {
        let start = text.len();
        if stream.read_line(&mut text).await.ok()? == 0 {
            return None;
        }
        if !content || &text[start..] == ".\r\n" {
            return Some(text.trim_end().to_owned());
        }
    }
}

async fn serve<F: Future<Output = ()> + Send + 'static>(
    conduct: impl Fn(TcpStream, Arc<Mutex<Noted>>) -> F + Send + 'static,
) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let noted = Arc::new(Mutex::new(Noted::default()));
    let peer = Peer { port, noted: Arc::clone(&noted) };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            noted.lock().unwrap().connections += 1;
            tokio::spawn(conduct(stream, Arc::clone(&noted)));
        }
    });
    peer
}
