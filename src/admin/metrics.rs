//! The broker's figures in the text format of OpenMetrics 1.0.
//!
//! Names end in their unit, units are seconds and bytes. No counter ever goes back: a service that has a series of
//! its own keeps it for as long as it is known ([`LabelledServices`]), and the others are summed up.

use std::collections::HashSet;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::report::seconds_since;
use crate::broker::snapshot::{BOUNDS_US, Histogram, Intake, Overview, ServiceRow};
use crate::broker::{Counters, Totals};
use crate::job::{ServiceName, Timestamp};
use crate::memory::Memory;

mod bounds;
mod store;

pub use bounds::TurnTimes;
pub use store::StoreFigures;

/// The media type of [`text`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The media type of [`older`].
pub const OLDER_MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A text of OpenMetrics in the format that was before it, which readers such as `promtool` know: there the family of a
/// counter has the counter's whole name, and nothing says what the unit is or where the end.
pub fn older(text: &str) -> String {
    let mut counters = HashSet::new();
    for line in text.lines() {
        counters.extend(line.strip_prefix("# TYPE ").and_then(|rest| rest.strip_suffix(" counter")));
    }
    let mut older = String::with_capacity(text.len());
    for line in text.lines().filter(|line| *line != "# EOF" && !line.starts_with("# UNIT ")) {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", what, name, rest] if counters.contains(name) => {
                older += &format!("# {what} {name}_total {rest}\n");
            }
            _ => {
                older += line;
                older.push('\n');
            }
        }
    }
    older
}

/// Services that have series of their own.
pub const SERVICES_MAX: usize = 200;

/// All that is shown.
#[derive(Clone, Debug)]
pub struct MetricsInput {
    /// The program's version.
    pub version: &'static str,
    /// This moment.
    pub now: Timestamp,
    /// When the broker started.
    pub started_at: Timestamp,
    /// The services.
    pub overview: Overview,
    /// What there is now.
    pub totals: Totals,
    /// What happened since the start.
    pub counters: Counters,
    /// The ports.
    pub ports: Vec<Port>,
    /// News that a subscriber did not get because it did not keep up.
    pub news_dropped: u64,
    /// What is held because of peers.
    pub memory: Memory,
    /// How long the loop's turns were.
    pub turns: TurnTimes,
    /// The store of background jobs, if there is one.
    pub store: Option<StoreFigures>,
    /// Subscriptions that were not taken.
    pub topics_refused: u64,
    /// Requests for a list that were not taken.
    pub lists_refused: u64,
    /// Requests for a list whose client was gone before it was made.
    pub lists_unheard: u64,
    /// Lines of the process's logs that could not be written.
    pub log_lines_dropped: u64,
    /// Memory of the process that is in use, in bytes, if the system tells.
    pub resident_bytes: Option<u64>,
    /// Files that the process has open, if the system tells.
    pub open_files: Option<u64>,
}

/// One of the broker's ports.
#[derive(Clone, Copy, Debug, Default)]
pub struct Port {
    /// `clients`, `workers` or `news`.
    pub name: &'static str,
    /// Connections now.
    pub connections: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections closed at once because there were too many.
    pub refused: u64,
    /// Connections that were too slow to say who they are.
    pub handshake_timeouts: u64,
    /// Connections that broke ZMTP.
    pub protocol_errors: u64,
    /// Connections that did not read what was sent to them.
    pub slow: u64,
    /// Connections that were cut because unfinished messages held all that they may.
    pub input_full: u64,
    /// Connections that were cut because the process held all that it may.
    pub memory_full: u64,
    /// Connections whose messages did not come whole in time.
    pub stalled: u64,
    /// Connections that sent too much that cannot be right.
    pub misbehaved: u64,
    /// Messages refused because their identity was in use.
    pub held_back: u64,
    /// Connections that did not answer PING.
    pub vanished: u64,
    /// Connections that found their identity in use.
    pub identity_clashes: u64,
    /// Messages that could not be read.
    pub malformed: u64,
}

/// The services that have had series of their own and must keep them.
#[derive(Debug, Default)]
pub struct LabelledServices(HashSet<ServiceName>);

impl LabelledServices {
    /// Those that have.
    pub fn services(&self) -> &HashSet<ServiceName> {
        &self.0
    }

    /// Learns which were shown. One that has not ended a job may still give its place to one that has: nothing of
    /// it goes back thereby.
    pub fn learn(&mut self, shown: &Overview) {
        let ended = shown.services.iter().filter(|row| row.sums.ended() + row.sums.requeued > 0);
        self.0 = ended.filter_map(|row| row.service.clone()).collect();
    }
}

/// The figures as text.
pub fn text(figures: MetricsInput) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(figures));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a string takes all text");
    text
}

/// One figure of a port.
type Figure = fn(&Port) -> u64;

impl Collector for MetricsInput {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let to = &mut Families(&mut encoder);
        self.jobs(to)?;
        self.services(to)?;
        self.answers(to)?;
        self.workers(to)?;
        self.connections(to)?;
        to.memory(&self.memory)?;
        to.turns(&self.turns)?;
        self.store.iter().try_for_each(|store| to.store(store))?;
        self.process(to)
    }
}

