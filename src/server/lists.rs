//! The lists of SERVER-*: made for those who are there and read, once for all who ask, and in pieces.
//!
//! A list is given to all who ask for it within ten times what it took to make, 100 ms at most: so lists never take
//! more than a tenth of the loop's time for long, and one that is made quickly is as good as new. It is made in pieces, for a millisecond a
//! turn. Who asks waits until it is there, and, if much of what was sent to it is unread, until it has read that. Who
//! is gone by then gets nothing, and nothing is made for it alone.
//!
//! What waits is bounded: requests of one peer by [`ASKS_MAX`], all of them and the lists by their weight.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use super::Server;
use super::clock::Clock;
use crate::admin::List;
use crate::broker::snapshot::Listing;
use crate::job::{Body, PeerId, Timestamp};
use crate::memory::{Account, Charge, Memory, Purpose};
use crate::message::{Address, ClientReply, View};
use crate::wire;

/// Why a list is refused for which the books have no room.
const NO_MEMORY: &str = "the broker's memory is full";
/// How long a list is good, at most, and compared with what it took to make, in microseconds.
const AGE_MAX_US: u64 = 100_000;
const AGE_PER_WORK: u64 = 10;
/// Work on lists in one turn, in microseconds, after which no further piece is begun.
const TURN_US: u64 = 1_000;
/// Lists sent in one turn to those who had to wait.
const SENT_MAX: usize = 64;
/// Bytes of lists sent in one turn, after which no further list is: what is sent must be written, too.
const SENT_BYTES_MAX: usize = 1 << 20;
/// Bytes that a peer may have unread and still get a list.
const UNREAD_MAX: usize = 64 << 10;
/// Requests of one peer that may wait.
const ASKS_MAX: usize = 4_096;
/// Frames of a request of up to this size are copied out of the read buffer they came in.
const COPY_MAX: usize = 128 << 10;
/// What a request costs beside its frames.
const ASK: usize = 256;

/// What was asked for, what is made and what is being made.
#[derive(Debug)]
pub(super) struct Lists {
    account: Account,
    shelves: [Shelf; 4],
    askers: FxHashMap<PeerId, Asker>,
    /// Those of them who can be served, in turn.
    order: VecDeque<PeerId>,
    drained: Rc<Drained>,
    /// Time spent on lists in this turn, in microseconds, and bytes of those that were sent.
    spent_us: u64,
    sent_bytes: usize,
    /// Requests that were not taken, and those whose peer was gone.
    pub(super) refused: u64,
    pub(super) unheard: u64,
}

/// One list.
#[derive(Debug, Default)]
struct Shelf {
    making: Option<Making>,
    made: Option<Made>,
}

#[derive(Debug)]
struct Making {
    /// When its last piece was made.
    last_at: Timestamp,
    spent_us: u64,
    listing: Listing,
    list: List,
    charge: Charge,
}

#[derive(Debug)]
struct Made {
    json: Bytes,
    good_until: Timestamp,
    /// What `json` holds.
    _charge: Charge,
}

#[derive(Debug, Default)]
struct Asker {
    asks: VecDeque<ListRequest>,
    /// Somebody waits until it has read what it was sent.
    is_watched: bool,
}

#[derive(Debug)]
struct ListRequest {
    to: Address,
    view: View,
    echo: Vec<Bytes>,
    _charge: Charge,
}

/// Peers that have read what they were sent.
#[derive(Debug, Default)]
struct Drained {
    peers: RefCell<Vec<PeerId>>,
    told: Notify,
}

/// What became of a wish for a list.
enum Wish {
    Made(Bytes),
    /// It is not ready yet.
    Later,
    /// There is no memory for it.
    Full,
}

impl Lists {
    pub(super) fn new(memory: &Memory) -> Self {
        Self {
            account: memory.account(Purpose::Lists),
            shelves: Default::default(),
            askers: FxHashMap::default(),
            order: VecDeque::new(),
            drained: Rc::default(),
            spent_us: 0,
            sent_bytes: 0,
            refused: 0,
            unheard: 0,
        }
    }

    /// A turn begins.
    pub(super) fn begin_turn(&mut self) {
        (self.spent_us, self.sent_bytes) = (0, 0);
    }

