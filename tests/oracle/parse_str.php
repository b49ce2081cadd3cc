<?php
// Reads hex(query) lines, prints hex(serialize(parse_str's answer)) for each.

error_reporting(0);
while (($line = fgets(STDIN)) !== false) {
    parse_str(hex2bin(rtrim($line)), $vars);
    echo bin2hex(serialize($vars)), "\n";
}
