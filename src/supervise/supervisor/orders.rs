//! Carries out what is asked, and says what came of it.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

use super::super::control::{self, Report, Request, Which};
use super::super::process::{Before, Order, Outcome};
use super::super::program::{Fleet, Kind, Program};
use super::{Load, Phase, Supervised, Supervisor, Task, Wants, lines};
use crate::admin::status::Status;

type Reports = mpsc::UnboundedSender<Report>;

/// What a reload says that was not carried out.
const NOTHING: &str = "Nothing is changed";

/// How long somebody may take to read how it ended, when the supervisor itself ends.
const LINGER: Duration = Duration::from_secs(1);

impl Supervisor {
    /// One request after the other, until one ends the supervisor.
    pub(super) async fn carry_out_all(&mut self, inbox: &mut mpsc::Receiver<Task>, load: &Load) {
        while let Some((request, reports)) = inbox.recv().await {
            let ends = matches!(&request, Request::Stop(which) if which.is_all());
            if ends {
                self.phase.send_replace(Phase::Stopping);
            }
            let ok = self.carry_out(&request, load, &reports).await;
            if !ends {
                self.phase.send_modify(|phase| *phase = phase.after(ok));
            }
            if ends {
                // Whoever is told that all is stopped finds no socket of ours any more.
                let _ = std::fs::remove_file(control::socket(&self.site.run_dir));
            }
            say_done(&reports, ok);
            if ends {
                // Whoever asked reads the last lines before we are gone.
                let _ = tokio::time::timeout(LINGER, reports.closed()).await;
                return;
            }
        }
    }

    /// Carries out one request. Says whether all is as it was asked for.
    pub(super) async fn carry_out(&mut self, request: &Request, load: &Load, reports: &Reports) -> bool {
        match request {
            Request::Status => true,
            Request::Start(which) => self.start(which, reports).await,
            Request::Stop(which) => self.stop(which, reports).await,
            Request::Restart { which, force } => self.restart(which, *force, reports).await,
            Request::Reload { force } => {
                let before = self.phase.send_replace(Phase::Reloading);
                let ok = self.reload(load, *force, reports).await;
                self.phase.send_replace(if before == Phase::Failing { before } else { Phase::Running });
                ok
            }
        }
    }

    async fn start(&mut self, which: &Which, reports: &Reports) -> bool {
        let Some(chosen) = self.choose(which, reports) else { return false };
        let all: Vec<usize> = chosen.into_iter().filter(|&at| self.is_configured(at)).collect();
        let mut ok = true;
        for (name, outcome) in self.order_at_once(&all, || Order::Start).await {
            ok &= self.say_outcome(lines::of_start(&name, &outcome), reports);
        }
        ok
    }

    /// Gateways first, so that nothing new comes; brokers last, since they say which jobs a worker has, and take what
    /// a worker still answers.
    async fn stop(&mut self, which: &Which, reports: &Reports) -> bool {
        let Some(chosen) = self.choose(which, reports) else { return false };
        let (servers, workers) = self.by_kind(&chosen);
        let (brokers, gateways): (Vec<usize>, Vec<usize>) =
            servers.iter().rev().partition(|&&at| self.is_broker(at));
        let mut ok = true;
        for at in gateways {
            ok &= self.stop_some(&[at], reports).await;
        }
        ok &= self.stop_some(&workers, reports).await;
        for at in brokers {
            ok &= self.stop_some(&[at], reports).await;
        }
        ok
    }

    async fn stop_some(&self, some: &[usize], reports: &Reports) -> bool {
        let mut ok = true;
        for (name, outcome) in self.order_at_once(some, || Order::Stop).await {
            ok &= self.say_outcome(lines::of_stop(&name, &outcome), reports);
        }
        ok
    }

