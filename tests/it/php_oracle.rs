//! PHP is the oracle: what `serialize`, `unserialize`, `json_encode`, `json_decode` and `parse_str`
//! of an installed php-cli say is what `zmws::params` must say.
//!
//! Each test runs one PHP process over all its inputs (`tests/oracle/*.php`). Without PHP the tests
//! are left out, and say so; with `ZMWS_REQUIRE_PEERS=1` they fail instead. Inputs come from a fixed
//! seed; `ZMWS_ORACLE_SEED=n` tries others.

mod forms;
mod second_opinion;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use bytes::Bytes;
use zmws::params::array::{Array, KeyRef};
use zmws::params::php::{self, DecodeError, JsonError, Value};
use zmws::params::{Precision, json};

use crate::support::peers::Peer;

/// Runs `tests/oracle/<script>` with these arguments and lines of input; its lines of output.
/// `None` if there is no PHP and none is required.
fn ask_php(script: &str, arguments: &[&str], input: Vec<String>) -> Option<Vec<String>> {
    let path = format!("{}/tests/oracle/{script}", env!("CARGO_MANIFEST_DIR"));
    let found = Peer::Php.or_leave_out()?;
    let options = ["memory_limit=1G", "display_errors=stderr", "error_reporting=24575", "pcre.jit=0"];
    let mut php = Command::new(found.program)
        .arg("-n")
        .args(options.iter().flat_map(|option| ["-d", option]))
        .arg(&path)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it was found a moment ago");
    let mut stdin = php.stdin.take().expect("piped");
    let lines = input.len();
    let feeder = std::thread::spawn(move || {
        input.iter().try_for_each(|line| writeln!(stdin, "{line}")).expect("php reads its input");
    });
    let output = php.wait_with_output().expect("php ends");
    feeder.join().expect("all input was written");
    assert!(output.status.success(), "{script}: {}", output.status);
    let output = String::from_utf8(output.stdout).expect("the scripts print ASCII");
    let answers: Vec<String> = output.lines().map(str::to_owned).collect();
    assert!(lines == 0 || answers.len() == lines, "{script} answered {} of {lines} lines", answers.len());
    Some(answers)
}

fn seed() -> u64 {
    let other = std::env::var("ZMWS_ORACLE_SEED").ok();
    other.map_or(20_261_124, |seed| seed.parse().expect("ZMWS_ORACLE_SEED is a number"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("hexadecimal");
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).expect("a byte"))
        .collect()
}

/// Bytes for messages of failed assertions.
fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

struct Made {
    kind: String,
    bytes: Bytes,
    /// `None` where the JSON is the class's own affair; an error where PHP refuses.
    json: Option<Result<Vec<u8>, ()>>,
}

/// Values that PHP made, and the number of those that it refused to serialize.
fn made_by_php(count: usize) -> Option<(Vec<Made>, usize)> {
    let lines = ask_php("values.php", &[&seed().to_string(), &count.to_string()], Vec::new())?;
    let mut refused = 0;
    let mut values = Vec::new();
    for line in lines {
        let fields: Vec<&str> = line.split('\t').collect();
        if fields[0] == "refused" {
            refused += 1;
            continue;
        }
        let json = match fields[2] {
            "-" => None,
            "!" => Some(Err(())),
            json => Some(Ok(unhex(json))),
        };
        values.push(Made { kind: fields[0].to_owned(), bytes: unhex(fields[1]).into(), json });
    }
    Some((values, refused))
}