impl MetricsInput {
    /// Each service that is told apart, and the rest.
    fn rows(&self) -> impl Iterator<Item = &ServiceRow> {
        self.overview.services.iter().chain(&self.overview.rest)
    }

    fn jobs(&self, to: &mut Families<'_, '_>) -> fmt::Result {
        let counters = &self.counters;
        to.count("zmws_jobs_accepted", "Jobs taken.", counters.jobs_accepted)?;
        to.count("zmws_jobs_retried", "Given-up jobs queued again by an operator.", counters.jobs_retried)?;
        to.count("zmws_jobs_given_up", "Jobs failed after too many workers.", counters.jobs_given_up)?;
        to.count("zmws_jobs_deleted", "Queued jobs ended by an operator.", counters.jobs_deleted)?;
        let held = counters.jobs_held_too_long;
        to.count("zmws_jobs_held_too_long", "Jobs failed because nobody offered their service.", held)?;
        let refusals = counters.refusals().map(|(cause, count)| (vec![("cause", cause.to_owned())], count));
        to.counts("zmws_requests_refused", "Requests not taken, by cause.", refusals)?;
        to.gauge(
            "zmws_queue_bytes",
            "Parameters and return envelopes of open jobs.",
            self.totals.bytes as u64,
        )?;
        to.gauge("zmws_jobs_dead", "Dead jobs: those that can be tried again.", self.totals.dead as u64)?;
        to.gauge("zmws_jobs_dead_bytes", "Parameters of those.", self.totals.dead_bytes as u64)?;
        let draining = u64::from(self.overview.intake != Intake::Open);
        to.gauge("zmws_draining", "Whether the broker takes no new jobs.", draining)
    }

    fn services(&self, to: &mut Families<'_, '_>) -> fmt::Result {
        let of = |name: &'static str, value: &'static str, row: &ServiceRow| {
            let mut labels = labels(row);
            labels.push((name, value.to_owned()));
            labels
        };
        let ended = self.rows().flat_map(|row| {
            let sums = &row.sums;
            [("completed", sums.completed), ("failed", sums.failed)]
                .map(|(outcome, count)| (of("outcome", outcome, row), count))
        });
        to.counts("zmws_jobs_ended", "Jobs that ended, by service and outcome.", ended)?;
        let requeued = self.rows().map(|row| (labels(row), row.sums.requeued));
        to.counts("zmws_jobs_requeued", "Times a job went back to its queue.", requeued)?;
        let queued = self.rows().map(|row| (labels(row), row.queued as u64));
        to.gauges("zmws_jobs_queued", "Jobs that wait for a worker.", queued)?;
        let active = self.rows().map(|row| (labels(row), row.active as u64));
        to.gauges("zmws_jobs_active", "Jobs that a worker has.", active)?;
        let workers = self.rows().flat_map(|row| {
            [("idle", row.idle), ("busy", row.busy)]
                .map(|(state, count)| (of("state", state, row), count as u64))
        });
        to.gauges("zmws_service_workers", "Workers of a service, by what they do.", workers)?;
        let named = || self.overview.services.iter();
        let paused = named().map(|row| (labels(row), u64::from(row.paused)));
        to.gauges("zmws_service_paused", "Whether a service hands out no jobs.", paused)?;
        let draining = named().map(|row| (labels(row), u64::from(row.draining)));
        to.gauges("zmws_service_draining", "Whether a service takes no new jobs.", draining)?;
        let age =
            self.rows().map(|row| (labels(row), row.oldest_at.map_or(0.0, |at| seconds_since(self.now, at))));
        to.gauges("zmws_queue_oldest_age_seconds", "Age of the first job of a queue; 0 without one.", age)?;
        let wait = self.rows().map(|row| (labels(row), &row.sums.wait));
        to.histograms("zmws_job_wait_seconds", "From request to worker, of jobs that ended with one.", wait)?;
        let run = self.rows().map(|row| (labels(row), &row.sums.run));
        to.histograms("zmws_job_run_seconds", "From worker to end, of jobs that ended with one.", run)
    }

    fn answers(&self, to: &mut Families<'_, '_>) -> fmt::Result {
        let counters = &self.counters;
        to.count("zmws_answers_late", "Answers of workers that had lost the job.", counters.answers_late)?;
        let ignored = [
            ("unknown", counters.answers_unknown),
            ("not_owner", counters.answers_not_owner),
            ("superseded", counters.answers_superseded),
        ]
        .map(|(cause, count)| (vec![("cause", cause.to_owned())], count));
        to.counts("zmws_answers_ignored", "Answers and parts thrown away, by cause.", ignored)
    }