    /// Servers stop and start; of a group of workers, one after the other is replaced.
    async fn restart(&mut self, which: &Which, force: bool, reports: &Reports) -> bool {
        let Some(chosen) = self.choose(which, reports) else { return false };
        let is_ended = |program: &Program| chosen.iter().any(|&at| self.supervised[at].name == program.name);
        if !force && self.would_lose_jobs(is_ended, reports).await {
            return false;
        }
        let (servers, workers) = self.by_kind(&chosen);
        let mut ok = true;
        for &at in servers.iter().rev() {
            ok &= self.stop_some(&[at], reports).await;
        }
        let mut outcomes = self.order_at_once(&servers, || Order::Start).await;
        outcomes.extend(self.order_at_once(&workers, || Order::Renew).await);
        for (name, outcome) in outcomes {
            ok &= self.say_outcome(lines::of_start(&name, &outcome), reports);
        }
        ok
    }

    /// Whether jobs wait at a broker that would end; says so, and what to do. A queue on disk outlives it.
    async fn would_lose_jobs(&self, is_ended: impl Fn(&Program) -> bool, reports: &Reports) -> bool {
        let mut brokers =
            self.fleet.programs.iter().filter(|program| program.is_broker() && is_ended(program));
        let (Some(broker), Some(admin)) = (brokers.next(), &self.site.admin) else { return false };
        // One that does not answer holds nothing that could be waited for.
        let Ok(status) = admin.get::<Status>("/status").await else { return false };
        let queued = status.totals.queued;
        if queued == 0 || status.durable {
            return false;
        }
        let jobs = if queued == 1 { "job" } else { "jobs" };
        self.say(
            reports,
            format!(
                "{}: {queued} queued {jobs} would be lost; let them be done first with `zmws drain --wait`, or say --force",
                broker.name
            ),
        );
        true
    }

    // --- reload

    async fn reload(&mut self, load: &Load, force: bool, reports: &Reports) -> bool {
        let fleet = match load() {
            Ok(fleet) => fleet,
            Err(lines) => {
                self.say_outcome((lines, false), reports);
                self.say(reports, NOTHING.to_owned());
                return false;
            }
        };
        let is_ended = |program: &Program| !fleet.programs.contains(program);
        if !force && self.would_lose_jobs(is_ended, reports).await {
            self.say(reports, NOTHING.to_owned());
            return false;
        }
        if fleet.run_dir != self.fleet.run_dir || fleet.log_dir != self.fleet.log_dir {
            self.say(reports, "Other directories take effect when zmws is stopped and started".to_owned());
        }
        let before: Vec<String> = self.supervised.iter().map(|own| own.name.clone()).collect();
        let mut ok = self.remove_all_but(&fleet, reports).await;
        ok &= self.change(&fleet.programs, reports).await;
        ok &= self.add(&fleet.programs, &before, reports).await;
        self.fleet.programs = fleet.programs;
        self.wants.send_replace(Wants::of(&self.fleet.programs));
        self.say(reports, "Reloaded".to_owned());
        ok
    }

    /// Stops what is no longer configured.
    async fn remove_all_but(&mut self, fleet: &Fleet, reports: &Reports) -> bool {
        let is_gone = |own: &Supervised| !fleet.programs.iter().any(|program| program.name == own.name);
        let gone: Vec<usize> =
            (0..self.supervised.len()).filter(|&at| is_gone(&self.supervised[at])).collect();
        let ok = self.stop_some(&gone, reports).await;
        // Its task ends with its last order.
        self.supervised.retain(|own| !is_gone(own));
        self.show();
        ok
    }

    /// Gives each program that goes on its new form.
    async fn change(&mut self, programs: &[Program], reports: &Reports) -> bool {
        let form = |own: &Supervised| programs.iter().find(|program| program.name == own.name).cloned();
        let asked = self.supervised.iter().filter_map(|own| Some((own, Order::Become(Box::new(form(own)?)))));
        let mut answers = Vec::new();
        for (own, order) in asked {
            answers.push((own.name.clone(), own.ask(order).await));
        }
        let mut ok = true;
        for (name, answer) in answers {
            ok &= self.say_outcome(lines::of_reload(&name, &outcome(answer).await), reports);
        }
        for own in &mut self.supervised {
            let new = programs.iter().find(|program| program.name == own.name);
            (own.group, own.kind) =
                new.map_or((own.group.clone(), own.kind), |new| (new.group.clone(), new.kind));
        }
        ok
    }

