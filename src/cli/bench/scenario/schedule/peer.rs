//! A processor that has any report one likes: of how many lines, and which debits are in it.
//!
//! The lines are made as they are sent, so the bench holds none of them, and sending them costs it
//! little. They are in no order that would help: debits of advances, spread over all of the report,
//! among transactions of others. The same debit has the same line in every report. One debit in ten
//! has failed.
//!
//! Whatever else is asked is answered with "pending", as a processor that takes its time would.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use super::super::super::failure::Failure;
use super::prepared::{advance_id, today};

const CHUNK_BYTES: usize = 64 * 1_024;
const FAILED_IN: u64 = 10;

/// What is in the report.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Contents {
    /// Lines in all.
    pub(super) lines: u64,
    /// The first so many advances have their first debit in it.
    pub(super) debits: u64,
}

/// The processor. It ends with the process.
pub(super) struct Peer {
    /// Where it listens.
    pub(super) address: SocketAddr,
    contents: Arc<Mutex<Contents>>,
}

impl Peer {
    /// Listens on a free port; the report has no line yet.
    pub(super) fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0));
        let listener = listener.map_err(Failure::system("listening as the processor"))?;
        let address = listener.local_addr();
        let address = address.map_err(Failure::system("listening as the processor"))?;
        let contents = Arc::new(Mutex::new(Contents::default()));
        let shared = Arc::clone(&contents);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    // The server under test says what it makes of a broken connection.
                    drop(serve(&stream, &shared));
                });
            }
        });
        Ok(Self { address, contents })
    }

    /// Has this in the report from now on.
    pub(super) fn report(&self, contents: Contents) {
        *self.contents.lock().unwrap_or_else(PoisonError::into_inner) = contents;
    }
}

/// Answers the requests of a connection until it is closed.
fn serve(stream: &TcpStream, contents: &Mutex<Contents>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut writer = BufWriter::with_capacity(CHUNK_BYTES, stream);
    while let Some((line, length)) = request(&mut reader)? {
        io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
        if line.starts_with("GET /processor/report") {
            let contents = *contents.lock().unwrap_or_else(PoisonError::into_inner);
            send(contents, &mut writer)?;
        } else {
            let body = r#"{"id":"t","status":"pending"}"#;
            write!(
                writer,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n\
                 {body}",
                body.len()
            )?;
        }
        writer.flush()?;
    }
    Ok(())
}

/// The first line of a request, and the length of its body; `None` when none comes any more.
fn request(reader: &mut impl BufRead) -> io::Result<Option<(String, u64)>> {
    let (mut first, mut length) = (String::new(), 0);
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(Some((first, length)));
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
}

fn send(contents: Contents, writer: &mut impl Write) -> io::Result<()> {
    writer.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\
          \r\n",
    )?;
    let (mut chunk, at) =
        (Vec::with_capacity(CHUNK_BYTES + 512), format!("{}T01:02:03Z", today(0)));
    for number in 0..contents.lines {
        line(contents, number, &at, &mut chunk)?;
        if chunk.len() >= CHUNK_BYTES || number + 1 == contents.lines {
            write!(writer, "{:x}\r\n", chunk.len())?;
            writer.write_all(&chunk)?;
            writer.write_all(b"\r\n")?;
            chunk.clear();
        }
    }
    writer.write_all(b"0\r\n\r\n")
}

/// A line of the report. Every so many is about a debit, until all of them were said.
fn line(contents: Contents, number: u64, at: &str, line: &mut Vec<u8>) -> io::Result<()> {
    let Contents { lines, debits } = contents;
    let every = lines.checked_div(debits).unwrap_or(u64::MAX).max(1);
    let debit = number / every;
    if !number.is_multiple_of(every) || debit >= debits {
        return writeln!(
            line,
            r#"{{"id":"txn_{number:032x}","key":"other-{number}/push","status":"succeeded","at":"{at}"}}"#
        );
    }
    let key = format!("{}/d1/1", advance_id(debit));
    let ended = if debit.is_multiple_of(FAILED_IN) {
        r#""failed","code":"insufficient-funds""#
    } else {
        r#""succeeded""#
    };
    writeln!(
        line,
        r#"{{"id":"txn_debit_{debit:026x}","key":"{key}","status":{ended},"at":"{at}"}}"#
    )
}

#[cfg(test)]
mod tests {
    use bursar_actors::clerk::report::line::Line;
    use bursar_domain::advance::DebitKey;

    use super::*;

    #[test]
    fn a_report_has_all_its_debits_among_others() {
        for (lines, debits) in [(100, 10), (101, 25), (10, 10), (5, 0)] {
            let (contents, mut text) = (Contents { lines, debits }, Vec::new());
            for number in 0..lines {
                line(contents, number, "2026-11-21T01:02:03Z", &mut text)
                    .expect("memory takes all");
            }
            let read = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let read: Vec<Line<'_>> =
                read.map(|line| Line::parse(line).expect("as agreed")).collect();
            let about = read.iter().filter(|line| DebitKey::parse(&line.key).is_some()).count();
            assert_eq!((read.len() as u64, about as u64), (lines, debits));
        }
    }

    #[test]
    fn a_request_ends_with_its_empty_line() {
        let text = "POST /x HTTP/1.1\r\nHost: a\r\ncontent-length: 3\r\n\r\nabcGET /y";
        let mut reader = text.as_bytes();
        let found = request(&mut reader).expect("it is whole");
        assert_eq!(found, Some(("POST /x HTTP/1.1\r\n".to_owned(), 3)));
        assert!(request(&mut "GET / HTTP/1.1\r\nHo".as_bytes()).is_err());
        assert_eq!(request(&mut "".as_bytes()).expect("nothing is no fault"), None);
    }
}
