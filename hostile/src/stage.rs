//! What an attack is let loose upon: fresh processes on free ports, in a directory of their own.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::attack::{Ground, LogTo, Setting};
use crate::bystander::Ports;
use crate::cgroup::MemoryGroup;
use crate::clock::poll;
use crate::{http, proc};

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The variable by which all that belongs to a stage is found.
pub(crate) const MARK: &str = "ZMWS_HOSTILE_STAGE";

/// What may be a difference from one run of the suite to another.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The program `zmws`.
    pub(crate) path: PathBuf,
    /// `--memory-max…` with its value, if the program knows it.
    pub(crate) memory_max: Option<(String, u64)>,
}

/// A process that is watched.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) name: String,
    pub(crate) pid: u32,
}

/// Broker, gateway and what the setting has beside them. When it is dropped, all of it is gone.
pub(crate) struct Stage {
    pub(crate) dir: PathBuf,
    pub(crate) ports: Ports,
    pub(crate) lairs: [u16; 2],
    /// Where the gateway shows its books.
    monitor: u16,
    pub(crate) watched: Vec<Watched>,
    /// Whether a supervisor starts again what ends.
    pub(crate) is_site: bool,
    mark: String,
    group: Option<MemoryGroup>,
    children: Vec<(String, Child)>,
    zmws: PathBuf,
}

impl Stage {
    /// Starts all of it, and waits until it serves.
    pub(crate) fn start(setting: &Setting, program: &Program) -> io::Result<Self> {
        let mut stage = Self::empty(program)?;
        match setting.site {
            Some(site) => stage.start_site(site.toml, site.prepare, program)?,
            None => stage.start_programs(setting, program)?,
        }
        stage.wait_until_it_serves()?;
        stage.start_extras(setting)?;
        Ok(stage)
    }

    fn empty(program: &Program) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("zmws-hostile-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(&name);
        fs::create_dir_all(&dir)?;
        let [clients, workers, news, http, admin, lair, lair2, monitor] = free_ports()?;
        Ok(Self {
            dir,
            ports: Ports { clients, workers, news, http, admin },
            lairs: [lair, lair2],
            monitor,
            watched: Vec::new(),
            is_site: false,
            mark: name,
            group: None,
            children: Vec::new(),
            zmws: program.path.clone(),
        })
    }

    fn start_programs(&mut self, setting: &Setting, program: &Program) -> io::Result<()> {
        let flags = self.ports_as_flags();
        let in_group = setting.group_bytes > 0;
        self.group = in_group.then(|| MemoryGroup::make(&self.mark, setting.group_bytes)).flatten();
        let entry = self.group.as_ref().map(MemoryGroup::entry).unwrap_or_default();
        let memory = program.memory_max.iter().map(|(flag, _)| flag.as_str()).filter(|_| !in_group);
        let broker: Vec<&str> =
            ["broker", "--grace=1"].into_iter().chain(memory).chain(setting.broker.iter().copied()).collect();
        let mut command = self.command(&format!("{}\n{entry}", setting.limits));
        command.args(broker).args(&flags[..4]);
        self.spawn("broker", command, setting.log)?;
        let mut command = self.command("");
        command.arg("gateway").args(setting.gateway).args([&flags[0], &flags[4]]);
        command.arg(format!("--metrics-port={}", self.monitor));
        self.spawn("gateway", command, setting.log)
    }

    fn ports_as_flags(&self) -> [String; 5] {
        let Ports { clients, workers, news, http, admin } = self.ports;
        [
            format!("--client-port={clients}"),
            format!("--worker-port={workers}"),
            format!("--news-port={news}"),
            format!("--admin-port={admin}"),
            format!("--http-port={http}"),
        ]
    }

