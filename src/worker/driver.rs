//! One session on its socket: the loop that carries out what the session says.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{Instrument, debug, error, info, info_span, warn};

use super::Settings;
use super::answer::Answer;
use super::cancel::Cancellation;
use super::job::{Job, Label, Surroundings};
use super::session::{self, Action, Event, Order, Session};
use crate::job::{Body, ServiceName, Timestamp};
use crate::message::{Dialect, Outcome, WorkerCommand, WorkerOrder};
use crate::transport::{Dealer, DealerEvent, DealerOptions, DealerSender, SendError};
use crate::wire;
use crate::zmtp::PeerInfo;

/// The work itself, whatever its form.
pub(crate) type Work = Arc<dyn Fn(Job) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

/// What the worker as a whole asks of its drivers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// Serve.
    Serve,
    /// Finish what runs.
    Drain,
    /// Leave at once.
    Leave,
}

/// A session, its socket, and its running job.
pub(crate) struct Driver {
    service: ServiceName,
    settings: Arc<Settings>,
    work: Work,
    born: Instant,
    session: Session,
    link: Link,
    running: Option<Running>,
    /// That no connection can be made has been said, and none has been made since.
    told: bool,
    stage: watch::Receiver<Stage>,
}

/// The connection that the session asked for last.
struct Link {
    address: String,
    dealer: Dealer,
    sender: DealerSender,
    dialect: Dialect,
    up: bool,
    /// What the dealer's queue has no room for.
    overflow: VecDeque<Vec<Bytes>>,
}

struct Running {
    /// A set, since a set takes its task with it when it is dropped.
    task: JoinSet<Answer>,
    parts: mpsc::Receiver<Body>,
    cancel: watch::Sender<bool>,
    label: String,
}

/// Why the loop woke up.
enum Wake {
    Socket(DealerEvent),
    Written,
    Part(Body),
    Ended(Result<Answer, JoinError>),
    Deadline,
    Stage(Stage),
}

impl Driver {
    /// Begins to connect. `seed` makes the identities.
    pub(crate) fn new(
        service: ServiceName,
        settings: Arc<Settings>,
        work: Work,
        seed: u64,
        stage: watch::Receiver<Stage>,
    ) -> Self {
        let born = Instant::now();
        let config = session::Config {
            service: service.clone(),
            servers: settings.servers.len(),
            heartbeat_us: micros(settings.heartbeat),
            tries: settings.tries,
            seed,
        };
        let mut actions = Vec::new();
        let session = Session::new(config, Timestamp(0), &mut actions);
        let Some(Action::Connect { server, identity }) = actions.pop() else {
            unreachable!("a session begins with Connect");
        };
        let link = Link::open(&settings, server, identity);
        Self { service, settings, work, born, session, link, running: None, told: false, stage }
    }

    /// Runs until the worker is told to stop.
    pub(crate) async fn run(mut self) {
        let mut actions = Vec::new();
        loop {
            let wake = self.wake().await;
            if matches!(wake, Wake::Stage(Stage::Leave)) {
                return self.leave().await;
            }
            let by_silence = matches!(wake, Wake::Deadline);
            self.handle(wake, &mut actions);
            for action in std::mem::take(&mut actions) {
                if by_silence && matches!(action, Action::Connect { .. }) {
                    warn!(service = %self.service, "server silent, trying the next");
                }
                if action == Action::Close {
                    return self.link.close().await;
                }
                self.carry_out(action);
            }
        }
    }

    async fn wake(&mut self) -> Wake {
        let Self { link: Link { dealer, sender, overflow, .. }, running, session, born, stage, .. } = self;
        let (first, room) = (overflow.front().cloned(), overflow.len() < OVERFLOW_MAX);
        let deadline = session.deadline().map(|at| *born + Duration::from_micros(at.0));
        tokio::select! {
            event = dealer.recv() => Wake::Socket(event),
            _ = sender.send(first.unwrap_or_default()), if !overflow.is_empty() => {
                overflow.pop_front();
                Wake::Written
            }
            wake = next_report(running, room) => wake,
            () = sleep_until(deadline.unwrap_or(*born)), if deadline.is_some() => Wake::Deadline,
            stage = next_stage(stage) => Wake::Stage(stage),
        }
    }

