<?php
// Reads hex(text) lines, prints hex(json_encode(json_decode(text))), or "-" where json_decode finds
// an error, or "?" where what it finds cannot be encoded again (an infinite number).

while (($line = fgets(STDIN)) !== false) {
    $value = json_decode(hex2bin(rtrim($line)));
    if (json_last_error() !== JSON_ERROR_NONE) {
        echo "-\n";
        continue;
    }
    $text = json_encode($value);
    echo $text === false ? '?' : bin2hex($text), "\n";
}
