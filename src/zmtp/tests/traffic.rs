//! Messages and commands between two of our own.

use super::*;

#[test]
fn two_of_our_own_shake_hands_and_talk() {
    let mut router = Engine::new(&config(SocketType::Router));
    let mut dealer = Engine::new(&Config {
        identity: Bytes::from_static(b"9999-993F"),
        properties: vec![("X-Name", Bytes::from_static(b"w1"))],
        ..config(SocketType::Dealer)
    });
    let (of_router, of_dealer) = converse(&mut router, &mut dealer).unwrap();
    let [Event::Ready(dealer_info)] = &of_router[..] else { panic!("{of_router:?}") };
    assert_eq!(dealer_info.identity, "9999-993F");
    assert_eq!(dealer_info.properties[2], (Bytes::from_static(b"X-Name"), Bytes::from_static(b"w1")));
    assert!(matches!(&of_dealer[..], [Event::Ready(info)] if info.socket_type == SocketType::Router));

    let message = [Bytes::new(), Bytes::from(vec![7; 300]), Bytes::from(vec![8; 70_000])];
    dealer.send(&message);
    dealer.ping(50);
    let (of_router, of_dealer) = converse(&mut router, &mut dealer).unwrap();
    assert!(matches!(&of_router[..], [Event::Message(frames), Event::Ping] if frames[..] == message));
    assert!(matches!(of_dealer[..], [Event::Pong]));
    assert_eq!(router.peer_ttl_deciseconds(), Some(50));
}
