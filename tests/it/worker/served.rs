//! Workers at our own server, asked by our own client.

use std::future::Future;

use serde_json::json;
use zmws::client::{Answer, CallError, Client};
use zmws::server::{Addresses, Config, Server, stopper};
use zmws::worker::Worker;
use zmws::worker::builtin::Builtin;

use super::fake::{PATIENCE, Running, play};

/// A server for the time of a test.
pub(crate) fn with_server<F: Future<Output = ()>>(test: impl FnOnce(Addresses, Client) -> F) {
    play(async {
        let config =
            Config { client_port: 0, worker_port: 0, news_port: 0, admin: None, ..Config::default() };
        let server = Server::bind(config).expect("ports are free");
        let addresses = server.addresses();
        let (_stopper, stopped) = stopper();
        let serving = tokio::task::spawn_local(server.run(stopped));
        let client = Client::builder().servers([addresses.clients.to_string()]).connect();
        test(addresses, client).await;
        serving.abort();
    });
}

pub(crate) fn start(builtin: Builtin, addresses: Addresses) -> Running {
    let builder = Worker::builder(builtin.service()).servers([addresses.workers.to_string()]);
    Running::start(builtin.worker(builder).expect("it has a name"))
}

/// Until the worker has come its service is unknown.
pub(crate) async fn call(
    client: &Client,
    service: &str,
    param: serde_json::Value,
) -> Result<zmws::client::Reply, CallError> {
    let asking = async {
        loop {
            match client.call(service, param.clone()).await {
                Err(CallError::Refused { .. }) => tokio::task::yield_now().await,
                other => return other,
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("the worker comes")
}

#[test]
fn the_sample_workers_do_what_upstreams_do() {
    with_server(|addresses, client| async move {
        let _workers = [Builtin::Reverse, Builtin::Sleep].map(|builtin| start(builtin, addresses));
        let reply = call(&client, "STR-REV", json!({"str": "Hello, world"})).await.expect("a result");
        assert_eq!(reply.body.first(), "PARAM-JSON: \"dlrow ,olleH\"");
        let reply = call(&client, "SLEEP", json!({})).await.expect("a result");
        assert!(reply.body.is_empty());
    });
}

#[test]
fn random_streams_a_hundred_parts() {
    with_server(|addresses, client| async move {
        let _worker = start(Builtin::Random, addresses);
        call(&client, "RANDOM", json!({})).await.expect("an end");
        let mut answers = client.stream("RANDOM", json!({})).await.expect("it is sent");
        let mut parts = 0;
        while let Some(answer) = answers.next().await {
            match answer.expect("a stream without a gap") {
                Answer::Part(reply) => {
                    let text = reply.json().expect("a part is JSON");
                    assert_eq!(text.as_str().map(str::len), Some(32));
                    parts += 1;
                }
                Answer::Result(reply) => assert!(reply.body.is_empty()),
            }
        }
        assert_eq!(parts, 100);
    });
}
