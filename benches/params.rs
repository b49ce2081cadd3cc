//! Decoding parameters: `params::php` beside serde_php on what serde_php can do, and alone on what
//! a peer may send.
//!
//! `cargo bench --bench params`

use std::collections::BTreeMap;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_main};
use serde::{Deserialize, Serialize};
use zmws::params::{json, php};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Order {
    id: i64,
    customer: String,
    total: f64,
    paid: bool,
    note: Option<String>,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Line {
    article: String,
    count: u32,
}

fn orders() -> Vec<Order> {
    let line = |at: i64| Line { article: format!("article number {at}"), count: 3 };
    let order = |id| Order {
        id,
        customer: format!("customer {id} of the house of examples"),
        total: 12.5,
        paid: id % 2 == 0,
        note: (id % 3 == 0).then(|| "leave it with the neighbours".to_owned()),
        lines: (0..4).map(line).collect(),
    };
    (0..100).map(order).collect()
}

/// A typed value from the same bytes, by both.
fn against_serde_php<T>(criterion: &mut Criterion, name: &str, value: &T)
where
    T: Serialize + for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug,
{
    let bytes = Bytes::from(php::encode(&php::to_value(value).expect("has a PHP form")));
    let ours = || php::from_value::<T>(&php::decode(bytes.clone()).expect("our own")).expect("fits");
    let theirs = || serde_php::from_bytes::<T>(&bytes).expect("serde_php can do this");
    assert_eq!(ours(), theirs());
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("zmws", |bencher| bencher.iter(ours));
    group.bench_function("serde_php", |bencher| bencher.iter(theirs));
    group.bench_function("zmws, untyped", |bencher| {
        bencher.iter(|| php::decode(bytes.clone()).expect("our own"));
    });
    group.finish();
}

fn typed(criterion: &mut Criterion) {
    against_serde_php(criterion, "php orders", &orders());
    against_serde_php(criterion, "php integers", &(0..10_000i64).map(|at| at * 7_919).collect::<Vec<_>>());
    against_serde_php(
        criterion,
        "php floats",
        &(0..10_000).map(|at| f64::from(at) / 8.0).collect::<Vec<_>>(),
    );
    let pairs: BTreeMap<String, String> =
        (0..1_000).map(|at| (format!("key {at}"), format!("value {at}"))).collect();
    against_serde_php(criterion, "php map", &pairs);
}

fn strings(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("php string");
    for size in [1 << 10, 1 << 20] {
        let bytes = Bytes::from(php::encode(&php::Value::String(vec![b'x'; size].into())));
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(BenchmarkId::new("from shared bytes", size), &bytes, |bencher, bytes| {
            bencher.iter(|| php::decode(bytes.clone()).expect("our own"));
        });
        group.bench_with_input(BenchmarkId::new("from a copy", size), &bytes, |bencher, bytes| {
            bencher.iter(|| php::decode(bytes.to_vec()).expect("our own"));
        });
        group.bench_with_input(BenchmarkId::new("to a String", size), &bytes, |bencher, bytes| {
            bencher.iter(|| {
                let value = php::decode(bytes.clone()).expect("our own");
                php::from_value::<String>(&value).expect("ASCII")
            });
        });
    }
    group.finish();
}

fn hostile(criterion: &mut Criterion) {
    let nested = Bytes::from("a:1:{i:0;".repeat((1 << 20) / 9));
    criterion.bench_function("php 1 MiB of nesting, refused", |bencher| {
        bencher.iter(|| php::decode(nested.clone()).expect_err("too deep"));
    });
}

fn encoding(criterion: &mut Criterion) {
    let value = php::to_value(&orders()).expect("has a PHP form");
    let json = serde_json::to_value(orders()).expect("has JSON");
    let text = json::encode(&json);
    let mut group = criterion.benchmark_group("orders");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("json encode", |bencher| bencher.iter(|| json::encode(&json)));
    group.bench_function("json decode", |bencher| bencher.iter(|| json::decode(&text).expect("our own")));
    group.bench_function("json decode by serde_json", |bencher| {
        bencher.iter(|| serde_json::from_slice::<serde_json::Value>(&text).expect("our own"));
    });
    group.bench_function("php encode", |bencher| bencher.iter(|| php::encode(&value)));
    group.bench_function("php to json", |bencher| bencher.iter(|| value.to_json().expect("has JSON")));
    group.finish();
}

// The macro makes a public function without documentation: private, it needs none.
mod groups {
    use super::*;
    criterion::criterion_group!(benches, typed, strings, hostile, encoding);
}

criterion_main!(groups::benches);
