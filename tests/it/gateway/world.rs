//! A broker, workers and a gateway in this process, and the time they may take.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, LocalSet, spawn_local, yield_now};
use tokio::time::timeout;
use zmws::gateway::{self, Config};
use zmws::server::{self, Server, StartError};
use zmws::transport::{Dealer, DealerEvent, DealerOptions};

use super::http::{Http, Response};

/// Runs a test on one thread, as the broker wants it, for half a minute at most.
pub(crate) fn play(test: impl Future<Output = ()>) {
    play_for(30, test);
}

/// Runs a test on one thread, for so many seconds at most.
pub(crate) fn play_for(seconds: u64, test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let bounded = async { timeout(Duration::from_secs(seconds), test).await };
    LocalSet::new().block_on(&runtime, bounded).expect("done in time");
}

/// A task that ends with its owner.
pub(crate) struct Task<T>(pub(crate) JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Everything.
pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) workers: Vec<Task<()>>,
    pub(crate) gateway: SocketAddr,
    /// Lets the worker of HANG answer the job it has.
    pub(crate) release: Rc<Notify>,
    _gateway: Task<()>,
}

impl World {
    /// With the workers DEMO, STR-REV and HANG.
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// The same, with other settings.
    pub(crate) async fn with(set: impl FnOnce(&mut Config)) -> Self {
        Self::at(Broker::start(), set).await
    }

    /// In front of a broker.
    pub(crate) async fn at(broker: Broker, set: impl FnOnce(&mut Config)) -> Self {
        let release = Rc::new(Notify::new());
        let mut config = config(broker.clients);
        set(&mut config);
        let (gateway, task) = gateway(config).await;
        let mut world = Self { broker, workers: Vec::new(), gateway, release, _gateway: task };
        world.hire().await;
        world
    }

    /// Starts the workers, and waits until the broker knows them.
    pub(crate) async fn hire(&mut self) {
        self.workers = ["DEMO", "STR-REV", "HANG"].map(|service| self.worker(service)).into();
        self.broker.until_known(&["DEMO", "STR-REV", "HANG"]).await;
    }

    /// A worker of RAW that answers a job with a JSON text; the broker knows it.
    pub(crate) async fn hire_raw(&self, value: &str) -> Task<()> {
        let worker = Task(spawn_local(raw(self.broker.workers, value.to_owned())));
        self.broker.until_known(&["RAW"]).await;
        worker
    }

    /// A worker of a service.
    pub(crate) fn worker(&self, service: &'static str) -> Task<()> {
        Task(spawn_local(worker(self.broker.workers, service, Rc::clone(&self.release))))
    }

    pub(crate) async fn connect(&self) -> Http {
        Http::connect(self.gateway).await
    }

    /// `METHOD target` on a connection of its own.
    pub(crate) async fn ask(&self, line: &str) -> Response {
        self.connect().await.ask(line).await
    }

    /// A request with headers and a body, on a connection of its own.
    pub(crate) async fn post(&self, line: &str, headers: &str, body: &str) -> Response {
        self.connect().await.post(line, headers, body).await
    }
}

/// Settings for a broker at an address.
pub(crate) fn config(broker: SocketAddr) -> Config {
    Config { servers: vec![broker.to_string()], ..Config::default() }
}

/// A gateway at a port of its own.
pub(crate) async fn gateway(config: Config) -> (SocketAddr, Task<()>) {
    let listener = gateway::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    (address, Task(spawn_local(gateway::serve(listener, config, std::future::pending()))))
}

/// A broker of ours.
pub(crate) struct Broker {
    pub(crate) clients: SocketAddr,
    pub(crate) workers: SocketAddr,
    task: Task<()>,
}

impl Broker {
    /// At ports that the system chooses.
    pub(crate) fn start() -> Self {
        Self::with(|_| ())
    }

    /// The same, with other settings.
    pub(crate) fn with(set: impl FnOnce(&mut server::Config)) -> Self {
        Self::try_start(0, 0, set).expect("free ports")
    }

    fn try_start(
        client_port: u16,
        worker_port: u16,
        set: impl FnOnce(&mut server::Config),
    ) -> Result<Self, StartError> {
        let mut config = server::Config {
            client_port,
            worker_port,
            news_port: 0,
            admin: None,
            ..server::Config::default()
        };
        set(&mut config);
        let server = Server::bind(config)?;
        let addresses = server.addresses();
        let run = async move {
            let (_stopper, stopped) = server::stopper();
            let _farewell = server.run(stopped).await;
        };
        Ok(Self { clients: addresses.clients, workers: addresses.workers, task: Task(spawn_local(run)) })
    }

