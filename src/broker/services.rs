//! Services: who offers them, and what waits for them.

use std::collections::{BTreeMap, HashMap};

use super::job::Job;
use super::queue::{Queue, SHRINK_FROM};
use super::statistics::{Statistics, Sums};
use super::weights;
use crate::job::{Body, PeerId, ServiceName};
use crate::memory::{Charge, MemoryFull};

/// A service's number while it is known.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct ServiceKey(u32);

/// What can be taken by whom.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Frames {
    /// A body of one frame, which every worker takes.
    Single,
    /// A body of several frames, for workers whose dialect carries them.
    Multi,
}

impl Frames {
    pub(super) fn of(body: &Body) -> Self {
        match body {
            Body::One(_) => Self::Single,
            Body::Many(_) => Self::Multi,
        }
    }
}

/// One service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: ServiceName,
    /// Whether a worker ever offered it; if not, it is here for requests that are held.
    pub(super) offered: bool,
    pub(super) one: Queue,
    pub(super) many: Queue,
    /// Idle workers by the time they became so: the first has rested longest.
    pub(super) idle: BTreeMap<u64, PeerId>,
    /// Those of them that take bodies of several frames.
    pub(super) idle_many: BTreeMap<u64, PeerId>,
    pub(super) workers: usize,
    pub(super) workers_many: usize,
    pub(super) active: usize,
    /// Bytes of its jobs that count against `bytes_max`, and that count in the books of memory.
    pub(super) bytes: usize,
    pub(super) held: usize,
    /// Told by an operator to hand no jobs out.
    pub(super) paused: bool,
    /// Told by an operator to take no new jobs.
    pub(super) draining: bool,
    /// There from the first job that ended or came back.
    pub(super) statistics: Option<Box<Statistics>>,
    /// What [`weights::service`] says, and the statistics.
    pub(super) charge: Charge,
}

impl Service {
    fn new(name: ServiceName, charge: Charge) -> Self {
        Self {
            name,
            charge,
            offered: false,
            one: Queue::default(),
            many: Queue::default(),
            idle: BTreeMap::new(),
            idle_many: BTreeMap::new(),
            workers: 0,
            workers_many: 0,
            active: 0,
            bytes: 0,
            held: 0,
            paused: false,
            draining: false,
            statistics: None,
        }
    }

    /// A job of it is there from now on.
    pub(super) fn take_in(&mut self, job: &Job) {
        self.bytes += job.weight();
        self.held += job.load();
    }

    /// A job of it is gone.
    pub(super) fn let_go(&mut self, job: &Job) {
        self.bytes -= job.weight();
        self.held -= job.load();
    }

    pub(super) fn queue(&mut self, kind: Frames) -> &mut Queue {
        match kind {
            Frames::Single => &mut self.one,
            Frames::Multi => &mut self.many,
        }
    }

    pub(super) fn queue_of(&self, kind: Frames) -> &Queue {
        match kind {
            Frames::Single => &self.one,
            Frames::Multi => &self.many,
        }
    }

    /// Changes what is counted of it, and weighs that.
    pub(super) fn count(&mut self, change: impl FnOnce(&mut Statistics)) {
        let before = self.statistics.as_deref().map_or(0, weights::statistics);
        let statistics = self.statistics.get_or_insert_default();
        change(statistics);
        let after = weights::statistics(statistics);
        if after != before {
            self.charge.set(self.charge.bytes() + after - before);
        }
    }

    /// What was counted since it is known.
    pub(super) fn sums(&self) -> Option<&Sums> {
        self.statistics.as_ref().map(|statistics| &statistics.sums)
    }

    /// A worker is idle from now on.
    pub(super) fn rests(&mut self, rest: u64, peer: PeerId, takes_many: bool) {
        self.idle.insert(rest, peer);
        if takes_many {
            self.idle_many.insert(rest, peer);
        }
    }

    pub(super) fn queued(&self) -> usize {
        self.one.len() + self.many.len()
    }

