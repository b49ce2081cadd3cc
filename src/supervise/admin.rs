//! The broker's admin port, from outside: a small HTTP client for `status`, `top`, and the supervisor.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

/// The admin port of a broker.
#[derive(Clone, Copy, Debug)]
pub struct Admin {
    address: SocketAddr,
}

/// Why the admin port gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody listens there.
    #[error("no broker answers at {address}: {source}")]
    Away {
        /// Where.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// The connection was of no use.
    #[error("the broker's admin port at {address} broke off: {what}")]
    Broken {
        /// Where.
        address: SocketAddr,
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

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of the longest answer.
const ANSWER_MAX: usize = 64 << 20;

impl Admin {
    /// The admin port at `address`.
    pub fn at(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks for `path`, and reads the answer as JSON.
    ///
    /// # Errors
    ///
    /// The broker is away, breaks off, or refuses.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AdminError> {
        let body = self.ask(Method::GET, path).await?;
        serde_json::from_slice(&body).map_err(|error| self.broken(&error))
    }

    /// Tells the broker to do something, and returns the line it answers with.
    ///
    /// # Errors
    ///
    /// The broker is away, breaks off, or refuses.
    pub async fn tell(&self, method: Method, path: &str) -> Result<String, AdminError> {
        let body = self.ask(method, path).await?;
        Ok(String::from_utf8_lossy(&body).trim_end().to_owned())
    }

    async fn ask(&self, method: Method, path: &str) -> Result<Bytes, AdminError> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(method, path)).await;
        let (status, body) = answer.map_err(|_| self.broken(&"no answer in time"))??;
        if status.is_success() {
            return Ok(body);
        }
        let line = String::from_utf8_lossy(&body).trim_end().to_owned();
        Err(AdminError::Refused { status: status.as_u16(), line })
    }

    async fn exchange(&self, method: Method, path: &str) -> Result<(StatusCode, Bytes), AdminError> {
        let away = |source| AdminError::Away { address: self.address, source };
        let stream = TcpStream::connect(self.address).await.map_err(away)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(&error))?;
        // A browser cannot send the header without being allowed to: no page can do what we can.
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Host", self.address.to_string())
            .header("X-Zmws", "1")
            .body(Empty::<Bytes>::new())
            .map_err(|error| self.broken(&error))?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|error| self.broken(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
            Ok((status, body.map_err(|error| self.broken(&error))?.to_bytes()))
        };
        let mut exchange = std::pin::pin!(exchange);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            answer = &mut exchange => answer,
            // The connection may be over when its last bytes are here.
            _ = &mut connection => exchange.await,
        }
    }

    fn broken(&self, what: &dyn std::fmt::Display) -> AdminError {
        AdminError::Broken { address: self.address, what: what.to_string() }
    }
}
