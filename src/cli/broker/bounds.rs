//! Bounds of the broker that few will ever meet: each an option, with the default that the library has.

use zmws::broker;
use zmws::transport::ListenerOptions;

use crate::cli::process;

/// What is remembered of jobs, and what services and subscribers may cost.
#[derive(Debug, clap::Args)]
pub(super) struct BrokerBounds {
    /// Jobs that may wait in all services together
    #[arg(long, value_name = "JOBS", value_parser = process::one_or_more, default_value_t = 4_000_000)]
    queue_total_max: usize,

    /// Services that are remembered
    #[arg(long, value_name = "N", value_parser = process::one_or_more, default_value_t = 65_536)]
    services_max: usize,

    /// Jobs that ended and are remembered
    #[arg(long, value_name = "JOBS", default_value_t = 100)]
    history_max: usize,

    /// Megabytes of these jobs
    #[arg(long, value_name = "MB", value_parser = process::megabytes, default_value_t = 64)]
    history_max_mb: usize,

    /// Dead jobs that are kept to be tried again
    #[arg(long, value_name = "JOBS", default_value_t = 1_000)]
    dead_max: usize,

    /// Megabytes of parameters of dead jobs
    #[arg(long, value_name = "MB", value_parser = process::megabytes, default_value_t = 64)]
    dead_max_mb: usize,

    /// Megabytes of messages at a port whose last frame has not come, before who holds most is disconnected
    #[arg(long, value_name = "MB", value_parser = process::megabytes, default_value_t = 512)]
    unfinished_max_mb: usize,

    /// Topics that a subscriber of the news may have
    #[arg(long, value_name = "N", value_parser = process::one_or_more, default_value_t = 1_024)]
    topics_max: usize,

    /// Kilobytes of topics that a subscriber of the news may have
    #[arg(long, value_name = "KB", value_parser = process::one_or_more, default_value_t = 64)]
    topics_max_kb: usize,
}

impl BrokerBounds {
    /// Those of the broker; all else is at its default.
    pub(super) fn broker(&self) -> broker::Config {
        broker::Config {
            queued_max: self.queue_total_max,
            services_max: self.services_max,
            history_max: self.history_max,
            history_bytes_max: self.history_max_mb << 20,
            dead_max: self.dead_max,
            dead_bytes_max: self.dead_max_mb << 20,
            ..broker::Config::default()
        }
    }

    /// Those of the sockets; all else is at its default.
    pub(super) fn sockets(&self) -> ListenerOptions {
        ListenerOptions {
            unfinished_max: self.unfinished_max_mb << 20,
            topics_max: self.topics_max,
            topic_bytes_max: self.topics_max_kb << 10,
            ..ListenerOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        bounds: BrokerBounds,
    }

    /// Two places say the defaults: they say the same.
    #[test]
    fn defaults_are_those_of_the_library() {
        let bounds = Command::parse_from(["broker"]).bounds;
        let (ours, theirs) = (bounds.broker(), broker::Config::default());
        assert_eq!((ours.queued_max, ours.services_max), (theirs.queued_max, theirs.services_max));
        assert_eq!(
            (ours.history_max, ours.history_bytes_max),
            (theirs.history_max, theirs.history_bytes_max)
        );
        assert_eq!((ours.dead_max, ours.dead_bytes_max), (theirs.dead_max, theirs.dead_bytes_max));
        let (ours, theirs) = (bounds.sockets(), ListenerOptions::default());
        assert_eq!(ours.unfinished_max, theirs.unfinished_max);
        assert_eq!((ours.topics_max, ours.topic_bytes_max), (theirs.topics_max, theirs.topic_bytes_max));
    }
}
