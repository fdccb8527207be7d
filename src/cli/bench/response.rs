//! The part of HTTP/1.1 that the generator must read: status, length, chunks.
//!
//! The generator runs on the server's own cores, so every cycle here is taken from what is being
//! measured: one pass over the head, no allocation, no header kept. One answer at a time is
//! outstanding on a connection, so whatever follows the head belongs to this answer's body.

use std::io;

/// How the body of an answer ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Framing {
    /// After this many bytes.
    Length(usize),
    /// With the chunk of length nought.
    Chunked,
}

/// What the head of an answer says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    /// The status.
    pub(crate) status: u16,
    /// How the body ends.
    pub(crate) framing: Framing,
    /// Length of the head in bytes, with the empty line.
    pub(crate) length: usize,
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Reads the head of an answer; `None` while it is not complete.
pub(crate) fn head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut framing = Framing::Length(0);
    let mut status = None;
    let mut at = 0;
    while let Some(end) = bytes[at..].iter().position(|byte| *byte == b'\n') {
        let line = &bytes[at..at + end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        at += end + 1;
        match status {
            None => status = Some(status_of(line)?),
            Some(status) if line.is_empty() => {
                return Ok(Some(Head { status, framing, length: at }));
            }
            Some(_) => {
                if let Some(value) = header(line, b"content-length:") {
                    framing = Framing::Length(decimal(value)?);
                } else if header(line, b"transfer-encoding:").is_some() {
                    framing = Framing::Chunked;
                }
            }
        }
    }
    Ok(None)
}

fn status_of(line: &[u8]) -> io::Result<u16> {
    let digits = line
        .strip_prefix(b"HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .ok_or_else(|| malformed("not an HTTP/1.1 answer"))?;
    u16::try_from(decimal(digits)?).map_err(|_| malformed("not a status"))
}

fn header<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

/// Reads a number of decimal digits and nothing else.
pub(crate) fn decimal(digits: &[u8]) -> io::Result<usize> {
    let text = std::str::from_utf8(digits).map_err(|_| malformed("not a number"))?;
    text.parse().map_err(|_| malformed("not a number"))
}

/// Takes a chunked body apart as it arrives.
#[derive(Debug)]
pub(crate) enum Chunks {
    /// In the line with the length of a chunk; the digits so far, and whether they have ended.
    Size(usize, Digits),
    /// In a chunk, with this many bytes to come.
    Data(usize),
    /// In the line end after a chunk.
    AfterData,
    /// In the lines after the last chunk; the length of this line so far.
    Trailer(usize),
    /// After the end.
    Done,
}

/// Where in the line with a chunk's length the reader is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Digits {
    /// Among the digits.
    Reading,
    /// After them: extensions, which nobody uses.
    Ended,
}

impl Chunks {
    /// Before the first chunk.
    pub(crate) const START: Self = Self::Size(0, Digits::Reading);

    /// Whether the whole body has come.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Appends the content in these bytes to `body`.
    pub(crate) fn feed(&mut self, mut input: &[u8], body: &mut Vec<u8>) -> io::Result<()> {
        while let Some((first, rest)) = input.split_first() {
            if let Self::Data(left) = *self {
                let (data, rest) = input.split_at(left.min(input.len()));
                body.extend_from_slice(data);
                input = rest;
                *self = if data.len() == left {
                    Self::AfterData
                } else {
                    Self::Data(left - data.len())
                };
                continue;
            }
            self.step(*first)?;
            input = rest;
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) -> io::Result<()> {
        *self = match (&*self, byte) {
            (Self::Size(0, _), b'\n') => Self::Trailer(0),
            (Self::Size(size, _), b'\n') => Self::Data(*size),
            (Self::Size(size, Digits::Reading), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).expect("the arm takes only these");
                let size = size.checked_mul(16).ok_or_else(|| malformed("a chunk too long"))?;
                Self::Size(size + digit as usize, Digits::Reading)
            }
            (Self::Size(size, _), _) => Self::Size(*size, Digits::Ended),
            (Self::AfterData, b'\n') => Self::START,
            (Self::AfterData, b'\r') => Self::AfterData,
            (Self::Trailer(0), b'\n') => Self::Done,
            (Self::Trailer(_), b'\n') => Self::Trailer(0),
            (Self::Trailer(length), b'\r') => Self::Trailer(*length),
            (Self::Trailer(length), _) => Self::Trailer(length + 1),
            (Self::AfterData | Self::Done | Self::Data(_), _) => {
                return Err(malformed("bytes where a chunk must end"));
            }
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_is_complete_with_the_empty_line() {
        let whole = b"HTTP/1.1 201 Created\r\nX-A: b\r\nContent-Length: 12\r\n\r\nbody";
        let expected = Head { status: 201, framing: Framing::Length(12), length: whole.len() - 4 };
        assert_eq!(head(whole).expect("well formed"), Some(expected));
        for end in 0..expected.length {
            assert_eq!(head(&whole[..end]).expect("so far well formed"), None, "at {end}");
        }
    }

    #[test]
    fn head_without_length_has_no_body_and_with_chunks_says_so() {
        let none = head(b"HTTP/1.1 204 No Content\r\n\r\n").expect("well formed").expect("whole");
        assert_eq!(none.framing, Framing::Length(0));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunked = head(chunked).expect("well formed").expect("whole");
        assert_eq!(chunked.framing, Framing::Chunked);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for bytes in ["SSH-2.0-x\r\n", "HTTP/1.1 2\r\n", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n"]
        {
            assert!(head(bytes.as_bytes()).is_err(), "{bytes}");
        }
    }

    #[test]
    fn chunks_come_apart_wherever_they_are_cut() {
        let bytes = b"4\r\nWiki\r\nA;x=1\r\npedia in \r\r\n0\r\nT: x\r\n\r\n";
        for cut in 0..=bytes.len() {
            let mut body = Vec::new();
            let mut chunks = Chunks::START;
            chunks.feed(&bytes[..cut], &mut body).expect("well formed");
            assert_eq!(chunks.is_done(), cut == bytes.len(), "at {cut}");
            chunks.feed(&bytes[cut..], &mut body).expect("well formed");
            assert!(chunks.is_done());
            assert_eq!(body, b"Wikipedia in \r");
        }
    }

    #[test]
    fn bytes_after_the_last_chunk_are_refused() {
        let mut chunks = Chunks::START;
        assert!(chunks.feed(b"0\r\n\r\nHTTP", &mut Vec::new()).is_err());
    }
}
