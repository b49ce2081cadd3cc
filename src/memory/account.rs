//! An account, and the charges that are made to it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::{MemoryFull, Purpose, Total};

/// What is held for one purpose. Cloning gives the same account.
#[derive(Clone)]
pub struct Account(Arc<Holding>);

struct Holding {
    purpose: Purpose,
    held: AtomicUsize,
    total: Arc<Total>,
}

impl Account {
    pub(super) fn new(purpose: Purpose, total: Arc<Total>) -> Self {
        Self(Arc::new(Holding { purpose, held: AtomicUsize::new(0), total }))
    }

    /// What it is for.
    pub fn purpose(&self) -> Purpose {
        self.0.purpose
    }

    /// Bytes that its charges hold.
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }

    /// Holds `bytes` until the charge is dropped.
    ///
    /// # Errors
    ///
    /// All accounts together would hold more than is allowed.
    pub fn charge(&self, bytes: usize) -> Result<Charge, MemoryFull> {
        let mut charge = self.empty();
        charge.resize(bytes)?;
        Ok(charge)
    }

    /// Holds `bytes` whatever the maximum is: for what was promised, or is there already and bounded elsewhere.
    pub fn charge_promised(&self, bytes: usize) -> Charge {
        let mut charge = self.empty();
        charge.set(bytes);
        charge
    }

    /// A charge of nothing, to be resized.
    pub fn empty(&self) -> Charge {
        Charge { account: self.clone(), bytes: 0 }
    }

    fn add(&self, bytes: usize) {
        self.0.held.fetch_add(bytes, Ordering::Relaxed);
        self.0.total.held.fetch_add(bytes, Ordering::Relaxed);
    }

    fn give_back(&self, bytes: usize) {
        self.0.held.fetch_sub(bytes, Ordering::Relaxed);
        self.0.total.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn has_room(&self, more: usize) -> Result<(), MemoryFull> {
        let held = self.0.total.held.load(Ordering::Relaxed);
        let max = self.0.total.max.load(Ordering::Relaxed);
        if held.checked_add(more).is_some_and(|sum| sum <= max) {
            return Ok(());
        }
        self.0.total.refused.fetch_add(1, Ordering::Relaxed);
        Err(MemoryFull { purpose: self.0.purpose, held, max })
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({}: {})", self.0.purpose.name(), self.held())
    }
}

/// Bytes that are held on an account, and given back when this is dropped.
#[must_use = "what is charged is given back as soon as the charge is dropped"]
pub struct Charge {
    account: Account,
    bytes: usize,
}

impl Charge {
    /// Bytes it holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Holds `bytes` from now on.
    ///
    /// # Errors
    ///
    /// It would be more than before, and all accounts together more than is allowed; it holds what it held.
    pub fn resize(&mut self, bytes: usize) -> Result<(), MemoryFull> {
        if bytes > self.bytes {
            self.account.has_room(bytes - self.bytes)?;
        }
        self.set(bytes);
        Ok(())
    }

    /// Holds `bytes` from now on, whatever the maximum is.
    pub fn set(&mut self, bytes: usize) {
        if bytes > self.bytes {
            self.account.add(bytes - self.bytes);
        } else if bytes < self.bytes {
            self.account.give_back(self.bytes - bytes);
        }
        self.bytes = bytes;
    }
}

impl Charge {
    /// Bytes that hold the charge for as long as any slice of them is there.
    pub fn around(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Charged { bytes, _charge: self })
    }
}

struct Charged {
    bytes: Bytes,
    _charge: Charge,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.give_back(self.bytes);
    }
}

impl fmt::Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Charge({} of {})", self.bytes, self.account.purpose().name())
    }
}