    /// A client is gone, and with it what it asked for.
    pub(super) fn forget(&mut self, peer: PeerId) {
        if let Some(asker) = self.askers.remove(&peer) {
            self.unheard += asker.asks.len() as u64;
        }
    }

    /// When the loop should turn though nothing came: somebody can be served, has read, or a list is too old to be kept.
    /// Cancel safe.
    pub(super) async fn wake(&self, clock: &Clock) {
        if !self.order.is_empty() {
            // So that others come between two turns.
            return tokio::task::yield_now().await;
        }
        let oldest = self.shelves.iter().filter_map(|shelf| Some(shelf.made.as_ref()?.good_until)).min();
        match oldest {
            Some(at) => tokio::select! {
                () = self.drained.told.notified() => {}
                () = tokio::time::sleep_until(clock.instant(at.plus_micros(1_000))) => {}
            },
            None if self.askers.is_empty() => std::future::pending().await,
            None => self.drained.told.notified().await,
        }
    }

    fn take_drained(&mut self) {
        for peer in self.drained.peers.take() {
            if let Some(asker) = self.askers.get_mut(&peer) {
                asker.is_watched = false;
                self.order.push_back(peer);
            }
        }
    }

    /// Lists that are too old go, and one that is being made for nobody any more.
    fn tidy(&mut self, now: Timestamp) {
        for shelf in &mut self.shelves {
            shelf.made.take_if(|made| now > made.good_until);
        }
        if self.askers.is_empty() {
            self.shelves.iter_mut().for_each(|shelf| shelf.making = None);
        }
    }

    /// `false`: it may not wait.
    fn wait(&mut self, to: Address, view: View, echo: Vec<Bytes>) -> bool {
        let asker = self.askers.get(&to.peer);
        if asker.is_some_and(|asker| asker.asks.len() >= ASKS_MAX) {
            return false;
        }
        let frames = echo.iter().chain(to.origin.envelope.iter().flatten());
        let weight = ASK + frames.map(|frame| frame.len() + size_of::<Bytes>()).sum::<usize>();
        let Ok(charge) = self.account.charge(weight) else { return false };
        let peer = to.peer;
        let asker = self.askers.entry(peer).or_insert_with(|| {
            self.order.push_back(peer);
            Asker::default()
        });
        let echo = echo.into_iter().map(detached).collect();
        asker.asks.push_back(ListRequest { to, view, echo, _charge: charge });
        true
    }
}

impl Server {
    /// A client wants a list: it gets it at once if there is little to do, or waits.
    pub(super) fn inspect(&mut self, to: Address, view: View, echo: Vec<Bytes>) {
        let Some(unread) = self.clients.unread(to.peer) else {
            self.lists.unheard += 1;
            return;
        };
        let may_have_it = unread <= UNREAD_MAX
            && self.lists.sent_bytes < SENT_BYTES_MAX
            && !self.lists.askers.contains_key(&to.peer);
        let wish = if may_have_it { self.wish(view) } else { Wish::Later };
        match wish {
            Wish::Made(json) => self.send_list(&to, view, json, echo),
            Wish::Full => self.refuse_list(&to, view, NO_MEMORY),
            Wish::Later => {
                if !self.lists.wait(to.clone(), view, echo) {
                    self.refuse_list(&to, view, "no more requests for lists may wait");
                }
            }
        }
    }

    fn send_list(&mut self, to: &Address, view: View, json: Bytes, echo: Vec<Bytes>) {
        self.lists.sent_bytes += json.len();
        self.reply(to, &ClientReply::Snapshot { view, json, echo });
    }

    fn refuse_list(&mut self, to: &Address, view: View, why: &str) {
        self.lists.refused += 1;
        let service = Bytes::from_static(wire::view_name(view));
        self.reply(to, &ClientReply::Refused { service, body: Body::text(why) });
    }

    /// Goes on with the lists that somebody waits for, and hands out those that are made.
    pub(super) fn serve_lists(&mut self) {
        if self.lists.askers.is_empty() && self.lists.shelves.iter().all(Shelf::is_empty) {
            return;
        }
        self.lists.tidy(self.clock.now());
        self.lists.take_drained();
        for _ in 0..self.lists.order.len().min(SENT_MAX) {
            if self.lists.sent_bytes >= SENT_BYTES_MAX {
                break;
            }
            let Some(peer) = self.lists.order.pop_front() else { break };
            if self.serve_asker(peer) {
                self.lists.order.push_back(peer);
            }
        }
    }

