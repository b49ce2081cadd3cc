//! Parameters by PHP's rules, until `params` has them.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::gateway::request::{BadParams, percent_decode};

pub(crate) fn parse_str(text: &[u8]) -> Result<Map<String, Value>, BadParams> {
    let mut map = Map::new();
    for pair in text.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
        let (name, value) = match pair.iter().position(|&byte| byte == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &b""[..]),
        };
        let decode = |text: &[u8]| {
            let text: Vec<u8> = text.iter().map(|&b| if b == b'+' { b' ' } else { b }).collect();
            String::from_utf8_lossy(&percent_decode(&text)).into_owned()
        };
        map.insert(decode(name), Value::String(decode(value)));
    }
    Ok(map)
}

pub(crate) fn multipart(_: &str, _: &[u8]) -> Result<Map<String, Value>, BadParams> {
    Err(BadParams::Malformed("multipart bodies are not taken".to_owned()))
}

pub(crate) fn php(_: &[u8]) -> Result<Value, BadParams> {
    Err(BadParams::Malformed("serialized bodies are not taken".to_owned()))
}

pub(crate) fn frame(map: &Map<String, Value>) -> Bytes {
    tagged(&Value::Object(map.clone()))
}

pub(crate) fn tagged(map: &Value) -> Bytes {
    let mut frame = b"PARAM-JSON: ".to_vec();
    let json = serde_json::to_string(map).unwrap_or_default().replace('/', "\\/");
    frame.extend_from_slice(json.as_bytes());
    frame.into()
}
