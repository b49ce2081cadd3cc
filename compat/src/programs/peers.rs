//! Which programs there are on this machine: PHP with php-zmq, Python with pyzmq, and the original itself, each
//! of its tags, from a checkout.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{CLIENT_PORT, Programs, WORKER_PORT};

/// What is played, and what is not.
#[derive(Debug, Default)]
pub struct Peers {
    pub programs: Vec<Programs>,
    pub left: Vec<LeftOut>,
}

/// What is left out, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeftOut {
    pub what: String,
    pub why: String,
}

/// Scripts of ours, in `tests/peers/`.
struct Scripts {
    name: &'static str,
    folder: &'static str,
    ending: &'static str,
    dialects: [&'static str; 2],
    /// What the clients ask for.
    cases: &'static str,
}

const PHP: Scripts = Scripts {
    name: "php-zmq",
    folder: "php",
    ending: "php",
    dialects: ["zmws1", "zmws2"],
    cases: "reverse,nothing,fail,stream,big,background,unknown,workers",
};

const PYTHON: Scripts = Scripts {
    name: "pyzmq",
    folder: "python",
    ending: "py",
    dialects: ["mdp01", "mdp02"],
    cases: "reverse,nothing,fail,big,frames,mmi",
};

/// The original's sample. 0.9.6 names a constant that is nowhere defined; PHP 5 took it for its own name.
const ORIGINAL_WORKER: &str = "define('HEARTBEAT_RETRIES', 'HEARTBEAT_RETRIES');
    include substr($argv[1], strlen('--tree=')) . '/sample_workers/reverse.php';";

/// Three jobs by the original's own class of clients.
const ORIGINAL_CLIENT: &str = "include $argv[1] . '/src/client_base.php';
    foreach (['one', 'two', 'three'] as $text) {
        $client = new Zmws_Client_Base('127.0.0.1', $argv[2]);
        $client->task('STR-REV', ['str' => $text], function () {})->execute();
    }";

impl Peers {
    /// Our own scripts (`tests/peers/`) in PHP and Python, as far as there is an interpreter with zmq.
    pub fn scripts() -> Self {
        let mut peers = Self::default();
        match php() {
            Some(php) => peers.script(&php, &PHP),
            None => peers.leave("php-zmq", "no php with zmq; ZMWS_PHP may name one"),
        }
        match python() {
            Some(python) => peers.script(&python, &PYTHON),
            None => peers.leave("pyzmq", "no python3 with zmq; ZMWS_PYTHON may name one"),
        }
        peers
    }

    /// The original's worker and clients at each of its tags, taken from the git checkout `dir`, unpacked below
    /// `place`.
    pub fn original(dir: &Path, place: &Path) -> io::Result<Self> {
        let mut peers = Self::default();
        let Some(php) = php() else {
            peers.leave("original", "no php with zmq; ZMWS_PHP may name one");
            return Ok(peers);
        };
        for tag in tags(dir)?.into_iter().chain(["HEAD".to_owned()]) {
            let tree = unpacked(dir, &tag, place)?;
            peers.programs.push(original_at(&php, &tag, &tree));
        }
        Ok(peers)
    }

    pub fn extend(&mut self, more: Self) {
        self.programs.extend(more.programs);
        self.left.extend(more.left);
    }

    fn leave(&mut self, what: &str, why: &str) {
        self.left.push(LeftOut { what: what.into(), why: why.into() });
    }

    fn script(&mut self, interpreter: &str, scripts: &Scripts) {
        let words = |script: &str, port: &str, dialect: &str| {
            let path = own(scripts.folder, script, scripts.ending);
            let flags =
                [format!("--port={port}"), format!("--dialect={dialect}"), "--service=STR-REV".into()];
            [interpreter.to_owned(), path].into_iter().chain(flags).collect::<Vec<String>>()
        };
        let client = |dialect: &str, socket: &str| {
            let flags = [format!("--socket={socket}"), format!("--cases={}", scripts.cases)];
            words("client", CLIENT_PORT, dialect).into_iter().chain(flags).collect()
        };
        for dialect in scripts.dialects {
            let kinds =
                scripts.dialects.into_iter().flat_map(|dialect| [(dialect, "req"), (dialect, "dealer")]);
            self.programs.push(Programs {
                name: format!("{} {dialect} worker", scripts.name),
                service: "STR-REV".into(),
                worker: words("worker", WORKER_PORT, dialect),
                clients: kinds.map(|(dialect, socket)| client(dialect, socket)).collect(),
            });
        }
    }
}

fn original_at(php: &str, tag: &str, tree: &Path) -> Programs {
    let root = tree.display().to_string();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let worker = [
        php,
        "-r",
        ORIGINAL_WORKER,
        "--",
        &format!("--tree={root}"),
        &format!("--backend-port={WORKER_PORT}"),
        &format!("--frontend-port={CLIENT_PORT}"),
        "--service-name=STR-REV",
    ];
    // Until 0.9.2 there was no class for clients.
    let client = match tree.join("src/client_base.php").exists() {
        true => words(&[php, "-r", ORIGINAL_CLIENT, &root, CLIENT_PORT]),
        false => words(&[
            php,
            &own("php", "client", "php"),
            &format!("--port={CLIENT_PORT}"),
            "--service=STR-REV",
            "--cases=reverse",
        ]),
    };
    Programs {
        name: format!("original {tag}"),
        service: "STR-REV".into(),
        worker: words(&worker),
        clients: vec![client],
    }
}

/// One of our own scripts.
fn own(folder: &str, script: &str, ending: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    format!("{root}/../tests/peers/{folder}/{script}.{ending}")
}

fn php() -> Option<String> {
    let named = std::env::var("ZMWS_PHP").unwrap_or_else(|_| "php".into());
    succeeds(&[&named, "-r", "exit(phpversion('zmq') ? 0 : 1);"]).then_some(named)
}

fn python() -> Option<String> {
    let named = std::env::var("ZMWS_PYTHON")
        .map_or_else(|_| vec!["/usr/bin/python3".into(), "python3".into()], |named| vec![named]);
    named.into_iter().find(|python: &String| succeeds(&[python, "-c", "import zmq"]))
}

fn succeeds(words: &[&str]) -> bool {
    let mut command = Command::new(words[0]);
    let silent = command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

fn git(dir: &Path, words: &[&str]) -> io::Result<Vec<u8>> {
    let output = Command::new("git").arg("-C").arg(dir).args(words).output()?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

fn tags(dir: &Path) -> io::Result<Vec<String>> {
    let text = String::from_utf8_lossy(&git(dir, &["tag", "--sort=version:refname"])?).into_owned();
    Ok(text.lines().map(str::to_owned).collect())
}

/// The files of a tag, in a folder of their own.
fn unpacked(dir: &Path, tag: &str, place: &Path) -> io::Result<PathBuf> {
    let tree = place.join(tag.replace('/', "-"));
    std::fs::create_dir_all(&tree)?;
    let archive = tree.with_extension("tar");
    std::fs::write(&archive, git(dir, &["archive", tag])?)?;
    let status = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&tree).status()?;
    match status.success() {
        true => std::path::absolute(tree),
        false => Err(io::Error::other(format!("tar: {status}"))),
    }
}
