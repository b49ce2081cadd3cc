//! The trace format, against every recording there is.

use zmws_compat::trace::{self, Damage, ReadError, What, Writer};

use crate::{HEADER, fixtures, recordings_of};

#[test]
fn every_recording_is_read_and_written_without_loss() {
    for path in fixtures() {
        let read = trace::read_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut writer = Writer::new(Vec::new(), &read.header).expect("a vector takes all");
        for event in &read.events {
            writer.event(event.conn().map(|conn| &read.conns[conn]), event).expect("a vector takes all");
        }
        let text = String::from_utf8(writer.into_inner()).expect("JSON is UTF-8");
        let again = trace::read(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(read.header, again.header, "{}", path.display());
        assert_eq!(read.conns, again.conns, "{}", path.display());
        assert_eq!(read.events, again.events, "{}", path.display());
    }
}

#[test]
fn every_raw_stream_is_decoded() {
    let mut raw = 0;
    for path in recordings_of("recorded") {
        let read = trace::read_file(&path).expect("read before");
        if read.header.raw {
            raw += 1;
            let decoded = trace::decoded(read);
            let messages = decoded.events.iter().filter(|event| matches!(event.what, What::Message { .. }));
            assert!(messages.count() > 1, "{}", path.display());
        }
    }
    assert!(raw > 0);
}

fn damage(lines: &[&str]) -> (usize, Damage) {
    match trace::read(&lines.join("\n")) {
        Err(ReadError::Damaged { line, damage }) => (line, damage),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_damaged_line_is_refused_by_its_number() {
    let good = r#"{"t":0.1,"peer":"c","conn":1,"to":"broker","frames":["a"]}"#;
    for bad in [
        r#"{"t":0.2,"peer":"c","conn":1,"to":"broker","frames":["a"]"#,
        r#"{"peer":"c","conn":1,"to":"broker","frames":["a"]}"#,
        r#"{"t":0.2,"peer":"c","conn":1,"frames":["a"]}"#,
        r#"{"t":0.2,"peer":"c","conn":1,"to":"broker","frames":["Ā"]}"#,
        r#"{"t":0.2,"peer":"c","conn":1,"to":"broker","frames":[]}"#,
        r#"{"t":0.2,"peer":"c","conn":1,"to":"broker","frames":["a"],"truncated_from":[1,2]}"#,
        r#"{"t":0.2,"peer":"d","conn":1,"to":"broker","frames":["a"]}"#,
        r#"{"t":0.2,"peer":"c","conn":1,"to":"broker","hex":"0"}"#,
        r#"{"t":0.2,"peer":"c","conn":1,"to":"broker"}"#,
        r#"{"t":0.2,"peer":"c","conn":1,"event":"nap"}"#,
        r#"{"t":0.05,"peer":"c","conn":1,"to":"broker","frames":["a"]}"#,
        "",
    ] {
        assert_eq!(damage(&[HEADER, good, bad, good]).0, 3, "{bad}");
    }
}

#[test]
fn a_newer_format_is_refused() {
    let newer = HEADER.replacen('{', r#"{"trace":2,"#, 1);
    let (line, damage) = damage(&[&newer]);
    assert!(line == 1 && matches!(damage, Damage::Format(2)), "{damage}");
}

#[test]
fn every_written_trace_names_what_it_pins() {
    for path in recordings_of("written") {
        let read = trace::read_file(&path).expect("read before");
        let pins = read.header.more.get("pins").and_then(|pins| pins.as_array());
        let named = pins.is_some_and(|pins| !pins.is_empty() && pins.iter().all(|pin| pin.is_string()));
        assert!(named, "{}", path.display());
    }
}
