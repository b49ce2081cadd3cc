//! A TCP proxy that splits what passes at any byte, delays it, and perhaps cuts it.

use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use super::Weather;
use crate::zmtp::{connect, read};

/// What a proxy does to those who trust it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Manners {
    /// Splits and delays.
    Delays,
    /// And cuts, in the middle of anything.
    Cuts,
}

/// A proxy, until the weather is over.
pub(super) struct Proxy {
    /// Where it listens.
    pub(super) port: u16,
}

/// One piece in so many cuts the connection.
const CUT_IN: u32 = 1500;

/// One piece in so many is late.
const DELAY_IN: u32 = 60;

impl Proxy {
    /// In front of a port of 127.0.0.1.
    pub(super) fn start(target: u16, seed: u64, manners: Manners, weather: &Weather) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let weather = weather.clone();
        std::thread::spawn(move || accept(&listener, target, seed, manners, &weather));
        Ok(Self { port })
    }
}

fn accept(listener: &TcpListener, target: u16, seed: u64, manners: Manners, weather: &Weather) {
    let mut random = fastrand::Rng::with_seed(seed);
    while !weather.is_over() {
        match listener.accept() {
            Ok((near, _)) => {
                let _ = join(near, target, [random.u64(..), random.u64(..)], manners, weather);
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Two threads for each connection, one a direction.
fn join(
    near: TcpStream,
    target: u16,
    seeds: [u64; 2],
    manners: Manners,
    weather: &Weather,
) -> io::Result<()> {
    near.set_nonblocking(false)?;
    near.set_nodelay(true)?;
    let far = connect(target)?;
    let ways = [(near.try_clone()?, far.try_clone()?), (far, near)];
    for ((from, to), seed) in ways.into_iter().zip(seeds) {
        let weather = weather.clone();
        std::thread::spawn(move || {
            let _ = pump(&from, &to, seed, manners, &weather);
            // Whatever ended one direction ends the other.
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}

fn pump(from: &TcpStream, to: &TcpStream, seed: u64, manners: Manners, weather: &Weather) -> io::Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
    let mut buffer = vec![0; 16 << 10];
    while !weather.is_over() {
        let count = match read(&mut from, &mut buffer, Duration::from_millis(100)) {
            Err(error) if error.kind() == ErrorKind::TimedOut => continue,
            Err(error) => return Err(error),
            Ok(0) => return Ok(()),
            Ok(count) => count,
        };
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            let most = if random.bool() { 16 } else { 1500 };
            let (piece, others) = rest.split_at(random.usize(1..=rest.len().min(most)));
            to.write_all(piece)?;
            rest = others;
            if !weather.is_calm() && manners == Manners::Cuts && random.u32(..CUT_IN) == 0 {
                return Ok(());
            }
            if random.u32(..DELAY_IN) == 0 {
                std::thread::sleep(Duration::from_micros(random.u64(..20_000)));
            }
        }
    }
    Ok(())
}
