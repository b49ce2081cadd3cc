//! Listening and accepting, with a descriptor in reserve.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tracing::{debug, warn};

use super::hub::Hub;

/// Connections accepted in one go.
const IN_ONE_GO: u32 = 16;

/// How long nobody is accepted after an error.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts until the task is aborted.
pub(super) async fn accept_all(hub: Rc<Hub>, listener: TcpListener) {
    let mut reserve = Reserve::take();
    let mut told = false;
    loop {
        for _ in 0..IN_ONE_GO {
            match listener.accept().await {
                Ok((stream, from)) => {
                    told = false;
                    hub.accept(stream, from);
                }
                Err(error) => {
                    if !std::mem::replace(&mut told, true) {
                        warn!(%error, "cannot accept connections for the time being");
                    }
                    if is_out_of_descriptors(&error) {
                        reserve.turn_one_away(&hub, &listener).await;
                    } else {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

/// EMFILE, or ENFILE: as Unix has them since its seventh edition.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(24 | 23))
}

/// A descriptor of no use but to be closed, so that a connection can be accepted and closed where none would be left for
/// it: who comes is told, instead of waiting in the kernel's queue until somebody leaves.
struct Reserve(Option<File>);

impl Reserve {
    fn take() -> Self {
        Self(File::open("/dev/null").ok())
    }

    async fn turn_one_away(&mut self, hub: &Hub, listener: &TcpListener) {
        if self.0.take().is_none() {
            // Somebody else has taken it.
            tokio::time::sleep(PAUSE).await;
        } else if let Ok(Ok((stream, from))) = tokio::time::timeout(PAUSE, listener.accept()).await {
            hub.count(|counters| counters.refused += 1);
            debug!(address = %from, "no descriptor left, a connection is refused");
            drop(stream);
        }
        *self = Self::take();
    }
}

/// Binds `address`; port 0 lets the system choose.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

/// Small messages go out at once; a host that vanished is noticed without PING, too, if slowly.
pub(super) fn set_socket_options(stream: &TcpStream) {
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    let socket = socket2::SockRef::from(stream);
    if let Err(error) = stream.set_nodelay(true).and_then(|()| socket.set_tcp_keepalive(&keepalive)) {
        debug!(%error, "cannot set socket options"); // the connection works all the same
    }
}
