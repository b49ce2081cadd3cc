use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::{RecordOptions, Route, TraceWriter, record};
use crate::over_tcp::LocalServer;
use crate::trace::{Header, Port};

/// A recorder in front of a server of ours, in a thread of its own.
#[derive(Debug)]
pub struct Recorder {
    /// For clients and for workers.
    pub addresses: [SocketAddr; 2],
    stop: oneshot::Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Recorder {
    pub fn start(server: &LocalServer, header: &Header, options: RecordOptions) -> io::Result<Self> {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let routes = vec![
            Route { listen, to: server.clients.to_string(), port: Port::Frontend },
            Route { listen, to: server.workers.to_string(), port: Port::Backend },
        ];
        let trace_writer = TraceWriter::new(options, header.clone(), &routes)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let ready = move |addresses: &[SocketAddr]| {
                let _ = tell.send([addresses[0], addresses[1]]);
            };
            runtime.block_on(record(routes, trace_writer, ready, async {
                let _ = stopped.await;
            }))
        });
        let addresses = told.recv().map_err(|_| io::Error::other("the recorder did not start"))?;
        Ok(Self { addresses, stop, thread })
    }

    /// Ends when all is written.
    pub fn stop(self) -> io::Result<()> {
        let _ = self.stop.send(());
        self.thread.join().map_err(|_| io::Error::other("the recorder panicked"))?
    }
}