    fn handle(&mut self, wake: Wake, actions: &mut Vec<Action>) {
        let now = Timestamp(micros(self.born.elapsed()));
        let event = match wake {
            Wake::Socket(DealerEvent::Connected(info)) => self.connected(&info),
            Wake::Socket(DealerEvent::Message(_) | DealerEvent::TooLarge { .. })
                if self.link.overflow.len() > UNSENT_MAX =>
            {
                warn!(service = %self.service, "the broker asks and does not read, leaving it for a while");
                Event::Order(WorkerOrder::Disconnect)
            }
            Wake::Socket(DealerEvent::Message(frames) | DealerEvent::TooLarge { frames, .. }) => {
                self.decode(frames)
            }
            Wake::Socket(DealerEvent::Disconnected(why)) => {
                self.disconnected(&why);
                Event::Disconnected
            }
            Wake::Part(body) => Event::Partial(body),
            Wake::Ended(result) => return self.ended(now, result, actions),
            Wake::Deadline => Event::Tick,
            Wake::Stage(Stage::Drain) => Event::Drain,
            Wake::Written | Wake::Stage(Stage::Serve | Stage::Leave) => return,
        };
        self.session.handle(now, event, actions);
    }

    fn connected(&mut self, info: &PeerInfo) -> Event {
        let ours = || info.properties.iter().any(|(name, _)| name.eq_ignore_ascii_case(OURS));
        self.link.dialect = self.settings.dialect.unwrap_or_else(|| match ours() {
            true => Dialect::Zmws2,
            false => Dialect::Zmws1,
        });
        self.link.up = true;
        self.told = false;
        info!(service = %self.service, dialect = ?self.link.dialect, "connected");
        if let Some(connected) = &self.settings.connected {
            connected(&self.link.address);
        }
        Event::Connected(self.link.dialect)
    }

    fn disconnected(&mut self, reason: &str) {
        match std::mem::replace(&mut self.link.up, false) {
            true => info!(service = %self.service, reason, "disconnected"),
            // Once an outage, and not once a try.
            false if !std::mem::replace(&mut self.told, true) => {
                warn!(service = %self.service, address = self.link.address, reason, "broker not reached, trying on");
            }
            false => debug!(service = %self.service, reason, "not connected"),
        }
    }

    fn decode(&self, frames: Vec<Bytes>) -> Event {
        match wire::decode_worker_order(self.link.dialect, frames) {
            Ok(order) => Event::Order(order),
            Err(error) => {
                warn!(service = %self.service, dialect = ?self.link.dialect, %error, "not an order");
                Event::Unreadable
            }
        }
    }

    fn ended(&mut self, now: Timestamp, result: Result<Answer, JoinError>, actions: &mut Vec<Action>) {
        let Some(mut running) = self.running.take() else { return };
        while let Ok(body) = running.parts.try_recv() {
            self.session.handle(now, Event::Partial(body), actions);
        }
        // What a panic says is for the worker's log, where it is already.
        let answer = result.unwrap_or_else(|_| Answer::Failed("the function panicked".to_owned()));
        if let Answer::Failed(reason) = &answer {
            let reason = if reason.is_empty() { "the function returned false" } else { reason };
            warn!(service = %self.service, job = running.label, reason, "job failed");
        } else {
            debug!(service = %self.service, job = running.label, "job done");
        }
        let event = match answer.into_outcome(self.link.dialect) {
            Some((outcome, body)) => Event::Finished { outcome, body },
            None => Event::GivenBack,
        };
        self.session.handle(now, event, actions);
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Connect { server, identity } => self.link = Link::open(&self.settings, server, identity),
            Action::Send(command) => self.link.send(command),
            Action::Start(order) => self.start(order),
            Action::Abandon => {
                if let Some(running) = &self.running {
                    warn!(service = %self.service, job = running.label, "nobody waits for the job any more");
                    running.cancel.send_replace(true);
                }
            }
            Action::Idle => {
                if let Some(idle) = &self.settings.idle {
                    idle();
                }
            }
            Action::Close => {}
        }
    }

    fn start(&mut self, order: Order) {
        let label = Label(&order.job).to_string();
        let span = info_span!("job", job = label, service = %self.service);
        let (sender, parts) = mpsc::channel(PARTS);
        let (cancel, cancellation) = Cancellation::new();
        let job = Job::new(
            order,
            Surroundings {
                service: self.service.clone(),
                dialect: self.link.dialect,
                bare: self.settings.bare_param,
                parts: sender,
                cancellation,
            },
        );
        let work = Arc::clone(&self.work);
        let mut task = JoinSet::new();
        // Called inside the task, so that a panic in the function itself is caught there, too.
        task.spawn(async move { work(job).await }.instrument(span));
        self.running = Some(Running { task, parts, cancel, label });
    }

    /// The time of grace is over. What runs is told so, and has ended before the broker hears of it by the closed
    /// connection and gives the job to another.
    async fn leave(self) {
        let Some(Running { mut task, parts, cancel, label }) = self.running else { return };
        warn!(service = %self.service, job = label, "cut off: its time of grace is over, it goes back to the broker");
        // Nobody waits for a part any more.
        drop(parts);
        cancel.send_replace(true);
        if timeout(self.settings.margin().max(ENDING_MIN), task.join_next()).await.is_err() {
            warn!(service = %self.service, job = label, "left behind: it does not heed its cancellation");
        }
    }
}

