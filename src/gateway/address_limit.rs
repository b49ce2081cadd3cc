//! How many connections each address has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The addresses that have connections. Locked for a look-up only.
#[derive(Clone, Debug)]
pub(crate) struct AddressLimit {
    max: usize,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection of an address, until dropped.
#[derive(Debug)]
pub(crate) struct AddressSlot {
    addresses: AddressLimit,
    address: IpAddr,
}

impl AddressLimit {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, counts: Arc::default() }
    }

    /// Counts a connection; `None` if the address has as many as it may.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<AddressSlot> {
        let mut counts = self.counts();
        let count = counts.entry(address).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(AddressSlot { addresses: self.clone(), address })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AddressSlot {
    /// The connection lasts as long as this.
    pub(crate) async fn until(self, connection: impl Future<Output = ()>) {
        connection.await;
    }
}

impl Drop for AddressSlot {
    fn drop(&mut self) {
        let mut counts = self.addresses.counts();
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
        let addresses = AddressLimit::new(2);
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let first = addresses.enter(one).expect("none is there");
        let _second = addresses.enter(one).expect("one is there");
        assert!(addresses.enter(one).is_none());
        assert!(addresses.enter(other).is_some());
        drop(first);
        assert!(addresses.enter(one).is_some());
        assert_eq!(addresses.counts().len(), 1);
    }
}
