//! Greetings and handshakes: 3.1 (RFC 37), 3.0 (RFC 23), 2.0 (RFC 15), and who is refused.

use super::*;

/// A ROUTER's answer to a first piece of a stranger's bytes.
fn router_says(bytes: &[u8]) -> String {
    said(&mut Engine::new(&config(SocketType::Router)), bytes)
}

/// A ROUTER's answer to a READY with this data.
fn ready_says(data: &[u8]) -> String {
    router_says(&[greeting(1, "NULL"), command("READY", data)].concat())
}

/// RFC 37, "Version Negotiation": "the peer SHALL send to the other a partial greeting", signature and
/// major version, 11 octets; libzmq's ROUTER of no identity pads with 1.
#[test]
fn eleven_octets_are_sent_before_anything_came() {
    assert_eq!(drain(&mut Engine::new(&config(SocketType::Router))), b"\xFF\0\0\0\0\0\0\0\x01\x7F\x03");
}

/// RFC 37, "The NULL Security Mechanism": "it MUST send a READY command in reply".
#[test]
fn the_rest_of_the_greeting_follows_the_peers_version_and_ready_follows_its_greeting() {
    let mut engine = Engine::new(&config(SocketType::Pub));
    drain(&mut engine);
    let mut input = BytesMut::from(&greeting(1, "NULL")[..10]);
    assert!(events(&mut engine, &mut input).unwrap().is_empty());
    assert_eq!(drain(&mut engine), b"");

    input.extend_from_slice(&[3]);
    assert!(events(&mut engine, &mut input).unwrap().is_empty());
    assert_eq!(drain(&mut engine), &greeting(1, "NULL")[11..]);

    input.extend_from_slice(&greeting(1, "NULL")[11..]);
    assert!(events(&mut engine, &mut input).unwrap().is_empty());
    assert_eq!(drain(&mut engine), command("READY", &property("Socket-Type", b"PUB")));
}

#[test]
fn ready_carries_identity_and_properties() {
    let config = Config {
        identity: Bytes::from_static(b"9999-993F"),
        properties: vec![("X-Version", Bytes::from_static(b"0.1"))],
        ..config(SocketType::Dealer)
    };
    let mut engine = Engine::new(&config);
    said(&mut engine, &greeting(1, "NULL"));
    let data = [
        property("Socket-Type", b"DEALER"),
        property("Identity", b"9999-993F"),
        property("X-Version", b"0.1"),
    ];
    assert_eq!(drain(&mut engine)[64..], command("READY", &data.concat()));
}

