<?php
/**
 * A client as those of the original: a REQ as the gateway's, or a DEALER without delimiter as that of
 * Zmws_Client_Base; zmws 1 or zmws 2, original.md §2.1, §2.2.
 *
 * Plays the --cases one after the other and prints each message that comes: the frames as they are, long ones cut.
 * Waits ten seconds for each, and ends if none comes.
 */

require __DIR__ . '/speak.php';

$flags = flags($argv, [
    'port' => '', 'dialect' => 'zmws1', 'socket' => 'req', 'service' => 'REVERSE', 'cases' => 'reverse',
    'identity' => '',
]);

final class Client
{
    private ZMQSocket $socket;

    public function __construct(private array $flags)
    {
        $type = $flags['socket'] === 'dealer' ? ZMQ::SOCKET_DEALER : ZMQ::SOCKET_REQ;
        $this->socket = connected(new ZMQContext(), $type, $flags['port'], $flags['identity']);
    }

    public function play(string $case): void
    {
        $service = $this->flags['service'];
        switch ($case) {
            case 'reverse':
                $texts = ['one', 'two, and more', '{"three": "\u00e9"}'];
                $this->each_or_all($case, array_map(fn ($text) => [tagged(['str' => $text]), "SYNC-$service"], $texts));
                break;
            case 'big':
                $this->send([tagged(['str' => long_text(2 << 20)]), "SYNC-$service"]);
                $this->take($case, fn ($value) => $value === strrev(long_text(2 << 20)));
                break;
            case 'nothing':
                $this->each_or_all($case, [["SYNC-$service"]]);
                break;
            case 'background':
                $this->each_or_all($case, [[tagged(['str' => 'in the background']), $service]]);
                break;
            case 'fail':
                $this->each_or_all($case, [[tagged(['do' => 'fail']), "SYNC-$service"]]);
                break;
            case 'stream':
                $this->send([tagged(['do' => 'stream', 'parts' => 3]), "SYNC-$service"]);
                // A REQ is done after the first message; the others find it closed.
                for ($message = 0; $message < ($this->flags['socket'] === 'req' ? 1 : 4); $message++) {
                    $this->take($case);
                }
                break;
            case 'unknown':
                $this->each_or_all($case, [[tagged(['str' => 'x']), 'SYNC-NOBODY'], [tagged(['str' => 'x']), 'NOBODY']]);
                break;
            case 'workers':
                $this->each_or_all($case, [['SERVER-WORKERS']]);
                break;
            default:
                fwrite(STDERR, "unknown case: $case\n");
                exit(2);
        }
    }

    /** A REQ asks one after the other; a DEALER asks all at once, and is answered in order by one worker. */
    private function each_or_all(string $case, array $requests): void
    {
        foreach ($requests as $request) {
            $this->send($request);
            if ($this->flags['socket'] === 'req') {
                $this->take($case);
            }
        }
        if ($this->flags['socket'] === 'dealer') {
            array_map(fn () => $this->take($case), $requests);
        }
    }

    private function send(array $request): void
    {
        $header = $this->flags['dialect'] === 'zmws2' ? ['MDPC02', '1'] : [];
        if ($this->flags['dialect'] === 'zmws1') {
            $request[count($request) - 1] = 'JOB: ' . end($request);
        }
        $this->socket->sendMulti([...$header, ...$request]);
    }

    private function take(string $case, ?callable $check = null): void
    {
        $frames = receive($this->socket, 10.0);
        if ($frames === null) {
            tell(['event' => 'nothing came', 'case' => $case]);
            exit(1);
        }
        $event = ['event' => 'message', 'case' => $case];
        if ($check !== null) {
            $event['right'] = $check(untagged(end($frames)));
            $event['length'] = strlen(end($frames));
        }
        $event['frames'] = array_map(fn ($frame) => substr($frame, 0, 1000), $frames);
        tell($event);
    }
}

$client = new Client($flags);
foreach (explode(',', $flags['cases']) as $case) {
    $client->play($case);
}
tell(['event' => 'end']);
