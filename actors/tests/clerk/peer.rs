//! A scripted processor on port 0: each connection gets the next answer of the script, as bytes.
//!
//! It writes what it was told to, in as many parts as it was told to, and closes. So it can break
//! off anywhere. It ends with its test.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What it does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Conduct {
    /// Says this and closes the connection.
    Say(Vec<u8>),
    /// Says this, and then nothing more.
    SayAndHang(Vec<u8>),
    /// Says what stands in this file and closes the connection.
    SayFile(PathBuf),
    /// Says this again and again, as long as someone reads; this often at most.
    Repeat(Vec<u8>, usize),
}

/// A running processor.
pub(crate) struct Peer {
    pub(crate) port: u16,
    script: Arc<Mutex<VecDeque<Conduct>>>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Mutex::new(VecDeque::new()));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let peer = Self { port, script: Arc::clone(&script), heard: Arc::clone(&heard) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, heard) = (Arc::clone(&script), Arc::clone(&heard));
                tokio::spawn(answer(stream, script, heard));
            }
        });
        peer
    }

    /// A processor that says this once.
    pub(crate) async fn saying(bytes: Vec<u8>) -> Self {
        let peer = Self::start().await;
        peer.then(Conduct::Say(bytes));
        peer
    }

    /// What it does next, after what it was told before.
    pub(crate) fn then(&self, conduct: Conduct) {
        self.script.lock().unwrap().push_back(conduct);
    }

    /// The requests, each as its head.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn answer(
    stream: TcpStream,
    script: Arc<Mutex<VecDeque<Conduct>>>,
    heard: Arc<Mutex<Vec<String>>>,
) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.unwrap() == 0 {
            return;
        }
    }
    heard.lock().unwrap().push(head);
    let conduct = script.lock().unwrap().pop_front().expect("the script goes on");
    // Who asked may have left.
    match conduct {
        Conduct::Say(bytes) => drop(stream.write_all(&bytes).await),
        Conduct::SayAndHang(bytes) => {
            drop(stream.write_all(&bytes).await);
            std::future::pending::<()>().await;
        }
        Conduct::SayFile(path) => {
            let mut file = std::fs::File::open(path).unwrap();
            let mut buffer = vec![0; 64 * 1_024];
            loop {
                let bytes = std::io::Read::read(&mut file, &mut buffer).unwrap();
                if bytes == 0 || stream.write_all(&buffer[..bytes]).await.is_err() {
                    return;
                }
            }
        }
        Conduct::Repeat(bytes, times) => {
            for _ in 0..times {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// An answer with this status, and a body that has a length.
pub(crate) fn with_length(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// A report with a length.
pub(crate) fn report(body: &str) -> Vec<u8> {
    with_length(200, "Content-Type: application/x-ndjson\r\n", body)
}

/// The head of a report in chunks.
pub(crate) const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A report in chunks of so many bytes.
pub(crate) fn chunked(body: &str, bytes: usize) -> Vec<u8> {
    let mut answer = CHUNKED.as_bytes().to_vec();
    for chunk in body.as_bytes().chunks(bytes) {
        answer.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        answer.extend_from_slice(chunk);
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    answer
}
