<?php
// Reads hex(path) lines. Includes each file in a process of its own and prints as hex(JSON) what PHP's
// start script would take from it, or `!` and hex(the error).
// With a path as argument it is that process.

error_reporting(0);
if ($argc > 1) {
    ob_start();
    $answer = report($argv[1]);
    ob_end_clean();
    echo $answer, "\n";
    exit;
}
while (($line = fgets(STDIN)) !== false) {
    $command = [PHP_BINARY, '-n', __FILE__, hex2bin(rtrim($line))];
    $child = proc_open($command, [1 => ['pipe', 'w'], 2 => ['file', '/dev/null', 'w']], $pipes);
    $answer = rtrim(stream_get_contents($pipes[1]));
    proc_close($child);
    echo $answer === '' ? '!' . bin2hex('it died') : $answer, "\n";
}

function report($path)
{
    try {
        include $path;
    } catch (Throwable $error) {
        return '!' . bin2hex($error->getMessage());
    }
    $lists = ['servers' => $serverList ?? [], 'workers' => $workerList ?? []];
    $answer = [];
    foreach ($lists as $kind => $list) {
        $answer[$kind] = [];
        foreach ($list as $entry) {
            $flags = [];
            foreach ($entry['flags'] ?? [] as $flag => $value) {
                $flags[] = [(string) $flag, (string) $value];
            }
            $answer[$kind][] = [(string) $entry['name'], (string) $entry['file'], $flags];
        }
    }
    foreach (['HEARTBEAT_INTERVAL', 'HEARTBEAT_MAXTRIES'] as $constant) {
        $answer[$constant] = defined($constant) ? (string) constant($constant) : null;
    }
    return bin2hex(json_encode($answer, JSON_THROW_ON_ERROR));
}
