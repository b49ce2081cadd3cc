//! A wake-up for one task of the same thread.

use std::cell::{Cell, RefCell};
use std::task::{Context, Waker};

/// Wakes the one task that waits for something, which looks itself whether it is there.
///
/// One thread and one waiter, so it takes neither a lock nor a place in a list: with `Notify` the looks in vain
/// alone cost 340 instructions a job, since each message makes several tasks look.
#[derive(Debug, Default)]
pub(super) struct Signal {
    /// Kept from wait to wait: it is the same task's, as a rule.
    waker: RefCell<Option<Waker>>,
    waits: Cell<bool>,
}

impl Signal {
    /// The task is woken by the next [`Signal::wake`].
    pub(super) fn register(&self, context: &Context<'_>) {
        self.waits.set(true);
        let mut waker = self.waker.borrow_mut();
        match &mut *waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
    }

    pub(super) fn wake(&self) {
        if self.waits.take()
            && let Some(waker) = &*self.waker.borrow()
        {
            waker.wake_by_ref();
        }
    }
}
