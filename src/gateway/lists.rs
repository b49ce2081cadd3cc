//! The broker's lists: asked for once by all who want one at the same time.
//!
//! A list is as new as who asks for it, at least: one that was asked for before is not for him, as what he did meanwhile
//! is not in it.

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::time::{Duration, Instant, timeout};

use crate::client::{CallError, Client};
use crate::message::View;

/// The last answer of each list, and when it was asked for.
#[derive(Debug, Default)]
pub(crate) struct Lists([Mutex<Option<List>>; 4]);

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
        let asking = async {
            let mut last = self.0[place].lock().await;
            if let Some(list) = last.as_ref().filter(|list| list.asked_at >= not_before) {
                return Ok(list.clone());
            }
            *last = None; // its memory is for the next one
            let asked_at = Instant::now();
            let json = client.timeout(limit).list(view).await?;
            let list = List { asked_at, json };
            // Kept while somebody is likely to have waited for it.
            *last = Some(list.clone());
            Ok(list)
        };
        timeout(limit, asking).await.unwrap_or(Err(CallError::Timeout { job: None }))
    }
}
