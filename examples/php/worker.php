<?php
/**
 * A worker in PHP with ext-zmq, without any other code: GREET answers a greeting.
 *
 *   php examples/php/worker.php [--server=127.0.0.1] [--port=5556] [--service=GREET]
 *   curl 'http://127.0.0.1:5580/SYNC-GREET?name=you'
 *
 * It speaks zmws 2 (frames: docs/src/protocol.md, "A worker") to the worker port of a broker:
 *
 *   worker to broker   ["MDPC02", "3", <service>, "READY"]
 *                      ["HEARTBEAT"]
 *                      ["MDPC02", "3", <service>, "PARAM-JSON: <json>", "COMPLETE: <id>"]
 *                      ["MDPC02", "3", <service>, "FAIL: <id>"]
 *   broker to worker   ["", "MDPC02", "1", "PARAM-JSON: <json>", "JOB: <id>"]
 *                      ["HEARTBEAT"]
 *
 * The time limit of receiving is a socket option, since the ZMQPoll of Debian's php-zmq 1.1.3 under PHP 8
 * watches one socket only.
 */

const INTERVAL = 5;  // seconds between two heartbeats, as the broker has it
const TRIES = 3;     // silent intervals after which the broker counts as gone

$options = getopt('', ['server:', 'port:', 'service:']);
$address = sprintf('tcp://%s:%d', $options['server'] ?? '127.0.0.1', $options['port'] ?? 5556);
$service = $options['service'] ?? 'GREET';

/** What is to be done. An exception fails the job. */
function work($param): string
{
    return 'Hello, ' . ($param->name ?? 'world');
}

/** A new socket has a new identity: the broker may still hold the old one against a dead connection. */
function connect(ZMQContext $context, string $address, string $service): ZMQSocket
{
    $socket = new ZMQSocket($context, ZMQ::SOCKET_DEALER);
    $socket->setSockOpt(ZMQ::SOCKOPT_IDENTITY, sprintf('%04X-%04X', random_int(0, 0xFFFF), random_int(0, 0xFFFF)));
    $socket->setSockOpt(ZMQ::SOCKOPT_LINGER, 0);
    $socket->setSockOpt(ZMQ::SOCKOPT_RCVTIMEO, INTERVAL * 1000);
    $socket->connect($address);
    $socket->sendMulti(['MDPC02', '3', $service, 'READY']);
    return $socket;
}

/** The value behind `PARAM-JSON: ` or `PARAM-PHP: `; an empty object if there is none. */
function decode(string $frame)
{
    [$tag, $payload] = explode(': ', $frame, 2) + ['', ''];
    if (str_contains($tag, 'PHP')) {
        return (object) unserialize($payload, ['allowed_classes' => false]);
    }
    return str_contains($tag, 'JSON') ? json_decode($payload) : new stdClass();
}

$context = new ZMQContext();
$socket = connect($context, $address, $service);
$tries = TRIES;
$beat_at = microtime(true) + INTERVAL;
echo "$service at $address\n";

while (true) {
    $frames = $socket->recvMulti();  // false after INTERVAL seconds of silence
    if ($frames === false) {
        if (--$tries === 0) {
            echo "the broker is silent, connecting anew\n";
            $socket = connect($context, $address, $service);
            $tries = TRIES;
        }
    } else {
        $tries = TRIES;
        [$protocol, $type, $param, $job] = array_slice($frames, 1) + ['', '', '', ''];
        if ($protocol === 'MDPC02' && $type === '1' && str_starts_with($job, 'JOB: ')) {
            $id = substr($job, strlen('JOB: '));
            try {
                $value = 'PARAM-JSON: ' . json_encode(work(decode($param)), JSON_THROW_ON_ERROR);
                $socket->sendMulti(['MDPC02', '3', $service, $value, "COMPLETE: $id"]);
            } catch (Throwable $error) {
                fwrite(STDERR, "job $id: {$error->getMessage()}\n");
                $socket->sendMulti(['MDPC02', '3', $service, "FAIL: $id"]);
            }
            $beat_at = microtime(true) + INTERVAL;
        }
    }
    if (microtime(true) >= $beat_at) {
        $socket->send('HEARTBEAT');
        $beat_at = microtime(true) + INTERVAL;
    }
}