#[test]
fn values_made_by_php_come_back_to_the_byte_and_have_php_s_json() {
    let Some((values, refused)) = made_by_php(2_400) else { return };
    assert!(values.len() >= 2_000 && refused >= 100, "{} values, {refused} closures", values.len());
    let mut compared = 0;
    for Made { kind, bytes, json } in &values {
        let value =
            php::decode(bytes.clone()).unwrap_or_else(|error| panic!("{kind}: {error}: {}", shown(bytes)));
        assert_eq!(shown(&php::encode(&value)), shown(bytes), "{kind}");
        match (json, value.to_json()) {
            (None, _) => continue,
            (Some(Ok(theirs)), Ok(ours)) => {
                assert_eq!(shown(&ours), shown(theirs), "{kind}: {}", shown(bytes));
            }
            (Some(Err(())), Err(error)) => assert_ne!(error, JsonError::Opaque, "{kind}: {}", shown(bytes)),
            (theirs, ours) => panic!("{kind}: PHP {theirs:?}, we {ours:?}: {}", shown(bytes)),
        }
        compared += 1;
    }
    println!("{} values, {compared} of them with JSON, {refused} refused by PHP", values.len());
    assert!(compared >= 1_500, "{compared}");
}

#[test]
fn mutated_values_get_php_s_verdict() {
    let Some((values, _)) = made_by_php(2_400) else { return };
    let mut random = fastrand::Rng::with_seed(seed());
    let seeds: Vec<&Bytes> =
        values.iter().map(|made| &made.bytes).filter(|bytes| bytes.len() < 600).collect();
    let inputs: Vec<Vec<u8>> = (0..6_000).map(|_| mutated(&seeds, &mut random)).collect();
    let Some(answers) = ask_php("unserialize.php", &[], inputs.iter().map(|input| hex(input)).collect())
    else {
        return;
    };
    let (mut taken, mut refused, mut open) = (0, 0, 0);
    for (input, answer) in inputs.iter().zip(&answers) {
        match (answer.split_once('\t'), answer.as_str(), php::decode(input.clone())) {
            (None, "?", _) | (_, _, Err(DecodeError::ReferenceAndDuplicate)) => open += 1,
            (None, "-", Err(_)) => refused += 1,
            (None, "-", Ok(value)) if is_on_trust(&value) => open += 1,
            (Some(("+", again)), _, Ok(value)) => {
                taken += 1;
                if is_written_alike(&value) {
                    assert_eq!(shown(&php::encode(&value)), shown(&unhex(again)), "{}", shown(input));
                }
            }
            (_, theirs, ours) => panic!("PHP {theirs}, we {ours:?}: {}", shown(input)),
        }
    }
    println!("{taken} taken by both, {refused} refused by both, {open} that only PHP's classes could judge");
    assert!(taken + refused >= 5_000 && taken >= 500 && refused >= 500, "{taken}, {refused}, {open}");
}

/// Whether there is a payload and a reference, which may mean what is in the payload.
fn is_on_trust(value: &Value) -> bool {
    let mut found = (false, false);
    each(value, &mut |value| match value {
        Value::Custom(_) => found.0 = true,
        Value::Reference(_) => found.1 = true,
        _ => {}
    });
    found == (true, true)
}

/// Whether PHP without classes writes a value as it was: payloads are lost to it, names of properties
/// that were integers become strings, and references are renumbered by what is shared.
fn is_written_alike(value: &Value) -> bool {
    let mut alike = true;
    each(value, &mut |value| {
        alike &= match value {
            Value::Custom(_) | Value::Reference(_) | Value::Enum(_) => false,
            Value::Object(object) => !object.properties.iter().any(|(key, _)| {
                matches!(key, KeyRef::Int(_)) || key.to_bytes() == "__PHP_Incomplete_Class_Name"
            }),
            _ => true,
        };
    });
    alike
}

fn each(value: &Value, see: &mut impl FnMut(&Value)) {
    see(value);
    for (_, inner) in value.elements().into_iter().flat_map(Array::iter) {
        each(inner, see);
    }
}

