//! Decodes what the proxy saw and writes it down.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Mask, Observed, Route, Seen};
use crate::trace::{Conn, ConnIndex, Event, Frame, Header, Port, Side, Stream, What, Writer, what};

/// Where and how a recording is kept.
#[derive(Clone, Debug)]
pub struct RecordOptions {
    /// The file. Full ones become `FILE.1`, `FILE.2`, …
    pub file: PathBuf,
    /// A file is full with so many bytes.
    pub bytes_max: u64,
    /// Files that are kept, the current one included; older ones are deleted.
    pub files_max: usize,
    /// A longer frame is cut to this.
    pub frame_max: usize,
    pub mask: bool,
}

/// Writes one recording.
#[derive(Debug)]
pub struct TraceWriter {
    options: RecordOptions,
    header: Header,
    ports: Vec<Port>,
    mask: Option<Mask>,
    writer: Writer<BufWriter<File>>,
    connections: HashMap<ConnIndex, Connection>,
    full: VecDeque<PathBuf>,
    rotated: u64,
    at: u64,
}

#[derive(Debug)]
struct Connection {
    conn: Conn,
    to_broker: Option<Stream>,
    to_peer: Option<Stream>,
    /// What a new file must know of it.
    handshake: Option<What>,
    ends: u8,
}

/// What is decoded is on disk within this time.
const FLUSH: Duration = Duration::from_millis(500);

impl TraceWriter {
    pub fn new(options: RecordOptions, header: Header, routes: &[Route]) -> io::Result<Self> {
        let writer = Writer::new(BufWriter::new(File::create(&options.file)?), &header)?;
        Ok(Self {
            mask: options.mask.then(Mask::default),
            ports: routes.iter().map(|route| route.port).collect(),
            options,
            header,
            writer,
            connections: HashMap::new(),
            full: VecDeque::new(),
            rotated: 0,
            at: 0,
        })
    }

    /// Writes until nobody has anything to tell any more.
    pub(super) fn write(mut self, mut seen: mpsc::Receiver<Seen>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        loop {
            let next = runtime.block_on(async { tokio::time::timeout(FLUSH, seen.recv()).await });
            match next {
                Ok(Some(seen)) => self.handle(seen)?,
                Ok(None) => return self.writer.flush(),
                Err(_) => self.writer.flush()?,
            }
            if seen.is_empty() {
                self.writer.flush()?;
            }
        }
    }

    fn handle(&mut self, seen: Seen) -> io::Result<()> {
        // Two directions are told apart by who comes first to tell: their times may cross by a little.
        self.at = self.at.max(seen.at);
        match seen.what {
            Observed::Open(route) => {
                self.connected(seen.conn, route);
                self.event(seen.conn, What::Open(seen.conn))
            }
            Observed::Refused(route) => {
                self.connected(seen.conn, route);
                self.event(seen.conn, What::Refused(seen.conn))?;
                self.connections.remove(&seen.conn);
                Ok(())
            }
            Observed::Bytes(to, bytes) => self.bytes(seen.conn, to, bytes),
            Observed::Close(by) => {
                self.event(seen.conn, What::Close { conn: seen.conn, by })?;
                let both = self.connections.get_mut(&seen.conn).is_some_and(|connection| {
                    connection.ends += 1;
                    connection.ends == 2
                });
                if both {
                    self.connections.remove(&seen.conn);
                }
                Ok(())
            }
        }
    }

    fn connected(&mut self, conn: ConnIndex, route: usize) {
        let port = self.ports[route];
        let kind = match port {
            Port::Frontend => "client",
            Port::Backend => "worker",
            Port::News => "subscriber",
            Port::Http => "http",
        };
        let stream = |to| (port != Port::Http).then(|| Stream::new(port, to));
        let connection = Connection {
            conn: Conn { peer: format!("{kind}{}", conn + 1), number: 1, port },
            to_broker: stream(Side::Broker),
            to_peer: stream(Side::Peer),
            handshake: None,
            ends: 0,
        };
        self.connections.insert(conn, connection);
    }

    fn bytes(&mut self, conn: ConnIndex, to: Side, bytes: Bytes) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(&conn) else { return Ok(()) };
        if connection.conn.port == Port::Http {
            let bytes = self.mask.as_ref().map_or(bytes.clone(), |mask| mask.bytes(&bytes));
            return self.event(conn, What::Http { conn, to, bytes });
        }
        let direction = if to == Side::Broker { &mut connection.to_broker } else { &mut connection.to_peer };
        // A stream that broke is only passed on.
        let Some(stream) = direction else { return Ok(()) };
        let (found, error) = stream.receive(&bytes);
        let peer = &connection.conn.peer;
        let note =
            error.map(|error| format!("{peer} to the {}: {error}; only passed on from here", to.name()));
        if note.is_some() {
            *direction = None;
        }
        let found = found.into_iter().filter_map(|event| what(conn, to, event));
        found.into_iter().try_for_each(|what| self.seen(conn, what))?;
        note.map_or(Ok(()), |note| self.note(note))
    }

    fn seen(&mut self, conn: ConnIndex, mut what: What) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(&conn) else { return Ok(()) };
        match &mut what {
            What::Handshake { .. } => connection.handshake = Some(what.clone()),
            What::Message { to, frames, .. } => {
                if let Some(mask) = &self.mask {
                    mask.message(connection.conn.port, *to, frames);
                }
                frames.iter_mut().for_each(|frame| cut(frame, self.options.frame_max));
            }
            _ => {}
        }
        self.event(conn, what)
    }

    fn event(&mut self, conn: ConnIndex, what: What) -> io::Result<()> {
        let event = Event { at: self.at, what };
        self.writer.event(self.connections.get(&conn).map(|connection| &connection.conn), &event)?;
        if self.writer.written > self.options.bytes_max {
            self.rotate()?;
        }
        Ok(())
    }

    fn note(&mut self, note: String) -> io::Result<()> {
        self.writer.event(None, &Event { at: self.at, what: What::Note(note) })
    }

    /// Goes on in a new file, which begins with the connections there are.
    fn rotate(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        self.rotated += 1;
        let mut name = self.options.file.clone().into_os_string();
        name.push(format!(".{}", self.rotated));
        std::fs::rename(&self.options.file, &name)?;
        self.full.push_back(name.into());
        while self.full.len() >= self.options.files_max.max(1) {
            self.full.pop_front().map(std::fs::remove_file).transpose()?;
        }
        self.writer = Writer::new(BufWriter::new(File::create(&self.options.file)?), &self.header)?;
        for (&conn, connection) in &self.connections {
            let opened = [Some(What::Open(conn)), connection.handshake.clone()];
            for what in opened.into_iter().flatten() {
                self.writer.event(Some(&connection.conn), &Event { at: self.at, what })?;
            }
        }
        Ok(())
    }
}

fn cut(frame: &mut Frame, longest: usize) {
    if frame.bytes.len() > longest {
        frame.cut_from = Some(frame.cut_from.unwrap_or(frame.bytes.len()));
        frame.bytes.truncate(longest);
    }
}
