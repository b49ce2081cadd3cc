//! Single cases; what PHP itself says stands in `tests/php_oracle.rs`.

use super::*;

/// What PHP 8.2 accepts, and how it writes the value again.
#[test]
fn what_php_accepts_is_accepted_and_written_as_php_writes_it() {
    let cases: &[(&str, &str)] = &[
        ("N;x", "N;"),
        ("i:+1;", "i:1;"),
        ("i:-0;", "i:0;"),
        ("i:18446744073709551617;", "i:9223372036854775807;"),
        ("i:-99999999999999999999;", "i:-9223372036854775808;"),
        ("d:.5;", "d:0.5;"),
        ("d:+5.e3;", "d:5000;"),
        ("d:1e5;", "d:100000;"),
        ("d:INF;", "d:INF;"),
        ("d:-INF;", "d:-INF;"),
        ("d:NAN;", "d:NAN;"),
        ("d:-0;", "d:-0;"),
        ("s:01:\"a\";", "s:1:\"a\";"),
        ("S:2:\"\\41\\62\";", "s:2:\"Ab\";"),
        ("a:00:{}", "a:0:{}"),
        ("a:2:{i:0;i:1;s:1:\"0\";i:2;}", "a:1:{i:0;i:2;}"),
        ("a:2:{s:1:\"a\";i:1;s:2:\"05\";i:2;}", "a:2:{s:1:\"a\";i:1;s:2:\"05\";i:2;}"),
        ("O:1:\"A\"::{}", "O:1:\"A\":0:{}"),
        ("O:1:\"A\":+0:{}", "O:1:\"A\":0:{}"),
        ("O:3:\"A\\B\":0:{}", "O:3:\"A\\B\":0:{}"),
        ("C:1:\"A\":1:{x}", "C:1:\"A\":1:{x}"),
        ("C:1:\"A\"::{}", "C:1:\"A\":0:{}"),
        ("E:6:\"Suit:C\";", "E:6:\"Suit:C\";"),
        ("a:1:{i:0;R:1;}", "a:1:{i:0;R:1;}"),
        ("a:2:{i:0;O:1:\"A\":0:{}i:1;r:2;}", "a:2:{i:0;O:1:\"A\":0:{}i:1;r:2;}"),
        ("O:1:\"A\":1:{s:1:\"5\";i:6;}", "O:1:\"A\":1:{s:1:\"5\";i:6;}"),
        ("O:1:\"A\":2:{i:5;i:6;s:1:\"5\";i:7;}", "O:1:\"A\":1:{i:5;i:7;}"),
    ];
    for (text, written) in cases {
        let value = decode(text.as_bytes().to_vec()).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(encode(&value).escape_ascii().to_string(), written.as_bytes().escape_ascii().to_string());
    }
}

#[test]
fn what_php_refuses_is_refused() {
    let texts = [
        "",
        "N",
        "b:2;",
        "b:01;",
        "i:;",
        "i:+;",
        "i:1",
        "d:.;",
        "d:--1;",
        "d:+INF;",
        "d:nan;",
        "d:1e;",
        "d:;",
        "s:0:\"",
        "s:2:\"a\";",
        "s:8000000000:\"x\";",
        "s:18446744073709551615:\"x\";",
        "S:1:\"\\4\";",
        "a:0:{",
        "a:-1:{}",
        "a:+0:{}",
        "a::{}",
        "a:1:{b:1;i:1;}",
        "a:1:{N;i:1;}",
        "a:1:{i:0;i:1;",
        "a:1:{i:0;i:1;i:1;i:2;}",
        "a:2:{i:0;i:1;}",
        "a:9999999999:{}",
        "O:0:\"\":0:{}",
        "O:1:\"\\\":0:{}",
        "O:3:\"a b\":0:{}",
        "O:1:\"A\":-1:{}",
        "C:1:\"A\":2:{x}",
        "C:1:\"A\":-1:{}",
        "E:1:\"A\";",
        "E:2:\"A:\";",
        "E:2:\":A\";",
        "E:3:\"A:5\";",
        "r:1;",
        "R:1;",
        "R:0;",
        "a:1:{i:0;r:1;}",
        "a:1:{i:0;r:2;}",
        "a:1:{i:0;R:2;}",
        "a:2:{i:0;a:0:{}i:1;r:2;}",
        "x",
        "a:1:{R:1;i:0;}",
    ];
    for text in texts {
        assert!(matches!(decode(text), Err(DecodeError::Malformed { .. })), "{text:?}");
    }
}

