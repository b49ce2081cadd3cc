<?php
/**
 * What the PHP peers share: flags, lines of JSON on standard output, sockets, and the work itself.
 *
 * Written for Debian's php-zmq under PHP 8, where a ZMQPoll holds one socket. The peers end by
 * themselves, after --deadline seconds or when nobody reads what they print.
 */

/** Flags as --name=value; a default for each that may be given. */
function flags(array $argv, array $defaults): array
{
    $flags = $defaults;
    foreach (array_slice($argv, 1) as $word) {
        if (!preg_match('/^--([a-z-]+)=(.*)$/s', $word, $parts) || !array_key_exists($parts[1], $defaults)) {
            fwrite(STDERR, "unknown flag: $word\n");
            exit(2);
        }
        $flags[$parts[1]] = $parts[2];
    }
    return $flags;
}

/** One line for the test that watches us, with the time in seconds. */
function tell(array $event): void
{
    $event['at'] = microtime(true);
    $flags = JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE;
    if (@fwrite(STDOUT, json_encode($event, $flags) . "\n") === false) {
        exit(1);
    }
    fflush(STDOUT);
}

/** A socket that connects to a port of this machine and does not outlive us. */
function connected(ZMQContext $context, int $type, string $port, string $identity = ''): ZMQSocket
{
    $socket = new ZMQSocket($context, $type);
    $socket->setSockOpt(ZMQ::SOCKOPT_LINGER, 0);
    if ($identity !== '') {
        $socket->setSockOpt(ZMQ::SOCKOPT_IDENTITY, $identity);
    }
    $socket->connect("tcp://127.0.0.1:$port");
    return $socket;
}

/** The frames of the next message; null if none comes in time. */
function receive(ZMQSocket $socket, float $seconds): ?array
{
    $poll = new ZMQPoll();
    $poll->add($socket, ZMQ::POLL_IN);
    $readable = $writable = [];
    return $poll->poll($readable, $writable, (int) ($seconds * 1000)) > 0 ? $socket->recvMulti() : null;
}

/** An identity as the original draws it. */
function identity(): string
{
    return sprintf('%04X-%04X', random_int(0, 0xFFFF), random_int(0, 0xFFFF));
}

/** A value as the original sends it. */
function tagged($value): string
{
    return 'PARAM-JSON: ' . json_encode($value);
}

/** A value in PHP's own coding. */
function tagged_php($value): string
{
    return 'PARAM-PHP: ' . serialize($value);
}

/** The value behind the tag; the frame itself if there is none. */
function untagged(string $frame)
{
    if (str_starts_with($frame, 'PARAM-PHP: ')) {
        return unserialize(substr($frame, 11), ['allowed_classes' => false]);
    }
    return str_starts_with($frame, 'PARAM-JSON: ') ? json_decode(substr($frame, 12), true) : $frame;
}

/** A long text that does not read the same from both ends. */
function long_text(int $length): string
{
    return substr(str_repeat('abcdefghijklmnopqrstuvwxyz0123456789', intdiv($length, 36) + 1), 0, $length);
}
