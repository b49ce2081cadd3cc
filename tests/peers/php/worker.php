<?php
/**
 * A worker as those of the original: zmws 1 (0.9 … 2.0.0-rc4) or zmws 2 (master), original.md §2.3, §2.4, §3.
 *
 * A DEALER with a random identity. It sends READY, then heartbeats while it has nothing to do. When the broker is
 * silent for --tries polls of --interval seconds it takes a new identity, connects again and is READY again.
 *
 * --record=FILE: the text of each job is appended to it, a line each. --leak=BYTES: so many are kept of each job.
 */

require __DIR__ . '/speak.php';

$flags = flags($argv, [
    'port' => '', 'dialect' => 'zmws1', 'service' => 'REVERSE', 'interval' => '1', 'tries' => '3',
    'deadline' => '60', 'identity' => '', 'record' => '', 'leak' => '0',
]);

final class Worker
{
    private ZMQContext $context;
    private ?ZMQSocket $socket = null;
    private float $heartbeat_at = 0.0;
    private int $tries = 0;
    private array $leaked = [];

    public function __construct(private array $flags)
    {
        $this->context = new ZMQContext();
        $this->connect();
    }

    public function run(): void
    {
        $end = microtime(true) + (float) $this->flags['deadline'];
        while (microtime(true) < $end) {
            $frames = receive($this->socket, (float) $this->flags['interval']);
            if ($frames === null) {
                $this->silence();
            } else {
                $this->tries = (int) $this->flags['tries'];
                $this->take($frames);
            }
            if (microtime(true) > $this->heartbeat_at) {
                $this->send(['HEARTBEAT']);
            }
        }
        tell(['event' => 'end']);
    }

    private function connect(): void
    {
        $identity = $this->flags['identity'] !== '' ? $this->flags['identity'] : identity();
        $this->socket = connected($this->context, ZMQ::SOCKET_DEALER, $this->flags['port'], $identity);
        $this->tries = (int) $this->flags['tries'];
        $service = $this->flags['service'];
        $this->send($this->flags['dialect'] === 'zmws2' ? ['MDPC02', '3', $service, 'READY'] : [$service, 'READY']);
        tell(['event' => 'ready', 'identity' => $identity, 'pid' => getmypid()]);
    }

    /** A poll without a message: after some of them the broker is taken for dead. */
    private function silence(): void
    {
        if (--$this->tries <= 0) {
            tell(['event' => 'server died']);
            $this->connect();
        }
    }

    private function send(array $frames): void
    {
        $this->socket->sendMulti($frames);
        $this->heartbeat_at = microtime(true) + (float) $this->flags['interval'];
    }

    /** HEARTBEAT, or a job: its id is the last frame, its parameter the one before. */
    private function take(array $frames): void
    {
        if ($frames === ['HEARTBEAT']) {
            return;
        }
        $expected = $this->flags['dialect'] === 'zmws2' ? 5 : 4;
        $id = substr(end($frames), strlen('JOB: '));
        $right = count($frames) === $expected && str_starts_with(end($frames), 'JOB: ')
            && ($expected === 4 ? $frames[1] === '' : array_slice($frames, 0, 3) === ['', 'MDPC02', '1']);
        if (!$right) {
            tell(['event' => 'not a job', 'frames' => $frames]);
            return;
        }
        $param = $frames[count($frames) - 2];
        tell(['event' => 'job', 'id' => $id, 'param' => substr($param, 0, 200), 'length' => strlen($param)]);
        $this->work($id, untagged($param));
        tell(['event' => 'done', 'id' => $id]);
    }

    private function work(string $id, $param): void
    {
        if ($this->flags['record'] !== '') {
            file_put_contents($this->flags['record'], $param['str'] . "\n", FILE_APPEND | LOCK_EX);
        }
        if ($this->flags['leak'] > 0) {
            $this->leaked[] = str_repeat('x', (int) $this->flags['leak']);
        }
        switch (is_array($param) ? ($param['do'] ?? 'reverse') : 'nothing') {
            case 'reverse':
                $this->answer('COMPLETE', $id, tagged(strrev($param['str'])));
                break;
            case 'fail':
                $this->answer('FAIL', $id);
                break;
            case 'stream':
                for ($part = 0; $part < $param['parts']; $part++) {
                    $this->answer('CONT', $id, tagged("part $part"));
                }
                $this->answer('COMPLETE', $id, tagged('done'));
                break;
            case 'sleep':
                usleep((int) ($param['seconds'] * 1e6));
                $this->answer('COMPLETE', $id, tagged($param['str']));
                break;
            default:
                $this->answer('COMPLETE', $id);
        }
    }

    private function answer(string $verb, string $id, ?string $value = null): void
    {
        $service = $this->flags['service'];
        $value = $value === null ? [] : [$value];
        $this->send($this->flags['dialect'] === 'zmws2'
            ? ['MDPC02', '3', $service, ...$value, "$verb: $id"]
            : [...$value, $service, "$verb: $id"]);
    }
}

(new Worker($flags))->run();
