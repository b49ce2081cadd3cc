//! The broker's admin port, from outside: a small HTTP client for `status`, `top`, and the supervisor.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::files;
use crate::admin::BROKER_HEADER;

/// Where a broker answers operators.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// Its admin port.
    Port(SocketAddr),
    /// Its socket in the file system: that of a site is in its run directory, so that no other broker is meant.
    Socket(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(address) => address.fmt(f),
            Self::Socket(path) => path.display().fmt(f),
        }
    }
}

/// What has a slash is a path, all else an address with its port.
impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('/') {
            return Ok(Self::Socket(PathBuf::from(text)));
        }
        text.parse().map(Self::Port).map_err(|_| "IP:PORT, or the path of a socket, is expected".to_owned())
    }
}

/// The broker's socket for operators in a run directory.
pub fn socket(run_dir: &Path) -> PathBuf {
    run_dir.join("admin.sock")
}

/// The admin port of a broker.
#[derive(Clone, Debug)]
pub struct Admin {
    place: Place,
}

/// What a broker says to an order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    /// Its line.
    pub line: String,
    /// Which broker it is, as it says itself: `127.0.0.1:5555 (pid 4711)`.
    pub broker: Option<String>,
}

/// Why the admin port gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody listens there.
    #[error("{}", away(place, source))]
    Away {
        /// Where.
        place: Place,
        /// The system's word.
        source: io::Error,
    },
    /// The connection was of no use.
    #[error("the broker's admin port at {place} broke off: {what}")]
    Broken {
        /// Where.
        place: Place,
        /// What happened.
        what: String,
    },
    /// The broker would not: its own line says why.
    #[error("{line}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the broker says.
        line: String,
    },
}

/// Nobody has made the socket of a site that was stopped, or not started yet.
fn away(place: &Place, source: &io::Error) -> String {
    match (place, source.kind()) {
        (Place::Socket(path), io::ErrorKind::NotFound) => {
            format!("no broker runs here, at {}; `zmws start` starts it", path.display())
        }
        _ => format!("no broker answers at {place}: {source}"),
    }
}

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of the longest answer.
const ANSWER_MAX: usize = 64 << 20;

/// An answer, as far as it is looked at.
struct Answer {
    status: StatusCode,
    broker: Option<String>,
    body: Bytes,
}

impl Admin {
    /// The admin port at `place`.
    pub fn at(place: Place) -> Self {
        Self { place }
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What the broker shows at a path.
    ///
    /// # Errors
    ///
    /// The broker is away, breaks off, refuses, or shows something else.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AdminError> {
        let answer = self.ask(Method::GET, path).await?;
        serde_json::from_slice(&answer.body).map_err(|error| self.broken(&error))
    }

    /// Tells the broker to do something, and returns what it says.
    ///
    /// # Errors
    ///
    /// The broker is away, breaks off, or refuses.
    pub async fn tell(&self, method: Method, path: &str) -> Result<Told, AdminError> {
        let Answer { broker, body, .. } = self.ask(method, path).await?;
        Ok(Told { line: String::from_utf8_lossy(&body).trim_end().to_owned(), broker })
    }

    async fn ask(&self, method: Method, path: &str) -> Result<Answer, AdminError> {
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.connect_and_ask(method, path)).await;
        let answer = answer.map_err(|_| self.broken(&"no answer in time"))??;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let line = String::from_utf8_lossy(&answer.body).trim_end().to_owned();
        Err(AdminError::Refused { status: answer.status.as_u16(), line })
    }

    async fn connect_and_ask(&self, method: Method, path: &str) -> Result<Answer, AdminError> {
        let away = |source| AdminError::Away { place: self.place.clone(), source };
        match &self.place {
            Place::Port(address) => {
                self.exchange(TcpStream::connect(address).await.map_err(away)?, method, path).await
            }
            Place::Socket(socket) => {
                files::check_socket(socket).map_err(away)?;
                self.exchange(UnixStream::connect(socket).await.map_err(away)?, method, path).await
            }
        }
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        method: Method,
        path: &str,
    ) -> Result<Answer, AdminError> {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(&error))?;
        let host = match &self.place {
            Place::Port(address) => address.to_string(),
            Place::Socket(_) => "localhost".to_owned(),
        };
        // A browser cannot send the header without being allowed to: no page can do what we can.
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Host", host)
            .header("X-Zmws", "1")
            .body(Empty::<Bytes>::new())
            .map_err(|error| self.broken(&error))?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|error| self.broken(&error))?;
            let status = response.status();
            let broker = response.headers().get(BROKER_HEADER);
            let broker = broker.and_then(|broker| broker.to_str().ok()).map(str::to_owned);
            let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
            Ok(Answer { status, broker, body: body.map_err(|error| self.broken(&error))?.to_bytes() })
        };
        let mut exchange = std::pin::pin!(exchange);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            answer = &mut exchange => answer,
            // The connection may be over when its last bytes are here.
            _ = &mut connection => exchange.await,
        }
    }

    fn broken(&self, what: &dyn fmt::Display) -> AdminError {
        AdminError::Broken { place: self.place.clone(), what: what.to_string() }
    }
}
