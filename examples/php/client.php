<?php
/**
 * A client in PHP with ext-zmq, without any other code: one call, one job in the background.
 *
 *   php examples/php/client.php [--server=127.0.0.1] [--port=5555] [--service=STR-REV] [--json='{"str":"Hello"}']
 *
 * It speaks zmws 2 (frames: docs/src/protocol.md, "A client") to the client port of a broker, over a REQ socket, which
 * puts the empty frame in front and takes it off again:
 *
 *   client to broker   ["MDPC02", "1", "PARAM-JSON: <json>", "SYNC-<service>"]    and wait for the result
 *                      ["MDPC02", "1", "PARAM-JSON: <json>", "<service>"]         in the background
 *   broker to client   ["MDPC02", "3", <service>, "COMPLETE: <service> [<id>]", "PARAM-JSON: <json>"]
 *                      ["MDPC02", "3", <service>, "FAIL: <service> [<id>]", ""]   it could not be done
 *                      ["MDPC02", "3", <service>, "JOB: <id> <service>"]          it will be done
 *                      ["MDPC02", "3", <service>, "FAIL: <service>"]              no worker has ever offered it
 *
 * Exit status: 0 if both were taken and the call brought a result, else 1.
 */

const PATIENCE = 10;  // seconds

$options = getopt('', ['server:', 'port:', 'service:', 'json:']);
$address = sprintf('tcp://%s:%d', $options['server'] ?? '127.0.0.1', $options['port'] ?? 5555);
$service = $options['service'] ?? 'STR-REV';
$param = 'PARAM-JSON: ' . ($options['json'] ?? '{"str":"Hello, world"}');

/** Sends one request and returns the word of the answer (COMPLETE, JOB, FAIL), its text and its value. */
function ask(ZMQSocket $socket, string $param, string $job): array
{
    $socket->sendMulti(['MDPC02', '1', $param, $job]);
    $frames = $socket->recvMulti();
    if ($frames === false) {
        fwrite(STDERR, "no answer within " . PATIENCE . " seconds\n");
        exit(1);
    }
    // Parts of a result (CONT) come without the header; a REQ gets only the first of them.
    $frames = $frames[0] === 'MDPC02' ? array_slice($frames, 3) : $frames;
    [$text, $value] = $frames + ['', ''];
    return [strtok($text, ':'), $text, $value === '' ? null : json_decode(explode(': ', $value, 2)[1] ?? '')];
}

$socket = new ZMQSocket(new ZMQContext(), ZMQ::SOCKET_REQ);
$socket->setSockOpt(ZMQ::SOCKOPT_LINGER, 0);
$socket->setSockOpt(ZMQ::SOCKOPT_RCVTIMEO, PATIENCE * 1000);
$socket->connect($address);

[$word, $text, $value] = ask($socket, $param, "SYNC-$service");
echo $text, "\n", $word === 'COMPLETE' ? json_encode($value) . "\n" : '';

[$taken, $text] = ask($socket, $param, $service);
echo $text, "\n";

exit($word === 'COMPLETE' && $taken === 'JOB' ? 0 : 1);
