//! Query strings against PHP's `parse_str`.

use zmws::params::array::Array;
use zmws::params::php::{self, Value};
use zmws::params::query::{self, Node};

use super::{ask_php, hex, seed, shown, unhex};

#[test]
fn query_strings_become_what_parse_str_makes_of_them() {
    let mut random = fastrand::Rng::with_seed(seed());
    let inputs: Vec<Vec<u8>> = (0..5_000).map(|_| any_query(&mut random)).collect();
    let Some(answers) = ask_php("parse_str.php", &[], inputs.iter().map(|input| hex(input)).collect()) else {
        return;
    };
    for (input, answer) in inputs.iter().zip(&answers) {
        let vars = query::parse(input, query::Limits::default());
        let ours = php::encode(&Value::Array(vars_as_php(vars)));
        assert_eq!(shown(&ours), shown(&unhex(answer)), "{}", shown(input));
    }
}

fn vars_as_php(vars: Array<Node>) -> Array<Value> {
    let value = |node| match node {
        Node::Text(text) => Value::String(text),
        Node::Array(inner) => Value::Array(vars_as_php(inner)),
        Node::File(_) => unreachable!("a query has no files"),
    };
    vars.into_iter().map(|(key, node)| (key, value(node))).collect()
}

fn any_query(random: &mut fastrand::Rng) -> Vec<u8> {
    let pieces: [&[u8]; 34] = [
        b"a",
        b"b",
        b"a",
        b"0",
        b"1",
        b"-1",
        b"05",
        b"9223372036854775807",
        b"=",
        b"=",
        b"=",
        b"&",
        b"&",
        b"&",
        b"[",
        b"]",
        b"[]",
        b"[]",
        b"[a]",
        b"[b]",
        b"[0]",
        b"[5]",
        b"[ ]",
        b"[ x",
        b".",
        b"+",
        b"%20",
        b"%5B",
        b"%5d",
        b"%00",
        b"%",
        b"\xff",
        b"__Host-",
        b"..Host-",
    ];
    let mut query = Vec::new();
    for _ in 0..random.usize(1..24) {
        if random.u8(0..200) == 0 {
            query.extend(b"[x]".repeat(random.usize(60..70)));
        }
        query.extend_from_slice(random.choice(pieces).expect("there are pieces"));
    }
    if random.u8(0..200) == 0 {
        query = [b"&", &query[..]].concat().repeat(400);
    }
    query
}
