//! No peer, but the machine: disks that are full, limits, clocks.

use std::fs;
use std::time::Duration;

use super::{Reads, dealers, flood, found, nothing, streams};
use crate::attack::{Attack, Extra, Findings, Ground, Group, LogTo, Setting};
use crate::dialect::{self, Dialect, Said};
use crate::zmtp::{Peer, message};

const fn attack(
    name: &'static str,
    about: &'static str,
    run: fn(&Ground) -> Findings,
    setting: Setting,
) -> Attack {
    Attack::new(Group::Machine, name, about, run).on(setting)
}

const TALKS: &[&str] = &["--log-level=D"];
const WORKER: &[Extra] = &[Extra {
    name: "worker",
    words: &["worker", "--builtin=reverse", "--log-level=D", "--backend-port={workers}"],
}];

const FULL: Setting =
    Setting { broker: TALKS, gateway: TALKS, extras: WORKER, log: LogTo::Full, ..Setting::PLAIN };
const JSON: &[&str] = &["--log-level=D", "--log-form=json"];

pub(crate) const ATTACKS: &[Attack] = &[
    attack("log-disk-full", "there is no room for the log", makes_talk, FULL),
    attack(
        "log-disk-full-json",
        "the same in the log's JSON form",
        makes_talk,
        Setting { broker: JSON, gateway: JSON, ..FULL },
    ),
    attack(
        "log-reader-gone",
        "nobody reads the log any more",
        makes_talk,
        Setting { log: LogTo::Nobody, ..FULL },
    ),
    attack(
        "address-space",
        "honest jobs until the address space is used up: refusals, and no abort",
        honest_load,
        Setting { limits: "ulimit -v 1200000", ..Setting::JOBS_STAY },
    ),
    attack(
        "control-group",
        "honest jobs until the memory of the broker's control group is used up: refusals, and nobody is killed",
        honest_load,
        Setting { group_bytes: 512 << 20, ..Setting::JOBS_STAY },
    ),
    attack("clock-jumps", "the clock jumps a day ahead, a year back, and stands still", clock_jumps, CLOCK),
];

/// Refusals, strangers, garbage: all that the log has words for.
fn makes_talk(ground: &Ground) -> Findings {
    let bad = [
        message(&dialect::sync(Dialect::Zmws1, "NOBODY", b"PARAM-JSON: {")),
        message(&dialect::ready(Dialect::Zmws1, b"mmi.reserved")),
        message(&dialect::complete(Dialect::Zmws2, "NOBODY", b"0000-0000", b"x")),
        message(&[b"\x01\x02\x03"]),
    ];
    let bad = bad.concat().repeat(20);
    while !ground.is_over() {
        for port in [ground.clients, ground.workers] {
            drop(flood(ground, streams(dealers(port, 3)), &bad, bad.len(), Reads::Yes));
        }
        drop(Peer::connect(ground.workers, "KING", b""));
        let _ = crate::http::get(ground.http, "/SYNC-NOBODY?x=%1b", Duration::from_secs(2));
        let _ = crate::http::get(ground.http, "/SYNC-STR-REV?str=abc", Duration::from_secs(2));
    }
    nothing()
}

/// Every job is taken or refused; a broker that has no more memory says so.
fn honest_load(ground: &Ground) -> Findings {
    let worker = super::stuck_worker(ground, "STUCK");
    let Ok(mut client) = Peer::dealer(ground.clients) else { return nothing() };
    let job = message(&dialect::background("STUCK", &vec![b'p'; 4 << 20]));
    let (mut taken, mut refused, mut lost) = (0, 0, 0);
    for _ in 0..300 {
        if client.write(&job).is_err() {
            lost += 1;
            break;
        }
        match client.receive(Duration::from_secs(3)).map(|frames| dialect::answer(Dialect::Zmws2, &frames).0)
        {
            Ok(Said::Taken) => taken += 1,
            Ok(Said::Fail) => refused += 1,
            _ => lost += 1,
        }
        if lost > 0 || refused > 20 {
            break;
        }
    }
    drop(worker);
    found(lost > 0, || format!("a job had no answer after {taken} were taken and {refused} refused"))
}

/// libfaketime takes the wall clock from a file; the other clock stays as it is.
const CLOCK: Setting = Setting {
    needs: "faketime",
    limits: "echo +0 > clock
export FAKETIME_TIMESTAMP_FILE=$PWD/clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
export LD_PRELOAD=$(ls /usr/lib/*/faketime/libfaketime.so.1 | head -n 1)",
    ..Setting::PLAIN
};

fn clock_jumps(ground: &Ground) -> Findings {
    let worker = super::stuck_worker(ground, "STUCK");
    let Ok(mut client) = Peer::dealer(ground.clients) else { return nothing() };
    for jump in ["+86400", "-31536000", "+0", "+315360000", "@1970-01-02 00:00:00", "+0"] {
        let _ = fs::write(ground.dir.join("clock"), jump);
        let _ = client.send(&dialect::background("STUCK", b"PARAM-JSON: {}"));
        let _ = client.send(&[b"".as_slice(), b"SERVER-JOBS"]);
        let _ = client.receive(Duration::from_secs(2));
        std::thread::sleep(Duration::from_millis(u64::try_from(ground.size(150, 1000)).unwrap_or(100)));
    }
    drop(worker);
    nothing()
}
