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
complete -c zmws -n "__fish_zmws_needs_command" -f -a "trace" -d 'Record, show and replay traffic: runs zmws-trace, found beside this program or in PATH'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "completions" -d 'Print what makes a shell complete the words of zmws'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "generate" -d 'Write manual pages, completions, or the reference of all commands'
complete -c zmws -n "__fish_zmws_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l address -l iface -d 'Address to listen at; 0.0.0.0 opens the ports to the network' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l client-port -l cport -d 'Port for clients' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l worker-port -l wport -d 'Port for workers' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l news-port -l nport -d 'Port where each job\'s end is published' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l heartbeat-interval -d 'Seconds between two heartbeats between the broker and an idle worker' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l heartbeat-maxtries -d 'Heartbeats that may be missed before the other side is given up' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l max-attempts -d 'Workers a job may take down before it is failed' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l job-timeout -d 'Time limit of a job, as SERVICE=SECONDS, or SECONDS for all other services; may be repeated' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l queue-max -d 'Jobs that may wait in one service' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l queue-max-mb -d 'Megabytes of parameters that may wait in all services' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l frame-max-mb -d 'Megabytes of the largest frame a peer may send' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l unread-max-mb -d 'Megabytes that may wait for a peer that does not read, before it is disconnected' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l max-connections -d 'Connections to each port' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l grace -d 'Seconds that running jobs may take to end when the broker is stopped' -r
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l log-level -l log -d 'How much to log: E, W, I or D' -r -f -a "E\t'Errors'
W\t'What an operator may act on'
I\t'What comes and goes'
D\t'What peers do wrong'"
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l log-form -d 'Form of the log\'s lines: php as PHP\'s programs write them, compact, or json, an object a line' -r -f -a "php\t'[Tue, 24 Nov 2026 03:16:25 +0000] [I] - text'
compact\t'2026-11-24T03:16:25.042Z INFO text field=value'
json\t'An object: time, level, message, and the fields beside them'"
complete -c zmws -n "__fish_zmws_using_subcommand broker" -l handover -d 'Let a new connection take over an identity that is in use'
complete -c zmws -n "__fish_zmws_using_subcommand broker" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l body-form -d 'Form of the old paths\' bodies: v1 as PHP\'s 1.0.0, v2 as its 2.x' -r -f -a "v1\t''
v2\t''"
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l timeout -d 'Seconds a result may take before the answer is 504' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l asked-timeout-max -d 'Longest time limit a request may ask for by ?_timeout=SECONDS; without it a request may not ask' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l in-flight-max -d 'Requests in flight before the answer is 429' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l body-max-mb -d 'Megabytes of the largest request body' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l origins -d 'Pages whose scripts may read answers (CORS), instead of all' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l tokens -d 'File with bearer tokens: a token, a blank, the services it may call (or *) in each line' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l access-log -d 'Where to write a line for each request; - for standard output' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l access-log-form -d 'Form of these lines: common, as other web servers have it, or json; by default that of the log, common for php' -r -f -a "common\t''
json\t''"
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l address -l iface -d 'Address to listen at; 0.0.0.0 opens the port to the network' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l http-port -l wport -d 'Port for HTTP' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l broker -d 'Hosts of the broker, in the order they are tried' -r
complete -c zmws -n "__fish_zmws_using_subcommand gateway" -l client-port -l cport -d 'The broker\'s port for clients' -r
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
complete -c zmws -n "__fish_zmws_using_subcommand worker" -l dialect -d 'What to speak; by default zmws2 to our broker, zmws1 to others' -r -f -a "zmws1\t'zmws 0.9 to 1.0; workers of 2.0.0-rc, too'
zmws2\t'zmws 2.x'
mdp01\t'Majordomo 0.1, RFC 7'
mdp02\t'Majordomo 0.2, RFC 18'"
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
complete -c zmws -n "__fish_zmws_using_subcommand up" -l address -l iface -d 'Address to listen at; 0.0.0.0 opens the ports to the network' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l client-port -l cport -d 'Port for clients' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l worker-port -l wport -d 'Port for workers' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l news-port -l nport -d 'Port where each job\'s end is published' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l http-port -d 'Port for HTTP' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l heartbeat-interval -d 'Seconds between two heartbeats between the broker and an idle worker' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l heartbeat-maxtries -d 'Heartbeats that may be missed before the other side is given up' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l max-attempts -d 'Workers a job may take down before it is failed' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l job-timeout -d 'Time limit of a job, as SERVICE=SECONDS, or SECONDS for all other services; may be repeated' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l queue-max -d 'Jobs that may wait in one service' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l queue-max-mb -d 'Megabytes of parameters that may wait in all services' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l frame-max-mb -d 'Megabytes of the largest frame a peer may send' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l unread-max-mb -d 'Megabytes that may wait for a peer that does not read, before it is disconnected' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l max-connections -d 'Connections to each port' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l grace -d 'Seconds that running jobs may take to end when the broker is stopped' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l body-form -d 'Form of the old paths\' bodies: v1 as PHP\'s 1.0.0, v2 as its 2.x' -r -f -a "v1\t''
v2\t''"
complete -c zmws -n "__fish_zmws_using_subcommand up" -l timeout -d 'Seconds a result may take before the answer is 504' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l asked-timeout-max -d 'Longest time limit a request may ask for by ?_timeout=SECONDS; without it a request may not ask' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l in-flight-max -d 'Requests in flight before the answer is 429' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l body-max-mb -d 'Megabytes of the largest request body' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l origins -d 'Pages whose scripts may read answers (CORS), instead of all' -r
complete -c zmws -n "__fish_zmws_using_subcommand up" -l tokens -d 'File with bearer tokens: a token, a blank, the services it may call (or *) in each line' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand up" -l access-log -d 'Where to write a line for each request; - for standard output' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand up" -l access-log-form -d 'Form of these lines: common, as other web servers have it, or json; by default that of the log, common for php' -r -f -a "common\t''
json\t''"
complete -c zmws -n "__fish_zmws_using_subcommand up" -l log-level -l log -d 'How much to log: E, W, I or D' -r -f -a "E\t'Errors'
W\t'What an operator may act on'
I\t'What comes and goes'
D\t'What peers do wrong'"
complete -c zmws -n "__fish_zmws_using_subcommand up" -l log-form -d 'Form of the log\'s lines: php as PHP\'s programs write them, compact, or json, an object a line' -r -f -a "php\t'[Tue, 24 Nov 2026 03:16:25 +0000] [I] - text'
compact\t'2026-11-24T03:16:25.042Z INFO text field=value'
json\t'An object: time, level, message, and the fields beside them'"
complete -c zmws -n "__fish_zmws_using_subcommand up" -l handover -d 'Let a new connection take over an identity that is in use'
complete -c zmws -n "__fish_zmws_using_subcommand up" -l no-api -d 'Do not serve the paths under /v1/'
complete -c zmws -n "__fish_zmws_using_subcommand up" -l no-samples -d 'Start no sample workers'
complete -c zmws -n "__fish_zmws_using_subcommand up" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand generate" -l out -d 'Folder to write it into; it is made if it is not there' -r -F
complete -c zmws -n "__fish_zmws_using_subcommand generate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up trace completions generate help" -f -a "broker" -d 'Run the broker: jobs from clients to workers, over ZeroMQ'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up trace completions generate help" -f -a "gateway" -d 'Run the HTTP gateway: jobs by URL, in front of a broker'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up trace completions generate help" -f -a "worker" -d 'Run a worker that does the jobs of one service'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up trace completions generate help" -f -a "call" -d 'Send a job, and print its result'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up trace completions generate help" -f -a "up" -d 'Run broker, gateway and two sample workers in one process'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up trace completions generate help" -f -a "trace" -d 'Record, show and replay traffic: runs zmws-trace, found beside this program or in PATH'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up trace completions generate help" -f -a "completions" -d 'Print what makes a shell complete the words of zmws'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up trace completions generate help" -f -a "generate" -d 'Write manual pages, completions, or the reference of all commands'
complete -c zmws -n "__fish_zmws_using_subcommand help; and not __fish_seen_subcommand_from broker gateway worker call up trace completions generate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
