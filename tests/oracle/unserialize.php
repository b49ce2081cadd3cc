<?php
// Reads hex(text) lines, prints PHP's verdict on each as serialized data, no class known.
//
// "+" TAB hex(serialize(value)) if it is taken, "-" if not, "?" if only the classes would tell.

enum Suit: string { case Hearts = 'H'; case Spades = 'S'; }
enum Level: int { case Low = 1; case High = 2; }
enum Mood { case Good; case Bad; }

error_reporting(E_ALL);
$said = '';
set_error_handler(function (int $level, string $message) use (&$said) {
    $said .= $message . "\n";
    return true;
});
while (($line = fgets(STDIN)) !== false) {
    $text = hex2bin(rtrim($line));
    $said = '';
    try {
        $value = unserialize($text, ['allowed_classes' => false]);
    } catch (Throwable $error) {
        $said .= $error->getMessage();
        $value = false;
    }
    if (preg_match("/Class '.*' not found|is not an enum|Undefined constant|not a case|allowed/s", $said)) {
        echo "?\n";
    } elseif ($text === '' || preg_match('/Error at offset|Maximum depth/', $said)) {
        echo "-\n";
    } else {
        echo "+\t", bin2hex(serialize($value)), "\n";
    }
    unset($value);
}
