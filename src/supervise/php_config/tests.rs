//! Sentences about the reader; `tests/php_oracle` compares it with PHP itself.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn read_text(text: &str) -> Result<PhpConfig, ReadError> {
    read(text.as_bytes(), "etc/config.php", Path::new("/srv/zmws/etc/config.php"))
}

/// Entries as a line each, or the error.
fn shown(text: &str) -> String {
    let config = match read_text(&format!("<?php\n{text}")) {
        Ok(config) => config,
        Err(error) => return error.to_string(),
    };
    let mut lines = Vec::new();
    for (kind, entries) in [("server", &config.servers), ("worker", &config.workers)] {
        for Entry { name, file, flags, line } in entries {
            let flags: String = flags.iter().map(|(flag, value)| format!(" --{flag}={value}")).collect();
            lines.push(format!("{kind} {name} (line {line}): {file}{flags}"));
        }
    }
    let beats = [("interval", &config.heartbeat_interval), ("maxtries", &config.heartbeat_maxtries)];
    lines.extend(beats.iter().filter_map(|(name, beat)| beat.as_ref().map(|beat| format!("{name} {beat}"))));
    lines.extend(config.warnings.iter().filter(|line| !line.contains("there is no $")).cloned());
    lines.join("\n")
}

/// The value that an expression has, as a flag shows it.
fn flag(expression: &str) -> String {
    let text =
        shown(&format!("$workerList = [['name' => 'n', 'file' => 'f', 'flags' => ['v' => {expression}]]];"));
    match text.split_once(" --v=") {
        Some((_, value)) => value.to_owned(),
        None => text,
    }
}

