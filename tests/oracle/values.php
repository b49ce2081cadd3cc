<?php
// Prints values, one a line: the kind, the serialized bytes, and json_encode's answer.
//
// kind TAB hex(serialize) TAB answer, where the answer is hex(json), "!" if json_encode refuses the
// value, or "-" if its JSON is the class's own affair. A value that cannot be serialized is
// "refused" with nothing behind it. The same seed prints the same lines.

class Plain { public $a = 1; protected $b = 2.5; private $c = 'three'; public $d; }
class Heir extends Plain { public $e = []; private $c = 'own'; protected ?Plain $inner = null;
    function __construct(?Plain $inner = null) { $this->inner = $inner; } }
class Typed { public int $i = 7; public ?string $s = null; public readonly array $r; public float $unset;
    function __construct() { $this->r = ['k' => 1.0]; } }
class Sleeper { public $kept = 'k'; public $lost = 'l'; protected $also = 'a';
    function __sleep() { return ['kept', 'also']; } }
class Writes { public $x; function __construct($x) { $this->x = $x; }
    function __serialize(): array { return [$this->x, 'named' => 1, '7' => 2]; }
    function __unserialize(array $data): void { $this->x = $data[0]; } }
#[AllowDynamicProperties]
class Old implements Serializable { public $x; function __construct($x) { $this->x = $x; }
    function serialize() { return serialize($this->x); }
    function unserialize($data) { $this->x = unserialize($data); } }
class Raw implements Serializable { public $bytes; function __construct($bytes) { $this->bytes = $bytes; }
    function serialize() { return $this->bytes; }
    function unserialize($data) { $this->bytes = $data; } }
enum Suit: string { case Hearts = 'H'; case Spades = 'S'; }
enum Level: int { case Low = 1; case High = 2; }
enum Mood { case Good; case Bad; }

error_reporting(E_ALL & ~E_DEPRECATED);
mt_srand((int) ($argv[1] ?? 1));
$count = (int) ($argv[2] ?? 2000);

function put(string $kind, $value, bool $json = true): void {
    try {
        $bytes = serialize($value);
    } catch (Throwable $refusal) {
        echo "refused\t\t\n";
        return;
    }
    $answer = '-';
    if ($json) {
        $text = json_encode($value);
        $answer = $text === false ? '!' : bin2hex($text);
    }
    echo $kind, "\t", bin2hex($bytes), "\t", $answer, "\n";
}

function any_int(): int {
    $edges = [0, 1, -1, 9, 10, PHP_INT_MAX, PHP_INT_MIN, 2147483648, -2147483649];
    return mt_rand(0, 2) ? mt_rand(-1000, 1000) : $edges[mt_rand(0, count($edges) - 1)];
}

function bits_as_float(): float {
    return unpack('d', pack('V2', mt_rand(0, 0xFFFFFFFF), mt_rand(0, 0xFFFFFFFF)))[1];
}

function any_float(bool $finite = true): float {
    do {
        $float = match (mt_rand(0, 5)) {
            0 => bits_as_float(),
            1 => mt_rand(-100000, 100000) / 100,
            2 => (float) mt_rand(-100, 100),
            3 => mt_rand(1, 999) * 10.0 ** mt_rand(-30, 30),
            4 => 2.0 ** mt_rand(-80, 80),
            5 => [0.0, -0.0, 0.1, 1e15, 1e16, 1e17, 1e18, 0.0001, 0.00001, 5e-324, 2.2250738585072014e-308, PHP_FLOAT_MAX,
                PHP_FLOAT_MIN, PHP_FLOAT_EPSILON, 123456789012345678.0, 9007199254740993.0, 1/3, INF, -INF, NAN][mt_rand(0, 19)],
        };
    } while ($finite && !is_finite($float));
    return $float;
}

function any_string(bool $binary = false): string {
    if ($binary) {
        return random_binary(mt_rand(0, 20));
    }
    $pieces = ['', 'a', 'abc', '0', '5', '-5', '05', '/', '\\', '"', "'", "\n\t\r\x08\x0c", "\0", "\x1f", "\x7f", 'é', '€', '😀',
        "\u{2028}", '";', '}', 'i:1;', '<>&', '9223372036854775808', ' '];
    $text = '';
    for ($left = mt_rand(0, 4); $left > 0; $left--) {
        $text .= $pieces[mt_rand(0, count($pieces) - 1)];
    }
    return $text;
}

function random_binary(int $length): string {
    $bytes = '';
    while ($length-- > 0) {
        $bytes .= chr(mt_rand(0, 255));
    }
    return $bytes;
}

function any_leaf() {
    return match (mt_rand(0, 5)) {
        0 => null,
        1 => (bool) mt_rand(0, 1),
        2 => any_int(),
        3 => any_float(),
        default => any_string(),
    };
}

