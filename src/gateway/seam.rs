//! Bodies that `params` does not read yet.

use serde_json::{Map, Value};

use crate::gateway::request::BadParams;

pub(crate) fn multipart(_: &str, _: &[u8]) -> Result<Map<String, Value>, BadParams> {
    Err(BadParams::Malformed("multipart bodies are not taken".to_owned()))
}

pub(crate) fn php(_: &[u8]) -> Result<Value, BadParams> {
    Err(BadParams::Malformed("serialized bodies are not taken".to_owned()))
}
