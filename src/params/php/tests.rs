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
