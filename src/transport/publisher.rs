//! A PUB that listens, and drops for subscribers that do not keep up.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::hub::{Counters, Hub, HubEvent, ListenerOptions};
use super::{janitor, listen};
use crate::job::PeerId;
use crate::zmtp::SocketType;

/// Topics one subscriber may have.
const TOPICS_MAX: usize = 1_024;

/// Topic prefixes by subscriber.
type Subscriptions = HashMap<PeerId, Vec<Bytes>>;

/// A PUB socket. Needs a `LocalSet`; dropping it closes all connections.
#[derive(Debug)]
pub struct Publisher {
    hub: Rc<Hub>,
    address: SocketAddr,
    subscriptions: Rc<RefCell<Subscriptions>>,
    dropped: Cell<u64>,
    version: Rc<Cell<u64>>,
    tasks: [JoinHandle<()>; 3],
}

impl Publisher {
    /// Listens at `address`; port 0 lets the system choose. Call it inside a `LocalSet`.
    ///
    /// # Errors
    ///
    /// The system's own: the port is in use, the address is not ours, no right to bind.
    pub fn bind(address: SocketAddr, options: ListenerOptions) -> io::Result<Self> {
        let listener = listen::listen(address)?;
        let address = listener.local_addr()?;
        let hub = Hub::new(SocketType::Pub, options);
        let subscriptions = Rc::default();
        let version = Rc::default();
        let tasks = [
            tokio::task::spawn_local(listen::accept_all(Rc::clone(&hub), listener)),
            tokio::task::spawn_local(janitor::watch(Rc::clone(&hub))),
            tokio::task::spawn_local(follow(Rc::clone(&hub), Rc::clone(&subscriptions), Rc::clone(&version))),
        ];
        Ok(Self { hub, address, subscriptions, dropped: Cell::new(0), version, tasks })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Whether anybody would get anything. Saves the making of messages that nobody wants.
    pub fn has_subscribers(&self) -> bool {
        !self.subscriptions.borrow().is_empty()
    }

    /// Grows whenever a subscription comes or goes: what [`Publisher::wants`] said holds until then.
    pub fn version(&self) -> u64 {
        self.version.get()
    }

    /// Whether anybody might get a message whose first frame begins with `prefix`.
    pub fn wants(&self, prefix: &[u8]) -> bool {
        let might = |topic: &Bytes| prefix.starts_with(topic) || topic.starts_with(prefix);
        self.subscriptions.borrow().values().flatten().any(might)
    }

    /// Connections now, those in handshake included.
    pub fn connections(&self) -> usize {
        self.hub.connection_count()
    }

    /// Appends a message for all whose topics `frames[0]` begins with; [`Publisher::flush`] writes it.
    ///
    /// A subscriber that has left half of [`ListenerOptions::unread_max`] unread does not get it: a PUB
    /// drops, and never waits (RFC 29, PUB).
    pub fn send(&self, frames: &[Bytes]) {
        let Some(topic) = frames.first() else { return };
        for (&peer, topics) in self.subscriptions.borrow().iter() {
            if !topics.iter().any(|prefix| topic.starts_with(prefix)) {
                continue;
            }
            let unread = self.hub.unread(peer).unwrap_or(usize::MAX);
            if unread > self.hub.options.unread_max / 2 || !self.hub.send(peer, frames) {
                self.dropped.set(self.dropped.get() + 1);
            }
        }
    }

    /// Writes what was sent since the last flush.
    pub fn flush(&self) {
        self.hub.flush();
    }

    /// The same for some of the subscribers. Whether there are more.
    pub fn flush_some(&self) -> bool {
        self.hub.flush_some()
    }

    /// Messages not given to a subscriber that did not keep up.
    pub fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    /// What was counted since the socket was bound.
    pub fn counters(&self) -> Counters {
        self.hub.counters.get()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.hub.close_all();
    }
}

/// Keeps `subscriptions` as the subscribers want them.
async fn follow(hub: Rc<Hub>, subscriptions: Rc<RefCell<Subscriptions>>, version: Rc<Cell<u64>>) {
    loop {
        let event = hub.recv().await;
        version.set(version.get() + 1);
        let mut subscriptions = subscriptions.borrow_mut();
        match event {
            HubEvent::Subscribe { peer, topic } => {
                let topics = subscriptions.entry(peer).or_default();
                if topics.len() < TOPICS_MAX {
                    topics.push(Bytes::copy_from_slice(&topic));
                }
            }
            HubEvent::Cancel { peer, topic } => {
                let Some(topics) = subscriptions.get_mut(&peer) else { continue };
                if let Some(place) = topics.iter().position(|other| *other == topic) {
                    topics.swap_remove(place);
                }
                if topics.is_empty() {
                    subscriptions.remove(&peer);
                }
            }
            HubEvent::Left { peer, .. } => {
                subscriptions.remove(&peer);
            }
            HubEvent::Came { .. } | HubEvent::Message { .. } => {}
        }
    }
}
