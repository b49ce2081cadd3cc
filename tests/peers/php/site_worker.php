<?php
/** The worker of worker.php, with the flags of the original's programs (original.md §7). */

$names = ['backend-port' => 'port', 'service-name' => 'service'];
$words = ['--deadline=600'];
foreach (array_slice($argv, 1) as $word) {
    [$name, $value] = explode('=', ltrim($word, '-'), 2);
    if (isset($names[$name])) {
        $words[] = "--{$names[$name]}=$value";
    }
}
$words[] = '--interval=' . (getenv('HEARTBEAT_INTERVAL') ?: '5');
$argv = [$argv[0], ...$words];

require __DIR__ . '/worker.php';
