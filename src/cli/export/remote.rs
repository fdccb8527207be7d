//! Rows from a running server.
//!
//! One call, `GET /admin/export/{table}`, whose answer is read as it comes. The server begins with
//! the position and ends with the number of rows; whatever is missing of that makes the export fail.
//! Asking is done with patience (`client`); once rows have come, nothing is asked again, because the
//! position would be another one.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Response, Url};

use super::Wanted;
use super::failure::Failure;
use super::output::Output;
use super::pipe::{Broken, Pipe};
use super::report::Report;
use crate::cli::client::{self, Client};
use crate::export::rows::Rows;
use crate::export::stream::{Reader, Step};

/// How long the whole of it may take.
const TIMEOUT: Duration = Duration::from_hours(48);
/// How long nothing may come. A server that saves everything first is silent for a while.
const SILENCE_MAX: Duration = Duration::from_mins(10);
/// No line is longer.
const LINE_MAX: usize = 16 << 20;

/// Exports from the server at `url`.
pub(super) fn export(url: &Url, wanted: &Wanted<'_>, out: &Path) -> Result<Report, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::Start)?.block_on(async {
        let client = Client::new(url).map_err(Failure::Server)?;
        let output = Output::open(out)?;
        let response = ask(&client, wanted).await.map_err(Failure::Server)?;
        receive(response, wanted, output).await
    })
}

async fn ask(client: &Client, wanted: &Wanted<'_>) -> Result<Response, client::Failure> {
    let path = format!("/admin/export/{}", wanted.table.name);
    let (from, to) = (wanted.range.from, wanted.range.to);
    let query = [
        ("from", from.map(|at| at.to_string())),
        ("to", to.map(|at| at.to_string())),
        ("at", wanted.at.map(ToString::to_string)),
    ];
    let query: Vec<(&str, &str)> =
        query.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    client
        .patiently(async || {
            let request = client.get_with(&path, &query)?;
            client::open(request.timeout(TIMEOUT)).await
        })
        .await
}

/// Reads the answer to its end.
async fn receive(
    mut response: Response,
    wanted: &Wanted<'_>,
    output: Output,
) -> Result<Report, Failure> {
    let mut receiving = Receiving::new(wanted, output);
    let mut unread = Vec::new();
    while let Some(bytes) = next(&mut response).await? {
        unread.extend_from_slice(&bytes);
        let mut lines = unread.split_inclusive(|byte| *byte == b'\n').peekable();
        let mut read = 0;
        while let Some(line) = lines.next_if(|line| line.ends_with(b"\n")) {
            read += line.len();
            receiving.line(&line[..line.len() - 1])?;
            if receiving.fed.is_err() {
                return receiving.end();
            }
        }
        unread.drain(..read);
        if unread.len() > LINE_MAX {
            return Err(Failure::Stream("the server sent a line without an end".to_owned()));
        }
    }
    receiving.end()
}

async fn next(response: &mut Response) -> Result<Option<Bytes>, Failure> {
    let cut_off = |why: &str| Failure::Stream(format!("the stream was cut off: {why}"));
    match tokio::time::timeout(SILENCE_MAX, response.chunk()).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(cut_off(&client::reason(&error))),
        Err(_) => Err(cut_off("the server is silent")),
    }
}

/// What came so far.
struct Receiving<'a> {
    wanted: &'a Wanted<'a>,
    reader: Reader<'a>,
    rows: Rows,
    /// Until the position is known.
    output: Option<Output>,
    /// From then on.
    pipe: Option<Pipe>,
    fed: Result<(), Broken>,
}

impl<'a> Receiving<'a> {
    fn new(wanted: &'a Wanted<'a>, output: Output) -> Self {
        Self {
            wanted,
            reader: Reader::new(wanted.table),
            rows: Rows::new(wanted.table.columns, wanted.range),
            output: Some(output),
            pipe: None,
            fed: Ok(()),
        }
    }

    /// Takes a line.
    fn line(&mut self, line: &[u8]) -> Result<(), Failure> {
        match self.reader.read(line, &mut self.rows).map_err(Failure::Stream)? {
            Step::Begun(position) => {
                let output = self.output.take().expect("a stream begins once");
                self.pipe = Some(Pipe::begin(self.wanted, &position, output)?);
            }
            Step::Row if Pipe::is_enough(&self.rows) => self.hand(),
            Step::Row | Step::Ended => {}
        }
        Ok(())
    }

    fn hand(&mut self) {
        let pipe = self.pipe.as_mut().expect("rows come after the head");
        let empty = Rows::new(self.wanted.table.columns, self.wanted.range);
        match pipe.hand(std::mem::replace(&mut self.rows, empty)) {
            Ok(rows) => self.rows = rows,
            Err(broken) => self.fed = Err(broken),
        }
    }

    /// Nothing more comes.
    fn end(mut self) -> Result<Report, Failure> {
        if self.fed.is_ok() {
            self.reader.finish().map_err(Failure::Stream)?;
            self.hand();
        }
        self.pipe.expect("what ended has begun").end(self.fed)
    }
}