#[test]
fn the_lists_and_the_constants_are_what_php_s_start_script_takes() {
    assert_snapshot!(shown("
        define('HEARTBEAT_INTERVAL', 2);
        const HEARTBEAT_MAXTRIES = '4';
        $serverList = array(
            array('file' => 'src/server_run.php', 'name' => 'server', 'flags' => array('client-port' => 5555)),
        );
        $base = dirname(dirname(__FILE__));
        $workerList[] = ['file' => \"$base/mail.php\", 'name' => 'mail', 'flags' => ['v' => true, 'w' => null]];
        $workerList[0]['flags']['log-level'] = 'I';
    "), @r"
    server server (line 6): src/server_run.php --client-port=5555
    worker mail (line 9): /srv/zmws/mail.php --v=1 --w= --log-level=I
    interval 2
    maxtries 4
    ");
}

#[test]
fn expressions_have_php_s_values() {
    let cases = [
        ("'a' . 1 + 2", "a3"),
        ("7 / 2", "3.5"),
        ("6 / 2 . ''", "3"),
        ("PHP_INT_MAX + 1", "9.2233720368548E+18"),
        ("- - PHP_INT_MIN", "-9.2233720368548E+18"),
        ("-010", "-8"),
        ("0.1 + 0.2", "0.3"),
        ("dirname(__DIR__, 2)", "/srv"),
        ("dirname('a//b/')", "a"),
        ("dirname('b')", "."),
        ("dirname('//b')", "/"),
        ("__LINE__", "2"),
        ("TRUE . FALSE . NULL . PHP_EOL", "1\n"),
    ];
    for (expression, value) in cases {
        assert_eq!(flag(expression), value, "{expression}");
    }
}

#[test]
fn what_executes_is_refused_with_its_line() {
    let refused = |text: &str| {
        shown(text)
            .replace(": zmws does not execute PHP; write its outcome in its place, or use zmws.toml", "")
    };
    let all: Vec<String> = [
        "\ninclude 'other.php';",
        "$port = getenv('PORT');",
        "$port = $argc > 1 ? 1 : 2;",
        "foreach ($a as $b) {}",
        "$x = <<<EOT\nEOT;",
        "$x = `ls`;",
        "$x = new Foo();",
        "$x = Foo::BAR;",
        "$x = function () {};",
        "$x = &$y;",
        "$x = \"${y}\";",
        "system('ls');",
        "if (true) { define('A', 1); }",
        "ini_set('a', system('ls'));",
        "$_SERVER['a'] = 1;",
        "#[A]\n$x = 1;",
    ]
    .into_iter()
    .map(refused)
    .collect();
    assert_snapshot!(all.join("\n"), @r#"
    etc/config.php:3: cannot read include
    etc/config.php:2: cannot read a call of getenv()
    etc/config.php:2: $argc has no value here: the file must assign it before
    etc/config.php:2: cannot read foreach
    etc/config.php:2: cannot read a heredoc
    etc/config.php:2: cannot read backticks
    etc/config.php:2: cannot read new
    etc/config.php:2: cannot read a member of Foo
    etc/config.php:2: cannot read function
    etc/config.php:2: cannot read a reference
    etc/config.php:2: cannot read a variable as ${…} in a string
    etc/config.php:2: cannot read a call of system()
    etc/config.php:2: cannot read if, but for if (!defined('NAME')) define('NAME', …)
    etc/config.php:2: cannot read a call of system()
    etc/config.php:2: cannot read $_SERVER
    etc/config.php:2: cannot read an attribute
    "#);
}

#[test]
fn mistakes_are_told_with_what_was_found() {
    let all: Vec<String> = [
        "$a = 1\n$b = 2;",
        "$a = [1, 2;",
        "$a = 'x",
        "/* x",
        "$a = $b;",
        "$a = X;",
        "$a = 1; $a[] = 2;",
        "$a = ['x' => 1]['x'];",
        "$a = 1 / 0;",
        "$a = 'x' . [];",
        "$a = 09;",
        "const A = $b;",
        "$a = \"\\u{110000}\";",
    ]
    .into_iter()
    .map(shown)
    .collect();
    assert_snapshot!(all.join("\n"), @r#"
    etc/config.php:3: expected ;, found $b
    etc/config.php:2: expected ], found ;
    etc/config.php:2: a string begins here and never ends
    etc/config.php:2: a comment begins here and never ends
    etc/config.php:2: $b has no value here: the file must assign it before
    etc/config.php:2: the constant X is not defined: the file must define it before
    etc/config.php:2: $a has an element assigned, but there is no array
    etc/config.php:2: cannot read an element of what is no variable: zmws does not execute PHP; write its outcome in its place, or use zmws.toml
    etc/config.php:2: a division by zero
    etc/config.php:2: an array cannot be part of a string
    etc/config.php:2: 09 is no number
    etc/config.php:2: PHP does not let a const depend on a variable
    etc/config.php:2: \u{…} in a string names no character
    "#);
}

#[test]
fn entries_that_php_would_stumble_over_are_refused() {
    let all: Vec<String> = [
        "$workerList = 'x';",
        "$workerList = ['x'];",
        "$workerList = [['file' => 'f']];",
        "$workerList = [['name' => 'n', 'file' => null]];",
        "$workerList = [['name' => 'n', 'file' => 'f', 'flags' => 'x']];",
        "$workerList = [['name' => 'n', 'file' => 'f', 'flags' => ['x' => []]]];",
        "$workerList = [['name' => \"\\xff\", 'file' => 'f']];",
        "$workerList = [['name' => '../n', 'file' => 'f']];",
        "$workerList = [['name' => 'n', 'file' => 'f'],\n['name' => 'n', 'file' => 'g']];",
    ]
    .into_iter()
    .map(shown)
    .collect();
    assert_snapshot!(all.join("\n"), @r#"
    etc/config.php:1: $workerList is not an array
    etc/config.php:2: $workerList[0] is not an array
    etc/config.php:2: $workerList[0] has no 'name'
    etc/config.php:2: $workerList[0] has no 'file'
    etc/config.php:2: 'flags' of "n" is not an array
    etc/config.php:2: the flag "x" of "n" is not text in UTF-8
    etc/config.php:2: 'name' of $workerList[0] is not text in UTF-8
    etc/config.php:2: the name "../n" cannot name a pid file: it has a slash or a control character
    etc/config.php:3: the name "n" is that of line 2, too: both would have one pid file
    "#);
}

#[test]
fn what_sets_php_is_left_out_and_said() {
    assert_snapshot!(shown("
        error_reporting(E_ALL & ~E_NOTICE);
        @ini_set('display_errors', 1);
        define('A', 1);
        define('A', 2);
        $serverFlag = true;
        ?>
text
    "), @r#"
    etc/config.php:3: error_reporting() is left out: it sets PHP, not zmws
    etc/config.php:4: ini_set() is left out: it sets PHP, not zmws
    etc/config.php:6: A is defined already: its first value holds, as in PHP
    etc/config.php:9: text outside of <?php … ?>, which PHP prints, is left out
    etc/config.php:1: $serverFlag is left out: zmws takes --servers from its command line
    "#);
}

#[test]
fn an_idiom_defines_only_what_is_not_defined() {
    let text = "
        define('A', 1);
        defined('A') || define('A', 2);
        defined('B') or define('B', 3);
        if (!defined('A')) define('A', 4);
        if (!defined('HEARTBEAT_INTERVAL')) { define('HEARTBEAT_INTERVAL', A . B); }
    ";
    assert_eq!(shown(text), "interval 13");
}

#[test]
fn depth_and_memory_are_limited() {
    let deep = |count: usize| format!("$a = {}{};", "[".repeat(count), "]".repeat(count));
    assert_eq!(shown(&deep(60)), "");
    for text in
        [deep(100_000), "$a = ".to_owned() + &"(".repeat(100_000), "$a = ".to_owned() + &"-".repeat(100_000)]
    {
        let error = read_text(&format!("<?php {text}")).expect_err("too much or too little");
        assert_eq!(error.line, 1, "{error}");
    }
    let doubling = "$a = [1];".to_owned() + &"$a = [$a, $a];".repeat(60);
    assert!(shown(&doubling).contains("bytes in all"), "{}", shown(&doubling));
    let nesting = "$a = [1];".to_owned() + &"$a = [$a];".repeat(100);
    assert!(shown(&nesting).contains("within each other"), "{}", shown(&nesting));
    let longer = "$a = 'x';".to_owned() + &"$a = $a . $a;".repeat(60);
    assert!(shown(&longer).contains("bytes in all"), "{}", shown(&longer));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(pieces in proptest::collection::vec(piece(), 0..40)) {
        let _ = read_text(&format!("<?php {}", pieces.concat()));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&[b"<?php ", &bytes[..]].concat(), "x", Path::new("/x"));
    }

    #[test]
    fn any_text_in_single_quotes_is_itself(text in "[^\\x00]{0,40}") {
        let quoted = text.replace('\\', "\\\\").replace('\'', "\\'");
        prop_assert_eq!(flag(&format!("'{quoted}'")), text);
    }
}

fn piece() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "$a",
        "$serverList",
        "=",
        "[",
        "]",
        "array(",
        ")",
        "(",
        ",",
        ";",
        "=>",
        "'x'",
        "\"$a\"",
        "\"{$a['x']}\"",
        "1",
        ".",
        "-",
        "0x",
        "1.5",
        "define",
        "defined",
        "const",
        "X",
        "'X'",
        "||",
        "if",
        "!",
        "{",
        "}",
        "?>",
        "<?php ",
        "//",
        "/*",
        "\n",
        "#",
        "\"",
        "'",
        "\\",
        "dirname",
        "__FILE__",
        "return",
        "@",
        "ini_set",
        "name",
        "'name'",
        "'file'",
        "'flags'",
        "*",
        "/",
        "PHP_INT_MIN",
        "null",
    ])
}
