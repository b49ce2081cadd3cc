<?php
/**
 * A client that has many texts reversed, one after the other over a REQ, each text its own, coded as JSON and as PHP
 * in turns. Prints how many answers were right, how many were failures, and each one that was wrong.
 *
 * It asks --jobs times, or until --seconds are over.
 */

require __DIR__ . '/speak.php';

$flags = flags($argv, ['port' => '', 'dialect' => 'zmws2', 'service' => 'REVERSE', 'jobs' => '0', 'seconds' => '0']);

$socket = connected(new ZMQContext(), ZMQ::SOCKET_REQ, $flags['port']);
$count = ['asked' => 0, 'right' => 0, 'failed' => 0, 'wrong' => 0, 'lost' => 0];
$end = microtime(true) + (float) $flags['seconds'];
while ($count['asked'] < (int) $flags['jobs'] || microtime(true) < $end) {
    $text = "php {$flags['dialect']} {$count['asked']}.";
    $param = $count['asked'] % 2 === 0 ? tagged(['str' => $text]) : tagged_php(['str' => $text]);
    $service = "SYNC-{$flags['service']}";
    $socket->sendMulti($flags['dialect'] === 'zmws2' ? ['MDPC02', '1', $param, $service] : [$param, "JOB: $service"]);
    $count['asked']++;
    $frames = receive($socket, 30.0);
    if ($frames === null) {
        $count['lost']++;
        break; // a REQ can ask no more
    }
    $verb = $frames[$flags['dialect'] === 'zmws2' ? 3 : 0];
    if (str_starts_with($verb, 'FAIL: ')) {
        $count['failed']++;
    } elseif (str_starts_with($verb, 'COMPLETE: ') && untagged(end($frames)) === strrev($text)) {
        $count['right']++;
    } else {
        $count['wrong']++;
        tell(['event' => 'wrong', 'text' => $text, 'frames' => $frames]);
    }
}
tell(['event' => 'end', ...$count]);
