//! Floating point numbers as PHP prints them.
//!
//! PHP's `serialize`, `var_export` and `json_encode` share one routine (`php_gcvt`); they differ in
//! the letter before the exponent and, with the version, in the number of digits.

/// How many significant digits a float is printed with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Precision {
    /// The fewest digits that read back as the same number: PHP 7.1 and later
    /// (`serialize_precision = -1`).
    #[default]
    Shortest,
    /// So many digits at most, zeros at the end dropped: `serialize` before PHP 7.1 has 17,
    /// `json_encode` before PHP 7.1 has 14.
    Digits(u8),
}

/// Appends `number`, which is finite, with `exponent` (`e` or `E`) before an exponent.
///
/// Exponents are used where the number has more digits before the point than `precision` allows
/// (17 for [`Precision::Shortest`]), and below 0.0001.
pub(crate) fn write(number: f64, precision: Precision, exponent: u8, out: &mut Vec<u8>) {
    let (negative, digits, point) = decimal(number, precision);
    if negative {
        out.push(b'-');
    }
    let roof = match precision {
        Precision::Shortest => 17,
        Precision::Digits(count) => i32::from(count.max(1)),
    };
    if point < -3 || point > roof {
        write_scientific(&digits, point - 1, exponent, out);
    } else if point < 0 {
        write_small(&digits, point, out);
    } else {
        write_plain(&digits, point.unsigned_abs() as usize, out);
    }
}

/// Sign, digits without zeros at the end, and where the decimal point stands: 12.5 is `125` and 2.
fn decimal(number: f64, precision: Precision) -> (bool, Vec<u8>, i32) {
    if number == 0.0 {
        return (number.is_sign_negative(), b"0".to_vec(), 1);
    }
    let text = match precision {
        Precision::Shortest => shortest(number),
        Precision::Digits(count) => format!("{number:.*e}", usize::from(count.max(1)) - 1),
    };
    let (mantissa, exponent) = text.split_once('e').expect("`{:e}` of a finite number has an exponent");
    let point = 1 + exponent.parse::<i32>().expect("the exponent of a double is small");
    let mut digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    while digits.len() > 1 && digits.ends_with(b"0") {
        digits.pop();
    }
    (number.is_sign_negative(), digits, point)
}

/// The fewest digits that read back as `number`.
///
/// Of two that are as near, PHP's `zend_dtoa` takes the even one (2^-25 is …312E-8), the standard
/// library the upper. Only numbers that need 15 digits or more can lie halfway.
fn shortest(number: f64) -> String {
    let text = format!("{number:e}");
    let digits = text.bytes().take_while(|&byte| byte != b'e').filter(u8::is_ascii_digit).count();
    if digits < 15 {
        return text;
    }
    let even = format!("{number:.*e}", digits - 1);
    if even.parse() == Ok(number) { even } else { text }
}

fn write_scientific(digits: &[u8], power: i32, exponent: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&[digits[0], b'.']);
    match &digits[1..] {
        [] => out.push(b'0'),
        rest => out.extend_from_slice(rest),
    }
    out.extend_from_slice(&[exponent, if power < 0 { b'-' } else { b'+' }]);
    out.extend_from_slice(power.unsigned_abs().to_string().as_bytes());
}

fn write_small(digits: &[u8], point: i32, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0.");
    out.extend((point..0).map(|_| b'0'));
    out.extend_from_slice(digits);
}

fn write_plain(digits: &[u8], point: usize, out: &mut Vec<u8>) {
    let whole = point.min(digits.len());
    out.extend_from_slice(&digits[..whole]);
    out.extend((whole..point).map(|_| b'0'));
    if whole < digits.len() {
        if point == 0 {
            out.push(b'0');
        }
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(number: f64, precision: Precision) -> String {
        let mut out = Vec::new();
        write(number, precision, b'e', &mut out);
        String::from_utf8(out).expect("digits are ASCII")
    }

    #[test]
    fn the_shortest_form_has_an_exponent_only_past_seventeen_digits_and_below_a_ten_thousandth() {
        let cases = [
            (1.0, "1"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (1e16, "10000000000000000"),
            (1e17, "1.0e+17"),
            (123_456_789_012_345_678.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.00001, "1.0e-5"),
            (1e100, "1.0e+100"),
            (5e-324, "5.0e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (-12.5, "-12.5"),
            (2f64.powi(-25), "2.9802322387695312e-8"),
        ];
        for (number, text) in cases {
            assert_eq!(shown(number, Precision::Shortest), text);
        }
    }

    #[test]
    fn old_versions_round_to_a_fixed_number_of_digits() {
        assert_eq!(shown(0.1, Precision::Digits(17)), "0.10000000000000001");
        assert_eq!(shown(1_795_490_040.191_593, Precision::Digits(14)), "1795490040.1916");
        assert_eq!(shown(1e15, Precision::Digits(14)), "1.0e+15");
    }
}
