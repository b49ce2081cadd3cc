//! Why a call has no result, in one line for whoever typed it.

use std::time::Duration;

use serde_json::Value;
use zmws::client::{CallError, Client};
use zmws::console::text::printable;
use zmws::job::{Body, JobId};
use zmws::message::View;

use super::super::{Failure, process};
use super::{Args, for_people};

/// How long the broker may take to say what it has.
const PATIENCE: Duration = Duration::from_secs(2);

impl Args {
    /// Says why. Asks the broker and the resolver, if they know more.
    pub(super) async fn failure(&self, client: &Client, error: &CallError) -> Failure {
        let service = printable(&self.service);
        match error {
            CallError::Failed { job, body, .. } => failed(&service, *job, body),
            CallError::Refused { body, .. } if !body.is_empty() => {
                let reason = String::from_utf8_lossy(&for_people(body)).trim().to_owned();
                format!("the broker did not take the job of {service}: {}", printable(&reason))
            }
            CallError::Refused { .. } => self.refused(client).await,
            CallError::Unavailable => self.unavailable().await,
            CallError::Timeout { job } => {
                let limit = self.timeout;
                let named = job.map_or_else(|| "the job".to_owned(), |job| format!("job {job}"));
                format!("no answer from {service} within {limit:?} (--timeout); {named} may yet be done")
            }
            CallError::Lost => {
                format!(
                    "the connection to the broker was lost; whether the job of {service} is done is unknown"
                )
            }
            CallError::Garbled => {
                format!("the broker answered something else than a result of {service}; see --dialect")
            }
            _ => error.to_string(),
        }
    }

    /// The broker refuses a service that it does not know, and one of which it takes no more jobs, in the same words.
    /// It knows those that it has workers or jobs of.
    async fn refused(&self, client: &Client) -> Failure {
        let service = printable(&self.service);
        if let Some(plain) = self.service.strip_prefix("SYNC-") {
            let plain = printable(plain);
            return format!(
                "no worker offers {service}; call waits for the result by itself: zmws call {plain}"
            );
        }
        match self.is_known(client).await {
            Some(false) => {
                format!("no worker offers {service}; `zmws status` shows the services that there are")
            }
            Some(true) => format!(
                "the broker takes no more jobs of {service} now: it drains or is full; `zmws status` says which"
            ),
            None => format!(
                "the broker refused the job: no worker ever offered {service}, or it takes no more jobs"
            ),
        }
    }

    /// `None`: the broker does not say.
    async fn is_known(&self, client: &Client) -> Option<bool> {
        let client = client.timeout(PATIENCE);
        for view in [View::Workers, View::Jobs, View::Active] {
            let list = client.list(view).await.ok()?;
            let list: Vec<Value> = serde_json::from_slice(&list).ok()?;
            if list.iter().any(|entry| entry["service"] == self.service.as_str()) {
                return Some(true);
            }
        }
        Some(false)
    }

    async fn unavailable(&self) -> Failure {
        let (mut places, mut unknown) = (Vec::new(), Vec::new());
        for host in &self.host {
            let place = process::host_port(host, self.port);
            match tokio::net::lookup_host(place.clone()).await {
                Ok(_) => places.push(place),
                Err(error) => unknown.push(format!("the host {host} cannot be resolved: {error}")),
            }
        }
        if !places.is_empty() {
            unknown.insert(0, format!("no broker answers at {}; is it running?", places.join(" or ")));
        }
        printable(&unknown.join("; "))
    }
}

fn failed(service: &str, job: Option<JobId>, body: &Body) -> Failure {
    let job = job.map_or_else(|| "the job".to_owned(), |id| format!("job {id}"));
    let reason = String::from_utf8_lossy(&for_people(body)).trim().to_owned();
    match reason.is_empty() {
        true => format!("{job} of {service} failed, and its worker gave no reason"),
        // In one line, whatever it is.
        false => format!("{job} of {service} failed: {}", printable(&reason.replace('\n', "; "))),
    }
}