function any_tree(int $depth) {
    if ($depth === 0 || mt_rand(0, 3) === 0) {
        return any_leaf();
    }
    $elements = [];
    for ($left = mt_rand(0, 4); $left > 0; $left--) {
        if (mt_rand(0, 1)) {
            $elements[] = any_tree($depth - 1);
        } else {
            $elements[mt_rand(0, 1) ? any_int() : any_string()] = any_tree($depth - 1);
        }
        if (count($elements) && array_key_last($elements) === PHP_INT_MAX) {
            break;
        }
    }
    return match (mt_rand(0, 3)) {
        0 => array_values($elements),
        1 => without_nul_names((object) $elements),
        default => $elements,
    };
}

/** PHP cannot make properties whose names begin with NUL other than its own. */
function without_nul_names(stdClass $object): stdClass {
    $kept = [];
    foreach ((array) $object as $name => $value) {
        if (((string) $name)[0] ?? '' !== "\0") {
            $kept[$name] = $value;
        }
    }
    return (object) array_filter($kept, fn ($name) => !str_starts_with((string) $name, "\0"), ARRAY_FILTER_USE_KEY);
}

function any_object() {
    return match (mt_rand(0, 5)) {
        0 => new Plain,
        1 => new Heir(mt_rand(0, 1) ? new Plain : null),
        2 => new Typed,
        3 => new stdClass,
        4 => (object) ['5' => any_leaf(), 'name' => any_leaf()],
        5 => (object) [any_leaf(), any_leaf()],
    };
}

function shared() {
    $object = any_object();
    $list = [any_leaf(), $object, [$object, any_leaf()], $object];
    $variable = any_leaf();
    $list[] = &$variable;
    $list['again'] = &$variable;
    $array = [any_leaf(), any_leaf()];
    $list[] = &$array;
    $list[] = &$array;
    if (mt_rand(0, 1)) {
        $alias = $object;
        $list['object'] = &$alias;
        $list['object too'] = &$alias;
    }
    return $list;
}

function cycle() {
    switch (mt_rand(0, 3)) {
        case 0:
            $object = new stdClass;
            $object->self = $object;
            return [any_leaf(), $object];
        case 1:
            $holder = new stdClass;
            $holder->list = [any_leaf()];
            $holder->list['self'] = &$holder->list;
            return $holder;
        case 2:
            $a = new stdClass;
            $b = new stdClass;
            $a->b = $b;
            $b->a = $a;
            $b->list = [$a, $b];
            return $a;
        default:
            $holder = (object) ['list' => [any_leaf(), []]];
            $holder->list[1][] = &$holder->list[1];
            return [$holder];
    }
}

function spl() {
    switch (mt_rand(0, 6)) {
        case 0: return new ArrayObject([any_leaf(), 'k' => any_leaf()]);
        case 1: return new ArrayIterator([any_leaf(), any_leaf()]);
        case 2:
            $set = new SplObjectStorage;
            $key = any_object();
            $set[$key] = any_leaf();
            return [$set, $key];
        case 3:
            $list = new SplDoublyLinkedList;
            $list->push(any_leaf());
            $list->push(any_object());
            return $list;
        case 4: return SplFixedArray::fromArray([any_leaf(), any_leaf()]);
        case 5: return new DateTime('2026-11-24 08:30:00 UTC');
        default: return new ArrayObject(new Plain);
    }
}

function special() {
    $inner = any_object();
    return match (mt_rand(0, 4)) {
        0 => [new Writes(any_leaf()), new Writes($inner), $inner],
        1 => new Old(any_tree(2)),
        2 => [new Old([any_leaf(), $inner]), $inner, new Raw(random_binary(9))],
        3 => [new Raw(''), any_leaf()],
        4 => [Suit::Hearts, Mood::Bad, Suit::Hearts, ['x' => Level::High], Mood::Good],
    };
}

for ($at = 0; $at < $count; $at++) {
    switch ($at % 20) {
        case 0: put('int', any_int()); break;
        case 1: case 2: case 3: put('float', any_float(false)); break;
        case 4: put('string', any_string()); break;
        case 5: put('binary', any_string(true)); break;
        case 6: put('keys', [random_binary(2) => any_leaf(), any_string() => 1]); break;
        case 7: put('object', any_object()); break;
        case 8: put('objects', [any_object(), 'o' => any_object(), new Sleeper], false); break;
        case 9: case 10: put('shared', shared()); break;
        case 11: put('cycle', cycle()); break;
        case 12: put('spl', spl(), false); break;
        case 13: case 14: put('special', special(), false); break;
        case 15: put('closure', [any_leaf(), fn () => 1]); break;
        default: put('tree', any_tree(5)); break;
    }
}
$deep = any_leaf();
for ($depth = 0; $depth < 600; $depth++) {
    $deep = $depth % 2 ? [$deep] : (object) ['in' => $deep];
    if ($depth > 505 && $depth < 520) {
        put('deep', $deep);
    }
}
