//! A client: a call, a job in the background, the parts of a result, the broker's workers.
//!
//! Start a broker with the sample workers (`zmws up`), then
//! `cargo run --example client [host:port]`.

use std::env;
use std::time::Duration;

use serde_json::json;
use zmws::client::{Answer, CallError, Client};
use zmws::message::View;

#[tokio::main]
async fn main() -> Result<(), CallError> {
    let server = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5555".to_owned());
    let client = Client::builder().servers([server]).connect();

    let reply = client.call("STR-REV", json!({"str": "Hello, world"})).await?;
    println!("STR-REV brought {:?}", reply.json());

    let job = client.submit("STR-REV", json!({"str": "later"})).await?;
    println!("accepted as {job}");

    // Many at once share the connection; each answer finds its own request.
    let calls = ["one", "two", "six"].map(|text| {
        let client = client.clone();
        tokio::spawn(async move { client.call("STR-REV", json!({"str": text})).await })
    });
    for call in calls {
        let reply = call.await.expect("the task ends")?;
        println!("{:?}", reply.json());
    }

    // A worker may send parts before its result; STR-REV has none.
    let mut answers = client.stream("STR-REV", json!({"str": "in parts"})).await?;
    while let Some(answer) = answers.next().await {
        match answer? {
            Answer::Part(part) => println!("part {:?}", part.json()),
            Answer::Result(result) => println!("result {:?}", result.json()),
        }
    }

    match client.timeout(Duration::from_millis(500)).call("NOSUCH", ()).await {
        Err(CallError::Refused { service, .. }) => println!("nobody offers {service:?}"),
        other => println!("{other:?}"),
    }

    let workers = client.list(View::Workers).await?;
    println!("{}", String::from_utf8_lossy(&workers));
    Ok(())
}
