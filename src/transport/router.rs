//! A ROUTER that listens: many peers, each reached by its number.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::hub::{Counters, Hub, HubEvent, ListenerOptions};
use super::left::LeftReason;
use super::listen;
use super::liveness::{self, BLAME_MAX};
use crate::job::PeerId;
use crate::zmtp::{PeerInfo, SocketType};

/// What a [`Router`] saw. For each peer: `Came`, then its messages, then `Left`. Between peers there is no order: they are
/// served in rounds.
#[derive(Debug)]
pub enum RouterEvent {
    /// A peer's handshake is done.
    Came {
        /// The connection.
        peer: PeerId,
        /// The peer's own identity, or five bytes beginning with 00 that we gave it.
        identity: Bytes,
        /// What the handshake told.
        info: PeerInfo,
    },
    /// A message, without the identity frame that libzmq's ROUTER puts in front.
    Message {
        /// Who sent it.
        peer: PeerId,
        /// The sender's identity.
        identity: Bytes,
        /// At least one frame.
        frames: Vec<Bytes>,
    },
    /// A message of a peer whose identity is in use by another connection, and for whom no more is kept. The peer may
    /// not have come; it can be answered all the same, and should be.
    HeldBack {
        /// Who sent it.
        peer: PeerId,
        /// The identity that is in use.
        identity: Bytes,
        /// At least one frame.
        frames: Vec<Bytes>,
    },
    /// A peer's connection is gone.
    Left {
        /// The connection.
        peer: PeerId,
        /// Why.
        reason: LeftReason,
    },
}

/// Why a message was dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no such peer")]
pub struct RouterSendError;

/// A ROUTER socket. Needs a `LocalSet`; dropping it closes all connections.
#[derive(Debug)]
pub struct Router {
    hub: Rc<Hub>,
    address: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

impl Router {
    /// Listens at `address`; port 0 lets the system choose. Call it inside a `LocalSet`.
    ///
    /// # Errors
    ///
    /// The system's own: the port is in use, the address is not ours, no right to bind.
    pub fn bind(address: SocketAddr, options: ListenerOptions) -> io::Result<Self> {
        let listener = listen::listen(address)?;
        let address = listener.local_addr()?;
        let hub = Hub::new(SocketType::Router, options);
        let tasks = [
            tokio::task::spawn_local(listen::accept_all(Rc::clone(&hub), listener)),
            tokio::task::spawn_local(liveness::watch(Rc::clone(&hub))),
        ];
        Ok(Self { hub, address, tasks })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The next event. Cancel safe.
    pub async fn recv(&self) -> RouterEvent {
        loop {
            if let Some(event) = known(self.hub.recv().await) {
                return event;
            }
        }
    }

    /// The next event, if one has arrived.
    pub fn try_recv(&self) -> Option<RouterEvent> {
        loop {
            if let Some(event) = known(self.hub.try_recv()?) {
                return Some(event);
            }
        }
    }

    /// Appends a message to what waits for `peer`; [`Router::flush`] writes it. Never waits.
    ///
    /// # Errors
    ///
    /// The peer is gone, or goes now because it has left too much unread. The message is dropped, as a
    /// ROUTER does.
    pub fn send(&self, peer: PeerId, frames: &[Bytes]) -> Result<(), RouterSendError> {
        self.hub.send(peer, frames).then_some(()).ok_or(RouterSendError)
    }

    /// The last message of a peer costs as much as so many others: its next rounds are shorter.
    pub fn charge_turn(&self, peer: PeerId, units: u32) {
        if let Some(connection) = self.hub.connection(peer) {
            connection.charge_turn(units);
        }
    }

    /// A message of a peer cannot have been right. One that sends a thousand of these a second for ten seconds is cut.
    pub fn blame(&self, peer: PeerId) {
        let Some(connection) = self.hub.connection(peer) else { return };
        let blame = {
            let mut state = connection.state.borrow_mut();
            state.blame += 1;
            state.blame
        };
        if blame > BLAME_MAX {
            connection.close(LeftReason::Misbehaved);
        }
    }

    /// Writes what was sent since the last flush: one write a connection.
    pub fn flush(&self) {
        self.hub.flush();
    }

    /// The same for some of the connections. Whether there are more.
    pub fn flush_some(&self) -> bool {
        self.hub.flush_some()
    }

    /// The peer that has this identity now.
    pub fn peer_of(&self, identity: &[u8]) -> Option<PeerId> {
        self.hub.peer_of(identity)
    }

    /// Bytes that a peer has not read yet, those of this turn among them; `None` if it is gone.
    pub fn unread(&self, peer: PeerId) -> Option<usize> {
        self.hub.unread(peer)
    }

    /// Waits until a peer has been written what waits for it, or is gone. Borrows nothing.
    pub fn written(&self, peer: PeerId) -> impl Future<Output = ()> + use<> {
        let connection = self.hub.connection(peer);
        async move {
            if let Some(connection) = connection {
                connection.written().await;
            }
        }
    }

    /// Where a peer connects from; `None` if it is gone.
    pub fn remote_addr(&self, peer: PeerId) -> Option<SocketAddr> {
        self.hub.connection(peer).map(|connection| connection.from)
    }

    /// What was counted since the socket was bound.
    pub fn counters(&self) -> Counters {
        self.hub.counters.get()
    }

    /// Connections now, those in handshake included.
    pub fn connections(&self) -> usize {
        self.hub.connection_count()
    }

    /// Takes no new connection from now on.
    pub fn stop_accepting(&self) {
        self.tasks[0].abort();
    }

    /// Waits until every peer has been written what waits for it, `linger` at most.
    pub async fn drain(&self, linger: Duration) {
        self.flush();
        // What is not taken by then is dropped, as LINGER says.
        let _ = tokio::time::timeout(linger, self.hub.written()).await;
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.hub.close_all();
    }
}

/// Subscriptions mean nothing to a ROUTER.
fn known(event: HubEvent) -> Option<RouterEvent> {
    match event {
        HubEvent::Came { peer, identity, info } => Some(RouterEvent::Came { peer, identity, info: *info }),
        HubEvent::Message { peer, identity, frames, held_back: false } => {
            Some(RouterEvent::Message { peer, identity, frames })
        }
        HubEvent::Message { peer, identity, frames, held_back: true } => {
            Some(RouterEvent::HeldBack { peer, identity, frames })
        }
        HubEvent::Left { peer, reason } => Some(RouterEvent::Left { peer, reason }),
        HubEvent::Subscribe { .. } | HubEvent::Cancel { .. } => None,
    }
}
