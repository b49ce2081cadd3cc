//! A PUB that listens, and drops for subscribers that do not keep up.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use tokio::task::JoinHandle;
use tracing::debug;

use super::hub::{Counters, Hub, HubEvent, ListenerOptions};
use super::subscriptions::{Interest, Subscriptions};
use super::{listen, liveness};
use crate::job::PeerId;
use crate::memory::Purpose;
use crate::zmtp::SocketType;

/// A PUB socket. Needs a `LocalSet`; dropping it closes all connections.
#[derive(Debug)]
pub struct Publisher {
    hub: Rc<Hub>,
    address: SocketAddr,
    subscriptions: Rc<RefCell<Subscriptions>>,
    dropped: Cell<u64>,
    /// Kept from message to message for its memory.
    wanting: RefCell<Vec<PeerId>>,
    tasks: [JoinHandle<()>; 3],
}

/// Words of subscribers that are taken before others have their turn.
const TURN: usize = 256;

impl Publisher {
    /// Listens at `address`; port 0 lets the system choose. Topics are weighed in `memory`. Call it inside a `LocalSet`.
    ///
    /// # Errors
    ///
    /// The system's own: the port is in use, the address is not ours, no right to bind.
    pub fn bind(address: SocketAddr, options: ListenerOptions) -> io::Result<Self> {
        let listener = listen::listen(address)?;
        let address = listener.local_addr()?;
        let subscriptions = Subscriptions::new(
            options.memory.account(Purpose::Subscriptions),
            options.topics_max,
            options.topic_bytes_max,
        );
        let hub = Hub::new(SocketType::Pub, options);
        let subscriptions = Rc::new(RefCell::new(subscriptions));
        let tasks = [
            tokio::task::spawn_local(listen::accept_all(Rc::clone(&hub), listener)),
            tokio::task::spawn_local(liveness::watch(Rc::clone(&hub))),
            tokio::task::spawn_local(follow(Rc::clone(&hub), Rc::clone(&subscriptions))),
        ];
        let (dropped, wanting) = (Cell::new(0), RefCell::default());
        Ok(Self { hub, address, subscriptions, dropped, wanting, tasks })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Whether anybody subscribes to anything.
    pub fn has_subscribers(&self) -> bool {
        !self.subscriptions.borrow().is_empty()
    }

    /// Tells from now on whether anybody might get a message whose topic begins with `prefix`.
    pub fn interest(&self, prefix: &[u8]) -> Interest {
        self.subscriptions.borrow_mut().interest(Bytes::copy_from_slice(prefix))
    }

    /// Connections now, those in handshake included.
    pub fn connections(&self) -> usize {
        self.hub.connection_count()
    }

    /// Appends a message for all who have a beginning of its topic; [`Publisher::flush`] writes it. The body is made
    /// if there is anybody.
    ///
    /// A subscriber that has left half of [`ListenerOptions::unread_max`] unread does not get it: a PUB
    /// drops, and never waits (RFC 29, PUB).
    pub fn send(&self, topic: Bytes, body: impl FnOnce() -> Bytes) {
        let mut wanting = self.wanting.borrow_mut();
        wanting.clear();
        self.subscriptions.borrow_mut().wanting(&topic, &mut wanting);
        if wanting.is_empty() {
            return;
        }
        let frames = [topic, body()];
        for &peer in &*wanting {
            let unread = self.hub.unread(peer).unwrap_or(usize::MAX);
            if unread > self.hub.options.unread_max / 2 || !self.hub.send(peer, &frames) {
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

    /// Subscriptions that were not taken: beyond what one subscriber may have, or too long.
    pub fn topics_refused(&self) -> u64 {
        self.subscriptions.borrow().refused()
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
async fn follow(hub: Rc<Hub>, subscriptions: Rc<RefCell<Subscriptions>>) {
    loop {
        for _ in 0..TURN {
            take(hub.recv().await, &mut subscriptions.borrow_mut());
        }
        // An event may always be there, and then nothing above waits.
        tokio::task::yield_now().await;
    }
}

fn take(event: HubEvent, subscriptions: &mut Subscriptions) {
    match event {
        HubEvent::Subscribe { peer, topic } => {
            if !subscriptions.subscribe(peer, &topic) {
                debug!(%peer, bytes = topic.len(), "subscription not taken: it is too long, or one too many");
            }
        }
        HubEvent::Cancel { peer, topic } => subscriptions.cancel(peer, &topic),
        HubEvent::Left { peer, .. } => subscriptions.leave(peer),
        HubEvent::Came { .. } | HubEvent::Message { .. } => {}
    }
}