    /// Serves the first request of a peer. Whether it is to have another turn.
    fn serve_asker(&mut self, peer: PeerId) -> bool {
        let Some(unread) = self.clients.unread(peer) else {
            self.lists.forget(peer);
            return false;
        };
        if unread > UNREAD_MAX {
            self.watch(peer);
            return false;
        }
        let Some(view) = self.first_ask(peer).map(|ask| ask.view) else { return false };
        let wish = self.wish(view);
        if matches!(wish, Wish::Later) {
            return true;
        }
        let Some(asker) = self.lists.askers.get_mut(&peer) else { return false };
        let ask = asker.asks.pop_front().expect("it was there a moment ago");
        let goes_on = !asker.asks.is_empty();
        if !goes_on {
            self.lists.askers.remove(&peer);
        }
        match wish {
            Wish::Made(json) => self.send_list(&ask.to, view, json, ask.echo),
            Wish::Full | Wish::Later => self.refuse_list(&ask.to, view, NO_MEMORY),
        }
        goes_on
    }

    fn first_ask(&self, peer: PeerId) -> Option<&ListRequest> {
        self.lists.askers.get(&peer)?.asks.front()
    }

    /// Waits until a peer has read what it was sent, in a task of its own.
    fn watch(&mut self, peer: PeerId) {
        let Some(asker) = self.lists.askers.get_mut(&peer).filter(|asker| !asker.is_watched) else { return };
        asker.is_watched = true;
        let (written, drained) = (self.clients.written(peer), Rc::clone(&self.lists.drained));
        tokio::task::spawn_local(async move {
            written.await;
            drained.peers.borrow_mut().push(peer);
            drained.told.notify_one();
        });
    }

    /// The list, if it is made, or can be made in what is left of this turn.
    fn wish(&mut self, view: View) -> Wish {
        let now = self.clock.now();
        let made = self.lists.shelves[view as usize].made.as_ref();
        if let Some(made) = made.filter(|made| now <= made.good_until) {
            return Wish::Made(made.json.clone());
        }
        let mut wish = Wish::Later;
        while matches!(wish, Wish::Later) && self.lists.spent_us < TURN_US {
            wish = self.make_a_piece(view);
        }
        wish
    }

    fn make_a_piece(&mut self, view: View) -> Wish {
        let began = self.clock.now();
        let shelf = &mut self.lists.shelves[view as usize];
        // One that nobody waited for to its end has grown old.
        shelf.making.take_if(|making| began.micros_since(making.last_at) > AGE_MAX_US);
        let making = shelf.making.get_or_insert_with(|| Making {
            last_at: began,
            spent_us: 0,
            listing: self.broker.list(view),
            list: match view {
                View::History => List::backwards(),
                View::Jobs | View::Active | View::Workers => List::forwards(),
            },
            charge: self.lists.account.empty(),
        });
        let goes_on = self.broker.next_rows(&mut making.listing).is_some_and(|rows| making.list.add(&rows));
        let fits = making.charge.resize(making.list.held()).is_ok();
        making.last_at = self.clock.now();
        // A clock that stands still must not let a piece cost nothing.
        let spent_us = making.last_at.micros_since(began).max(1);
        self.lists.spent_us += spent_us;
        making.spent_us += spent_us;
        let held = making.list.held();
        match (fits, goes_on) {
            (true, false) => {
                let age_us = (making.spent_us * AGE_PER_WORK).min(AGE_MAX_US);
                let good_until = making.last_at.plus_micros(age_us);
                let json = shelf.making.take().map(|making| making.list.json()).unwrap_or_default();
                let charge = self.lists.account.charge_promised(held);
                shelf.made = Some(Made { json: json.clone(), good_until, _charge: charge });
                Wish::Made(json)
            }
            (true, true) => Wish::Later,
            (false, _) => {
                shelf.making = None;
                Wish::Full
            }
        }
    }
}

/// A frame in memory of its own, unless it is so large that it has that already.
fn detached(frame: Bytes) -> Bytes {
    match frame.len() <= COPY_MAX {
        true => Bytes::copy_from_slice(&frame),
        false => frame,
    }
}

impl Shelf {
    fn is_empty(&self) -> bool {
        self.making.is_none() && self.made.is_none()
    }
}
