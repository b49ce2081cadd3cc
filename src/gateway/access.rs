//! Who may call, and from which pages.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::{fs, io};

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use crate::gateway::refusal::Refusal;

/// The pages whose scripts may read answers (CORS).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origins {
    /// All: `Access-Control-Allow-Origin: *`, as upstream.
    Any,
    /// These, each as a browser sends it: `https://example.org`. An empty list allows none.
    Only(Vec<String>),
}

impl Origins {
    /// The value of Access-Control-Allow-Origin for a request.
    pub(crate) fn allowed(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        match self {
            Self::Any => Some(HeaderValue::from_static("*")),
            Self::Only(list) => {
                let known =
                    |origin: &&HeaderValue| list.iter().any(|one| one.as_bytes() == origin.as_bytes());
                origin.filter(known).cloned()
            }
        }
    }
}

/// Bearer tokens, and the services that each may call.
///
/// A file has a line a token: the token, a blank, the services with commas between, or `*` for all.
/// The lists of the broker are services too: `SERVER-JOBS`, `SERVER-ACTIVE`, `SERVER-HIST`,
/// `SERVER-WORKERS`. Lines that begin with `#` are left out.
///
/// Clones are the same tokens, also when they are read anew.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Arc<RwLock<Table>>);

type Table = HashMap<Vec<u8>, Rights>;

#[derive(Clone, Debug)]
enum Rights {
    All,
    Only(Vec<Vec<u8>>),
}

/// A file of tokens that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// A line is no token with services.
    #[error("line {line}: a token, a blank, and the services it may call are expected")]
    Line {
        /// Its number, from 1.
        line: usize,
    },
}

impl Tokens {
    /// Reads a file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, TokenError> {
        let path = path.as_ref();
        let unreadable = |source| TokenError::Unreadable { path: path.to_owned(), source };
        Self::parse(&fs::read_to_string(path).map_err(unreadable)?)
    }

    /// Reads a file again: from now on its tokens count, and no others.
    ///
    /// # Errors
    ///
    /// The file cannot be used; the tokens stay as they are.
    pub fn read_anew(&self, path: impl AsRef<Path>) -> Result<(), TokenError> {
        let path = path.as_ref();
        let unreadable = |source| TokenError::Unreadable { path: path.to_owned(), source };
        let table = Self::table(&fs::read_to_string(path).map_err(unreadable)?)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = table;
        Ok(())
    }

    /// Reads a file's text.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        Self::table(text).map(|table| Self(Arc::new(RwLock::new(table))))
    }

    fn table(text: &str) -> Result<Table, TokenError> {
        let mut tokens = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (token, services) =
                line.split_once(char::is_whitespace).ok_or(TokenError::Line { line: index + 1 })?;
            tokens.insert(token.as_bytes().to_vec(), Rights::parse(services));
        }
        Ok(tokens)
    }

    /// Whether a request may call a service: 401 without a known token, 403 if the token's services
    /// are others.
    pub(crate) fn permit(&self, headers: &HeaderMap, service: &[u8]) -> Result<(), Refusal> {
        // The table's hash is keyed, so the time of a look-up says nothing about its tokens.
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let rights = bearer(headers).and_then(|token| table.get(token)).ok_or_else(unauthorized)?;
        match rights.include(service) {
            true => Ok(()),
            false => {
                let message = format!("the token may not call {}", String::from_utf8_lossy(service));
                Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", message))
            }
        }
    }
}

impl Rights {
    fn parse(services: &str) -> Self {
        let services: Vec<&str> = services.split(',').map(str::trim).collect();
        if services.contains(&"*") {
            return Self::All;
        }
        Self::Only(services.into_iter().map(|service| service.as_bytes().to_vec()).collect())
    }

    fn include(&self, service: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Only(services) => services.iter().any(|one| one == service),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

fn unauthorized() -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", "a bearer token is expected")
}
