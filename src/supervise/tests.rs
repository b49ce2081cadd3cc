//! Supervisors with real processes, asked over their sockets.

mod world;

use std::time::Duration;

use super::control::{ProcessState, Request, Which};
use super::program::{Limits, Program, Restart, RestartLimit};
pub(super) use world::scratch;
use world::{World, script};

fn named(name: &str) -> Which {
    Which { names: vec![name.to_owned()], ..Which::default() }
}

fn all() -> Which {
    Which::default()
}

/// Texts with every number that can differ from run to run replaced.
fn without_pids(lines: &[String]) -> String {
    let mask = |line: &String| {
        let mut masked = String::new();
        let mut inside = false;
        for letter in line.chars() {
            inside = (inside && letter != ')') || letter == '(';
            let digit = inside && letter.is_ascii_digit();
            if !digit {
                masked.push(letter);
            } else if !masked.ends_with('#') {
                masked.push('#');
            }
        }
        masked
    };
    lines.iter().map(mask).collect::<Vec<_>>().join("\n")
}

#[test]
fn programs_are_started_shown_and_stopped() {
    World::with([script("one", "exec sleep 60"), script("two", "exec sleep 60")]).run(async |world| {
        let started = world.ask(Request::Start(all())).await;
        assert!(started.ok);
        insta::assert_snapshot!(without_pids(&started.lines), @r"
        one started (#)
        two started (#)
        ");
        let pid = world.process("one").await.pid.expect("it runs");
        assert_eq!(world.pid_file("one"), format!("{pid}\n"));

        let again = world.ask(Request::Start(named("one"))).await;
        assert_eq!(again.lines, [format!("one already running ({pid})")]);

        let stopped = world.ask(Request::Stop(named("one"))).await;
        assert_eq!(stopped.lines, [format!("Stopped one ({pid})")]);
        assert_eq!(world.pid_file("one"), "");
        assert_eq!(world.process("one").await.state, ProcessState::Stopped);
        assert_eq!(world.process("two").await.state, ProcessState::Running);
        assert_eq!(world.ask(Request::Stop(named("one"))).await.lines, ["No PID for one"]);
    });
}

#[test]
fn one_that_is_killed_comes_back() {
    World::with([script("one", "exec sleep 60")]).run(async |world| {
        world.ask(Request::Start(all())).await;
        let first = world.process("one").await.pid.expect("it runs");
        world.kill(first);
        let second = world.until("one", |process| process.pid.is_some_and(|pid| pid != first)).await;
        assert_eq!(second.restarts, 1);
        assert_eq!(second.last_end.as_deref(), Some("signal 9 (SIGKILL)"));
        assert_eq!(world.pid_file("one"), format!("{}\n", second.pid.expect("it runs")));
    });
}

#[test]
fn one_that_will_not_end_is_killed_and_the_line_says_so() {
    let deaf = Program {
        grace: Duration::from_millis(300),
        ..script("deaf", "trap '' TERM; while :; do sleep 1; done")
    };
    World::with([deaf]).run(async |world| {
        world.ask(Request::Start(all())).await;
        let stopped = world.ask(Request::Stop(named("deaf"))).await;
        assert!(!stopped.ok, "it had to be killed");
        let [_, line] = stopped.lines.as_slice() else { panic!("{:?}", stopped.lines) };
        assert!(line.starts_with("deaf: did not end and was killed after "), "{line}");
    });
}

#[test]
fn what_a_program_has_started_ends_with_it() {
    World::with([script("one", "sleep 61 & echo $! > child; wait")]).run(async |world| {
        world.ask(Request::Start(all())).await;
        let child = world.number_in("child").await;
        world.kill(world.process("one").await.pid.expect("it runs"));
        world.until("one", |process| process.restarts == 1).await;
        world.until_gone(child).await;
    });
}

#[test]
fn a_program_of_its_own_group_ends_with_the_one_that_started_it() {
    // As `zmws worker -- PROGRAM` has it, and SIGKILL is what comes when memory is out.
    let line = "setsid sh -c 'trap \"\" TERM; echo $$ > child; while :; do sleep 1; done' & wait";
    World::with([script("one", line)]).run(async |world| {
        world.ask(Request::Start(all())).await;
        let child = world.number_in("child").await;
        world.kill(world.process("one").await.pid.expect("it runs"));
        world.until("one", |process| process.restarts == 1).await;
        assert!(!world.is_alive(child), "the next one runs, and its forerunner's program still does");
    });
}

#[test]
fn what_a_stopped_program_has_started_is_gone_when_the_stop_is() {
    let line = "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ > child; while :; do sleep 1; done' & wait; wait";
    let deaf = Program { grace: Duration::from_millis(300), ..script("one", line) };
    World::with([deaf]).run(async |world| {
        world.ask(Request::Start(all())).await;
        let child = world.number_in("child").await;
        let stopped = world.ask(Request::Stop(named("one"))).await;
        assert!(!stopped.ok, "it had to be killed");
        assert!(!world.is_alive(child));
    });
}

#[test]
fn one_that_ends_at_once_fails_the_start_and_is_given_up_in_the_end() {
    let mut world = World::with([script("bad", "echo no such table >&2; exit 3")]);
    world.fleet.restart_limit = RestartLimit { ends: 3, within: Duration::from_secs(60) };
    world.run(async |world| {
        let started = world.ask(Request::Start(all())).await;
        assert!(!started.ok);
        assert_eq!(started.lines, ["bad ended at once (exit status 3): no such table"]);
        let over = world.until("bad", |process| process.state == ProcessState::GivenUp).await;
        assert_eq!(over.restarts, 2);
    });
}

#[test]
fn one_that_need_not_run_for_ever_is_left_alone_when_it_ends_well() {
    let task = Program { restart: Restart::OnFailure, ..script("task", "sleep 1") };
    World::with([task]).run(async |world| {
        assert!(world.ask(Request::Start(all())).await.ok);
        let over = world.until("task", |process| process.last_end.is_some()).await;
        assert_eq!((over.state, over.restarts), (ProcessState::Stopped, 0));
    });
}

#[test]
fn a_next_supervisor_takes_over_what_the_last_one_left() {
    let world = World::with([script("one", "sleep 60; :"), script("two", "exec sleep 60")]);
    let (fleet, place) = world.parts();
    let mut pids = Vec::new();
    world.run_and_leave(async |world| {
        world.ask(Request::Start(all())).await;
        pids.push(world.process("one").await.pid);
        pids.push(world.process("two").await.pid);
    });
    // One of them lost its pid file, and one is no longer configured.
    std::fs::remove_file(fleet.run_dir.join("one.pid")).expect("it was written");
    let mut next = World::again(fleet, place);
    next.fleet.programs.pop();
    next.run(async |world| {
        let started = world.ask(Request::Start(all())).await;
        assert_eq!(started.lines, [format!("one already running ({})", pids[0].expect("it ran"))]);
        assert_eq!(world.process("two").await.pid, pids[1]);
        let stopped = world.ask(Request::Stop(named("two"))).await;
        assert_eq!(stopped.lines, [format!("Stopped two ({})", pids[1].expect("it ran"))]);
        world.kill(pids[0].expect("it ran"));
        world.until("one", |process| process.pid.is_some() && process.pid != pids[0]).await;
    });
}

#[test]
fn what_a_dead_program_left_while_nobody_supervised_ends_before_the_next_one_starts() {
    let line = "setsid sh -c 'trap \"\" TERM; echo $$ > child; while :; do sleep 1; done' & wait";
    for next_does in [Request::Start(all()), Request::Stop(named("one"))] {
        let world = World::with([script("one", line)]);
        let (fleet, place) = world.parts();
        let (mut pid, mut child) = (0, 0);
        world.run_and_leave(async |world| {
            world.ask(Request::Start(all())).await;
            child = world.number_in("child").await;
            pid = world.process("one").await.pid.expect("it runs");
        });
        let next = World::again(fleet, place);
        next.kill(pid);
        next.run(async |world| {
            world.ask(next_does.clone()).await;
            assert!(!world.is_alive(child), "{next_does:?} leaves it");
        });
    }
}

#[test]
fn a_pid_file_with_somebody_elses_number_is_never_believed() {
    let mut bystander = std::process::Command::new("sleep").arg("60").spawn().expect("sleep");
    let world = World::with([script("one", "exec sleep 60")]);
    let (pid, path) = (bystander.id(), world.fleet.run_dir.join("one.pid"));
    std::fs::create_dir_all(&world.fleet.run_dir).expect("a directory");
    std::fs::write(&path, format!("{pid}\n")).expect("room");
    world.run(async |world| {
        assert_eq!(world.ask(Request::Stop(named("one"))).await.lines, ["No PID for one"]);
        let started = world.ask(Request::Start(all())).await;
        assert_eq!(started.lines[0], format!("one NOT running but stale PID found ({pid})"));
    });
    assert!(bystander.try_wait().expect("our child").is_none(), "somebody else's process was signalled");
    bystander.kill().expect("it runs");
    bystander.wait().expect("it was killed");
}

#[test]
fn a_reload_touches_only_what_has_changed() {
    let file = std::env::temp_dir().join(format!("zmws-reload-{}.sh", std::process::id()));
    std::fs::write(&file, "exec sleep 60\n").expect("room");
    let of_file = Program { files: vec![file.clone()], ..script("file", &format!(". {}", file.display())) };
    let before = [
        script("same", "exec sleep 60"),
        script("other", "exec sleep 60"),
        script("gone", "exec sleep 60"),
        of_file.clone(),
    ];
    World::with(before).run(async |world| {
        world.ask(Request::Start(all())).await;
        let same = world.process("same").await.pid;
        assert_eq!(world.ask(Request::Reload { force: false }).await.lines, ["Reloaded"]);

        std::fs::write(&file, "exec sleep 61\n# deployed anew\n").expect("room");
        let after = [
            script("same", "exec sleep 60"),
            script("other", "exec sleep 61"),
            of_file.clone(),
            script("new", "exec sleep 60"),
        ];
        world.configure(after);
        let reloaded = world.ask(Request::Reload { force: false }).await;
        assert!(reloaded.ok);
        insta::assert_snapshot!(without_pids(&reloaded.lines), @r"
        Stopped gone (#)
        other restarted (#)
        file restarted (#)
        new started (#)
        Reloaded
        ");
        assert_eq!(world.process("same").await.pid, same);
        assert_eq!(world.names().await, ["same", "other", "file", "new"]);
    });
    std::fs::remove_file(&file).expect("it was written");
}

#[test]
fn a_configuration_with_an_error_changes_nothing() {
    World::with([script("one", "exec sleep 60")]).run(async |world| {
        world.ask(Request::Start(all())).await;
        let pid = world.process("one").await.pid;
        world.spoil("zmws.toml:3:1: unknown key");
        let reloaded = world.ask(Request::Reload { force: false }).await;
        assert!(!reloaded.ok);
        assert_eq!(reloaded.lines, ["zmws.toml:3:1: unknown key", "Nothing is changed"]);
        assert_eq!(world.process("one").await.pid, pid);
    });
}

#[test]
fn what_cannot_be_started_is_said_and_fails_the_start() {
    let no_file = Program { files: vec!["/nonexistent/mail.php".into()], ..script("mail", ":") };
    let no_program = Program { command: vec!["/nonexistent/program".to_owned()], ..script("prog", "") };
    let no_user = Program { user: Some("no-such-user-here".to_owned()), ..script("user", "") };
    World::with([no_file, no_program, no_user]).run(async |world| {
        let started = world.ask(Request::Start(all())).await;
        assert!(!started.ok);
        insta::assert_snapshot!(started.lines.join("\n"), @r#"
        mail: Cannot read /nonexistent/mail.php
        prog: there is no program /nonexistent/program
        user: cannot start sh: user: this machine has no user "no-such-user-here"
        "#);
        // It is not as one that was stopped; what a time may mend is tried again.
        for name in ["mail", "prog", "user"] {
            let process = world.process(name).await;
            assert_eq!(process.state, ProcessState::Failed, "{name}");
            assert!(process.last_end.is_some_and(|why| why.starts_with(name)), "{name}");
        }
        world.until("mail", |process| process.restarts > 0).await;
        assert_eq!(world.process("user").await.restarts, 0);
        let unknown = world.ask(Request::Start(named("mial"))).await;
        assert!(!unknown.ok);
        assert_eq!(unknown.lines, ["No program is called mial; there are mail, prog, user"]);
    });
}

#[test]
fn a_program_is_replaced_when_it_is_old_enough() {
    let limits = Limits { max_lifetime: Some(Duration::from_millis(1_200)), ..Limits::default() };
    World::with([Program { limits, ..script("one", "exec sleep 60") }]).run(async |world| {
        world.ask(Request::Start(all())).await;
        let first = world.process("one").await.pid;
        let second = world.until("one", |process| process.pid.is_some() && process.pid != first).await;
        // It was replaced, not started again: it did nothing wrong.
        assert_eq!(second.restarts, 0);
    });
}

#[test]
fn a_program_is_replaced_when_it_holds_too_much_memory() {
    let limits = Limits { max_memory: Some(16 << 20), ..Limits::default() };
    let grows = "x=$(head -c 40000000 /dev/zero | tr '\\0' 'x'); sleep 60";
    World::with([Program { limits, ..script("one", grows) }]).run(async |world| {
        world.ask(Request::Start(all())).await;
        let first = world.process("one").await.pid;
        world.until("one", |process| process.pid.is_some() && process.pid != first).await;
    });
}

#[test]
fn a_program_runs_as_its_user_where_it_is_told_to() {
    if !rustix::process::geteuid().is_root() {
        println!("left out: only root may start programs of other users");
        return;
    }
    let user = Some("nobody".to_owned());
    World::with([Program { user, ..script("one", "exec sleep 60") }]).run(async |world| {
        world.ask(Request::Start(all())).await;
        let pid = world.process("one").await.pid.expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let nobody = uzers::get_user_by_name("nobody").expect("every system has it").uid();
        let uids = status.lines().find_map(|line| line.strip_prefix("Uid:")).expect("a line of its users");
        assert!(uids.split_whitespace().all(|uid| uid == nobody.to_string()), "{uids}");
        let groups =
            status.lines().find_map(|line| line.strip_prefix("Groups:")).expect("a line of its groups");
        assert_eq!(groups.trim(), "", "it has groups of ours");
        let dir = std::fs::read_link(format!("/proc/{pid}/cwd")).expect("it runs");
        assert_eq!(Some(dir.as_path()), world.fleet.programs[0].dir.as_deref());
    });
}

#[test]
fn two_supervisors_cannot_have_one_directory() {
    World::with([script("one", "exec sleep 60")]).run(async |world| {
        let second = super::Supervisor::claim(world.fleet.clone(), super::Logs::Files);
        assert!(matches!(second, Err(super::ClaimError::Taken { .. })), "{second:?}");
    });
}

#[test]
fn a_link_in_the_run_directory_starts_nothing() {
    let world = World::with([script("one", "exec sleep 60")]);
    let (fleet, _place) = world.parts();
    std::fs::create_dir_all(&fleet.run_dir).expect("room");
    let victim = fleet.run_dir.join("victim");
    std::fs::write(&victim, "precious").expect("room");
    std::os::unix::fs::symlink(&victim, fleet.run_dir.join("zmws.lock")).expect("room");
    let refused = super::Supervisor::claim(fleet, super::Logs::Files).expect_err("it is a link");
    let text = refused.to_string();
    assert!(text.contains("zmws.lock") && text.contains("symbolic link"), "{text}");
    assert_eq!(std::fs::read_to_string(&victim).expect("it is there"), "precious");
}

#[test]
fn orders_for_another_configuration_are_refused() {
    let mut world = World::with([script("one", "exec sleep 60")]);
    world.fleet.config = Some("/site/zmws.toml".into());
    world.run(async |world| {
        let said = world.ask_as("/site/other.toml", Request::Start(all())).await;
        assert!(!said.ok);
        insta::assert_snapshot!(said.lines.join("\n"), @"the programs here are those of /site/zmws.toml; give /site/other.toml a run_dir of its own, and ports, to have both");
        assert_eq!(world.process("one").await.state, ProcessState::Stopped);
        assert!(world.ask_as("/site/zmws.toml", Request::Start(all())).await.ok);
    });
}

#[test]
fn nonsense_on_the_socket_is_answered_and_harms_nobody() {
    World::with([script("one", "exec sleep 60")]).run(async |world| {
        for nonsense in [b"\n".as_slice(), b"{}\n", b"GET / HTTP/1.1\r\n", &[0xFF; 70_000]] {
            assert!(world.send_raw(nonsense).await.contains(r#"{"say":"done","ok":false}"#));
        }
        assert!(world.ask(Request::Start(all())).await.ok);
    });
}
