//! The connection under a request, so that it can be cut instead of answered.
//!
//! actix always answers: whatever a handler returns, even an error, leaves as a response. So each
//! connection is remembered by a second handle to its socket (one more file descriptor while it is
//! open), and the socket is shut down in both directions before the handler returns. What is then
//! returned, a 504 with `Connection: close`, meets a closed socket and goes nowhere; the client
//! sees an orderly end of the connection and not one byte of an answer.
//!
//! While a connection is held, its handler only sleeps: others go on, a client that leaves first
//! ends it (the server does not allow half-closed connections), and so does the sandbox's end.
//!
//! A connection that was not remembered, as at a host's server ([`crate::Mount`]) or without a free
//! descriptor, is ended by the answer: its body fails before its first byte, and actix then drops
//! the connection with the head it had not sent yet. That costs nothing until a fault strikes, but
//! then actix logs an error. If something around the handler reads bodies, the 504 arrives.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Extensions;

use crate::problem::{Code, Problem};

/// A connection that can be cut.
struct Line(TcpStream);

/// Remembers a new connection.
pub(crate) fn remember(connection: &dyn Any, data: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>() else { return };
    match stream.as_fd().try_clone_to_owned() {
        Ok(socket) => {
            data.insert(Line(TcpStream::from(socket)));
        }
        Err(error) => tracing::warn!("a connection here cannot be cut, only answered: {error}"),
    }
}

/// Holds a request so long, then cuts its connection.
pub(crate) async fn hold_and_cut(request: &HttpRequest, hold: Duration) -> Problem {
    tokio::time::sleep(hold).await;
    let problem = Problem::new(Code::NoAnswer, "no answer was to be given here");
    let Some(line) = request.conn_data::<Line>() else { return problem.breaking_off() };
    if let Err(error) = line.0.shutdown(Shutdown::Both) {
        tracing::debug!("a connection was gone before it was cut: {error}");
    }
    problem
}
