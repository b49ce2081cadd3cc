//! Waiting until the broker has nothing left to do.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::operation::encoded;
use crate::admin::status::{Job, Status};
use crate::supervise::admin::{Admin, AdminError};

/// How often the broker is asked.
const EVERY: Duration = Duration::from_millis(250);

/// Returns when no job of a service, or of all services, is queued or active.
///
/// # Errors
///
/// The broker is away or breaks off: then nobody knows.
pub async fn until_idle(admin: &Admin, service: Option<&str>) -> Result<(), AdminError> {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let idle = match service {
            Some(service) => {
                // The status leaves out services when there are many; this list does not.
                let path = format!("/jobs?service={}&limit=1", encoded(service));
                admin.get::<Vec<Job>>(&path).await?.is_empty()
            }
            None => {
                let totals = admin.get::<Status>("/status").await?.totals;
                totals.queued == 0 && totals.active == 0
            }
        };
        if idle {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::site::examples;
    use super::super::tests::{Broker, run};
    use super::*;

    #[test]
    fn it_ends_with_the_last_job_of_all() {
        run(async {
            let left = Cell::new(3);
            let broker = Broker::start(move |_| {
                left.set(left.get() - 1);
                let mut status = examples::status(Vec::new());
                (status.totals.queued, status.totals.active) = (left.get() / 2, left.get() % 2);
                (200, serde_json::to_string(&status).expect("it is JSON"))
            })
            .await;
            until_idle(&broker.admin, None).await.expect("the broker answers");
            assert_eq!(broker.requests(), ["GET /status"; 3]);
        });
    }

    #[test]
    fn it_ends_with_the_last_job_of_a_service() {
        run(async {
            let first = Cell::new(true);
            let broker = Broker::start(move |_| {
                let job = Job::default();
                let jobs = if first.replace(false) { vec![job] } else { Vec::new() };
                (200, serde_json::to_string(&jobs).expect("it is JSON"))
            })
            .await;
            until_idle(&broker.admin, Some("A B&")).await.expect("the broker answers");
            assert_eq!(broker.requests(), ["GET /jobs?service=A%20B%26&limit=1"; 2]);
        });
    }

    #[test]
    fn a_broker_that_does_not_say_is_an_error() {
        run(async {
            let broker = Broker::start(|_| (200, "<html>".to_owned())).await;
            assert!(until_idle(&broker.admin, None).await.is_err());
        });
    }
}