fn mutated(seeds: &[&Bytes], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = random.choice(seeds).expect("there are seeds").to_vec();
    for _ in 0..random.usize(1..=3) {
        let at = random.usize(0..=bytes.len());
        let end = random.usize(at..=bytes.len()).min(at + 12);
        let letters = b"0123456789-+.:;\"{}aObisSdCErRN\0\\eE";
        match random.u8(0..9) {
            0 if at < bytes.len() => bytes[at] = random.u8(..),
            1 if at < bytes.len() => bytes[at] = *random.choice(letters).expect("letters"),
            2 => drop(bytes.splice(at..at, [*random.choice(letters).expect("letters")])),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let copy = bytes[at..end].to_vec();
                let to = random.usize(0..=bytes.len());
                bytes.splice(to..to, copy);
            }
            5 if random.bool() => bytes.truncate(at),
            6 | 7 => change_digit(&mut bytes, random),
            _ => {
                let other = random.choice(seeds).expect("there are seeds");
                let from = random.usize(0..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}

/// Another digit: lengths, counts, numbers and references go wrong one at a time.
fn change_digit(bytes: &mut [u8], random: &mut fastrand::Rng) {
    let digits: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at].is_ascii_digit()).collect();
    if let Some(&at) = random.choice(&digits) {
        bytes[at] = b'0' + random.u8(0..10);
    }
}

#[test]
fn serde_php_agrees_where_it_can_decode() {
    let Some((values, _)) = made_by_php(2_400) else { return };
    let mut agreed = 0;
    for Made { kind, bytes, .. } in values.iter().filter(|made| made.kind != "deep") {
        let Ok(theirs) = serde_php::from_bytes::<second_opinion::Any>(bytes) else { continue };
        let ours = php::decode(bytes.clone()).expect("PHP made it");
        let Some(ours) = second_opinion::as_serde_php_sees(&ours) else { continue };
        assert_eq!(theirs, ours, "{kind}: {}", shown(bytes));
        agreed += 1;
    }
    println!("serde_php agreed on {agreed} values");
    assert!(agreed >= 500, "{agreed}");
}

#[test]
fn a_megabyte_of_nesting_is_refused_on_a_small_stack() {
    let refuse = || {
        for piece in ["a:1:{i:0;", "O:1:\"A\":1:{s:1:\"a\";", "a:1:{i:0;O:1:\"A\":1:{i:0;"] {
            let text = piece.repeat((1 << 20) / piece.len());
            assert_eq!(php::decode(text), Err(DecodeError::TooDeep(4_096)));
        }
    };
    let thread = std::thread::Builder::new().stack_size(64 * 1024).spawn(refuse).expect("a thread");
    thread.join().expect("64 KiB of stack are enough");
}

/// The peak of the process's address space, in kB, where the system tells.
fn peak_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[test]
fn a_length_that_is_declared_allocates_nothing() {
    let before = peak_kb();
    let limits =
        php::Limits { string_bytes_max: usize::MAX, elements_max: usize::MAX, ..php::Limits::default() };
    let texts =
        ["s:8000000000:\"x\";", "S:8000000000:\"x\";", "a:8000000000:{i:0;i:1;}", "C:1:\"A\":8000000000:{x}"];
    for text in texts {
        assert!(matches!(php::decode_with(text, limits), Err(DecodeError::Malformed { .. })), "{text}");
    }
    if let (Some(before), Some(after)) = (before, peak_kb()) {
        assert!(after < before + 4_000_000, "the peak grew from {before} to {after} kB");
    }
}

#[test]
fn json_texts_get_php_s_verdict_and_php_s_value() {
    let Some((values, _)) = made_by_php(2_400) else { return };
    let texts: Vec<Bytes> = values
        .iter()
        .filter_map(|made| made.json.clone()?.ok())
        .filter(|json| json.len() < 400)
        .map(Bytes::from)
        .collect();
    let seeds: Vec<&Bytes> = texts.iter().collect();
    let mut random = fastrand::Rng::with_seed(seed());
    let inputs: Vec<Vec<u8>> = (0..5_000).map(|_| mutated_json(&seeds, &mut random)).collect();
    let Some(answers) = ask_php("json.php", &[], inputs.iter().map(|input| hex(input)).collect()) else {
        return;
    };
    let (mut taken, mut refused) = (0, 0);
    for (input, answer) in inputs.iter().zip(&answers) {
        match (answer.as_str(), json::decode(input)) {
            ("-" | "?", None) => refused += 1,
            ("-" | "?", Some(value)) => panic!("PHP refuses, we take {value}: {}", shown(input)),
            (_, None) => panic!("PHP takes, we refuse: {}", shown(input)),
            (again, Some(value)) => {
                taken += 1;
                assert_eq!(shown(&json::encode(&value)), shown(&unhex(again)), "{}", shown(input));
                written_without_a_tree(input, &value, &unhex(again));
            }
        }
    }
    println!("{taken} taken by both, {refused} refused by both");
    assert!(taken >= 1_000 && refused >= 1_000, "{taken}, {refused}");
}

/// A text of the same meaning, and of an object the very text that PHP writes, but that a name which comes twice stays twice.
fn written_without_a_tree(input: &[u8], value: &serde_json::Value, php: &[u8]) {
    let mut same = Vec::new();
    json::compact(input, &mut same, usize::MAX).expect("it is JSON");
    assert_eq!(json::decode(&same).as_ref(), Some(value), "{}", shown(input));
    let mut object = Vec::new();
    let members = json::object(input, &mut object, usize::MAX, "", "none").expect("it is JSON");
    if value.is_object() {
        let twice = object.len() > php.len() && json::decode(&object).as_ref() == json::decode(php).as_ref();
        assert!(members.is_some() && (object == php || twice), "{}: {}", shown(input), shown(&object));
    }
}

fn mutated_json(seeds: &[&Bytes], random: &mut fastrand::Rng) -> Vec<u8> {
    let pieces: [&[u8]; 26] = [
        b"[",
        b"]",
        b"{",
        b"}",
        b",",
        b":",
        b"\"",
        b"\\",
        b"\\u",
        b"\\u0000",
        b"\\ud800",
        b"\\udc00",
        b"0",
        b"-",
        b"1",
        b".",
        b"e",
        b"9223372036854775808",
        b"1e999",
        b"TRUE",
        b"Null",
        b" ",
        b"\n",
        b"\0",
        b"\xff",
        b"\"a\":1,",
    ];
    let mut text = random.choice(seeds).expect("there are seeds").to_vec();
    for _ in 0..random.usize(0..=2) {
        let at = random.usize(0..=text.len());
        let end = if random.bool() { at } else { (at + random.usize(0..4)).min(text.len()) };
        text.splice(at..end, random.choice(pieces).expect("there are pieces").iter().copied());
    }
    text
}

#[test]
fn floats_of_old_versions_have_their_digits() {
    let numbers = [
        0.1,
        1.0 / 3.0,
        1e15,
        1e16,
        1e17,
        1_795_490_040.191_593,
        5e-324,
        f64::MAX,
        -2.5e-5,
        0.000_123_456_789,
    ];
    for digits in [14, 17] {
        let script = format!(
            "ini_set('serialize_precision', {digits}); foreach (json_decode($argv[1]) as $n) echo serialize((float) $n), json_encode((float) $n), \"\\n\";"
        );
        let list = String::from_utf8(json::encode(&serde_json::json!(numbers))).expect("ASCII");
        let Ok(output) = Command::new("php").args(["-n", "-r", &script, &list]).output() else {
            return println!("skipped: php cannot be started");
        };
        let ours: String =
            numbers.iter().map(|&number| as_old_php(number, Precision::Digits(digits)) + "\n").collect();
        assert_eq!(ours, String::from_utf8_lossy(&output.stdout));
    }
}

fn as_old_php(number: f64, precision: Precision) -> String {
    let style = json::Style { precision, ..json::Style::default() };
    let mut text = php::encode_with(&Value::Float(number), precision);
    text.extend(json::encode_with(&number, style).expect("a number"));
    String::from_utf8(text).expect("ASCII")
}
