//! The half of a connection that reads, and makes messages of what it reads.
//!
//! In steps, so that a read of many small messages holds nobody up: what is left of it waits for the next step.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::tcp::OwnedReadHalf;

use super::connection::{Connection, Phase, State};
use super::hub::Hub;
use super::inbox::{HubEvent, weight_and_cost};
use super::left::LeftReason;
use crate::zmtp::Event;

/// Units of work in a step: a small message, or a command, is one.
const STEP: u32 = 128;

/// Bytes that came and were not used yet.
#[derive(Debug, Default)]
struct Input {
    bytes: BytesMut,
    /// A slice of the buffer that all share.
    shared: bool,
}

/// What came of a read.
struct Read {
    /// Bytes.
    count: usize,
    /// There was no room for more, so that more may be there.
    filled: bool,
}

impl Read {
    fn of(count: usize, space: usize) -> Self {
        Self { count, filled: count >= space }
    }
}

impl Input {
    /// Lets go of the shared buffer.
    fn detach(&mut self) {
        if self.shared || self.bytes.is_empty() {
            self.bytes = BytesMut::from(&self.bytes[..]);
        }
        self.shared = false;
    }
}

impl Connection {
    /// Reads until there is a reason to stop.
    pub(super) async fn read_all(self: &Rc<Self>, hub: &Rc<Hub>, input: &mut OwnedReadHalf) -> LeftReason {
        let mut unused = Input::default();
        let (mut more, mut filled) = (false, false);
        loop {
            if !more {
                match self.read_some(hub, input, &mut unused).await {
                    Ok(Read { count: 0, .. }) => return LeftReason::Closed,
                    Ok(read) => {
                        filled = read.filled;
                        self.state.borrow_mut().came(read.count);
                    }
                    Err(error) => return LeftReason::Lost(error.kind()),
                }
            }
            more = match self.parse(hub, &mut unused.bytes) {
                Ok(more) => more,
                Err(reason) => return reason,
            };
            self.settle(&mut unused);
            hub.relieve();
            if self.is_closing() {
                return LeftReason::Shutdown; // why is said there
            }
            self.wait_for_room(|| hub.crowd()).await;
            // One step a turn, so that a peer that never stops talking does not silence the others. After a read that left
            // nothing behind the next one waits for the system anyway; to yield there, too, cost two calls of `epoll_wait`
            // a job of one client and one worker.
            if more || filled {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Reads once; nothing at the end of the stream.
    ///
    /// What is missing of a long frame is read where it belongs. All else comes into the buffer that all share, behind what
    /// was not used, so that ten thousand quiet connections hold no memory, and a busy one gets many messages a read.
    async fn read_some(&self, hub: &Hub, input: &mut OwnedReadHalf, unused: &mut Input) -> io::Result<Read> {
        poll_fn(|context| {
            let mut state = self.state.borrow_mut();
            if unused.bytes.is_empty()
                && let Some(mut room) = state.engine.room()
            {
                let space = room.remaining_mut();
                return pin!(input.read_buf(&mut room)).poll(context).map_ok(|count| Read::of(count, space));
            }
            drop(state);
            let mut slab = hub.take_slab();
            slab.extend_from_slice(&unused.bytes);
            let space = slab.capacity() - slab.len();
            let polled = pin!(input.read_buf(&mut slab)).poll(context);
            match polled {
                Poll::Ready(Ok(1..)) => *unused = Input { bytes: slab.split(), shared: true },
                Poll::Ready(Ok(0) | Err(_)) | Poll::Pending => slab.clear(),
            }
            hub.put_slab(slab);
            polled.map_ok(|count| Read::of(count, space))
        })
        .await
    }

    /// Hands on the messages in `bytes`, a step's work at most. Whether there may be more.
    fn parse(self: &Rc<Self>, hub: &Rc<Hub>, bytes: &mut BytesMut) -> Result<bool, LeftReason> {
        let mut state = self.state.borrow_mut();
        state.times.heard = true;
        let mut done = 0;
        let mut more = true;
        while done < STEP {
            match state.engine.receive(bytes).map_err(LeftReason::Protocol)? {
                None => {
                    more = false;
                    break;
                }
                Some(Event::Message(frames)) => {
                    state.message_came();
                    done += self.hand_on(hub, &mut state, frames);
                }
                Some(Event::Ready(info)) => {
                    state.message_came();
                    drop(state);
                    hub.ready(self, info);
                    state = self.state.borrow_mut();
                }
                Some(Event::Subscribe(topic)) => {
                    done += 1;
                    state.message_came();
                    hub.push(self, HubEvent::Subscribe { peer: self.peer, topic });
                }
                Some(Event::Cancel(topic)) => {
                    done += 1;
                    state.message_came();
                    hub.push(self, HubEvent::Cancel { peer: self.peer, topic });
                }
                // Not the end of a message: they may come between its frames.
                Some(Event::Ping | Event::Pong | Event::Ignored) => done += 1,
            }
        }
        // Handshake and PONG do not wait for the owner's turn.
        let answer = !state.dirty && !state.engine.outbox().is_empty();
        drop(state);
        if answer {
            self.flush();
        }
        Ok(more)
    }

    /// Units of work that the message makes.
    fn hand_on(self: &Rc<Self>, hub: &Hub, state: &mut State, frames: Vec<Bytes>) -> u32 {
        if state.phase == Phase::Open {
            let (peer, identity) = (self.peer, state.identity.clone());
            return hub.push(self, HubEvent::Message { peer, identity, frames, held_back: false });
        }
        let (_, cost) = weight_and_cost(&frames);
        if state.phase == Phase::Held
            && let Err(frames) = state.buffered.keep(frames)
        {
            hub.hold_back(self, &state.identity, frames);
        }
        cost
    }

    /// What is kept from here to the next read or step keeps no shared buffer, and is weighed.
    fn settle(&self, unused: &mut Input) {
        unused.detach();
        let mut state = self.state.borrow_mut();
        state.engine.detach();
        let held = state.engine.held() + unused.bytes.capacity();
        state.unfinished.set(held);
    }
}

impl State {
    fn came(&mut self, count: usize) {
        self.received.add(count);
        self.message_bytes += count;
    }

    fn message_came(&mut self) {
        self.message_bytes = 0;
        self.times.message = 0;
    }
}
