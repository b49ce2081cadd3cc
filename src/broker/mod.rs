//! The broker: jobs in, jobs out, nothing else.

mod config;
mod event;
mod notes;
pub mod snapshot;

pub use config::Config;
pub use event::{Action, Event, JobEnd, Record, Restored};
pub use notes::{Counters, GivenUp, Ignored, Note, Refusal, ServiceTotals, Taken, Totals};

use crate::job::Timestamp;
use crate::message::View;

use snapshot::Snapshot;

/// The state machine.
#[derive(Debug)]
pub struct Broker {
    config: Config,
}

impl Broker {
    /// A broker that knows no service, no worker, no job.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Takes one event and appends what must be done to `actions`.
    pub fn handle(&mut self, now: Timestamp, event: Event, actions: &mut Vec<Action>) {
        let _ = (now, event, actions, &self.config);
        todo!()
    }

    /// When to send [`Event::Tick`], if nothing happens before.
    pub fn deadline(&self) -> Option<Timestamp> {
        todo!()
    }

    /// Puts a job that a store kept at the end of its queue, before the first event. `false` if
    /// there is a job of that id already, which stays.
    ///
    /// No limit applies: the job was promised. No [`Record`] is made of it: it has one.
    pub fn restore(&mut self, job: Restored) -> bool {
        let _ = job;
        todo!()
    }

    /// The list a client asked for, for the server to complete [`Action::Inspect`] with.
    pub fn snapshot(&self, view: View) -> Snapshot {
        let _ = view;
        todo!()
    }

    /// Whether no worker has a job: what a drain waits for.
    pub fn is_idle(&self) -> bool {
        todo!()
    }

    /// What happened since the start.
    pub fn counters(&self) -> &Counters {
        todo!()
    }

    /// How much there is now.
    pub fn totals(&self) -> Totals {
        todo!()
    }

    /// How much there is now of each service, in no order.
    pub fn services(&self) -> impl Iterator<Item = ServiceTotals> + '_ {
        std::iter::empty()
    }
}
