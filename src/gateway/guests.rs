//! How many connections each address has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The addresses that have connections. Locked for a look-up only.
#[derive(Clone, Debug)]
pub(crate) struct Guests {
    max: usize,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection of an address, until dropped.
#[derive(Debug)]
pub(crate) struct Guest {
    guests: Guests,
    address: IpAddr,
}

impl Guests {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, counts: Arc::default() }
    }

    /// Counts a connection; `None` if the address has as many as it may.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Guest> {
        let mut counts = self.counts();
        let count = counts.entry(address).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Guest { guests: self.clone(), address })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// The connection lasts as long as this.
    pub(crate) async fn until(self, connection: impl Future<Output = ()>) {
        connection.await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut counts = self.guests.counts();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_so_many_and_another_as_many_again() {
        let guests = Guests::new(2);
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let first = guests.enter(one).expect("none is there");
        let _second = guests.enter(one).expect("one is there");
        assert!(guests.enter(one).is_none());
        assert!(guests.enter(other).is_some());
        drop(first);
        assert!(guests.enter(one).is_some());
        assert_eq!(guests.counts().len(), 1);
    }
}
