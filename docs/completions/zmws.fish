# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_zmws_global_optspecs
    string join \n h/help V/version
end

function __fish_zmws_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_zmws_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_zmws_using_subcommand
    set -l cmd (__fish_zmws_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c zmws -n "__fish_zmws_needs_command" -s h -l help -d 'Print help'
complete -c zmws -n "__fish_zmws_needs_command" -s V -l version -d 'Print version'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "broker" -d 'Run the broker: jobs from clients to workers, over ZeroMQ'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "gateway" -d 'Run the HTTP gateway: jobs by URL, in front of a broker'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "worker" -d 'Run a worker that does the jobs of one service'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "call" -d 'Send a job, and print its result'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "up" -d 'Run broker, gateway and two sample workers in one process'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "start" -d 'Start the programs of this site, and keep them running'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "stop" -d 'Stop the programs of this site'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "restart" -d 'Stop and start programs of this site again'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "reload" -d 'Read the configuration anew, and restart what it changes'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "config" -d 'Make, judge and show configurations'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "status" -d 'Show what is wrong, then the programs, then the services'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "top" -d 'Watch services, workers and jobs, and act on them'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "tail" -d 'Show what happens to jobs, as it happens: a line each'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "pause" -d 'Hold back the jobs of a service, until `zmws resume`'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "resume" -d 'Take and give out jobs again, after `zmws pause` or `zmws drain`'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "drain" -d 'Take no new jobs, and do those that are there, until `zmws resume`'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "jobs" -d 'List jobs, try dead ones again, delete them'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "store" -d 'Look at the jobs on disk, back them up, move them'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "trace" -d 'Record, show and replay traffic: runs zmws-trace, found beside this program or in PATH'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "completions" -d 'Print what makes a shell complete the words of zmws'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "generate" -d 'Write manual pages, completions, or the reference of all commands'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c zmws -n "__fish_zmws_using_subcommand broker" -s c -l config -d 'Configuration whose section holds where no flag and no ZMWS_ variable does, or none [default: zmws.toml, if it is there]' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l address -l iface -d 'Address to listen at; 0.0.0.0 opens the ports to the network' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l client-port -l cport -d 'Port for clients' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l worker-port -l wport -d 'Port for workers' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l news-port -l nport -d 'Port where each job\'s end is published' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l admin-address -d 'Address to listen at for operators and monitoring; whoever reaches it can stop the work [default: 127.0.0.1]' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l admin-port -d 'Port for operators and monitoring, over HTTP: /status, /metrics, /healthz [default: 5581, or none if it is taken]' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l admin-socket -d 'Socket for operators of the same user, over HTTP; zmws start makes one in the run directory of its site' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l data-dir -d 'Directory of the jobs in the background, which outlive the broker there; zmws up and zmws start have ./data' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l heartbeat-interval -d 'Seconds between two heartbeats between the broker and an idle worker' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l heartbeat-maxtries -d 'Heartbeats that may be missed before the other side is given up' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l max-attempts -d 'Workers a job may take down before it is failed' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l job-timeout -d 'Seconds a job may take, as SERVICE=DURATION, or DURATION for all other services; may be repeated' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l queue-max -d 'Jobs that may wait in one service' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l queue-max-mb -d 'Megabytes of parameters that may wait in all services' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l frame-max-mb -d 'Megabytes of the largest frame a peer may send' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l unread-max-mb -d 'Megabytes that may wait for a peer that does not read, before it is disconnected' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l memory-max -d 'Memory that may be held for all peers together, as 512M or 4G [default: half of what the system has for the process]' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l queue-total-max -d 'Jobs that may wait in all services together' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l services-max -d 'Services that are remembered' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l history-max -d 'Jobs that ended and are remembered' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l history-max-mb -d 'Megabytes of these jobs' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l dead-max -d 'Dead jobs that are kept to be tried again' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l dead-max-mb -d 'Megabytes of parameters of dead jobs' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l unfinished-max-mb -d 'Megabytes of messages at a port whose last frame has not come, before who holds most is disconnected' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l topics-max -d 'Topics that a subscriber of the news may have' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l topics-max-kb -d 'Kilobytes of topics that a subscriber of the news may have' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l max-connections -d 'Connections to each port' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l grace -d 'Seconds that running jobs may take to end when the broker is stopped' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l log-level -l log -d 'How much to log: E, W, I or D' -r -f -a "E\t'Errors'
W\t'What an operator may act on'
I\t'What comes and goes'
D\t'What peers do wrong'"
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l log-form -d 'Form of the log\'s lines: php as PHP\'s programs write them, compact, or json, an object a line' -r -f -a "php\t'[Tue, 24 Nov 2026 03:16:25 +0000] [I] - text'
compact\t'2026-11-24T03:16:25.042Z INFO text field=value'
json\t'An object: time, level, message, and the fields beside them'"
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l no-admin -d 'Open no port for operators and monitoring'
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l memory -d 'Keep all jobs in memory: they are gone when the broker ends'
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l handover -d 'Let a new connection take over an identity that is in use'
complete -c zmws -n "__fish_zmws_using_subcommand broker" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -s c -l config -d 'Configuration whose section holds where no flag and no ZMWS_ variable does, or none [default: zmws.toml, if it is there]' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l body-form -d 'Form of the old paths\' bodies: v1 as PHP\'s 1.0.0, v2 as its 2.x' -r -f -a "v1\t''
v2\t''"
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l timeout -d 'Seconds a result may take before the answer is 504' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l asked-timeout-max -d 'Longest time limit, in seconds, that a request may ask for by ?_timeout=DURATION; without it a request may not ask' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l in-flight-max -d 'Requests in flight before the answer is 429' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l broker-connections -d 'Connections to the broker, over which requests are spread' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l acknowledge-timeout -d 'Seconds an acknowledgement or a list may take before the answer is 504' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l connect-wait -d 'Seconds a request waits for a broker that is away before the answer is 503' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l body-max-mb -d 'Megabytes of the largest request body' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l bodies-max-mb -d 'Megabytes of all requests that are held at a time, and of what is made of them, before the answer is 503' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l param-max-mb -d 'Megabytes of the largest parameter as it is sent to the broker, before the answer is 413' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l result-max-mb -d 'Megabytes of the largest result, before the answer is 502' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l responses-max-mb -d 'Megabytes of all answers that clients have not taken, before the answer is 503' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l head-max-kb -d 'Kilobytes of the largest request head, 8 at least, before the answer is 431' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l head-timeout -d 'Seconds for a request\'s head, and between two requests' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l body-timeout -d 'Seconds for a request\'s body before the answer is 408' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l write-timeout -d 'Seconds that a client may let an answer lie before its connection is closed' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l http-connections-max -d 'Connections of HTTP clients' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l http-connections-per-address -d 'Connections of HTTP clients from one address' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l idempotency-max -d 'Answers to an Idempotency-Key that are kept' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l idempotency-max-mb -d 'Megabytes of these answers' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l origins -d 'Pages whose scripts may read answers (CORS), instead of all' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l tokens -d 'File with bearer tokens: a token, a blank, the services it may call (or *) in each line' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l access-log -d 'Where to write a line for each request; - for standard output' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l access-log-form -d 'Form of these lines: common, as other web servers have it, or json; by default that of the log, common for php' -r -f -a "common\t''
json\t''"
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l access-log-max-mb -d 'Megabytes from which on the file of these lines begins anew, the old one kept as FILE.1; 0 for never' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l access-log-keep -d 'Old files of these lines that are kept' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l address -l iface -d 'Address to listen at; 0.0.0.0 opens the port to the network' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l http-port -l wport -d 'Port for HTTP' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l broker -d 'Hosts of the broker, in the order they are tried' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l client-port -l cport -d 'The broker\'s port for clients' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l memory-max -d 'Memory that may be held for all HTTP clients together, as 512M or 4G [default: half of what the system has for the process]' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l metrics-port -d 'Port for monitoring, over HTTP: /metrics and /healthz, at 127.0.0.1 [default: none]' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l dialect -d 'What to speak to a broker that is not ours: zmws1 for PHP\'s 1.0.0, zmws2 for its 2.x' -r -f -a "zmws1\t'zmws 0.9 to 1.0; workers of 2.0.0-rc, too'
zmws2\t'zmws 2.x'
mdp01\t'Majordomo 0.1, RFC 7'
mdp02\t'Majordomo 0.2, RFC 18'"
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l log-level -l log -d 'How much to log: E, W, I or D' -r -f -a "E\t'Errors'
W\t'What an operator may act on'
I\t'What comes and goes'
D\t'What peers do wrong'"
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l log-form -d 'Form of the log\'s lines: php as PHP\'s programs write them, compact, or json, an object a line' -r -f -a "php\t'[Tue, 24 Nov 2026 03:16:25 +0000] [I] - text'
compact\t'2026-11-24T03:16:25.042Z INFO text field=value'
json\t'An object: time, level, message, and the fields beside them'"
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l no-api -d 'Do not serve the paths under /v1/'
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l service-name -d 'Whose jobs it does; the default is the builtin\'s own service, or DEMO' -r
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l builtin -d 'A sample instead of a program: sleep (0.8 s), reverse (the parameter str), random (100 parts of a result)' -r
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l mode -d 'once: a process a job; lines: one process for all, a line of JSON a job in, lines of JSON out' -r -f -a "once\t''
lines\t''"
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l timeout -d 'Seconds a job may take before the program and what it has started are killed' -r
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l backend-servers -l backend-server -d 'Hosts of the brokers, in the order they are tried' -r
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l backend-port -d 'The brokers\' port for workers' -r
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l frontend-port -d 'The brokers\' port for clients; PHP\'s workers connect to it, ours need not' -r
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l concurrency -d 'Jobs at once' -r
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l max-jobs -d 'End after so many jobs, when they are done' -r
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l dialect -d 'What to speak; by default zmws2 to our broker, zmws1 to others' -r -f -a "zmws1\t'zmws 0.9 to 1.0; workers of 2.0.0-rc, too'
zmws2\t'zmws 2.x'
mdp01\t'Majordomo 0.1, RFC 7'
mdp02\t'Majordomo 0.2, RFC 18'"
complete -c zmws -n "__fish_zmws_using_subcommand worker" -s c -l config -d 'Configuration of the site whose broker is meant, where no flag and no variable says so; or none [default: zmws.toml, if it is there]' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l heartbeat-interval -d 'Seconds between two heartbeats between the broker and an idle worker' -r
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l heartbeat-maxtries -d 'Heartbeats that may be missed before the other side is given up' -r
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l grace -d 'Seconds that running jobs may take to end when the worker is stopped' -r
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l log-level -l log -d 'How much to log: E, W, I or D' -r -f -a "E\t'Errors'
W\t'What an operator may act on'
I\t'What comes and goes'
D\t'What peers do wrong'"
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l log-form -d 'Form of the log\'s lines: php as PHP\'s programs write them, compact, or json, an object a line' -r -f -a "php\t'[Tue, 24 Nov 2026 03:16:25 +0000] [I] - text'
compact\t'2026-11-24T03:16:25.042Z INFO text field=value'
json\t'An object: time, level, message, and the fields beside them'"
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l give-back -d 'Give the job back to the broker when a program in lines mode dies, instead of failing it'
complete -c zmws -n "__fish_zmws_using_subcommand worker" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand call" -l json -d 'The parameters as JSON' -r
complete -c zmws -n "__fish_zmws_using_subcommand call" -l timeout -d 'Seconds to wait for the result (with --stream: for its next part)' -r
complete -c zmws -n "__fish_zmws_using_subcommand call" -l host -d 'Hosts of the broker, in the order they are tried' -r
complete -c zmws -n "__fish_zmws_using_subcommand call" -l port -l client-port -l cport -d 'The broker\'s port for clients' -r
complete -c zmws -n "__fish_zmws_using_subcommand call" -s c -l config -d 'Configuration of the site whose broker is meant, where no flag and no variable says so; or none [default: zmws.toml, if it is there]' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand call" -l dialect -d 'What to speak to a broker that is not ours' -r -f -a "zmws1\t'zmws 0.9 to 1.0; workers of 2.0.0-rc, too'
zmws2\t'zmws 2.x'
mdp01\t'Majordomo 0.1, RFC 7'
mdp02\t'Majordomo 0.2, RFC 18'"
complete -c zmws -n "__fish_zmws_using_subcommand call" -l log-level -l log -d 'How much to log: E, W, I or D' -r -f -a "E\t'Errors'
W\t'What an operator may act on'
I\t'What comes and goes'
D\t'What peers do wrong'"
complete -c zmws -n "__fish_zmws_using_subcommand call" -l php -d 'Send the parameters serialized as PHP does it, instead of as JSON'
complete -c zmws -n "__fish_zmws_using_subcommand call" -l async -d 'Do not wait for the result: print the job\'s id'
complete -c zmws -n "__fish_zmws_using_subcommand call" -l stream -d 'Print the parts of the result as they come, a line each, then the result'
complete -c zmws -n "__fish_zmws_using_subcommand call" -l raw -d 'Print frames as they came, tag and all'
complete -c zmws -n "__fish_zmws_using_subcommand call" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand up" -s c -l config -d 'Configuration whose section holds where no flag and no ZMWS_ variable does, or none [default: zmws.toml, if it is there]' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand up" -l address -l iface -d 'Address to listen at; 0.0.0.0 opens the ports to the network' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l client-port -l cport -d 'Port for clients' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l worker-port -l wport -d 'Port for workers' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l news-port -l nport -d 'Port where each job\'s end is published' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l admin-address -d 'Address to listen at for operators and monitoring; whoever reaches it can stop the work [default: 127.0.0.1]' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l admin-port -d 'Port for operators and monitoring, over HTTP: /status, /metrics, /healthz [default: 5581, or none if it is taken]' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l admin-socket -d 'Socket for operators of the same user, over HTTP; zmws start makes one in the run directory of its site' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand up" -l http-port -d 'Port for HTTP' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l data-dir -d 'Directory of the jobs in the background, which outlive the broker there; zmws up and zmws start have ./data' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand up" -l heartbeat-interval -d 'Seconds between two heartbeats between the broker and an idle worker' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l heartbeat-maxtries -d 'Heartbeats that may be missed before the other side is given up' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l max-attempts -d 'Workers a job may take down before it is failed' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l job-timeout -d 'Seconds a job may take, as SERVICE=DURATION, or DURATION for all other services; may be repeated' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l queue-max -d 'Jobs that may wait in one service' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l queue-max-mb -d 'Megabytes of parameters that may wait in all services' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l frame-max-mb -d 'Megabytes of the largest frame a peer may send' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l unread-max-mb -d 'Megabytes that may wait for a peer that does not read, before it is disconnected' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l memory-max -d 'Memory that may be held for all peers together, as 512M or 4G [default: half of what the system has for the process]' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l queue-total-max -d 'Jobs that may wait in all services together' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l services-max -d 'Services that are remembered' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l history-max -d 'Jobs that ended and are remembered' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l history-max-mb -d 'Megabytes of these jobs' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l dead-max -d 'Dead jobs that are kept to be tried again' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l dead-max-mb -d 'Megabytes of parameters of dead jobs' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l unfinished-max-mb -d 'Megabytes of messages at a port whose last frame has not come, before who holds most is disconnected' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l topics-max -d 'Topics that a subscriber of the news may have' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l topics-max-kb -d 'Kilobytes of topics that a subscriber of the news may have' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l max-connections -d 'Connections to each port' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l grace -d 'Seconds that running jobs may take to end when the broker is stopped' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l body-form -d 'Form of the old paths\' bodies: v1 as PHP\'s 1.0.0, v2 as its 2.x' -r -f -a "v1\t''
v2\t''"
complete -c zmws -n "__fish_zmws_using_subcommand up" -l timeout -d 'Seconds a result may take before the answer is 504' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l asked-timeout-max -d 'Longest time limit, in seconds, that a request may ask for by ?_timeout=DURATION; without it a request may not ask' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l in-flight-max -d 'Requests in flight before the answer is 429' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l broker-connections -d 'Connections to the broker, over which requests are spread' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l acknowledge-timeout -d 'Seconds an acknowledgement or a list may take before the answer is 504' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l connect-wait -d 'Seconds a request waits for a broker that is away before the answer is 503' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l body-max-mb -d 'Megabytes of the largest request body' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l bodies-max-mb -d 'Megabytes of all requests that are held at a time, and of what is made of them, before the answer is 503' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l param-max-mb -d 'Megabytes of the largest parameter as it is sent to the broker, before the answer is 413' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l result-max-mb -d 'Megabytes of the largest result, before the answer is 502' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l responses-max-mb -d 'Megabytes of all answers that clients have not taken, before the answer is 503' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l head-max-kb -d 'Kilobytes of the largest request head, 8 at least, before the answer is 431' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l head-timeout -d 'Seconds for a request\'s head, and between two requests' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l body-timeout -d 'Seconds for a request\'s body before the answer is 408' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l write-timeout -d 'Seconds that a client may let an answer lie before its connection is closed' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l http-connections-max -d 'Connections of HTTP clients' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l http-connections-per-address -d 'Connections of HTTP clients from one address' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l idempotency-max -d 'Answers to an Idempotency-Key that are kept' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l idempotency-max-mb -d 'Megabytes of these answers' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l origins -d 'Pages whose scripts may read answers (CORS), instead of all' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l tokens -d 'File with bearer tokens: a token, a blank, the services it may call (or *) in each line' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand up" -l access-log -d 'Where to write a line for each request; - for standard output' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand up" -l access-log-form -d 'Form of these lines: common, as other web servers have it, or json; by default that of the log, common for php' -r -f -a "common\t''
json\t''"
complete -c zmws -n "__fish_zmws_using_subcommand up" -l access-log-max-mb -d 'Megabytes from which on the file of these lines begins anew, the old one kept as FILE.1; 0 for never' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l access-log-keep -d 'Old files of these lines that are kept' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l log-level -l log -d 'How much to log: E, W, I or D' -r -f -a "E\t'Errors'
W\t'What an operator may act on'
I\t'What comes and goes'
D\t'What peers do wrong'"
complete -c zmws -n "__fish_zmws_using_subcommand up" -l log-form -d 'Form of the log\'s lines: php as PHP\'s programs write them, compact, or json, an object a line' -r -f -a "php\t'[Tue, 24 Nov 2026 03:16:25 +0000] [I] - text'
compact\t'2026-11-24T03:16:25.042Z INFO text field=value'
json\t'An object: time, level, message, and the fields beside them'"
complete -c zmws -n "__fish_zmws_using_subcommand up" -l no-admin -d 'Open no port for operators and monitoring'
complete -c zmws -n "__fish_zmws_using_subcommand up" -l memory -d 'Keep all jobs in memory: they are gone when the broker ends'
complete -c zmws -n "__fish_zmws_using_subcommand up" -l handover -d 'Let a new connection take over an identity that is in use'
complete -c zmws -n "__fish_zmws_using_subcommand up" -l no-api -d 'Do not serve the paths under /v1/'
complete -c zmws -n "__fish_zmws_using_subcommand up" -l no-samples -d 'Start no sample workers'
complete -c zmws -n "__fish_zmws_using_subcommand up" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand start" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand start" -l log-form -d 'Form of the log\'s lines: php as PHP\'s programs write them, compact, or json, an object a line' -r -f -a "php\t'[Tue, 24 Nov 2026 03:16:25 +0000] [I] - text'
compact\t'2026-11-24T03:16:25.042Z INFO text field=value'
json\t'An object: time, level, message, and the fields beside them'"
complete -c zmws -n "__fish_zmws_using_subcommand start" -l log-level -l log -d 'How much to log: E, W, I or D' -r -f -a "E\t'Errors'
W\t'What an operator may act on'
I\t'What comes and goes'
D\t'What peers do wrong'"
complete -c zmws -n "__fish_zmws_using_subcommand start" -l servers -d 'The broker, the gateway, and what else PHP\'s $serverList has'
complete -c zmws -n "__fish_zmws_using_subcommand start" -l workers -d 'The workers'
complete -c zmws -n "__fish_zmws_using_subcommand start" -l foreground -d 'Stay in the foreground, with the output of all programs: for containers and service managers'
complete -c zmws -n "__fish_zmws_using_subcommand start" -l detached -d 'Be the supervisor that another zmws start has asked for'
complete -c zmws -n "__fish_zmws_using_subcommand start" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand stop" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand stop" -l servers -d 'The broker, the gateway, and what else PHP\'s $serverList has'
complete -c zmws -n "__fish_zmws_using_subcommand stop" -l workers -d 'The workers'
complete -c zmws -n "__fish_zmws_using_subcommand stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand restart" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand restart" -l servers -d 'The broker, the gateway, and what else PHP\'s $serverList has'
complete -c zmws -n "__fish_zmws_using_subcommand restart" -l workers -d 'The workers'
complete -c zmws -n "__fish_zmws_using_subcommand restart" -l force -d 'Do it even if queued jobs are lost by it'
complete -c zmws -n "__fish_zmws_using_subcommand restart" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand reload" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand reload" -l force -d 'Do it even if queued jobs are lost by it'
complete -c zmws -n "__fish_zmws_using_subcommand reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand config; and not __fish_seen_subcommand_from init check show import reference help" -s h -l help -d 'Print help'
complete -c zmws -n "__fish_zmws_using_subcommand config; and not __fish_seen_subcommand_from init check show import reference help" -f -a "init" -d 'Write a new configuration with every setting explained'
complete -c zmws -n "__fish_zmws_using_subcommand config; and not __fish_seen_subcommand_from init check show import reference help" -f -a "check" -d 'Say whether a configuration is fine, or all that is wrong with it: keys and values, and whether the programs, files, users and directories that it names can be used'
complete -c zmws -n "__fish_zmws_using_subcommand config; and not __fish_seen_subcommand_from init check show import reference help" -f -a "show" -d 'Show each setting, its value, and where the value comes from'
complete -c zmws -n "__fish_zmws_using_subcommand config; and not __fish_seen_subcommand_from init check show import reference help" -f -a "import" -d 'Print PHP\'s configuration as a zmws.toml'
complete -c zmws -n "__fish_zmws_using_subcommand config; and not __fish_seen_subcommand_from init check show import reference help" -f -a "reference" -d 'Print all settings as a page in Markdown'
complete -c zmws -n "__fish_zmws_using_subcommand config; and not __fish_seen_subcommand_from init check show import reference help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c zmws -n "__fish_zmws_using_subcommand config; and __fish_seen_subcommand_from init" -s o -l output -d 'Where to; - for standard output' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand config; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help'
complete -c zmws -n "__fish_zmws_using_subcommand config; and __fish_seen_subcommand_from check" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c zmws -n "__fish_zmws_using_subcommand config; and __fish_seen_subcommand_from show" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'As JSON'
complete -c zmws -n "__fish_zmws_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c zmws -n "__fish_zmws_using_subcommand config; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c zmws -n "__fish_zmws_using_subcommand config; and __fish_seen_subcommand_from reference" -s h -l help -d 'Print help'
complete -c zmws -n "__fish_zmws_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "init" -d 'Write a new configuration with every setting explained'
complete -c zmws -n "__fish_zmws_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Say whether a configuration is fine, or all that is wrong with it: keys and values, and whether the programs, files, users and directories that it names can be used'
complete -c zmws -n "__fish_zmws_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show each setting, its value, and where the value comes from'
complete -c zmws -n "__fish_zmws_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "import" -d 'Print PHP\'s configuration as a zmws.toml'
complete -c zmws -n "__fish_zmws_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "reference" -d 'Print all settings as a page in Markdown'
complete -c zmws -n "__fish_zmws_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c zmws -n "__fish_zmws_using_subcommand status" -l admin -d 'The broker\'s admin port, or the path of its socket [default: that of the site in this folder, or 127.0.0.1:5581]' -r
complete -c zmws -n "__fish_zmws_using_subcommand status" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand status" -l run-dir -d 'Where the supervisor\'s socket is; without a socket there, no programs are shown [default: the run_dir of the configuration that is here, or run]' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand status" -l watch -d 'Show it again and again, every 2 seconds or so many, until q or Ctrl-C' -r
complete -c zmws -n "__fish_zmws_using_subcommand status" -l servers -d 'The broker, the gateway, and what else PHP\'s $serverList has'
complete -c zmws -n "__fish_zmws_using_subcommand status" -l workers -d 'The workers'
complete -c zmws -n "__fish_zmws_using_subcommand status" -l json -d 'Print an object as JSON: broker (null if it does not answer), processes (null without a supervisor), problems'
complete -c zmws -n "__fish_zmws_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand top" -l admin -d 'The broker\'s admin port, or the path of its socket [default: that of the site in this folder, or 127.0.0.1:5581]' -r
complete -c zmws -n "__fish_zmws_using_subcommand top" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand tail" -l service -d 'Of this service only, as STR-REV; may be given several times' -r
complete -c zmws -n "__fish_zmws_using_subcommand tail" -l news -d 'The broker\'s port for news [default: that of the configuration that is here, or 127.0.0.1:5557]' -r
complete -c zmws -n "__fish_zmws_using_subcommand tail" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand tail" -l json -d 'Print an object as JSON a line'
complete -c zmws -n "__fish_zmws_using_subcommand tail" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand pause" -l service -d 'The same as a flag' -r
complete -c zmws -n "__fish_zmws_using_subcommand pause" -l admin -d 'The broker\'s admin port, or the path of its socket [default: that of the site in this folder, or 127.0.0.1:5581]' -r
complete -c zmws -n "__fish_zmws_using_subcommand pause" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand pause" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand resume" -l service -d 'The same as a flag' -r
complete -c zmws -n "__fish_zmws_using_subcommand resume" -l admin -d 'The broker\'s admin port, or the path of its socket [default: that of the site in this folder, or 127.0.0.1:5581]' -r
complete -c zmws -n "__fish_zmws_using_subcommand resume" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand drain" -l service -d 'The same as a flag' -r
complete -c zmws -n "__fish_zmws_using_subcommand drain" -l admin -d 'The broker\'s admin port, or the path of its socket [default: that of the site in this folder, or 127.0.0.1:5581]' -r
complete -c zmws -n "__fish_zmws_using_subcommand drain" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand drain" -l undo -d 'Take jobs again, as `zmws resume`'
complete -c zmws -n "__fish_zmws_using_subcommand drain" -l wait -d 'Return when nothing is queued or active any more'
complete -c zmws -n "__fish_zmws_using_subcommand drain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and not __fish_seen_subcommand_from list retry delete help" -l service -d 'The same as a flag' -r
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and not __fish_seen_subcommand_from list retry delete help" -l state -d 'In this state only' -r -f -a "queued\t'Waits for a worker'
active\t'A worker has it'
completed\t'Ended well'
failed\t'Ended badly; dead ones are among them'
dead\t'Given up by the broker, and kept'"
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and not __fish_seen_subcommand_from list retry delete help" -l limit -d 'So many of each state at most' -r
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and not __fish_seen_subcommand_from list retry delete help" -l admin -d 'The broker\'s admin port, or the path of its socket [default: that of the site in this folder, or 127.0.0.1:5581]' -r
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and not __fish_seen_subcommand_from list retry delete help" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and not __fish_seen_subcommand_from list retry delete help" -l json -d 'Print an array as JSON'
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and not __fish_seen_subcommand_from list retry delete help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and not __fish_seen_subcommand_from list retry delete help" -a "list" -d 'The same as without a word'
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and not __fish_seen_subcommand_from list retry delete help" -a "retry" -d 'Queue dead jobs again, under their ids; a job that a worker has is taken from it'
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and not __fish_seen_subcommand_from list retry delete help" -a "delete" -d 'Delete jobs that wait, and forget dead ones'
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and not __fish_seen_subcommand_from list retry delete help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from list" -l service -d 'The same as a flag' -r
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from list" -l state -d 'In this state only' -r -f -a "queued\t'Waits for a worker'
active\t'A worker has it'
completed\t'Ended well'
failed\t'Ended badly; dead ones are among them'
dead\t'Given up by the broker, and kept'"
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from list" -l limit -d 'So many of each state at most' -r
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from list" -l admin -d 'The broker\'s admin port, or the path of its socket [default: that of the site in this folder, or 127.0.0.1:5581]' -r
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from list" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from list" -l json -d 'Print an array as JSON'
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from retry" -l admin -d 'The broker\'s admin port, or the path of its socket [default: that of the site in this folder, or 127.0.0.1:5581]' -r
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from retry" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from retry" -s h -l help -d 'Print help'
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from delete" -l admin -d 'The broker\'s admin port, or the path of its socket [default: that of the site in this folder, or 127.0.0.1:5581]' -r
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from delete" -s c -l config -d 'The configuration: zmws.toml, or PHP\'s etc/config.php; by default the one that is there, in this order' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from help" -f -a "list" -d 'The same as without a word'
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from help" -f -a "retry" -d 'Queue dead jobs again, under their ids; a job that a worker has is taken from it'
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Delete jobs that wait, and forget dead ones'
complete -c zmws -n "__fish_zmws_using_subcommand jobs; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c zmws -n "__fish_zmws_using_subcommand store; and not __fish_seen_subcommand_from check dump load compact help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand store; and not __fish_seen_subcommand_from check dump load compact help" -f -a "check" -d 'Read all of it, and say what is there or what is damaged'
complete -c zmws -n "__fish_zmws_using_subcommand store; and not __fish_seen_subcommand_from check dump load compact help" -f -a "dump" -d 'Print all of it as JSON Lines'
complete -c zmws -n "__fish_zmws_using_subcommand store; and not __fish_seen_subcommand_from check dump load compact help" -f -a "load" -d 'Take what dump has printed into a directory without jobs'
complete -c zmws -n "__fish_zmws_using_subcommand store; and not __fish_seen_subcommand_from check dump load compact help" -f -a "compact" -d 'Make the file as small as what is in it'
complete -c zmws -n "__fish_zmws_using_subcommand store; and not __fish_seen_subcommand_from check dump load compact help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c zmws -n "__fish_zmws_using_subcommand store; and __fish_seen_subcommand_from check" -l data-dir -d 'Directory of the jobs' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand store; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c zmws -n "__fish_zmws_using_subcommand store; and __fish_seen_subcommand_from dump" -l data-dir -d 'Directory of the jobs' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand store; and __fish_seen_subcommand_from dump" -s h -l help -d 'Print help'
complete -c zmws -n "__fish_zmws_using_subcommand store; and __fish_seen_subcommand_from load" -l data-dir -d 'Directory of the jobs' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand store; and __fish_seen_subcommand_from load" -s h -l help -d 'Print help'
complete -c zmws -n "__fish_zmws_using_subcommand store; and __fish_seen_subcommand_from compact" -l data-dir -d 'Directory of the jobs' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand store; and __fish_seen_subcommand_from compact" -s h -l help -d 'Print help'
complete -c zmws -n "__fish_zmws_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "check" -d 'Read all of it, and say what is there or what is damaged'
complete -c zmws -n "__fish_zmws_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "dump" -d 'Print all of it as JSON Lines'
complete -c zmws -n "__fish_zmws_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "load" -d 'Take what dump has printed into a directory without jobs'
complete -c zmws -n "__fish_zmws_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "compact" -d 'Make the file as small as what is in it'
complete -c zmws -n "__fish_zmws_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c zmws -n "__fish_zmws_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand generate" -l out -d 'Folder to write it into; it is made if it is not there' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand generate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "broker" -d 'Run the broker: jobs from clients to workers, over ZeroMQ'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "gateway" -d 'Run the HTTP gateway: jobs by URL, in front of a broker'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "worker" -d 'Run a worker that does the jobs of one service'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "call" -d 'Send a job, and print its result'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "up" -d 'Run broker, gateway and two sample workers in one process'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "start" -d 'Start the programs of this site, and keep them running'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "stop" -d 'Stop the programs of this site'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "restart" -d 'Stop and start programs of this site again'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "reload" -d 'Read the configuration anew, and restart what it changes'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "config" -d 'Make, judge and show configurations'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "status" -d 'Show what is wrong, then the programs, then the services'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "top" -d 'Watch services, workers and jobs, and act on them'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "tail" -d 'Show what happens to jobs, as it happens: a line each'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "pause" -d 'Hold back the jobs of a service, until `zmws resume`'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "resume" -d 'Take and give out jobs again, after `zmws pause` or `zmws drain`'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "drain" -d 'Take no new jobs, and do those that are there, until `zmws resume`'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "jobs" -d 'List jobs, try dead ones again, delete them'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "store" -d 'Look at the jobs on disk, back them up, move them'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "trace" -d 'Record, show and replay traffic: runs zmws-trace, found beside this program or in PATH'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "completions" -d 'Print what makes a shell complete the words of zmws'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "generate" -d 'Write manual pages, completions, or the reference of all commands'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up start stop restart reload config status top tail pause resume drain jobs store trace completions generate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c zmws -n "__fish_zmws_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "init" -d 'Write a new configuration with every setting explained'
complete -c zmws -n "__fish_zmws_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Say whether a configuration is fine, or all that is wrong with it: keys and values, and whether the programs, files, users and directories that it names can be used'
complete -c zmws -n "__fish_zmws_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Show each setting, its value, and where the value comes from'
complete -c zmws -n "__fish_zmws_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "import" -d 'Print PHP\'s configuration as a zmws.toml'
complete -c zmws -n "__fish_zmws_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "reference" -d 'Print all settings as a page in Markdown'
complete -c zmws -n "__fish_zmws_using_subcommand help; and __fish_seen_subcommand_from jobs" -f -a "list" -d 'The same as without a word'
complete -c zmws -n "__fish_zmws_using_subcommand help; and __fish_seen_subcommand_from jobs" -f -a "retry" -d 'Queue dead jobs again, under their ids; a job that a worker has is taken from it'
complete -c zmws -n "__fish_zmws_using_subcommand help; and __fish_seen_subcommand_from jobs" -f -a "delete" -d 'Delete jobs that wait, and forget dead ones'
complete -c zmws -n "__fish_zmws_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "check" -d 'Read all of it, and say what is there or what is damaged'
complete -c zmws -n "__fish_zmws_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "dump" -d 'Print all of it as JSON Lines'
complete -c zmws -n "__fish_zmws_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "load" -d 'Take what dump has printed into a directory without jobs'
complete -c zmws -n "__fish_zmws_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "compact" -d 'Make the file as small as what is in it'