/// RFC 37, "Version Negotiation": a peer "MUST NOT validate" the padding.
#[test]
fn padding_is_not_looked_at() {
    let mut bytes = opening(1, "DEALER");
    bytes[1..9].copy_from_slice(b"\xFF\x80aGET/\x0A");
    insta::assert_snapshot!(router_says(&bytes), @r#"ready: V3_1 DEALER b"""#);
}

/// RFC 37, "Detecting ZMTP 1.0 and 2.0 Peers": "If the least significant bit is 1" it is a signature.
#[test]
fn the_tenth_octet_counts_by_its_lowest_bit() {
    let with_tenth = |octet| {
        let mut bytes = opening(1, "DEALER");
        bytes[9] = octet;
        router_says(&bytes)
    };
    assert_eq!(with_tenth(0x01), "ready: V3_1 DEALER b\"\"\n");
    assert!(with_tenth(0x7E).starts_with("error: the peer speaks ZMTP 1.0"));
}

#[test]
fn a_minor_of_zero_is_3_0() {
    insta::assert_snapshot!(router_says(&opening(0, "REQ")), @r#"ready: V3_0 REQ b"""#);
}

/// RFC 37, "Version Negotiation": "A peer MUST accept higher protocol versions as valid".
#[test]
fn higher_versions_are_served_as_3_1() {
    let mut major_4 = opening(0, "DEALER");
    major_4[10] = 4;
    for bytes in [opening(2, "DEALER"), opening(255, "DEALER"), major_4] {
        assert_eq!(router_says(&bytes), "ready: V3_1 DEALER b\"\"\n");
    }
}

/// RFC 37, "Topology": without roles in the mechanism "the as-server field SHALL have no significance".
#[test]
fn as_server_and_filler_have_no_significance() {
    let mut bytes = opening(1, "DEALER");
    bytes[32..64].fill(1);
    assert_eq!(router_says(&bytes), "ready: V3_1 DEALER b\"\"\n");
}

/// RFC 37, "Authentication and Confidentiality": "If the mechanism that the peer received does not
/// exactly match the mechanism it sent, it MUST close the connection."
#[test]
fn another_mechanism_is_refused_by_name() {
    insta::assert_snapshot!(router_says(&greeting(1, "CURVE")), @r#"error: the peer wants the security mechanism "CURVE", we have NULL"#);
    for other in ["", "NULLX", "null", "NUL", "NULL\0X"] {
        assert!(router_says(&greeting(1, other)).starts_with("error: "), "{other:?}");
    }
}

/// RFC 37, "Authentication and Confidentiality": who reads a full greeting "MUST also send a full
/// greeting including mechanism", even to refuse it.
#[test]
fn a_refused_mechanism_gets_our_full_greeting() {
    let mut engine = Engine::new(&config(SocketType::Router));
    said(&mut engine, &greeting(1, "PLAIN"));
    assert_eq!(drain(&mut engine), greeting(1, "NULL"));
}

/// RFC 13: the first frame is the identity, short or long.
#[test]
fn zmtp_1_0_is_refused_clearly() {
    let said = router_says(b"\x01\0");
    assert_eq!(said, "error: the peer speaks ZMTP 1.0 (libzmq 2.x), which is not served\n");
    let long = b"\xFF\0\0\0\0\0\0\x01\x2C\0";
    let versioned = b"\xFF\0\0\0\0\0\0\0\x01\x7F\0";
    for bytes in [&b"\x06\0alice"[..], b"\xFE\x01", &long[..], &versioned[..]] {
        assert_eq!(router_says(bytes), said, "{bytes:?}");
    }
    assert_eq!(router_says(b"\x01"), "", "one octet could still be another protocol");
}

#[test]
fn other_protocols_are_refused_by_their_first_octets() {
    insta::assert_snapshot!(router_says(b"GET / HTTP/1.1\r\n"), @r#"error: the peer does not speak ZMTP: it begins with "GE""#);
    insta::assert_snapshot!(router_says(b"\x16\x03\x01"), @r#"error: the peer does not speak ZMTP: it begins with "\x16\x03""#);
    insta::assert_snapshot!(router_says(b"\0\0"), @r#"error: the peer does not speak ZMTP: it begins with "\x00\x00""#);
}

#[test]
fn every_pair_of_the_table_talks_and_no_other() {
    let legal = [
        "REQ-REP",
        "REQ-ROUTER",
        "REP-REQ",
        "REP-DEALER",
        "DEALER-REP",
        "DEALER-DEALER",
        "DEALER-ROUTER",
        "ROUTER-REQ",
        "ROUTER-DEALER",
        "ROUTER-ROUTER",
        "PUB-SUB",
        "PUB-XSUB",
        "XPUB-SUB",
        "XPUB-XSUB",
        "SUB-PUB",
        "SUB-XPUB",
        "XSUB-PUB",
        "XSUB-XPUB",
        "PUSH-PULL",
        "PULL-PUSH",
        "PAIR-PAIR",
    ];
    for ours in SocketType::ALL {
        for theirs in SocketType::ALL {
            let says = said(&mut Engine::new(&config(ours)), &opening(1, theirs.name()));
            let pair = format!("{}-{}", ours.name(), theirs.name());
            assert_eq!(says.starts_with("ready"), legal.contains(&&*pair), "{pair}: {says}");
        }
    }
}

/// RFC 37, "The Socket-Type Property": "it SHOULD handle errors by returning an ERROR command, and
/// then disconnecting the peer".
#[test]
fn a_wrong_socket_type_is_told_why() {
    let mut engine = Engine::new(&config(SocketType::Router));
    insta::assert_snapshot!(said(&mut engine, &opening(1, "SUB")), @"error: a ROUTER does not talk to a SUB");
    let output = drain(&mut engine);
    let error = command("ERROR", b"\x1Fa ROUTER does not talk to a SUB");
    assert!(output.ends_with(&error), "{}", output.escape_ascii());
    insta::assert_snapshot!(router_says(&opening(1, "CLIENT")), @"error: a ROUTER does not talk to a CLIENT");
    insta::assert_snapshot!(router_says(&opening(1, "dealer")), @"error: a ROUTER does not talk to a dealer");
}

/// RFC 37: "The case (upper or lower) of names SHALL NOT be significant."
#[test]
fn property_names_come_in_any_case() {
    let data = [property("SOCKET-type", b"DEALER"), property("identity", b"w1")].concat();
    insta::assert_snapshot!(ready_says(&data), @r#"ready: V3_1 DEALER b"w1""#);
}

#[test]
fn a_property_that_comes_twice_counts_as_it_came_last() {
    let data =
        [property("Identity", b"a"), property("Socket-Type", b"REQ"), property("Identity", b"b")].concat();
    insta::assert_snapshot!(ready_says(&data), @r#"ready: V3_1 REQ b"b""#);
}

#[test]
fn properties_are_told_as_they_came() {
    let mut engine = Engine::new(&config(SocketType::Router));
    let data = [property("Socket-Type", b"DEALER"), property("X-b", b""), property("x-A", b"\0")].concat();
    let mut input = BytesMut::from(&[greeting(1, "NULL"), command("READY", &data)].concat()[..]);
    let Some(Event::Ready(peer)) = engine.receive(&mut input).unwrap() else { panic!("not ready") };
    insta::assert_debug_snapshot!(peer.properties, @r#"
    [
        (
            b"Socket-Type",
            b"DEALER",
        ),
        (
            b"X-b",
            b"",
        ),
        (
            b"x-A",
            b"\0",
        ),
    ]
    "#);
}

/// RFC 37: "The name SHALL be 1 to 255 characters", "The value SHALL be 0 to 2,147,483,647".
#[test]
fn malformed_metadata_is_refused() {
    let fitting = property("Socket-Type", b"DEALER");
    let refused = |rest: &[u8]| ready_says(&[&fitting[..], rest].concat());
    insta::assert_snapshot!(ready_says(b""), @"error: malformed metadata in READY: it names no Socket-Type");
    insta::assert_snapshot!(refused(b"\0"), @"error: malformed metadata in READY: a property's name is empty");
    for rest in [
        &b"\x02"[..],
        b"\x02X",
        b"\x01X\0\0\0",
        b"\x01X\0\0\0\x01",
        b"\x01X\x80\0\0\0",
        b"\x01X\xFF\xFF\xFF\xFF",
    ] {
        let says = refused(rest);
        assert_eq!(says, "error: malformed metadata in READY: a property is longer than the command\n");
    }
}

/// RFC 37, "The Identity Property": "identity = 0*255OCTET".
#[test]
fn an_identity_has_255_bytes_at_most() {
    let with_identity =
        |size| router_says(&[greeting(1, "NULL"), ready("DEALER", &vec![b'i'; size])].concat());
    assert!(with_identity(255).starts_with("ready: V3_1 DEALER b\"iii"));
    insta::assert_snapshot!(with_identity(256), @"error: an identity of 256 bytes, 255 are allowed");
}

/// RFC 37, "The Identity Property": "The first octet of the Identity SHALL NOT be zero". The peer is
/// served as one that has none.
#[test]
fn an_identity_that_begins_with_zero_is_no_identity() {
    let bytes = [greeting(1, "NULL"), ready("DEALER", b"\0\x80\0\0\x29")].concat();
    insta::assert_snapshot!(router_says(&bytes), @r#"ready: V3_1 DEALER b"""#);
}

/// RFC 37, "The Identity Property": "For all other socket types, the Identity property shall be ignored."
#[test]
fn the_identity_of_a_sub_is_ignored() {
    let bytes = [greeting(1, "NULL"), ready("SUB", b"me")].concat();
    let says = said(&mut Engine::new(&config(SocketType::Pub)), &bytes);
    insta::assert_snapshot!(says, @r#"ready: V3_1 SUB b"""#);
}

/// RFC 37, "Error Handling": "The peer SHALL treat an incoming ERROR command as fatal".
#[test]
fn an_error_command_is_fatal() {
    let bytes = [greeting(1, "NULL"), command("ERROR", b"\x0ANo\nway here")].concat();
    insta::assert_snapshot!(router_says(&bytes), @r"error: the peer refuses: No\nway her");
    let shorter_than_it_says = [greeting(1, "NULL"), command("ERROR", b"\xFFNo")].concat();
    insta::assert_snapshot!(router_says(&shorter_than_it_says), @"error: the peer refuses: No");
}

#[test]
fn nothing_but_ready_and_error_belongs_in_the_handshake() {
    let after_greeting = |bytes: Vec<u8>| router_says(&[greeting(1, "NULL"), bytes].concat());
    insta::assert_snapshot!(after_greeting(command("PING", b"\0\0")), @r#"error: unexpected command "PING" in the handshake"#);
    insta::assert_snapshot!(after_greeting(command("HELLO", b"")), @r#"error: unexpected command "HELLO" in the handshake"#);
    insta::assert_snapshot!(after_greeting(frame(0, b"\x05READY")), @"error: a message before the handshake was done");
    insta::assert_snapshot!(after_greeting(frame(4, b"")), @"error: malformed command: it is empty");
}

/// Room is bounded before the peer has said who it is.
#[test]
fn an_oversize_ready_is_refused_by_its_header() {
    let after_greeting = |bytes: &[u8]| router_says(&[&greeting(1, "NULL"), bytes].concat());
    insta::assert_snapshot!(after_greeting(b"\x06\0\0\0\0\0\0\x21\0"), @"error: a command of 8448 bytes, 8447 are allowed");
    insta::assert_snapshot!(after_greeting(&[&b"\x06"[..], &[0xFF; 8]].concat()), @"error: a command of 18446744073709551615 bytes, 8447 are allowed");
    assert_eq!(after_greeting(b"\x06\0\0\0\0\0\0\x20\xFF"), "");
}

/// RFC 37, "Framing": a long frame's body has 0 octets or more.
#[test]
fn a_ready_in_a_long_frame_counts() {
    let body = [&b"\x05READY"[..], &property("Socket-Type", b"DEALER")].concat();
    let bytes = [greeting(1, "NULL"), frame(6, &body)].concat();
    assert_eq!(router_says(&bytes), "ready: V3_1 DEALER b\"\"\n");
}

/// RFC 15: signature, revision, socket type, identity; then messages. What libzmq 3.2 sends.
#[test]
fn a_2_0_peer_is_served_in_its_own_framing() {
    let mut engine =
        Engine::new(&Config { identity: Bytes::from_static(b"me"), ..config(SocketType::Router) });
    let bytes = b"\xFF\0\0\0\0\0\0\0\x03\x7F\x01\x05\0\x02w1\x01\0\0\x02hi";
    insta::assert_snapshot!(said(&mut engine, bytes), @r#"
    ready: V2 DEALER b"w1"
    message:  | hi
    "#);
    assert_eq!(drain(&mut engine), b"\xFF\0\0\0\0\0\0\0\x03\x7F\x03\x06\0\x02me");
    assert_eq!(engine.version(), Some(Version::V2));

    engine.ping(10);
    engine.send(&[Bytes::new(), Bytes::from_static(b"yes")]);
    assert_eq!(drain(&mut engine), b"\x01\0\0\x03yes", "no PING, and short frames");
}

/// RFC 15: "Bits 2-7 are reserved for future use and MUST be zero": 2.0 has no commands.
#[test]
fn a_2_0_peer_has_no_commands() {
    let greeting = b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x05\0\0";
    insta::assert_snapshot!(router_says(&[&greeting[..], b"\x04\x07\x04PING\0\0"].concat()), @r#"
    ready: V2 DEALER b""
    error: reserved bits in the flags of a frame: 0x04
    "#);
}

/// RFC 15, "Socket Compatibility".
#[test]
fn a_2_0_peer_of_a_wrong_type_is_refused() {
    insta::assert_snapshot!(router_says(b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x02"), @"error: a ROUTER does not talk to a SUB");
    insta::assert_snapshot!(router_says(b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x2A"), @"error: a ROUTER does not talk to a type 42");
}

/// RFC 15: "identity = final-short body".
#[test]
fn a_2_0_identity_is_one_frame_of_255_bytes_at_most() {
    let greeting = &b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x05"[..];
    let says = |frame: &[u8]| router_says(&[greeting, frame].concat());
    insta::assert_snapshot!(says(b"\x02\0\0\0\0\0\0\x01\0"), @"error: an identity of 256 bytes, 255 are allowed");
    insta::assert_snapshot!(says(b"\x01\0"), @"error: reserved bits in the flags of a frame: 0x01");
}

/// RFC 37, "Detecting ZMTP 2.0 Peers": "If the peer version number is 1 or 2, the peer is using ZMTP 2.0".
#[test]
fn revision_2_is_2_0() {
    let says = router_says(b"\xFF\0\0\0\0\0\0\0\x01\x7F\x02\x03\0\0");
    assert_eq!(says, "ready: V2 REQ b\"\"\n");
}

/// RFC 15, "Publish-Subscribe": XPUB and XSUB are PUB and SUB on the wire.
#[test]
fn an_xpub_calls_itself_pub_in_2_0() {
    let mut engine = Engine::new(&config(SocketType::XPub));
    said(&mut engine, b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01");
    assert_eq!(drain(&mut engine)[11..], [1, 0, 0]);
}

/// A property costs more than its bytes: fourteen hundred would fit a READY.
#[test]
fn a_ready_of_many_properties_is_refused() {
    let properties = |count: usize| {
        let other = property("X-A", b"").repeat(count - 1);
        ready_says(&[property("Socket-Type", b"DEALER"), other].concat())
    };
    assert!(properties(64).starts_with("ready"), "{}", properties(64));
    insta::assert_snapshot!(properties(65), @"error: malformed metadata in READY: it has more than 64 properties");
}

#[test]
fn long_words_of_a_peer_are_cut_where_they_are_shown() {
    let says = ready_says(&property("Socket-Type", &[b'\n'; 8_000]));
    assert!(says.len() < 400 && says.contains("\u{2026} (8000 bytes)"), "{says}");
}
