// Includes a configuration as PHP's start script does, in the global scope, and prints what that script would take from
// it, as one line of JSON behind a mark. `zmws` runs it: php -r … -- FILE MARK. For PHP 5.3 and later.

$zmws = array('error' => null, 'notices' => array(), 'printed' => false);

set_error_handler(function ($level, $message, $file, $line) {
    global $zmws;
    if ((error_reporting() & $level) && count($zmws['notices']) < 100) {
        $zmws['notices'][] = array(zmws_utf8($file), $line, zmws_utf8($message));
    }
    return true;
});
// At the shutdown, so that it is said whatever the file does: exit, too, and an error that ends PHP.
register_shutdown_function('zmws_report');
ob_start();
try {
    include $argv[1];
    $zmws_included = true;
} catch (Exception $zmws_error) {
    zmws_failed($zmws_error->getFile(), $zmws_error->getLine(), $zmws_error->getMessage());
} catch (Throwable $zmws_error) {
    zmws_failed($zmws_error->getFile(), $zmws_error->getLine(), $zmws_error->getMessage());
}

function zmws_report()
{
    global $zmws, $zmws_included, $argv;
    if ($zmws['error'] === null && empty($zmws_included)) {
        $last = error_get_last();
        if ($last === null) {
            zmws_failed($argv[1], 0, 'it ends PHP (exit or die)');
        } else {
            zmws_failed($last['file'], $last['line'], $last['message']);
        }
    }
    while (ob_get_level() > 0) {
        $zmws['printed'] = (ob_get_clean() !== '') || $zmws['printed'];
    }
    $zmws['servers'] = zmws_list('serverList');
    $zmws['workers'] = zmws_list('workerList');
    foreach (array('HEARTBEAT_INTERVAL', 'HEARTBEAT_MAXTRIES') as $constant) {
        $zmws[$constant] = defined($constant) ? zmws_text(constant($constant)) : null;
    }
    foreach (array('serverFlag', 'workerFlag') as $variable) {
        $zmws[$variable] = isset($GLOBALS[$variable]);
    }
    echo "\n", $argv[2], json_encode($zmws), "\n";
}

function zmws_failed($file, $line, $message)
{
    $GLOBALS['zmws']['error'] = array(zmws_utf8($file), $line, zmws_utf8($message));
}

// Null: there is none. False: it is no array.
function zmws_list($name)
{
    $list = isset($GLOBALS[$name]) ? $GLOBALS[$name] : null;
    if (!is_array($list)) {
        return $list === null ? null : false;
    }
    $rows = array();
    foreach ($list as $key => $entry) {
        $rows[] = array(zmws_utf8((string) $key), is_array($entry) ? zmws_entry($entry) : null);
    }
    return $rows;
}

function zmws_entry($entry)
{
    $flags = isset($entry['flags']) ? $entry['flags'] : array();
    $pairs = array();
    foreach (is_array($flags) ? $flags : array() as $flag => $value) {
        $pairs[] = array(zmws_utf8((string) $flag), zmws_text($value === null ? '' : $value));
    }
    return array(
        'name' => isset($entry['name']) ? zmws_text($entry['name']) : null,
        'file' => isset($entry['file']) ? zmws_text($entry['file']) : null,
        'flags' => is_array($flags) ? $pairs : false,
    );
}

// False: PHP cannot write it as text, or not in UTF-8.
function zmws_text($value)
{
    if (!is_scalar($value) && !(is_object($value) && method_exists($value, '__toString'))) {
        return false;
    }
    return preg_match('//u', (string) $value) ? (string) $value : false;
}

// Messages quote the file, which may be in any coding.
function zmws_utf8($text)
{
    return preg_match('//u', $text) ? $text : preg_replace('/[^\x20-\x7e]/', '?', $text);
}
