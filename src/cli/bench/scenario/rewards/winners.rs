//! Who is told of a reward, and when: a reader of the outcomes' stream.
//!
//! Which lines win follows from a digest, so the winners are a sample of all lines, in which each is
//! as likely as the others. For these the time is known line by line: until the customer has the
//! money, which is longer than until the line is drawn.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::super::failure::Failure;
use super::super::super::response::{self, Chunks};
use super::lines::number_of;

const REQUEST: &[u8] = b"GET /v1/outcomes/events?type=reward.granted HTTP/1.1\r\n\
                         Host: localhost\r\n\r\n";
/// After so long without an outcome it is looked whether there is an end.
const LOOK: Duration = Duration::from_millis(50);

/// Lines whose rewards were granted, with when that was told.
pub(super) type Told = Vec<(Instant, u64)>;

/// A thread that reads.
pub(super) struct Winners {
    is_over: Arc<AtomicBool>,
    reading: JoinHandle<io::Result<Told>>,
}

impl Winners {
    /// Begins to read; what is told from now on is heard.
    pub(super) fn listen(address: SocketAddr) -> Result<Self, Failure> {
        let failed = || Failure::system("reading the outcomes");
        let mut stream = TcpStream::connect(address).map_err(failed())?;
        stream.write_all(REQUEST).map_err(failed())?;
        let start = opened(&mut stream).map_err(failed())?;
        stream.set_read_timeout(Some(LOOK)).map_err(failed())?;
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let reading = std::thread::spawn(move || read(stream, &start, &until));
        Ok(Self { is_over, reading })
    }

    /// Ends it, once nothing is told any more.
    pub(super) fn end(self) -> Result<Told, Failure> {
        self.is_over.store(true, Ordering::Release);
        let told = self.reading.join().expect("reading does not panic");
        told.map_err(Failure::system("reading the outcomes"))
    }
}

/// Waits for the head of the answer; gives what came after it.
fn opened(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..count]);
        if let Some(head) = response::head(&bytes)? {
            let is_open = head.status == 200;
            let refused = || io::Error::other(format!("the stream is answered {}", head.status));
            return if is_open { Ok(bytes.split_off(head.length)) } else { Err(refused()) };
        }
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

fn read(mut stream: TcpStream, start: &[u8], is_over: &AtomicBool) -> io::Result<Told> {
    let (mut chunks, mut text, mut told) = (Chunks::START, Vec::new(), Vec::new());
    let mut buffer = vec![0; 64 * 1024];
    chunks.feed(start, &mut text)?;
    loop {
        hear(&mut text, Instant::now(), &mut told)?;
        let last = is_over.load(Ordering::Acquire);
        match stream.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => chunks.feed(&buffer[..count], &mut text)?,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if last {
                    return Ok(told);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Takes whole events out of the text.
fn hear(text: &mut Vec<u8>, now: Instant, told: &mut Told) -> io::Result<()> {
    let Some(end) = text.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
    for line in text.drain(..=end).as_slice().split(|byte| *byte == b'\n') {
        let Some(data) = line.strip_prefix(b"data: ") else { continue };
        let outcome: serde_json::Value = serde_json::from_slice(data)?;
        let number = outcome["data"]["transaction_id"].as_str().and_then(number_of);
        let strange = || io::Error::other(format!("not a reward: {outcome}"));
        told.push((now, number.ok_or_else(strange)?));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_heard_once_it_is_whole() {
        let (now, mut told) = (Instant::now(), Vec::new());
        let mut text = b"id: 1-0\ndata: {\"data\":{\"transaction_id\":\"tx-7\"}}\n\nid: 2".to_vec();
        hear(&mut text, now, &mut told).expect("an outcome");
        assert_eq!((told, &text[..]), (vec![(now, 7)], &b"id: 2"[..]));
        let mut text = b"data: {\"code\":4008}\n".to_vec();
        assert!(hear(&mut text, now, &mut Vec::new()).is_err());
    }
}
