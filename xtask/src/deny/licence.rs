//! Licence expressions of SPDX: names, `OR`, `AND`, `WITH`, parentheses, and the old `/` for `OR`.

/// Whether one may use it under licences of the list alone.
pub(crate) fn allowed(expression: &str, list: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let result = either(&mut rest, list);
    result == Some(true) && rest.is_empty()
}

/// `a OR b`, which binds least. `None` if it is no expression.
fn either(rest: &mut &[&str], list: &[String]) -> Option<bool> {
    let mut result = both(rest, list)?;
    while rest.first() == Some(&"OR") {
        *rest = &rest[1..];
        // Both sides are read, whatever the first says.
        result |= both(rest, list)?;
    }
    Some(result)
}

fn both(rest: &mut &[&str], list: &[String]) -> Option<bool> {
    let mut result = one(rest, list)?;
    while rest.first() == Some(&"AND") {
        *rest = &rest[1..];
        result &= one(rest, list)?;
    }
    Some(result)
}

fn one(rest: &mut &[&str], list: &[String]) -> Option<bool> {
    let (word, after) = rest.split_first()?;
    *rest = after;
    if *word == "(" {
        let result = either(rest, list)?;
        let (close, after) = rest.split_first()?;
        *rest = after;
        return (*close == ")").then_some(result);
    }
    let name = match after {
        ["WITH", exception, after @ ..] => {
            *rest = after;
            format!("{word} WITH {exception}")
        }
        _ => (*word).to_owned(),
    };
    Some(list.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expression: &str) -> bool {
        let list = ["MIT", "Apache-2.0", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
        allowed(expression, &list)
    }

    #[test]
    fn one_good_side_of_or_is_enough_and_and_wants_both() {
        assert!(check("MIT OR GPL-3.0") && check("GPL-3.0 OR MIT") && check("GPL-3.0/MIT"));
        assert!(check("(MIT OR GPL-3.0) AND Unicode-3.0"));
        assert!(!check("(MIT OR GPL-3.0) AND GPL-2.0") && !check("MIT AND GPL-3.0"));
    }

    #[test]
    fn an_exception_is_part_of_the_name() {
        assert!(check("Apache-2.0 WITH LLVM-exception"));
        assert!(!check("MIT WITH LLVM-exception"));
    }

    #[test]
    fn what_is_no_expression_is_not_allowed() {
        assert!(!check("") && !check("(MIT") && !check("MIT MIT") && !check("OR MIT") && !check("MIT OR"));
    }
}