    /// Starts what is new.
    async fn add(&mut self, programs: &[Program], before: &[String], reports: &Reports) -> bool {
        let new: Vec<Program> =
            programs.iter().filter(|program| !before.contains(&program.name)).cloned().collect();
        let first = self.supervised.len();
        for program in new {
            self.keep(program, Before::Nothing);
        }
        let added: Vec<usize> = (first..self.supervised.len()).collect();
        let mut ok = true;
        for (name, outcome) in self.order_at_once(&added, || Order::Start).await {
            ok &= self.say_outcome(lines::of_start(&name, &outcome), reports);
        }
        // In the order of the configuration again.
        let place = |own: &Supervised| programs.iter().position(|program| program.name == own.name);
        self.supervised.sort_by_key(place);
        self.show();
        ok
    }

    // --- who is meant

    /// The programs that are meant, in their order; `None`, and a line, if a name means none.
    fn choose(&self, which: &Which, reports: &Reports) -> Option<Vec<usize>> {
        let is_named = |own: &Supervised, name: &String| own.name == *name || own.group == *name;
        let unknown: Vec<&String> = which
            .names
            .iter()
            .filter(|name| !self.supervised.iter().any(|own| is_named(own, name)))
            .collect();
        for name in &unknown {
            let mut known: Vec<&str> = self.supervised.iter().map(|own| own.group.as_str()).collect();
            known.dedup();
            self.say(reports, format!("No program is called {name}; there are {}", known.join(", ")));
        }
        if !unknown.is_empty() {
            return None;
        }
        let is_meant = |own: &Supervised| which.means(&own.name, &own.group, own.kind);
        Some((0..self.supervised.len()).filter(|&at| is_meant(&self.supervised[at])).collect())
    }

    /// Whether the configuration still has the program.
    fn is_configured(&self, at: usize) -> bool {
        self.fleet.programs.iter().any(|program| program.name == self.supervised[at].name)
    }

    fn is_broker(&self, at: usize) -> bool {
        let name = &self.supervised[at].name;
        self.fleet.programs.iter().any(|program| program.name == *name && program.is_broker())
    }

    fn by_kind(&self, some: &[usize]) -> (Vec<usize>, Vec<usize>) {
        some.iter().copied().partition(|&at| self.supervised[at].kind == Kind::Server)
    }

    // --- what is said

    /// Says it to whoever asked, and to the log, if that is another place or nobody listens.
    fn say(&self, reports: &Reports, text: String) {
        let heard = reports.send(Report::Line { text: text.clone() }).is_ok();
        if !heard || !self.site.inherit_output {
            info!("{text}");
        }
    }

    /// Says what came of an order, and whether it was done.
    fn say_outcome(&self, (lines, ok): lines::Said, reports: &Reports) -> bool {
        for line in lines {
            self.say(reports, line);
        }
        ok
    }

    /// Gives some programs an order, all at once, and waits for each.
    async fn order_at_once(&self, some: &[usize], order: impl Fn() -> Order) -> Vec<(String, Outcome)> {
        let mut answers = Vec::new();
        for &at in some {
            answers.push((self.supervised[at].name.clone(), self.supervised[at].ask(order()).await));
        }
        let mut outcomes = Vec::new();
        for (name, answer) in answers {
            outcomes.push((name, outcome(answer).await));
        }
        outcomes
    }
}

impl Supervised {
    /// Gives the program's task an order.
    async fn ask(&self, order: Order) -> oneshot::Receiver<Outcome> {
        let (reply, answer) = oneshot::channel();
        // A task that has gone answers by its silence.
        let _ = self.orders.send((order, reply)).await;
        answer
    }
}

async fn outcome(answer: oneshot::Receiver<Outcome>) -> Outcome {
    answer
        .await
        .unwrap_or_else(|_| Outcome::Failed("the task of this program has died: see the log".to_owned()))
}

fn say_done(reports: &Reports, ok: bool) {
    if !ok {
        warn!("not all was done as asked");
    }
    let _ = reports.send(Report::Done { ok });
}
