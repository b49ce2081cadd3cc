//! A SUB that connects, and connects again.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::dealer::{DealerEvent, DealerOptions, EVENTS, Link, Task};
use crate::zmtp::SocketType;

/// A SUB socket with one peer. Runs as a task of its own on the current tokio runtime (any flavour);
/// dropping it closes the connection at once.
///
/// It subscribes anew on each connection. What is published while there is none is lost, as with every SUB.
#[derive(Debug)]
pub struct Subscriber {
    events: mpsc::Receiver<DealerEvent>,
    /// A SUB says nothing, but the link ends when nobody could make it say anything.
    _sender: mpsc::Sender<Vec<Bytes>>,
    _task: Task,
}

impl Subscriber {
    /// Starts to connect to `address` (`host:port`) and returns at once. What is published reaches us if its
    /// first frame begins with one of `topics`; the empty topic begins all.
    ///
    /// `identity` and `queue_max` of the options mean nothing to a SUB.
    pub fn connect(address: impl Into<String>, topics: Vec<Bytes>, options: DealerOptions) -> Self {
        let (sender, outgoing) = mpsc::channel(1);
        let (incoming, events) = mpsc::channel(EVENTS);
        let link = Link {
            address: address.into(),
            socket_type: SocketType::Sub,
            topics,
            options,
            outgoing,
            incoming,
            held: None,
            progress: Arc::default(),
            begun: VecDeque::new(),
        };
        Self { events, _sender: sender, _task: link.start() }
    }

    /// The next event. Never ends while the subscriber lives. Cancel safe.
    pub async fn recv(&mut self) -> DealerEvent {
        match self.events.recv().await {
            Some(event) => event,
            // The task ends only with this subscriber, or by its runtime's own end.
            None => std::future::pending().await,
        }
    }
}