    /// The worker that has rested longest of those that take such a body.
    pub(super) fn rested(&self, kind: Frames) -> Option<PeerId> {
        let idle = match kind {
            Frames::Single => &self.idle,
            Frames::Multi => &self.idle_many,
        };
        idle.first_key_value().map(|(_, &worker)| worker)
    }
}

/// All services that are known.
#[derive(Debug, Default)]
pub(super) struct Services {
    keys: HashMap<ServiceName, ServiceKey>,
    /// Boxed, so that places of services that are gone cost next to nothing.
    all: Vec<Option<Box<Service>>>,
    free: Vec<ServiceKey>,
    /// Those that a worker ever offered. The others are here for requests that are held, and are counted
    /// apart, so that requests for services that nobody offers keep no worker out.
    offered: usize,
    /// What was counted of services that are not known any more.
    gone: Sums,
}

impl Services {
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn offered(&self) -> usize {
        self.offered
    }

    pub(super) fn held(&self) -> usize {
        self.len() - self.offered
    }

    pub(super) fn mark_offered(&mut self, key: ServiceKey) {
        if !self[key].offered {
            self[key].offered = true;
            self.offered += 1;
        }
    }

    pub(super) fn key(&self, name: &ServiceName) -> Option<ServiceKey> {
        self.keys.get(name).copied()
    }

    /// The service of that name, which is added if it is not known and its weight may be held.
    pub(super) fn enter(
        &mut self,
        name: &ServiceName,
        charge: impl FnOnce(usize) -> Result<Charge, MemoryFull>,
    ) -> Result<ServiceKey, MemoryFull> {
        if let Some(key) = self.key(name) {
            return Ok(key);
        }
        debug_assert!(!name.is_too_long(), "refused before");
        let charge = charge(weights::service(name.as_bytes()))?;
        let name = name.detached();
        let key = self.free.pop().unwrap_or_else(|| {
            self.all.push(None);
            ServiceKey(u32::try_from(self.all.len() - 1).expect("services_max is far below"))
        });
        self.keys.insert(name.clone(), key);
        self.all[key.0 as usize] = Some(Box::new(Service::new(name, charge)));
        Ok(key)
    }

    /// The services with their keys from the `from`th key on, in the order of keys.
    pub(super) fn from(&self, from: usize) -> impl Iterator<Item = (ServiceKey, Option<&Service>)> {
        let numbered = (0..).map(ServiceKey).zip(&self.all);
        numbered.skip(from).map(|(key, slot)| (key, slot.as_deref()))
    }

    /// The service of a key that it may have lost.
    pub(super) fn get(&self, key: ServiceKey) -> Option<&Service> {
        self.all.get(key.0 as usize)?.as_deref()
    }

    /// What was counted of services that are not known any more.
    pub(super) fn gone(&self) -> &Sums {
        &self.gone
    }

    /// Drops a service that nobody ever offered, nobody waits for, and no operator holds back.
    pub(super) fn drop_if_unused(&mut self, key: ServiceKey) {
        let slot = &mut self.all[key.0 as usize];
        let unused = |service: &mut Box<Service>| {
            !service.offered && service.queued() == 0 && !service.paused && !service.draining
        };
        if let Some(service) = slot.take_if(unused) {
            if let Some(sums) = service.sums() {
                self.gone.merge(sums);
            }
            self.keys.remove(&service.name);
            if self.keys.capacity() > SHRINK_FROM && self.keys.len() < self.keys.capacity() / 8 {
                self.keys.shrink_to(self.keys.capacity() / 2);
            }
            self.free.push(key);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Service> {
        self.all.iter().flatten().map(AsRef::as_ref)
    }
}

impl std::ops::Index<ServiceKey> for Services {
    type Output = Service;

    fn index(&self, key: ServiceKey) -> &Service {
        self.all[key.0 as usize].as_deref().expect("a service lives while a job or a worker has its key")
    }
}

impl std::ops::IndexMut<ServiceKey> for Services {
    fn index_mut(&mut self, key: ServiceKey) -> &mut Service {
        self.all[key.0 as usize].as_deref_mut().expect("a service lives while a job or a worker has its key")
    }
}