    fn workers(&self, to: &mut Families<'_, '_>) -> fmt::Result {
        let counters = &self.counters;
        to.gauge("zmws_workers", "Workers that are known.", self.totals.workers as u64)?;
        to.gauge("zmws_services", "Services that are known.", self.totals.services as u64)?;
        to.count("zmws_workers_joined", "Workers that came.", counters.workers_joined)?;
        let gone = [("left", counters.workers_left), ("silent", counters.workers_expired)]
            .map(|(cause, count)| (vec![("cause", cause.to_owned())], count));
        to.counts("zmws_workers_gone", "Workers that went, by cause.", gone)?;
        to.count(
            "zmws_workers_unknown",
            "Words of workers that never said READY.",
            counters.workers_unknown,
        )?;
        to.count("zmws_services_refused", "Offers of services beyond the limit.", counters.services_refused)
    }

    fn connections(&self, to: &mut Families<'_, '_>) -> fmt::Result {
        let by_port = |figure: Figure| {
            self.ports.iter().map(move |port| (vec![("port", port.name.to_owned())], figure(port)))
        };
        to.gauges("zmws_connections", "Connections now.", by_port(|port| port.connections))?;
        let families: [(&str, &str, Figure); 13] = [
            ("zmws_connections_accepted", "Connections accepted.", |port| port.accepted),
            ("zmws_connections_refused", "Connections beyond the limit.", |port| port.refused),
            ("zmws_handshake_timeouts", "Connections without a handshake in time.", |port| {
                port.handshake_timeouts
            }),
            ("zmws_protocol_errors", "Connections that broke ZMTP.", |port| port.protocol_errors),
            ("zmws_messages_malformed", "Messages that could not be read.", |port| port.malformed),
            ("zmws_peers_slow", "Connections that did not read.", |port| port.slow),
            ("zmws_peers_input_full", "Connections cut for all unfinished messages together.", |port| {
                port.input_full
            }),
            ("zmws_peers_memory_full", "Connections cut for all memory together.", |port| port.memory_full),
            ("zmws_peers_stalled", "Connections whose messages did not come in time.", |port| port.stalled),
            ("zmws_peers_misbehaved", "Connections that sent too much that cannot be right.", |port| {
                port.misbehaved
            }),
            ("zmws_messages_held_back", "Messages refused because their identity was in use.", |port| {
                port.held_back
            }),
            ("zmws_peers_vanished", "Connections that did not answer PING.", |port| port.vanished),
            ("zmws_identity_clashes", "Connections that found their identity in use.", |port| {
                port.identity_clashes
            }),
        ];
        for (name, help, figure) in families {
            to.counts(name, help, by_port(figure))?;
        }
        to.count("zmws_news_dropped", "News not given to slow subscribers.", self.news_dropped)?;
        to.count("zmws_topics_refused", "Subscriptions beyond what one may have.", self.topics_refused)?;
        to.count("zmws_lists_refused", "Requests for a list not taken.", self.lists_refused)?;
        to.count("zmws_lists_unheard", "Lists whose client had gone.", self.lists_unheard)
    }

    fn process(&self, to: &mut Families<'_, '_>) -> fmt::Result {
        // A gauge, not an info: programs that read the older format know no such type.
        let version = vec![("version", self.version.to_owned())];
        to.gauges("zmws_build_info", "The program.", [(version, 1_u64)])?;
        to.gauge("process_start_time_seconds", "When the broker started.", self.started_at.as_secs_f64())?;
        let dropped = self.log_lines_dropped;
        to.count("zmws_log_lines_dropped", "Lines of the log that could not be written.", dropped)?;
        if let Some(bytes) = self.resident_bytes {
            to.gauge("process_resident_memory_bytes", "Memory in use.", bytes)?;
        }
        if let Some(files) = self.open_files {
            to.gauge("process_open_fds", "Open file descriptors.", files)?;
        }
        Ok(())
    }
}

/// Names and values of labels.
type Labels = Vec<(&'static str, String)>;

/// The labels of a service. A name that is not UTF-8 is written in hexadecimal, and the rest is called `other`;
/// `form` tells either from a service that has this for a name.
fn labels(row: &ServiceRow) -> Labels {
    let Some(name) = &row.service else {
        return vec![("service", "other".to_owned()), ("form", "sum".to_owned())];
    };
    match std::str::from_utf8(name.as_bytes()) {
        Ok(text) => vec![("service", text.to_owned())],
        Err(_) => {
            let hex = name.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            vec![("service", hex), ("form", "hex".to_owned())]
        }
    }
}

/// Writes families, one after the other.
struct Families<'a, 'e>(&'a mut DescriptorEncoder<'e>);

impl Families<'_, '_> {
    fn count(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, u64, u64>(&value, None)
    }

    fn counts(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, u64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in samples {
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, u64>(&value, None)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn gauges<V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, V)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in samples {
            metric.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "microseconds of a century fit 53 bits")]
    fn histograms<'h>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, &'h Histogram)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        let bounds = BOUNDS_US.map(|bound| bound as f64 / 1e6).into_iter().chain([f64::INFINITY]);
        for (labels, times) in samples {
            let buckets: Vec<(f64, u64)> = bounds.clone().zip(times.counts).collect();
            let sum = times.sum_us as f64 / 1e6;
            let mut family = metric.encode_family(&labels)?;
            family.encode_histogram::<NoLabelSet>(sum, times.count(), &buckets, None)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
