//! A client: jobs to a broker, results from it.
//!
//! ```
//! # use zmws::{server::{Config, Server, stopper}, worker::{Worker, builtin::Builtin}};
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # tokio::task::LocalSet::new().block_on(&runtime, async {
//! # let server = Server::bind(Config { client_port: 0, worker_port: 0, news_port: 0, ..Config::default() })?;
//! # let (address, workers) = (server.addresses().clients, server.addresses().workers);
//! # let (_stopper, stopped) = stopper();
//! # tokio::task::spawn_local(server.run(stopped));
//! # for builtin in [Builtin::Reverse, Builtin::Sleep] {
//! #     let worker = builtin.worker(Worker::builder(builtin.service()).servers([workers.to_string()]))?;
//! #     tokio::task::spawn_local(worker.run(std::future::pending()));
//! # }
//! # let known = Client::builder().servers([address.to_string()]).connect();
//! # while serde_json::from_slice::<Vec<serde_json::Value>>(&known.list(zmws::message::View::Workers).await?)?.len() < 2 {
//! #     tokio::task::yield_now().await;
//! # }
//! use serde_json::json;
//! use zmws::client::Client;
//!
//! // `address` is that of a broker's client port, as 127.0.0.1:5555.
//! let client = Client::builder().servers([address.to_string()]).connect();
//! let reply = client.call("STR-REV", json!({"str": "abc"})).await?;
//! assert_eq!(reply.json(), Some(json!("cba")));
//!
//! let job = client.submit("SLEEP", ()).await?; // in the background
//! println!("accepted as {job}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Client`] is a cheap handle; clones share one connection. Requests may be in flight at once,
//! as many as the settings allow; which answer belongs to which is told in `session.rs`. Dropping
//! the future of a request gives up what it holds.
//!
//! At our own broker (known by the property `X-Zmws` in its READY) all requests share a connection, or a few
//! ([`Builder::connections`]). What is too large is refused before it is sent, and a result that is too large is dropped
//! as it comes, so that neither ends a connection that others use. At a foreign one (PHP's, or a Majordomo broker) each request in flight has a
//! connection of its own, of a pool, and speaks [`Builder::dialect`].

mod builder;
mod connection_task;
mod error;
mod link;
mod param;
mod pooled;
mod reply_stream;
mod request;
mod session;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::job::{Body, JobId, ServiceName};
use crate::message::{ClientCommand, ClientReply, IfUnknown, Mode, Outcome, View};

pub use builder::{Builder, WhenFull};
pub use error::CallError;
pub use param::{Param, Reply, json};
pub use reply_stream::{Answer, ReplyStream};

use request::{Command, InFlight, PARTS_MAX, Request, Slot, Waiter};

/// A handle to a connection, or a pool of them, to the first broker of a list that can be reached.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
    timeout: Option<Duration>,
    repeatable: bool,
}

#[derive(Debug)]
struct Shared {
    /// [`Builder::connections`], or with [`Builder::spread`] as many a server; never none.
    links: Vec<Link>,
    room: Arc<Semaphore>,
    when_full: WhenFull,
    next: AtomicU64,
}

/// The way to a task that keeps a connection.
#[derive(Debug)]
struct Link {
    commands: mpsc::UnboundedSender<Command>,
    connected: watch::Receiver<bool>,
    /// Requests that were sent this way and are not over.
    in_flight: Arc<AtomicUsize>,
}

impl Shared {
    /// Of the links that are connected, or else of all, one with the fewest requests; of several the one whose turn it is.
    fn link(&self, turn: u64) -> &Link {
        let first = usize::try_from(turn % self.links.len() as u64).unwrap_or(0);
        let in_turn = self.links[first..].iter().chain(&self.links[..first]);
        let burden = |link: &&Link| (!*link.connected.borrow(), link.in_flight.load(Ordering::Relaxed));
        in_turn.min_by_key(burden).unwrap_or(&self.links[first])
    }
}

/// How long an acknowledgement or a list may take, unless [`Client::timeout`] says otherwise.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a result may take, unless [`Client::timeout`] says otherwise.
const RESULT_TIMEOUT: Duration = Duration::from_secs(60);

impl Client {
    /// Settings, each with a default.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The same client with another time limit: for [`Client::call`] 60 s by default, for
    /// [`Client::submit`] and [`Client::list`] 5 s. In a stream it is the longest wait for the next part.
    #[must_use]
    pub fn timeout(&self, limit: Duration) -> Self {
        Self { timeout: Some(limit), ..self.clone() }
    }

    /// The same client, but a job that was sent when the connection was lost is sent again. Only
    /// for jobs that may be done twice.
    #[must_use]
    pub fn repeatable(&self) -> Self {
        Self { repeatable: true, ..self.clone() }
    }

    /// Has a job done and waits for its result (`SYNC-`). Parts of the result are left out.
    pub async fn call(&self, service: impl AsRef<[u8]>, param: impl Into<Param>) -> Result<Reply, CallError> {
        let command = submission(service.as_ref(), param.into(), Mode::Wait)?;
        finished(self.ask(command, RESULT_TIMEOUT).await?)
    }