    /// `zmws`, behind limits.
    fn command(&self, limits: &str) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{limits}\nexec \"$@\"")).arg("sh").arg(&self.zmws);
        command.current_dir(&self.dir).env(MARK, &self.mark).env("RUST_BACKTRACE", "1");
        // Settings of who runs the suite are not those of its subjects.
        for (name, _) in std::env::vars_os() {
            let is_ours = name.to_string_lossy().starts_with("ZMWS_") || name == "RUST_LOG";
            if is_ours && name != MARK {
                command.env_remove(name);
            }
        }
        command
    }

    fn spawn(&mut self, name: &str, mut command: Command, log: LogTo) -> io::Result<()> {
        let file = File::create(self.dir.join(format!("{name}.log")))?;
        let stderr = match log {
            LogTo::File => Stdio::from(file.try_clone()?),
            LogTo::Full => OpenOptions::new().write(true).open("/dev/full")?.into(),
            LogTo::Nobody => {
                let (reader, writer) = io::pipe()?;
                drop(reader);
                writer.into()
            }
        };
        let child = command.stdin(Stdio::null()).stdout(file).stderr(stderr).spawn()?;
        self.watched.push(Watched { name: name.to_owned(), pid: child.id() });
        self.children.push((name.to_owned(), child));
        Ok(())
    }

    fn start_extras(&mut self, setting: &Setting) -> io::Result<()> {
        for extra in setting.extras {
            let ports = [
                ("{clients}", self.ports.clients),
                ("{workers}", self.ports.workers),
                ("{lair}", self.lairs[0]),
                ("{lair2}", self.lairs[1]),
            ];
            let filled = |word: &&str| {
                let port = |text: String, (name, port): &(&str, u16)| text.replace(name, &port.to_string());
                ports.iter().fold((*word).to_owned(), port)
            };
            let mut command = self.command("");
            command.args(extra.words.iter().map(filled));
            self.spawn(extra.name, command, setting.log)?;
        }
        Ok(())
    }

    fn start_site(&mut self, more: &str, prepare: fn(&Path), program: &Program) -> io::Result<()> {
        let Ports { clients, workers, news, http, admin } = self.ports;
        let memory = program.memory_max.iter().map(|(flag, _)| {
            let (key, value) = flag.trim_start_matches('-').split_once('=').unwrap_or((flag, ""));
            let quoted = if value.parse::<u64>().is_ok() { value.to_owned() } else { format!("\"{value}\"") };
            format!("{} = {quoted}\n", key.replace('-', "_"))
        });
        let memory: String = memory.collect();
        let text = format!(
            "[broker]\nclient_port = {clients}\nworker_port = {workers}\nnews_port = {news}\n\
             admin_port = {admin}\ngrace = 1\n{memory}\n[gateway]\nhttp_port = {http}\n\
             metrics_port = {}\n{more}",
            self.monitor
        );
        fs::write(self.dir.join("zmws.toml"), text)?;
        prepare(&self.dir);
        self.is_site = true;
        let mut command = self.command("");
        let log = File::create(self.dir.join("start.log"))?;
        command.arg("start").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut start = command.spawn()?;
        let ended = poll(PATIENCE, || start.try_wait().ok().flatten());
        if ended.is_none() {
            let _ = start.kill();
            let _ = start.wait();
        }
        self.find_programs();
        Ok(())
    }

    /// The site's own processes: what the mark is in and what is `zmws` by its name.
    fn find_programs(&mut self) {
        for pid in proc::marked(&format!("{MARK}={}", self.mark)) {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words: Vec<String> = words
                .split(|byte| *byte == 0)
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect();
            let name = match words.iter().find(|word| ["broker", "gateway", "start"].contains(&word.as_str()))
            {
                Some(word) if word == "start" => "supervisor",
                Some(word) => word.as_str(),
                None => continue,
            };
            self.watched.push(Watched { name: name.to_owned(), pid });
        }
    }

    fn wait_until_it_serves(&mut self) -> io::Result<()> {
        let ports = self.ports;
        let serves = || {
            let admin = http::get(ports.admin, "/healthz", Duration::from_secs(1)).ok()?;
            let http = crate::zmtp::connect(ports.http).is_ok();
            (admin.status == 200 && http).then_some(())
        };
        let served = poll(PATIENCE, serves);
        served.ok_or_else(|| io::Error::other(format!("it does not serve:\n{}", self.logs())))
    }

    /// Who shows what it holds, and where.
    pub(crate) fn shows_books(&self) -> [(&'static str, u16); 2] {
        [("broker", self.ports.admin), ("gateway", self.monitor)]
    }

    /// The program that it runs.
    pub(crate) fn zmws(&self) -> PathBuf {
        self.zmws.clone()
    }

    /// The variable that marks what belongs to it.
    pub(crate) fn mark(&self) -> (&'static str, &str) {
        (MARK, &self.mark)
    }

    /// What the attack is told.
    pub(crate) fn ground(&self, quick: bool, length: Duration) -> Ground {
        let Ports { clients, workers, news, http, admin } = self.ports;
        Ground {
            clients,
            workers,
            news,
            http,
            admin,
            lair: self.lairs[0],
            lair2: self.lairs[1],
            dir: self.dir.clone(),
            zmws: self.zmws.clone(),
            quick,
            for_ms: u64::try_from(length.as_millis()).unwrap_or(u64::MAX),
            began: crate::clock::now(),
        }
    }

    /// What was started and has ended, as `broker (signal 6)`.
    pub(crate) fn ended(&mut self) -> Vec<String> {
        let mut ended: Vec<String> = Vec::new();
        for (name, child) in &mut self.children {
            if let Ok(Some(status)) = child.try_wait() {
                ended.push(format!("{name} ({status})"));
            }
        }
        if self.is_site {
            let gone = self.watched.iter().filter(|one| !proc::is_alive(one.pid));
            ended.extend(gone.map(|one| one.name.clone()));
        }
        ended
    }

    /// All processes that belong to it, and their children.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mut all = proc::marked(&format!("{MARK}={}", self.mark));
        all.extend(self.watched.iter().flat_map(|one| proc::descendants(one.pid)));
        all.sort_unstable();
        all.dedup();
        all.retain(|pid| proc::is_alive(*pid));
        all
    }

    /// The files that are logs.
    fn log_files(&self) -> Vec<PathBuf> {
        let list = |dir: &Path| -> Vec<PathBuf> {
            let entries = fs::read_dir(dir).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect()
        };
        let is_log = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "log");
        list(&self.dir).into_iter().filter(is_log).chain(list(&self.dir.join("logs"))).collect()
    }

    /// Bytes of all logs.
    pub(crate) fn log_bytes(&self) -> u64 {
        let size = |path: &PathBuf| fs::metadata(path).map_or(0, |data| data.len());
        self.log_files().iter().map(size).sum()
    }

    /// The beginning of each log, 4 MiB at most.
    pub(crate) fn logs(&self) -> String {
        use std::io::Read;
        let mut text = Vec::new();
        for path in self.log_files() {
            if let Ok(file) = File::open(path) {
                let _ = file.take(4 << 20).read_to_end(&mut text);
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// SIGTERM for all; who has not ended in time.
    pub(crate) fn stop(&mut self, patience: Duration) -> Vec<String> {
        if self.is_site {
            return Vec::new();
        }
        for one in self.watched.iter().rev() {
            proc::signal(one.pid, Signal::TERM);
        }
        let _ = poll(patience, || {
            let all = self.children.iter_mut().all(|(_, child)| !matches!(child.try_wait(), Ok(None)));
            all.then_some(())
        });
        let children = self.children.iter_mut();
        children
            .filter_map(|(name, child)| matches!(child.try_wait(), Ok(None)).then(|| name.clone()))
            .collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.is_site {
            let mut stop = self.command("");
            stop.arg("stop").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if let Ok(mut child) = stop.spawn() {
                let _ = poll(PATIENCE, || child.try_wait().ok().flatten());
                let _ = child.kill();
                let _ = child.wait();
            }
        }
        // Children first: what a worker started has no other owner.
        for pid in self.processes() {
            proc::kill(pid);
        }
        for (_, child) in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        self.group = None;
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Ends what an earlier run of the suite has left because it was killed itself.
pub(crate) fn sweep() {
    let own = format!("{MARK}=zmws-hostile-");
    for (pid, value) in proc::with_variable(&own) {
        let owner = value.split('-').next().and_then(|owner| owner.parse().ok());
        if owner.is_some_and(|owner| !proc::is_alive(owner)) {
            proc::kill(pid);
        }
    }
}

/// Ports that nobody has at this moment.
pub(crate) fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    let mut listeners = Vec::new();
    for _ in 0..N {
        listeners.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
    }
    let port = |index: usize| -> u16 { listeners[index].local_addr().map_or(0, |address| address.port()) };
    Ok(std::array::from_fn(port))
}
