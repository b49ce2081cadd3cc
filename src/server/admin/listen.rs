//! Who is let in: the connections of one listener, the one that must go when another comes, and the descriptor that
//! is kept for when the process has no other left.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::super::{BindError, Config};
use super::AdminRequest;
use super::http::{Listening, Turn, connection};

/// Connections at a time. For the next one the one goes that has been idle for longest.
const CONNECTIONS_MAX: usize = 64;
/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where operators connect.
#[derive(Debug)]
pub(super) enum Listener {
    /// A port.
    Tcp(TcpListener),
    /// A socket in the file system, which is removed with it.
    Unix { listener: UnixListener, path: PathBuf },
}

/// A connection, before it is spoken on.
enum Stream {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Listener {
    /// Listens at `address`; port 0 lets the system choose.
    pub(super) fn tcp(address: SocketAddr) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self::Tcp(socket.listen(64)?))
    }

    /// Makes a socket that only its owner can connect to. One that nobody listens at any more is replaced; anything
    /// else at the path is left alone, and an error.
    pub(super) fn unix(path: PathBuf) -> io::Result<Self> {
        use std::os::unix::fs::{FileTypeExt, PermissionsExt};
        match std::fs::symlink_metadata(&path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(io::Error::other("something else than a socket is there; remove it"));
            }
            Ok(_) if std::os::unix::net::UnixStream::connect(&path).is_ok() => {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "another broker listens there"));
            }
            Ok(_) => std::fs::remove_file(&path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self::Unix { listener, path })
    }

    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, peer)| Stream::Tcp(stream, peer)),
            Self::Unix { listener, .. } => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

impl Listener {
    /// Whether somebody waits to be let in.
    fn is_called(&self) -> bool {
        let socket = match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix { listener, .. } => listener.as_fd(),
        };
        let mut polled = [PollFd::from_borrowed_fd(socket, PollFlags::IN)];
        poll(&mut polled, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix { path, .. } = self {
            // It may have been removed before, which is what is wanted.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Where the settings want operators to be listened to.
///
/// # Errors
///
/// A place that cannot be had, but for a port that may lack: the others must do then.
pub(super) fn listeners(config: &Config) -> Result<Vec<Listener>, BindError> {
    let cannot = |place: String| move |source| BindError { what: "operators", place, source };
    let mut listeners = Vec::new();
    if let Some(address) = config.admin {
        match Listener::tcp(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && config.admin_may_lack => {
                warn!(
                    %address,
                    "another program has the admin port, so this broker goes without; --admin-port chooses another, \
                     --no-admin wants none"
                );
            }
            bound => listeners.push(bound.map_err(cannot(address.to_string()))?),
        }
    }
    if let Some(path) = &config.admin_socket {
        listeners.push(Listener::unix(path.clone()).map_err(cannot(path.display().to_string()))?);
    }
    Ok(listeners)
}

/// Serves until the task is aborted.
pub(super) async fn serve(listener: Listener, broker: Rc<str>, asks: mpsc::Sender<AdminRequest>) {
    let local = match &listener {
        Listener::Tcp(listener) => listener.local_addr().is_ok_and(|address| address.ip().is_loopback()),
        Listener::Unix { .. } => true,
    };
    let listening = Rc::new(Listening { asks, local, broker });
    let mut open = Connections::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = open.tasks.join_next() => {
                open.forget_ended();
                continue;
            }
        };
        match accepted {
            Ok(stream) => open.begin(&listening, stream).await,
            // Without a descriptor left the system says so even when nobody comes.
            Err(error) if is_want_of_descriptors(&error) && !listener.is_called() => {
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            Err(error) if is_want_of_descriptors(&error) && open.make_room().await => {}
            Err(error) => {
                warn!(%error, "admin: cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The connections of a listener.
struct Connections {
    tasks: JoinSet<()>,
    open: Vec<Open>,
    /// A descriptor for somebody who comes when there is no other.
    reserve: Option<File>,
}

struct Open {
    task: AbortHandle,
    turn: Rc<Turn>,
}

impl Default for Connections {
    fn default() -> Self {
        Self { tasks: JoinSet::new(), open: Vec::new(), reserve: reserve() }
    }
}

impl Connections {
    async fn begin(&mut self, listening: &Rc<Listening>, stream: Stream) {
        if self.open.len() >= CONNECTIONS_MAX && self.end_the_idlest() {
            self.tasks.join_next().await;
            self.forget_ended();
        }
        let turn = Rc::new(Turn::new());
        let (listening, its) = (Rc::clone(listening), Rc::clone(&turn));
        let task = self.tasks.spawn_local(async move {
            match stream {
                Stream::Tcp(stream, peer) => connection(listening, its, stream, peer.to_string()).await,
                Stream::Unix(stream) => connection(listening, its, stream, "unix".to_owned()).await,
            }
        });
        self.open.push(Open { task, turn });
    }

    fn forget_ended(&mut self) {
        self.open.retain(|open| !open.task.is_finished());
        if self.reserve.is_none() {
            self.reserve = reserve();
        }
    }

    /// Closes who has waited longest with nothing to do, or else who has been answered for longest. Whether there was
    /// anybody.
    fn end_the_idlest(&self) -> bool {
        let since = |open: &&Open| -> (bool, Instant) { (open.turn.is_asking(), open.turn.since()) };
        let Some(idlest) = self.open.iter().filter(|open| !open.task.is_finished()).min_by_key(since) else {
            return false;
        };
        debug!("admin: one connection is closed for another");
        idlest.task.abort();
        true
    }

    /// Frees a descriptor for a connection that could not be accepted for want of one. Whether it could.
    async fn make_room(&mut self) -> bool {
        if self.reserve.take().is_some() {
            // Nobody else runs before the next try.
            return true;
        }
        let ends = self.end_the_idlest();
        if ends {
            self.tasks.join_next().await;
            self.forget_ended();
        }
        ends
    }
}

fn is_want_of_descriptors(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// A descriptor to give up.
fn reserve() -> Option<File> {
    File::open("/dev/null").ok()
}
