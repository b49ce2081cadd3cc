//! Who wants to hear what: the topics of a publisher's subscribers.
//!
//! A message goes to those who have a beginning of its topic. The topics are in one table, and beside it are the lengths
//! that they have: a message looks up those of its beginnings that are as long as some topic. That is a walk down a prefix
//! tree without its nodes: it costs by the length of the message's topic, whatever others subscribe to, and to subscribe
//! and to cancel cost one look-up.
//!
//! What a subscriber may have is bounded in number and in bytes, and weighed.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::job::PeerId;
use crate::memory::{Account, Charge};

/// The longest topic that is kept. No message has one so long: a service's name has 255 bytes at most.
const TOPIC_MAX: usize = 512;
/// What a topic costs beside its bytes: its places in two tables, and the set of those who have it.
const TOPIC: usize = 256;
/// Topics from which on the table gives memory back.
const SHRINK_FROM: usize = 1_024;

/// Topics by subscriber and subscribers by topic. Topics are foreign, so their hash is one that nobody can foresee.
#[derive(Debug)]
pub(super) struct Subscriptions {
    topics: HashMap<Bytes, FxHashSet<PeerId>>,
    /// How many topics there are of each length.
    lengths: BTreeMap<usize, usize>,
    subscribers: FxHashMap<PeerId, Subscriber>,
    interests: Vec<Interest>,
    /// Topics one subscriber may have, and bytes in all of them.
    topics_max: usize,
    bytes_max: usize,
    account: Account,
    /// Counts messages, so that nobody gets one twice.
    round: u64,
    refused: u64,
}

#[derive(Debug)]
struct Subscriber {
    /// How often each was asked for: it is to be cancelled as often.
    topics: HashMap<Bytes, u32>,
    /// Its last message.
    round: u64,
    /// [`TOPIC`] and the bytes of each topic.
    charge: Charge,
}

/// Whether anybody might get a message whose topic begins with a prefix. Kept as subscriptions come and go.
#[derive(Clone, Debug)]
pub struct Interest {
    prefix: Bytes,
    count: Rc<Cell<usize>>,
}

impl Interest {
    /// Whether anybody might.
    pub fn is_wanted(&self) -> bool {
        self.count.get() > 0
    }

    fn change(&self, topic: &[u8], change: impl FnOnce(usize) -> usize) {
        if self.prefix.starts_with(topic) || topic.starts_with(&self.prefix) {
            self.count.set(change(self.count.get()));
        }
    }
}