#[test]
fn depth_ends_where_php_ends_it_and_costs_no_stack() {
    let nested = |depth: usize| "a:1:{i:0;".repeat(depth) + "N;" + &"}".repeat(depth);
    let run = move || {
        let value = decode(nested(4_096)).expect("PHP takes it");
        assert_eq!(value.clone(), value);
        assert_eq!(encode(&value), nested(4_096).into_bytes());
        assert_eq!(decode(nested(4_097)), Err(DecodeError::TooDeep(4_096)));
        let deeper = Limits { depth_max: usize::MAX, ..Limits::default() };
        let value = decode_with(nested(200_000), deeper).expect("the limit was taken away");
        assert_eq!(value.clone(), value);
    };
    let thread = std::thread::Builder::new().stack_size(128 * 1024).spawn(run).expect("a thread");
    thread.join().expect("128 KiB of stack are enough");
}

#[test]
fn each_limit_is_told() {
    let limits = Limits { elements_max: 3, string_bytes_max: 4, total_bytes_max: 40, depth_max: 1 };
    let refused = |text: &'static str| decode_with(text, limits).expect_err(text);
    assert!(decode_with("a:2:{i:0;s:4:\"abcd\";i:1;i:2;}", limits).is_ok());
    assert_eq!(refused("a:3:{i:0;N;i:1;N;i:2;N;}"), DecodeError::TooManyElements(3));
    assert_eq!(refused("s:5:\"abcde\";"), DecodeError::StringTooLong(4));
    assert_eq!(refused("S:5:\"abcde\";"), DecodeError::StringTooLong(4));
    assert_eq!(refused("a:1:{i:0;a:1:{i:0;N;}}"), DecodeError::TooDeep(1));
    assert_eq!(refused("N;                                        "), DecodeError::TooLong(40));
    let texts = ["a:3:{i:0;R:1;i:1;N;i:1;N;}", "a:3:{i:1;N;i:1;N;i:0;R:1;}"];
    for text in texts {
        assert_eq!(decode(text), Err(DecodeError::ReferenceAndDuplicate));
    }
}

#[test]
fn properties_are_known_by_name_and_visibility() {
    let text = b"O:1:\"P\":4:{s:1:\"a\";i:1;s:4:\"\0*\0b\";i:2;s:4:\"\0P\0c\";i:3;s:2:\"\0d\";i:4;}";
    let Value::Object(object) = decode(&text[..]).expect("an object") else { panic!("no object") };
    let shown: Vec<String> =
        object.properties().map(|(seen, name, value)| format!("{seen:?} {name:?} {value:?}")).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    Public b"a" i:1;
    Protected b"b" i:2;
    Private(b"P") b"c" i:3;
    Private(b"") b"d" i:4;
    "#);
    assert_eq!(object.get(b"c"), Some(&Value::Int(3)));
    assert_eq!(Visibility::Private("P".into()).mangle(b"c"), Key::Bytes("\0P\0c".into()));
    assert_eq!(Visibility::Protected.mangle(b"b"), Key::Bytes("\0*\0b".into()));
}

#[test]
fn references_behind_a_payload_are_taken_on_trust() {
    // Written by PHP: the payload of Z holds three numbered values, the last of which r:5 means.
    let text = b"a:3:{i:0;C:1:\"Z\":82:{a:2:{i:0;i:1;i:1;O:1:\"P\":4:{s:1:\"a\";i:1;s:4:\"\0*\0b\";i:2;\
        s:4:\"\0P\0c\";i:3;s:1:\"d\";N;}}}i:1;r:5;i:2;r:2;}";
    let value = decode(&text[..]).expect("PHP takes it");
    assert_eq!(encode(&value), text);
}

fn json(text: impl Into<Bytes>) -> Result<String, JsonError> {
    let json = decode(text).expect("PHP takes it").to_json()?;
    Ok(String::from_utf8(json).expect("JSON is UTF-8"))
}

