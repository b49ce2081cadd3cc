pub(crate) fn run(_: &[&str], _: &std::path::Path) -> Result<bool, String> { Ok(true) }