impl Subscriptions {
    pub(super) fn new(account: Account, topics_max: usize, bytes_max: usize) -> Self {
        Self {
            topics: HashMap::new(),
            lengths: BTreeMap::new(),
            subscribers: FxHashMap::default(),
            interests: Vec::new(),
            topics_max,
            bytes_max,
            account,
            round: 0,
            refused: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// Subscriptions that were not taken: too many, too long, or too much.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// Follows what is wanted of a prefix from now on.
    pub(super) fn interest(&mut self, prefix: Bytes) -> Interest {
        let interest = Interest { prefix, count: Rc::default() };
        for (topic, subscribers) in &self.topics {
            interest.change(topic, |count| count + subscribers.len());
        }
        self.interests.push(interest.clone());
        interest
    }

    /// `false`: the subscriber has as much as it may, or the topic is too long.
    pub(super) fn subscribe(&mut self, peer: PeerId, topic: &Bytes) -> bool {
        let taken = topic.len() <= TOPIC_MAX && self.enter(peer, topic);
        self.refused += u64::from(!taken);
        taken
    }

    fn enter(&mut self, peer: PeerId, topic: &Bytes) -> bool {
        let subscriber = self.subscribers.entry(peer).or_insert_with(|| Subscriber {
            topics: HashMap::new(),
            round: 0,
            charge: self.account.empty(),
        });
        if let Some(times) = subscriber.topics.get_mut(topic) {
            *times = times.saturating_add(1);
            return true;
        }
        let weight = subscriber.charge.bytes() + TOPIC + topic.len();
        let bytes = weight - (subscriber.topics.len() + 1) * TOPIC;
        let fits = subscriber.topics.len() < self.topics_max && bytes <= self.bytes_max;
        if !fits || subscriber.charge.resize(weight).is_err() {
            if subscriber.topics.is_empty() {
                self.subscribers.remove(&peer);
            }
            return false;
        }
        // In memory of its own: a slice would keep a read buffer.
        let topic = Bytes::copy_from_slice(topic);
        subscriber.topics.insert(topic.clone(), 1);
        self.interests.iter().for_each(|interest| interest.change(&topic, |count| count + 1));
        let lengths = &mut self.lengths;
        let subscribers = self.topics.entry(topic).or_insert_with_key(|topic| {
            *lengths.entry(topic.len()).or_default() += 1;
            FxHashSet::default()
        });
        subscribers.insert(peer);
        true
    }

    pub(super) fn cancel(&mut self, peer: PeerId, topic: &Bytes) {
        let Some(subscriber) = self.subscribers.get_mut(&peer) else { return };
        let Some(times) = subscriber.topics.get_mut(topic) else { return };
        *times -= 1;
        if *times > 0 {
            return;
        }
        subscriber.topics.remove(topic);
        subscriber.charge.set(subscriber.charge.bytes() - TOPIC - topic.len());
        if subscriber.topics.is_empty() {
            self.subscribers.remove(&peer);
        }
        self.withdraw(peer, topic);
    }

    pub(super) fn leave(&mut self, peer: PeerId) {
        let Some(subscriber) = self.subscribers.remove(&peer) else { return };
        subscriber.topics.keys().for_each(|topic| self.withdraw(peer, topic));
        if self.topics.capacity() > SHRINK_FROM && self.topics.len() < self.topics.capacity() / 8 {
            self.topics.shrink_to(self.topics.capacity() / 2);
        }
    }

    fn withdraw(&mut self, peer: PeerId, topic: &Bytes) {
        self.interests.iter().for_each(|interest| interest.change(topic, |count| count - 1));
        let Some(subscribers) = self.topics.get_mut(topic) else { return };
        subscribers.remove(&peer);
        if !subscribers.is_empty() {
            return;
        }
        self.topics.remove(topic);
        let left = self.lengths.get_mut(&topic.len()).expect("there was a topic of this length");
        *left -= 1;
        if *left == 0 {
            self.lengths.remove(&topic.len());
        }
    }

    /// Those who get a message of this topic, each once.
    pub(super) fn wanting(&mut self, topic: &[u8], found: &mut Vec<PeerId>) {
        self.round += 1;
        for (&length, _) in self.lengths.range(..=topic.len()) {
            let Some(subscribers) = self.topics.get(&topic[..length]) else { continue };
            for peer in subscribers {
                let Some(subscriber) = self.subscribers.get_mut(peer) else { continue };
                if std::mem::replace(&mut subscriber.round, self.round) != self.round {
                    found.push(*peer);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::memory::{Memory, Purpose};

    const TOPICS_MAX: usize = 1_024;
    const BYTES_MAX: usize = 64 << 10;

    fn topic(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    fn wanting(subscriptions: &mut Subscriptions, topic: &str) -> Vec<PeerId> {
        let mut found = Vec::new();
        subscriptions.wanting(topic.as_bytes(), &mut found);
        found.sort_unstable();
        found
    }

    fn subscriptions() -> (Memory, Subscriptions) {
        let memory = Memory::default();
        let subscriptions = Subscriptions::new(memory.account(Purpose::Subscriptions), TOPICS_MAX, BYTES_MAX);
        (memory, subscriptions)
    }

    #[test]
    fn topics_of_a_subscriber_are_bounded_in_number_and_in_bytes() {
        let (memory, mut subscriptions) = subscriptions();
        let taken = |subscriptions: &mut Subscriptions, peer, length: usize| {
            (0..2_000)
                .filter(|n| subscriptions.subscribe(PeerId(peer), &topic(&format!("{n:0length$}"))))
                .count()
        };
        assert_eq!(taken(&mut subscriptions, 1, 8), TOPICS_MAX);
        assert_eq!(taken(&mut subscriptions, 2, TOPIC_MAX), BYTES_MAX / TOPIC_MAX);
        assert_eq!(taken(&mut subscriptions, 3, TOPIC_MAX + 1), 0);
        assert_eq!(subscriptions.refused(), 976 + 1_872 + 2_000);
        assert_eq!(memory.held(), TOPICS_MAX * (TOPIC + 8) + BYTES_MAX + BYTES_MAX / TOPIC_MAX * TOPIC);
        (1..4).for_each(|peer| subscriptions.leave(PeerId(peer)));
        assert_eq!((memory.held(), subscriptions.is_empty()), (0, true));
    }

    #[test]
    fn a_subscription_that_the_books_have_no_room_for_is_not_taken() {
        let memory = Memory::new(2 * TOPIC);
        let mut subscriptions =
            Subscriptions::new(memory.account(Purpose::Subscriptions), TOPICS_MAX, BYTES_MAX);
        let taken =
            (0..5).filter(|n| subscriptions.subscribe(PeerId(1), &topic(&format!("JOB.{n}")))).count();
        assert_eq!((taken, subscriptions.refused()), (1, 4));
    }

    proptest! {
        /// Against the rule itself: who has a beginning of the topic gets it, as often subscribed as cancelled or not.
        #[test]
        fn who_has_a_beginning_of_the_topic_gets_it_once(
            steps in prop::collection::vec((0..4_u8, 0..3_u64, "[ab]{0,4}"), 0..80),
            messages in prop::collection::vec("[ab]{0,6}", 1..8),
        ) {
            let (memory, mut subscriptions) = subscriptions();
            let interest = subscriptions.interest(topic("ab"));
            let mut model: Vec<(PeerId, String)> = Vec::new();
            for (what, peer, text) in steps {
                let peer = PeerId(peer);
                match what {
                    0 => {
                        subscriptions.leave(peer);
                        model.retain(|(other, _)| *other != peer);
                    }
                    1 => {
                        subscriptions.cancel(peer, &topic(&text));
                        if let Some(at) = model.iter().position(|one| *one == (peer, text.clone())) {
                            model.remove(at);
                        }
                    }
                    _ => {
                        prop_assert!(subscriptions.subscribe(peer, &topic(&text)));
                        model.push((peer, text));
                    }
                }
            }
            for message in messages {
                let mut expected: Vec<PeerId> =
                    model.iter().filter(|(_, text)| message.starts_with(text.as_str())).map(|(peer, _)| *peer).collect();
                expected.sort_unstable();
                expected.dedup();
                prop_assert_eq!(wanting(&mut subscriptions, &message), expected);
            }
            let might = model.iter().any(|(_, text)| "ab".starts_with(text.as_str()) || text.starts_with("ab"));
            prop_assert_eq!(interest.is_wanted(), might);
            model.sort();
            model.dedup();
            let held: usize = model.iter().map(|(_, text)| TOPIC + text.len()).sum();
            prop_assert_eq!(memory.held(), held);
        }
    }
}
