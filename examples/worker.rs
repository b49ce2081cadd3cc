//! A worker: an async function, a blocking one, and one that sends parts ahead.
//!
//! Start a broker (`zmws up`), then `cargo run --example worker [host:port]`, and ask it:
//! `curl 'http://127.0.0.1:5580/SYNC-GREET?name=you'`, `curl 'http://127.0.0.1:5580/SYNC-SUM?of[]=1&of[]=2'`,
//! `zmws call --stream COUNT to=3`. Ctrl-C stops it when what runs is done.

use std::env;

use serde::Deserialize;
use zmws::worker::{Job, NoService, ParamError, Worker};

#[derive(Deserialize)]
struct Greet {
    name: Option<String>,
}

async fn greet(job: Job) -> Result<String, ParamError> {
    let Greet { name } = job.param()?;
    Ok(format!("Hello, {}", name.as_deref().unwrap_or("world")))
}

#[derive(Deserialize)]
struct Sum {
    /// Query strings bring numbers as text.
    of: Vec<String>,
}

fn sum(job: Job) -> Result<f64, String> {
    let Sum { of } = job.param().map_err(|error| error.to_string())?;
    of.iter().map(|number| number.parse::<f64>().map_err(|error| format!("{number:?}: {error}"))).sum()
}

#[derive(Deserialize)]
struct Count {
    to: String,
}

async fn count(job: Job) -> Result<(), String> {
    let Count { to } = job.param().map_err(|error| error.to_string())?;
    let to: u64 = to.parse().map_err(|error| format!("{to:?}: {error}"))?;
    for number in 1..=to {
        if job.cancellation().is_cancelled() {
            return Err("nobody listens any more".to_owned());
        }
        job.partial(number).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), NoService> {
    let server = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5556".to_owned());
    let of = |service: &'static str| Worker::builder(service).servers([&server]);
    let greet = of("GREET").concurrency(8).handler(greet)?;
    let sum = of("SUM").concurrency(2).blocking(sum)?;
    let count = of("COUNT").idle(|| println!("nothing to count")).handler(count)?;
    let stop = || async {
        // Without a signal handler the process ends at Ctrl-C all the same, only less gently.
        let _ = tokio::signal::ctrl_c().await;
    };
    println!("GREET, SUM and COUNT at {server}");
    tokio::join!(greet.run(stop()), sum.run(stop()), count.run(stop()));
    Ok(())
}
