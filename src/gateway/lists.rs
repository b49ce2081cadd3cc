//! The broker's lists: asked for once by all who want one at the same time.
//!
//! A list is as new as who asks for it, at least: one that was asked for before is not for him, as what he did meanwhile
//! is not in it.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::time::{Duration, Instant, timeout};

use crate::client::{CallError, Client};
use crate::message::View;

/// The last answer of each list while somebody waits for it.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    last: [Mutex<Option<List>>; 4],
    waiters: [AtomicUsize; 4],
}

/// One who wants a list, until dropped.
struct Waiter<'a>(&'a AtomicUsize);

impl<'a> Waiter<'a> {
    fn one_more(waiters: &'a AtomicUsize) -> Self {
        waiters.fetch_add(1, Ordering::Relaxed);
        Self(waiters)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A JSON array, and the moment before which nothing in it happened that is not shown.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) asked_at: Instant,
    pub(crate) json: Bytes,
}

impl Lists {
    /// A list that was asked for at `not_before` or later. Whoever comes first asks for all who wait.
    pub(crate) async fn get(
        &self,
        client: &Client,
        view: View,
        not_before: Instant,
        limit: Duration,
    ) -> Result<List, CallError> {
        let place = match view {
            View::Jobs => 0,
            View::Active => 1,
            View::History => 2,
            View::Workers => 3,
        };
        let waiters = &self.waiters[place];
        let _waiter = Waiter::one_more(waiters);
        let asking = async {
            let mut last = self.last[place].lock().await;
            let list = match last.take().filter(|list| list.asked_at >= not_before) {
                Some(list) => list,
                None => {
                    let asked_at = Instant::now();
                    List { asked_at, json: client.timeout(limit).list(view).await? }
                }
            };
            // Kept for those who wait; who comes later asks anew.
            let others_wait = waiters.load(Ordering::Relaxed) > 1;
            *last = others_wait.then(|| list.clone());
            Ok(list)
        };
        timeout(limit, asking).await.unwrap_or(Err(CallError::Timeout { job: None }))
    }
}
