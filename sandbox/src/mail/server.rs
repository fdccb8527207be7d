//! The sockets of the mail server: conversations, the limit on mails, and faults.
//!
//! A fault strikes when a mail is complete, at the reply that says what became of it: `decline` is
//! 550, `error` and `rate-limit` are 451, both temporary. Chance is drawn for the `Message-ID`, or
//! for the content where there is none, so a mail that is sent again is the next attempt of the
//! same mail.
//!
//! Everything is bounded: conversations, the length of a line, the time of silence.

use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use xxhash_rust::xxh3::xxh3_128;

use super::message::Message;
use super::session::{Envelope, GREETING, Session, Step};
use crate::calls::{Ending, Route};
use crate::change::Change;
use crate::desk::{Desk, Shared, Visit};
use crate::faults::{Mode, Target};
use crate::problem::{Code, Problem};

/// The most conversations at once.
const CONVERSATIONS_MAX: usize = 1_000;
/// The longest line, with its end.
const LINE_MAX: u64 = 64 * 1024;
/// How long a client may say nothing (RFC 5321, 4.5.3.2.7).
const SILENCE_MAX: Duration = Duration::from_mins(5);
/// How long to wait when no connection can be taken, as without file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

const STORED: &str = "250 2.0.0 stored";
const FULL: &str = "452 4.3.1 the sandbox keeps as many mails as it may";
const NOT_WRITTEN: &str = "452 4.3.1 the sandbox cannot write to its file";
const TOO_MANY: &str = "451 4.7.1 too many mails, try again later";
const FAILED: &str = "451 4.3.0 a fault of the sandbox, try again later";
const REFUSED: &str = "550 5.7.1 refused by a fault of the sandbox";

/// Takes mail for ever.
pub(crate) async fn serve(listener: TcpListener, desk: Shared) {
    let mut conversations = JoinSet::new();
    loop {
        while conversations.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) if conversations.len() < CONVERSATIONS_MAX => {
                let desk = desk.clone();
                conversations.spawn(async move {
                    if let Err(error) = converse(stream, &desk).await {
                        tracing::debug!("a conversation about mail broke off: {error}");
                    }
                });
            }
            Ok((mut stream, _)) => {
                if let Err(error) = stream.try_write(b"421 4.3.2 too many conversations\r\n") {
                    tracing::debug!("a client that was one too many did not hear of it: {error}");
                }
                drop(stream.shutdown().await);
            }
            Err(error) => {
                tracing::warn!("cannot take a connection for mail: {error}");
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, desk: &Desk) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut session = Session::default();
    let mut say = async |text: &str| writer.write_all(format!("{text}\r\n").as_bytes()).await;
    say(GREETING).await?;
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut bounded = (&mut reader).take(LINE_MAX);
        let reading = bounded.read_until(b'\n', &mut line);
        let Ok(read) = timeout(SILENCE_MAX, reading).await else {
            return say("421 4.4.2 said nothing for too long").await;
        };
        read?;
        if !line.ends_with(b"\n") {
            // Either the client is gone or the line is too long.
            let gone = (line.len() as u64) < LINE_MAX;
            return if gone { Ok(()) } else { say("500 5.5.6 the line is too long").await };
        }
        match session.take(&line) {
            Step::Listen => {}
            Step::Reply(text) => say(&text).await?,
            Step::Close(text) => return say(text).await,
            Step::Deliver(envelope) => match deliver(desk, envelope, &mut reader).await {
                Some(text) => say(text).await?,
                // No answer: the connection just ends.
                None => return Ok(()),
            },
        }
    }
}

/// What becomes of a mail: the reply, or none.
async fn deliver(
    desk: &Desk,
    envelope: Envelope,
    client: &mut (impl AsyncBufRead + Unpin),
) -> Option<&'static str> {
    if desk.admit(Route::Mail).is_err() {
        return Some(TOO_MANY);
    }
    let message = Message::parse(&envelope.data);
    let reply = carry_out(desk, &envelope, message, client).await;
    match reply {
        None => {}
        Some(TOO_MANY) => desk.ended(Route::Mail, Ending::Throttled),
        Some(_) => desk.ended(Route::Mail, Ending::Answered),
    }
    reply
}

async fn carry_out(
    desk: &Desk,
    envelope: &Envelope,
    message: Message,
    client: &mut (impl AsyncBufRead + Unpin),
) -> Option<&'static str> {
    let content = || format!("{:032x}", xxh3_128(&envelope.data));
    let key = message.header("message-id").map_or_else(content, str::to_owned);
    let target = Target { route: Route::Mail, key: &key, account: None, settled: false };
    let visited = desk.open().0.visit(target);
    let Visit { latency, strike } = match visited {
        Ok(visit) => visit,
        Err(problem) => return Some(no_room(&problem)),
    };
    sleep(latency).await;
    let store = || store(desk, envelope, message).map_or_else(|no| no_room(&no), |()| STORED);
    let Some(strike) = strike else { return Some(store()) };
    match strike.mode {
        Mode::Decline => Some(REFUSED),
        Mode::Error => Some(FAILED),
        Mode::RateLimit => Some(TOO_MANY),
        Mode::Slow => {
            sleep(strike.delay).await;
            Some(store())
        }
        Mode::Timeout => {
            desk.ended(Route::Mail, Ending::Silent);
            hold(strike.delay, client).await;
            None
        }
        Mode::LoseAnswer => {
            desk.ended(Route::Mail, Ending::Silent);
            let reply = store();
            if reply != STORED {
                tracing::warn!("a mail whose answer is lost is lost too: {reply}");
            }
            hold(strike.delay, client).await;
            None
        }
        // Orders of these faults for mail are refused.
        Mode::Pending | Mode::Cut | Mode::Contradict => Some(store()),
    }
}

fn store(desk: &Desk, envelope: &Envelope, message: Message) -> Result<(), Problem> {
    let (mut state, now) = desk.open();
    let taken = state.mailbox.draw_up(envelope, message, now).ok_or_else(Problem::full)?;
    state.commit(Change::Taken(taken))
}

fn no_room(problem: &Problem) -> &'static str {
    if problem.code() == Code::NotWritten { NOT_WRITTEN } else { FULL }
}

/// Waits so long, or until the client is gone.
async fn hold(delay: Duration, client: &mut (impl AsyncBufRead + Unpin)) {
    let gone = async {
        // What a client says meanwhile hides whether it leaves; then only the time counts.
        if client.fill_buf().await.is_ok_and(|said| !said.is_empty()) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = sleep(delay) => {}
        () = gone => {}
    }
}