#[test]
fn json_follows_references_and_shows_public_properties() {
    let cases = [
        ("a:4:{i:0;i:1;i:1;i:2;i:2;R:3;i:3;R:3;}", "[1,2,2,2]"),
        ("a:2:{i:0;O:1:\"P\":2:{s:1:\"a\";d:1;s:4:\"\0*\0b\";i:2;}i:1;r:2;}", r#"[{"a":1},{"a":1}]"#),
        ("a:2:{i:1;b:1;i:0;b:0;}", r#"{"1":true,"0":false}"#),
        ("O:8:\"stdClass\":0:{}", "{}"),
        ("s:3:\"/\u{e9}\";", r#""\/\u00e9""#),
    ];
    for (text, expected) in cases {
        assert_eq!(json(text).as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(json("a:1:{s:2:\"\0x\";i:1;}").as_deref(), Ok(r#"{"\u0000x":1}"#));
}

#[test]
fn json_is_refused_where_php_gives_false() {
    let deep = |depth: usize| "a:1:{i:0;".repeat(depth) + "N;" + &"}".repeat(depth);
    assert!(json(deep(512)).is_ok());
    assert_eq!(json(deep(513)), Err(JsonError::TooDeep));
    assert_eq!(json("d:NAN;"), Err(JsonError::NotFinite));
    assert_eq!(json(&b"s:1:\"\xff\";"[..]), Err(JsonError::NotUtf8));
    assert_eq!(json("O:1:\"A\":1:{s:4:\"self\";r:1;}"), Err(JsonError::Recursion));
    assert_eq!(json("a:2:{i:0;i:1;i:1;a:2:{i:0;i:1;i:1;R:3;}}"), Err(JsonError::Recursion));
}

/// PHP, which has the class, gives the value behind the case (which is not serialized) and what the class shows.
#[test]
fn json_of_what_only_a_class_knows_is_what_was_serialized() {
    assert_eq!(json("a:1:{i:0;E:9:\"Suit:Club\";}").as_deref(), Ok(r#"["Club"]"#));
    assert_eq!(json("C:3:\"Foo\":4:{a\"/b}").as_deref(), Ok(r#""a\"\/b""#));
    assert_eq!(json(&b"C:3:\"Foo\":1:{\xff}"[..]), Err(JsonError::NotUtf8));
}

/// An array of `count` references to the one before it, in a text of less than 400 KB.
#[test]
fn references_may_make_eight_times_what_they_are_made_of_or_a_mebibyte() {
    let repeated = |times: usize| {
        let mut text =
            format!("a:{}:{{i:0;O:8:\"stdClass\":1:{{s:1:\"a\";s:100:\"{}\";}}", times + 1, "x".repeat(100));
        (1..=times).for_each(|at| text += &format!("i:{at};r:2;"));
        json(text + "}")
    };
    assert!(repeated(9_000).is_ok());
    assert!(matches!(repeated(30_000), Err(JsonError::TooLong(max)) if max < 30_000 * 100));
}

/// Nobody sees the properties, so that no bytes come of them.
#[test]
fn references_to_hidden_properties_cost_work_that_is_bounded_too() {
    let mut text = String::from("a:20001:{i:0;O:1:\"A\":20000:{");
    (0..20_000).for_each(|at| text += &format!("s:8:\"\0*\0{at:05}\";N;"));
    text += "}";
    (1..=20_000).for_each(|at| text += &format!("i:{at};r:2;"));
    assert!(matches!(json(text + "}"), Err(JsonError::TooLong(_))));
}

/// Each array holds the one before it twice: 40 of them would make 2^40 values.
#[test]
fn references_that_multiply_are_stopped_by_a_limit() {
    let mut text = String::from("a:41:{i:0;a:1:{i:0;i:7;}");
    for at in 1..=40 {
        // Numbers: the root 1, the first array 2 and its element 3, then one for each array.
        let before = if at == 1 { 2 } else { at + 2 };
        text += &format!("i:{at};a:2:{{i:0;R:{before};i:1;R:{before};}}");
    }
    text += "}";
    let value = decode(text).expect("PHP takes it");
    assert_eq!(
        value.to_json_with(crate::params::json::Style::default(), 100_000),
        Err(JsonError::TooLong(100_000))
    );
    let error = from_value::<serde_json::Value>(&value).expect_err("too many values");
    assert!(error.to_string().contains("repeat more than"), "{error}");
}

mod bridge {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Everything {
        yes: bool,
        small: u8,
        big: i64,
        float: f64,
        text: String,
        none: Option<i32>,
        list: Vec<i32>,
        empty: BTreeMap<String, i32>,
        numbered: BTreeMap<u16, (char, String)>,
        unit: Choice,
        newtype: Choice,
        tuple: Choice,
        fields: Choice,
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    enum Choice {
        Unit,
        New(i32),
        Two(i32, String),
        Named { a: i32 },
    }

    #[test]
    fn a_type_comes_back_as_it_went() {
        let value = Everything {
            yes: true,
            small: 200,
            big: i64::MIN,
            float: 0.1,
            text: "\u{e9}".into(),
            none: None,
            list: vec![1, 2],
            empty: BTreeMap::new(),
            numbered: BTreeMap::from([(7, ('x', "y".into()))]),
            unit: Choice::Unit,
            newtype: Choice::New(1),
            tuple: Choice::Two(1, "b".into()),
            fields: Choice::Named { a: 1 },
        };
        let php = to_value(&value).expect("has a PHP form");
        insta::assert_snapshot!(format!("{php:?}").replace(";s:", ";\ns:"), @r#"
        a:13:{s:3:"yes";b:1;
        s:5:"small";i:200;
        s:3:"big";i:-9223372036854775808;
        s:5:"float";d:0.1;
        s:4:"text";
        s:2:"\xc3\xa9";
        s:4:"none";N;
        s:4:"list";a:2:{i:0;i:1;i:1;i:2;}s:5:"empty";a:0:{}s:8:"numbered";a:1:{i:7;a:2:{i:0;
        s:1:"x";i:1;
        s:1:"y";}}s:4:"unit";
        s:4:"Unit";
        s:7:"newtype";a:1:{s:3:"New";i:1;}s:5:"tuple";a:1:{s:3:"Two";a:2:{i:0;i:1;i:1;
        s:1:"b";}}s:6:"fields";a:1:{s:5:"Named";a:1:{s:1:"a";i:1;}}}
        "#);
        assert_eq!(from_value::<Everything>(&decode(encode(&php)).expect("our own")), Ok(value));
    }

    #[test]
    fn objects_enums_and_references_fit_types() {
        #[derive(Debug, Deserialize, PartialEq)]
        struct Order {
            id: i32,
            secret: String,
            state: State,
            again: State,
        }
        #[derive(Debug, Deserialize, PartialEq)]
        enum State {
            Open,
        }
        let text = "O:5:\"Order\":4:{s:2:\"id\";i:1;s:9:\"\0*\0secret\";s:1:\"x\";s:12:\"\0Order\0state\";E:10:\"State:Open\";\
            s:5:\"again\";r:4;}";
        let order: Order = from_value(&decode(text).expect("PHP takes it")).expect("fits");
        assert_eq!(order, Order { id: 1, secret: "x".into(), state: State::Open, again: State::Open });
    }

    #[test]
    fn any_type_takes_what_there_is() {
        let value =
            decode("a:3:{i:5;N;s:1:\"a\";a:1:{i:0;d:0.5;}s:1:\"b\";O:1:\"C\":1:{s:4:\"\0*\0d\";b:1;}}");
        let json: serde_json::Value = from_value(&value.expect("PHP takes it")).expect("fits");
        assert_eq!(json, json!({"5": null, "a": [0.5], "b": {"d": true}}));
    }

    #[test]
    fn a_value_that_contains_itself_is_refused() {
        for text in ["a:1:{i:0;R:1;}", "O:1:\"A\":1:{s:4:\"self\";r:1;}"] {
            let value = decode(text).expect("PHP takes it");
            let error = from_value::<serde_json::Value>(&value).expect_err("endless");
            assert_eq!(error.to_string(), "more than 128 values within each other");
        }
    }

    #[test]
    fn integers_that_php_does_not_have_become_floats() {
        assert_eq!(encode(&to_value(&u64::MAX).expect("a number")), b"d:1.8446744073709552E+19;");
        assert!(to_value(&BTreeMap::from([((1, 2), 3)])).is_err());
    }
}
