//! What an operator tells the broker.

use hyper::Method;

use crate::job::percent_encoded;
use crate::supervise::admin::{Admin, AdminError, Told};

/// An order, as the admin port takes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Operation {
    /// Hold back the jobs of a service.
    Pause {
        /// Its name.
        service: String,
    },
    /// Take and give out the jobs of a service again.
    Resume {
        /// Its name.
        service: String,
    },
    /// Take no new jobs for a service.
    Drain {
        /// Its name.
        service: String,
    },
    /// Take no new jobs.
    DrainAll,
    /// Take jobs again.
    ResumeAll,
    /// Try a failed job again.
    Retry {
        /// Its id.
        job: String,
    },
    /// Forget a job.
    Delete {
        /// Its id.
        job: String,
    },
    /// Give a worker no more jobs.
    Retire {
        /// Its connection.
        connection: u64,
        /// Its identity, for the question.
        id: String,
    },
}

impl Operation {
    /// The question to ask before: `pause STR-REV?`. Names are as they came.
    pub fn question(&self) -> String {
        match self {
            Self::Pause { service } => format!("pause {service}?"),
            Self::Resume { service } => format!("resume {service}?"),
            Self::Drain { service } => format!("drain {service}?"),
            Self::DrainAll => "drain the broker?".to_owned(),
            Self::ResumeAll => "resume the broker?".to_owned(),
            Self::Retry { job } => format!("try job {job} again?"),
            Self::Delete { job } => format!("delete job {job}?"),
            Self::Retire { connection, id } => format!("retire worker {id} (connection {connection})?"),
        }
    }

    /// Method and path of the request.
    fn request(&self) -> (Method, String) {
        let of_service =
            |service: &str, what| (Method::POST, format!("/services/{}/{what}", encoded(service)));
        match self {
            Self::Pause { service } => of_service(service, "pause"),
            Self::Resume { service } => of_service(service, "resume"),
            Self::Drain { service } => of_service(service, "drain"),
            Self::DrainAll => (Method::POST, "/drain".to_owned()),
            Self::ResumeAll => (Method::POST, "/resume".to_owned()),
            Self::Retry { job } => (Method::POST, format!("/jobs/{}/retry", encoded(job))),
            Self::Delete { job } => (Method::DELETE, format!("/jobs/{}", encoded(job))),
            Self::Retire { connection, .. } => (Method::POST, format!("/workers/{connection}/retire")),
        }
    }

    /// Gives the order; the line the broker answers with, and which broker it is.
    ///
    /// # Errors
    ///
    /// The broker is away, breaks off, or refuses.
    pub async fn give(&self, admin: &Admin) -> Result<String, AdminError> {
        let (method, path) = self.request();
        let Told { line, broker } = admin.tell(method, &path).await.map_err(said)?;
        let line = if line.is_empty() { "done".to_owned() } else { line };
        Ok(match broker {
            Some(broker) => format!("{line}, at the broker {broker}"),
            None => line,
        })
    }
}

/// A refusal without a line of its own is told by its number.
fn said(error: AdminError) -> AdminError {
    match error {
        AdminError::Refused { status, line } if line.is_empty() => {
            AdminError::Refused { status, line: format!("the broker refuses, with HTTP status {status}") }
        }
        AdminError::Refused { .. } | AdminError::Away { .. } | AdminError::Broken { .. } => error,
    }
}

/// A name as a part of a path or as a value of a query: all but letters, digits and `-._~` percent-encoded.
pub(super) fn encoded(name: &str) -> String {
    // A part that is only dots would be a step in the path.
    match name.bytes().all(|byte| byte == b'.') {
        true => name.replace('.', "%2E"),
        false => percent_encoded(name.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::tests::{Broker, run};

    fn requests() -> Vec<Operation> {
        let service = "a/ü ?".to_owned();
        let job = "00C0-FFEE".to_owned();
        vec![
            Operation::Pause { service: service.clone() },
            Operation::Resume { service: "..".to_owned() },
            Operation::Drain { service },
            Operation::DrainAll,
            Operation::ResumeAll,
            Operation::Retry { job: job.clone() },
            Operation::Delete { job },
            Operation::Retire { connection: 7, id: "W1".to_owned() },
        ]
    }

    #[test]
    fn each_order_has_its_route() {
        run(async {
            let broker = Broker::start(|_| (200, "as you wish\n".to_owned())).await;
            for order in requests() {
                assert_eq!(order.give(&broker.admin).await.expect("it obeys"), "as you wish");
            }
            insta::assert_snapshot!(broker.requests().join("\n"), @r"
            POST /services/a%2F%C3%BC%20%3F/pause
            POST /services/%2E%2E/resume
            POST /services/a%2F%C3%BC%20%3F/drain
            POST /drain
            POST /resume
            POST /jobs/00C0-FFEE/retry
            DELETE /jobs/00C0-FFEE
            POST /workers/7/retire
            ");
        });
    }

    #[test]
    fn a_refusal_is_the_brokers_own_line_or_its_number() {
        run(async {
            let broker = Broker::start(|request| match request {
                "POST /drain" => (409, "it is stopping already\n".to_owned()),
                _ => (404, String::new()),
            })
            .await;
            let refusal =
                async |order: Operation| order.give(&broker.admin).await.expect_err("it refuses").to_string();
            assert_eq!(refusal(Operation::DrainAll).await, "it is stopping already");
            assert_eq!(refusal(Operation::ResumeAll).await, "the broker refuses, with HTTP status 404");
        });
    }
}