    /// Has a job done in the background; its id, once the broker took it.
    pub async fn submit(
        &self,
        service: impl AsRef<[u8]>,
        param: impl Into<Param>,
    ) -> Result<JobId, CallError> {
        let command = submission(service.as_ref(), param.into(), Mode::Background)?;
        match self.ask(command, ACKNOWLEDGE_TIMEOUT).await? {
            ClientReply::Accepted { job, .. } => Ok(job),
            ClientReply::Refused { service, body } => Err(CallError::Refused { service, body }),
            ClientReply::Partial { .. }
            | ClientReply::Finished { .. }
            | ClientReply::Snapshot { .. }
            | ClientReply::Managed { .. } => Err(CallError::Garbled),
        }
    }

    /// Has a job done, and gives each part of its result (`CONT`) as it comes, then the result.
    /// At most 1 024 parts wait to be taken; with more the stream ends in [`CallError::Overrun`].
    pub async fn stream(
        &self,
        service: impl AsRef<[u8]>,
        param: impl Into<Param>,
    ) -> Result<ReplyStream, CallError> {
        let command = submission(service.as_ref(), param.into(), Mode::Wait)?;
        let (sender, parts) = mpsc::channel(PARTS_MAX + 1);
        let in_flight = self.send(command, Waiter::Many(sender)).await?;
        Ok(ReplyStream::new(parts, in_flight, self.timeout.unwrap_or(RESULT_TIMEOUT)))
    }

    /// One of the broker's lists (`SERVER-*`): a JSON array, as original.md §5 has it. PHP's 2.x
    /// broker never answers this.
    pub async fn list(&self, view: View) -> Result<Bytes, CallError> {
        let command = ClientCommand::Inspect { view, echo: Vec::new() };
        match self.ask(command, ACKNOWLEDGE_TIMEOUT).await? {
            ClientReply::Snapshot { json, .. } => Ok(json),
            ClientReply::Refused { service, body } => Err(CallError::Refused { service, body }),
            ClientReply::Accepted { .. }
            | ClientReply::Partial { .. }
            | ClientReply::Finished { .. }
            | ClientReply::Managed { .. } => Err(CallError::Garbled),
        }
    }

    /// Whether a broker is connected. At a foreign broker this is noticed with the next request.
    pub fn is_connected(&self) -> bool {
        self.shared.links.iter().any(|link| *link.connected.borrow())
    }

    /// Waits until a broker is connected.
    pub async fn connected(&self) -> Result<(), CallError> {
        let up = |link: &Link| {
            let mut connected = link.connected.clone();
            Box::pin(
                async move { connected.wait_for(|&up| up).await.map(|_| ()).map_err(|_| CallError::Closed) },
            )
        };
        let mut waits: Vec<_> = self.shared.links.iter().map(up).collect();
        poll_fn(|cx| {
            waits.iter_mut().map(|wait| wait.as_mut().poll(cx)).find(Poll::is_ready).unwrap_or(Poll::Pending)
        })
        .await
    }

    /// Sends a command and waits for its last reply, whatever it is; parts are left out.
    pub(crate) async fn ask(
        &self,
        command: ClientCommand,
        limit: Duration,
    ) -> Result<ClientReply, CallError> {
        let (sender, mut answer) = oneshot::channel();
        let (told, id) = watch::channel(None);
        let exchange = async {
            let mut in_flight = self.send(command, Waiter::One(sender, told)).await?;
            let answer = (&mut answer).await.unwrap_or(Err(CallError::Closed));
            in_flight.settle();
            answer
        };
        let limit = self.timeout.unwrap_or(limit);
        let timeout = |_| Err(CallError::Timeout { job: *id.borrow() });
        tokio::time::timeout(limit, exchange).await.unwrap_or_else(timeout)
    }

    async fn send(&self, command: ClientCommand, waiter: Waiter) -> Result<InFlight, CallError> {
        let shared = &self.shared;
        let room = Arc::clone(&shared.room);
        let permit = match shared.when_full {
            WhenFull::Wait => room.acquire_owned().await.map_err(|_| CallError::Closed)?,
            WhenFull::Refuse => room.try_acquire_owned().map_err(|_| CallError::Busy)?,
        };
        let id = shared.next.fetch_add(1, Ordering::Relaxed);
        let repeatable = self.repeatable || matches!(command, ClientCommand::Inspect { .. });
        let request = Request { id, command, repeatable, place: 0, waiter };
        let link = shared.link(id);
        let in_flight = Slot::one_more(&link.in_flight);
        link.commands.send(Command::Send(Box::new(request))).map_err(|_| CallError::Closed)?;
        Ok(InFlight::new(id, link.commands.clone(), permit, in_flight))
    }
}

fn submission(service: &[u8], param: Param, mode: Mode) -> Result<ClientCommand, CallError> {
    let service = ServiceName::new(Bytes::copy_from_slice(service))
        .ok_or(CallError::Refused { service: Bytes::new(), body: Body::EMPTY })?;
    Ok(ClientCommand::Submit { service, body: param.into_body(), mode, if_unknown: IfUnknown::Refuse })
}

fn finished(reply: ClientReply) -> Result<Reply, CallError> {
    match reply {
        ClientReply::Finished { job, service, outcome: Outcome::Complete, body } => {
            Ok(Reply { job, service, body })
        }
        ClientReply::Finished { job, service, outcome: Outcome::Fail, body } => {
            Err(CallError::Failed { job, service, body })
        }
        ClientReply::Refused { service, body } => Err(CallError::Refused { service, body }),
        ClientReply::Accepted { .. }
        | ClientReply::Partial { .. }
        | ClientReply::Snapshot { .. }
        | ClientReply::Managed { .. } => Err(CallError::Garbled),
    }
}

#[cfg(test)]
mod tests;
