//! In front of a broker that gives no envelope back: PHP's.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::{spawn_local, yield_now};
use zmws::gateway::Config;
use zmws::job::PeerId;
use zmws::transport::{ListenerOptions, Router, RouterEvent};

use super::http::Http;
use super::world::{Task, config, gateway, play};

/// A job that was asked for: by whom, its parameter, its name.
type Asked = (PeerId, Bytes, Bytes);

/// A zmws 1 broker that answers when it is told to. ECHO gives back the parameter at once.
struct Php {
    address: SocketAddr,
    router: Rc<Router>,
    asked: Rc<RefCell<Vec<Asked>>>,
    connections: Rc<Cell<usize>>,
    _task: Task<()>,
}

impl Php {
    fn start() -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let router = Rc::new(Router::bind(any, ListenerOptions::default()).expect("a free port"));
        let (asked, connections) = (Rc::<RefCell<Vec<Asked>>>::default(), Rc::<Cell<usize>>::default());
        let (served, list, count) = (Rc::clone(&router), Rc::clone(&asked), Rc::clone(&connections));
        let serve = async move {
            loop {
                match served.recv().await {
                    RouterEvent::Came { .. } => count.set(count.get() + 1),
                    RouterEvent::Left { .. } | RouterEvent::HeldBack { .. } => {}
                    RouterEvent::Message { peer, frames, .. } => {
                        let (job, param) = (frames[frames.len() - 1].clone(), frames[1].clone());
                        match &job[..] {
                            b"JOB: SYNC-ECHO" => finish(&served, peer, "ECHO", &param),
                            _ => list.borrow_mut().push((peer, param, job)),
                        }
                    }
                }
            }
        };
        let task = Task(spawn_local(serve));
        Self { address: router.local_addr(), router, asked, connections, _task: task }
    }

    async fn asked(&self) -> Asked {
        loop {
            if let Some(asked) = self.asked.borrow_mut().pop() {
                return asked;
            }
            yield_now().await;
        }
    }

    fn config(&self) -> Config {
        config(self.address)
    }
}

fn finish(router: &Router, peer: PeerId, service: &str, value: &Bytes) {
    let word = Bytes::from(format!("COMPLETE: {service} [00C0-FFEE]"));
    // The client may be gone, as a ROUTER's client may.
    let _gone = router.send(peer, &[Bytes::new(), word, value.clone()]);
    router.flush();
}

#[test]
fn requests_go_on_beside_one_that_waits() {
    play(async {
        let php = Php::start();
        let (gateway, _task) = gateway(php.config()).await;
        let mut slow = Http::connect(gateway).await;
        slow.send("GET /SYNC-SLOW?n=1 HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let (peer, param, _) = php.asked().await;
        let mut fast = Http::connect(gateway).await;
        for n in 0..5 {
            let echo = fast.ask(&format!("GET /SYNC-ECHO?n={n}")).await.text();
            assert_eq!(echo, format!("PARAM-JSON: {{\"n\":\"{n}\"}}\nCOMPLETE: ECHO [00C0-FFEE]"));
        }
        // The gateway looks whose the broker is with four, and keeps one of them.
        assert_eq!(php.connections.get(), 5);
        finish(&php.router, peer, "SLOW", &param);
        assert_eq!(slow.response().await.text(), "PARAM-JSON: {\"n\":\"1\"}\nCOMPLETE: SLOW [00C0-FFEE]");
    });
}

#[test]
fn late_answer_dies_with_its_connection() {
    play(async {
        let php = Php::start();
        let mut config = php.config();
        config.result_timeout = Duration::from_millis(100);
        config.pool_max = 1;
        let (gateway, _task) = gateway(config).await;
        let mut http = Http::connect(gateway).await;
        assert_eq!(http.ask("GET /SYNC-ECHO?n=0").await.status, 200);
        assert_eq!(http.ask("GET /SYNC-SLOW?n=1").await.status, 504);
        let (peer, param, _) = php.asked().await;
        finish(&php.router, peer, "SLOW", &param);
        http.send("GET /SYNC-SLOW?n=2 HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let (peer, param, _) = php.asked().await;
        finish(&php.router, peer, "SLOW", &param);
        assert_eq!(http.response().await.text(), "PARAM-JSON: {\"n\":\"2\"}\nCOMPLETE: SLOW [00C0-FFEE]");
        assert_eq!(php.connections.get(), 2);
    });
}

#[test]
fn answer_of_another_service_is_never_delivered() {
    play(async {
        let php = Php::start();
        let (gateway, _task) = gateway(php.config()).await;
        let mut http = Http::connect(gateway).await;
        http.send("GET /SYNC-SLOW?n=1 HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let (peer, param, _) = php.asked().await;
        finish(&php.router, peer, "OTHER", &param);
        let garbled = http.response().await;
        assert_eq!((garbled.status, garbled.json()["error"].as_str()), (502, Some("bad-answer")));
    });
}
