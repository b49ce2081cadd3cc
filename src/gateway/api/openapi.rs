//! The OpenAPI document, made of the routes.

use serde_json::{Map, Value, json};

use crate::gateway::api::routes::{Answer, Param, ROUTES, Route, Schema};

/// OpenAPI 3.1.
pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "zmws",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Jobs for named services, done by workers behind a zmws broker.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas(),
        },
        "security": [{}, {"bearer": []}],
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": format!("{:?}", route.operation),
        "summary": route.summary,
        "responses": route.responses.iter().map(response).collect::<Map<_, _>>(),
    });
    if !route.params.is_empty() {
        operation["parameters"] = route.params.iter().map(parameter).collect();
    }
    if route.takes_json {
        operation["requestBody"] = json!({
            "description": "The job's parameter: any JSON value. No body is no parameter.",
            "content": {"application/json": {"schema": {}}},
        });
    }
    operation
}

fn parameter(param: &Param) -> Value {
    let mut schema = json!({"type": "string"});
    if !param.values.is_empty() {
        schema["enum"] = json!(param.values);
    }
    json!({
        "name": param.name,
        "in": param.place,
        "required": param.place == "path",
        "description": param.about,
        "schema": schema,
    })
}

fn response(answer: &Answer) -> (String, Value) {
    let kind = match answer.schema {
        Schema::Problem => "application/problem+json",
        Schema::Accepted
        | Schema::Result
        | Schema::Job
        | Schema::Jobs
        | Schema::Services
        | Schema::Workers
        | Schema::Document => "application/json",
    };
    let mut response = json!({
        "description": answer.about,
        "content": {kind: {"schema": reference(answer.schema)}},
    });
    if answer.status == 202 {
        response["headers"] = json!({
            "Location": {"description": "Where to ask for the job", "schema": {"type": "string"}},
        });
    }
    (answer.status.to_string(), response)
}

fn reference(schema: Schema) -> Value {
    match schema {
        Schema::Document => json!({"type": "object"}),
        Schema::Jobs => list("jobs", "Job"),
        Schema::Services => list("services", "Service"),
        Schema::Workers => list("workers", "Worker"),
        Schema::Accepted | Schema::Result | Schema::Job | Schema::Problem => {
            json!({"$ref": format!("#/components/schemas/{schema:?}")})
        }
    }
}

fn list(name: &str, of: &str) -> Value {
    json!({
        "type": "object",
        "required": [name],
        "properties": {name: {
            "type": "array",
            "items": {"$ref": format!("#/components/schemas/{of}")},
        }},
    })
}

fn schemas() -> Value {
    let time = || json!({"type": ["number", "null"], "description": "Seconds since the Unix epoch"});
    let text = || json!({"type": "string"});
    let count = || json!({"type": "integer", "minimum": 0});
    let states: Vec<Value> =
        super::lists::STATES.iter().map(|&state| state.into()).chain([Value::Null]).collect();
    json!({
        "Accepted": shape(json!({"id": text(), "service": text(), "state": {"const": "queued"}})),
        "Result": shape(json!({
            "id": {"type": ["string", "null"]},
            "service": text(),
            "state": {"enum": ["completed", "failed"]},
            "value": {"description": "What the worker brought; null if nothing"},
        })),
        "Job": shape(json!({
            "id": text(),
            "service": text(),
            "state": {
                "enum": states,
                "description": "null for a job that is over at a PHP broker, which does not say how it ended",
            },
            "waits": {"type": "boolean", "description": "Whether its client waits for the result"},
            "worker": {"type": ["string", "null"]},
            "requested_at": time(),
            "started_at": time(),
            "ended_at": time(),
        })),
        "Service": shape(json!({
            "name": text(), "workers": count(), "queued": count(), "active": count(),
        })),
        "Worker": shape(json!({"id": text(), "service": text(), "expires_at": time()})),
        "Problem": shape(json!({
            "type": text(), "title": text(), "status": count(), "detail": text(),
        })),
    })
}

/// An object that has all of its properties, always.
fn shape(properties: Value) -> Value {
    let names: Vec<&String> = properties.as_object().map(|map| map.keys().collect()).unwrap_or_default();
    json!({"type": "object", "required": names, "properties": properties})
}