/// Parts come before the end, and wait while there is no room for them.
async fn next_report(running: &mut Option<Running>, room: bool) -> Wake {
    let Some(Running { task, parts, .. }) = running else { return pending().await };
    tokio::select! {
        biased;
        Some(body) = parts.recv(), if room => Wake::Part(body),
        Some(result) = task.join_next() => Wake::Ended(result),
        else => pending().await,
    }
}

async fn next_stage(stage: &mut watch::Receiver<Stage>) -> Stage {
    match stage.changed().await {
        Ok(()) => *stage.borrow_and_update(),
        Err(_) => Stage::Leave,
    }
}

impl Link {
    fn open(settings: &Settings, server: usize, identity: Bytes) -> Self {
        let address = &settings.servers[server];
        let name = String::from_utf8_lossy(&identity);
        info!(address, identity = %name, "connecting");
        let options = DealerOptions { identity, reconnect_max: RECONNECT_MAX, ..DealerOptions::default() };
        let dealer = Dealer::connect(address.clone(), options);
        let dialect = settings.dialect.unwrap_or(Dialect::Zmws1);
        Self {
            address: address.clone(),
            sender: dealer.sender(),
            dealer,
            dialect,
            up: false,
            overflow: VecDeque::new(),
        }
    }

    fn send(&mut self, command: WorkerCommand) {
        match (wire::encode_worker_command(self.dialect, &command), command) {
            (Some(frames), _) => self.push(frames),
            // The answer has a form that the dialect lacks: the client must hear of an end all the same.
            (None, WorkerCommand::Finish { job, service, outcome: Outcome::Complete, .. }) => {
                error!(job = %Label(&job), dialect = ?self.dialect, "no form for this answer, so it fails");
                let (outcome, body) = (Outcome::Fail, Body::EMPTY);
                self.send(WorkerCommand::Finish { job, service, outcome, body });
            }
            // What it holds is not said: it may be a part of a result.
            (None, _) => debug!(dialect = ?self.dialect, "the dialect has no word for this message"),
        }
    }

    fn push(&mut self, frames: Vec<Bytes>) {
        if !self.overflow.is_empty() {
            return self.overflow.push_back(frames);
        }
        if self.sender.try_send(frames.clone()) == Err(SendError::Full) {
            self.overflow.push_back(frames);
        }
    }

    async fn close(self) {
        let Self { dealer, sender, overflow, up, .. } = self;
        if !up && overflow.is_empty() && sender.is_empty() {
            // No broker, and nothing to tell it: nobody is waited for.
            return;
        }
        let rest = async {
            for frames in overflow {
                let _ = sender.send(frames).await;
            }
        };
        let _ = timeout(LINGER, rest).await;
        dealer.close(LINGER).await;
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The READY property by which a broker of ours is known: it takes zmws 2 from workers.
const OURS: &[u8] = b"X-Zmws";
/// The longest wait before connecting again: a worker is back soon after its broker.
const RECONNECT_MAX: Duration = Duration::from_secs(1);
/// How long the last words may take.
const LINGER: Duration = Duration::from_secs(2);
/// Parts that may wait between a job and its driver.
const PARTS: usize = 16;
/// Messages beyond the dealer's queue before parts are no longer taken from the job.
const OVERFLOW_MAX: usize = 16;
/// Messages beyond the dealer's queue before a broker that goes on asking is left.
const UNSENT_MAX: usize = 1_024;
/// How long a cancelled job may take to end at the least, however short the grace: a program is killed meanwhile.
const ENDING_MIN: Duration = Duration::from_millis(250);
