//! Starting and stopping: one worker for HTTP in a thread of its own, one task for SMTP.
//!
//! Both are started from within a runtime (tokio or actix) and install no signal handlers, so the
//! sandbox can share a process with Bursar's own server. Stopping waits for nobody: requests that
//! are held are dropped, since only the sandbox itself is holding them.
//!
//! The file is opened before anything listens, and closed by stopping, so that the next sandbox can
//! open it although parts of this one may still be going down.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer, web};
use tokio::task::JoinHandle;

use crate::desk::{Desk, Shared};
use crate::routes::{self, Mount};
use crate::settings::Settings;
use crate::{line, mail};

/// The third parties. [`Sandbox::start`] sets them up.
#[derive(Clone, Copy, Debug)]
pub struct Sandbox;

/// A running sandbox. Dropping it leaves it running until the runtime ends.
#[derive(Debug)]
pub struct Running {
    http: SocketAddr,
    smtp: SocketAddr,
    mount: Mount,
    server: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
    taking_mail: JoinHandle<()>,
}

impl Sandbox {
    /// Listens and serves. Must be called within a tokio or actix runtime. By its return both
    /// addresses take connections.
    ///
    /// Fails when it cannot listen, or its file cannot be opened, is in use, of another version or
    /// damaged; the error says where. A line at the end that was torn is cut off.
    pub fn start(settings: Settings) -> io::Result<Running> {
        let desk = web::Data::new(Desk::new(&settings)?);
        let listener = mail_listener(settings.smtp_listen)?;
        let smtp = listener.local_addr()?;
        let (server, http) = http_server(&settings, desk.clone())?;
        let handle = server.handle();
        let serving = tokio::spawn(server);
        let taking_mail = tokio::spawn(mail::serve(listener, desk.clone()));
        Ok(Running { http, smtp, mount: Mount::new(desk), server: handle, serving, taking_mail })
    }
}

impl Running {
    /// Where HTTP listens.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where SMTP listens.
    pub fn smtp(&self) -> SocketAddr {
        self.smtp
    }

    /// The address of HTTP for a client: `http://ADDR:PORT`, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// The same addresses on the same state, for another server of this process.
    pub fn mount(&self) -> Mount {
        self.mount.clone()
    }

    /// Stops both servers, drops what they were doing and closes the file. Where the sandbox is
    /// mounted, calls that would change what is in the file are refused from then on.
    pub async fn stop(self) {
        self.taking_mail.abort();
        self.server.stop(false).await;
        self.mount.desk().close();
        for ended in [self.serving.await.map(|_| ()), self.taking_mail.await] {
            if let Err(error) = ended
                && !error.is_cancelled()
            {
                tracing::error!("a server of the sandbox failed: {error}");
            }
        }
    }
}

fn at(address: SocketAddr, what: &str) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("cannot listen on {address} {what}: {error}"))
}

fn mail_listener(address: SocketAddr) -> io::Result<tokio::net::TcpListener> {
    let listener = TcpListener::bind(address).map_err(at(address, "for mail"))?;
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

fn http_server(settings: &Settings, desk: Shared) -> io::Result<(Server, SocketAddr)> {
    let address = settings.listen;
    let server = HttpServer::new(move || App::new().configure(|config| routes::all(config, &desk)))
        .workers(1)
        .on_connect(line::remember)
        .h1_allow_half_closed(false)
        .tcp_nodelay(true)
        .keep_alive(Duration::from_secs(75))
        .client_disconnect_timeout(Duration::from_secs(1))
        .shutdown_timeout(0)
        .disable_signals()
        .bind(address)
        .map_err(at(address, "for HTTP"))?;
    let listening = server.addrs();
    let first = listening.first().copied();
    Ok((server.run(), first.expect("one address was bound")))
}