    /// Dies without a word.
    pub(crate) async fn die(&mut self) {
        self.task.0.abort();
        let _cancelled = (&mut self.task.0).await;
    }

    /// Dies, and comes back at the same ports knowing nothing.
    pub(crate) async fn restart(&mut self) {
        self.die().await;
        let (clients, workers) = (self.clients.port(), self.workers.port());
        *self = loop {
            // The old listeners are closed by tasks that have to run first.
            match Self::try_start(clients, workers, |_| ()) {
                Ok(broker) => break broker,
                Err(_) => yield_now().await,
            }
        };
    }

    /// Waits until workers have told the broker of these services.
    pub(crate) async fn until_known(&self, services: &[&str]) {
        let client = zmws::client::Client::builder().servers([self.clients.to_string()]).connect();
        loop {
            let list = client.list(zmws::message::View::Workers).await.expect("the broker answers");
            let list = String::from_utf8_lossy(&list).into_owned();
            if services.iter().all(|service| list.contains(&format!("\"service\":\"{service}\""))) {
                return;
            }
            yield_now().await;
        }
    }
}

/// A zmws 1 worker, as PHP's: READY, then a job at a time.
pub(crate) async fn worker(broker: SocketAddr, service: &'static str, release: Rc<Notify>) {
    let mut dealer = Dealer::connect(broker.to_string(), DealerOptions::default());
    let sender = dealer.sender();
    let say = |frames: Vec<Bytes>| sender.try_send(frames).expect("room for a message");
    loop {
        let frames = match dealer.recv().await {
            DealerEvent::Connected(_) => {
                say(vec![service.into(), "READY".into()]);
                continue;
            }
            DealerEvent::Disconnected(_) => continue,
            DealerEvent::Message(frames) | DealerEvent::TooLarge { frames, .. } => frames,
        };
        let [.., param, job] = &frames[..] else {
            say(vec!["HEARTBEAT".into()]);
            continue;
        };
        let id = job.strip_prefix(b"JOB: ").expect("a job");
        let word = |verb: &str| Bytes::from([verb.as_bytes(), id].concat());
        let value = |value: &Value| Bytes::from(format!("PARAM-JSON: {value}"));
        let name = Bytes::from(service);
        let param = param.strip_prefix(b"PARAM-JSON: ").unwrap_or(b"{}");
        let param: Value = serde_json::from_slice(param).expect("a parameter in JSON");
        match (service, param["do"].as_str()) {
            ("HANG", _) => {
                release.notified().await;
                say(vec![value(&json!("late")), name, word("COMPLETE: ")]);
            }
            ("STR-REV", _) => {
                let text = param["str"].as_str().unwrap_or_default();
                let reversed: String = text.chars().rev().collect();
                say(vec![value(&json!(reversed)), name, word("COMPLETE: ")]);
            }
            (_, Some("fail")) => say(vec![name, word("FAIL: ")]),
            (_, Some("big")) => {
                let bytes = param["bytes"].as_u64().and_then(|bytes| usize::try_from(bytes).ok());
                say(vec![value(&json!("x".repeat(bytes.expect("a size")))), name, word("COMPLETE: ")]);
            }
            (_, Some("null")) => say(vec![name, word("COMPLETE: ")]),
            (_, Some("stream")) => {
                for part in 0..3 {
                    say(vec![value(&json!(format!("part {part}"))), name.clone(), word("CONT: ")]);
                }
                say(vec![value(&json!("end")), name, word("COMPLETE: ")]);
            }
            (_, Some(_) | None) => say(vec![value(&param), name, word("COMPLETE: ")]),
        }
    }
}

/// A worker of RAW.
async fn raw(broker: SocketAddr, value: String) {
    let mut dealer = Dealer::connect(broker.to_string(), DealerOptions::default());
    let sender = dealer.sender();
    loop {
        let answer = match dealer.recv().await {
            DealerEvent::Connected(_) => vec!["RAW".into(), "READY".into()],
            DealerEvent::Message(frames) if frames.len() > 2 => {
                let id = frames.last().and_then(|job| job.strip_prefix(b"JOB: ")).expect("a job");
                let end = Bytes::from([b"COMPLETE: ", id].concat());
                vec![Bytes::from(format!("PARAM-JSON: {value}")), "RAW".into(), end]
            }
            DealerEvent::Message(_) => vec!["HEARTBEAT".into()],
            DealerEvent::TooLarge { .. } | DealerEvent::Disconnected(_) => continue,
        };
        sender.try_send(answer).expect("room for a message");
    }
}
