//! The OpenAPI 3.1 document, made of the route table alone, so that it cannot name another permission than the route.

use crate::problem::PROBLEM_JSON;
use crate::routes::{Access, Content, DeclaredRoute, Location, OCTETS, Refused, RouteTable, SchemaOf};
use crate::{PURPOSE, ProblemBody};
use bearingwall_audit::{EventType, Phase};
use bearingwall_rbac::PermissionId;
use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};

// CONTROL: HTP-5
/// The document. Pretty-printed and with sorted keys, so that a change of it is a readable difference.
#[must_use]
pub fn openapi(routes: &RouteTable) -> Value {
    let mut schemas = Schemas::default();
    schemas.add(SchemaOf::of::<ProblemBody>());
    let mut paths = Map::new();
    for route in routes.routes() {
        let operation = operation(route, &mut schemas);
        let path = paths
            .entry(route.path().replace("*}", "}"))
            .or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method().as_str().to_ascii_lowercase(), operation);
        }
    }
    let mut schemas = schemas.0;
    open_parts(&mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Bearingwall",
            "description": "Every operation names the permission that it needs. Errors are application/problem+json.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "version": env!("CARGO_PKG_VERSION"),
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token of a configured issuer; its roles grant the permissions named as scopes.",
                },
            },
        },
        "x-permissions": PermissionId::ALL.iter().map(|permission| permission.as_str()).collect::<Vec<_>>(),
    })
}

/// The schemas that something refers to, by name.
#[derive(Default)]
struct Schemas(Map<String, Value>);

impl Schemas {
    fn add(&mut self, schema: SchemaOf) -> Value {
        let name = (schema.name)().into_owned();
        let mut found: Vec<(String, RefOr<Schema>)> = Vec::new();
        (schema.nested)(&mut found);
        found.push((name.clone(), (schema.schema)()));
        for (name, schema) in found {
            // A schema is plain data; were it ever not, the reference to it would dangle and the golden file would show it.
            if let Ok(value) = serde_json::to_value(schema) {
                self.0.insert(name, value);
            }
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    fn content(&mut self, content: &Content) -> Value {
        let schema = content
            .schema
            .map_or_else(|| plain(content.media_type), |schema| self.add(schema));
        json!({ content.media_type: { "schema": schema } })
    }
}

/// The schema of a body that is no JSON.
fn plain(media_type: &str) -> Value {
    match media_type {
        OCTETS => json!({ "type": "string", "format": "binary" }),
        // A document that somebody else has specified.
        "application/json" => json!({ "type": "object" }),
        _ => json!({ "type": "string" }),
    }
}

/// A schema that is a part of another (`allOf`) must let the other's members pass: closed by itself, nothing would fit.
fn open_parts(schemas: &mut Map<String, Value>) {
    let parts: Vec<String> = schemas
        .values()
        .filter_map(|schema| schema.get("allOf")?.as_array())
        .flatten()
        .filter_map(|part| part.get("$ref")?.as_str()?.rsplit('/').next())
        .map(str::to_owned)
        .collect();
    for part in parts {
        if let Some(schema) = schemas.get_mut(&part).and_then(Value::as_object_mut) {
            schema.remove("additionalProperties");
        }
    }
}

fn operation(route: &DeclaredRoute, schemas: &mut Schemas) -> Value {
    let spec = route.spec();
    let mut operation = json!({
        "operationId": spec.operation,
        "summary": spec.summary,
        "parameters": parameters(route),
        "responses": responses(route, schemas),
        "x-phi": spec.phi.as_str(),
        "x-rate-class": spec.rate.as_str(),
        "x-audit-events": audit_events(route),
    });
    let Some(members) = operation.as_object_mut() else {
        return operation;
    };
    match route.access() {
        Access::Permission(permission) => {
            members.insert("security".into(), json!([{ "bearer": [permission.as_str()] }]));
            members.insert("x-permission".into(), permission.as_str().into());
        }
        Access::Public(why) => {
            members.insert("security".into(), json!([]));
            members.insert("x-public".into(), why.into());
        }
    }
    if let Some(content) = &spec.request {
        let body = json!({ "required": true, "content": schemas.content(content) });
        members.insert("requestBody".into(), body);
    }
    operation
}

/// What the route leaves on the record, by how the request ends.
fn audit_events(route: &DeclaredRoute) -> Value {
    let one = |(event, phase): (EventType, Phase)| json!({ "type": event.as_str(), "phase": phase.as_str() });
    let refusal = |refused| route.recorded_refusal(refused).into_iter().map(one).collect::<Vec<_>>();
    json!({
        "success": route.spec().recorded().into_iter().map(one).collect::<Vec<_>>(),
        "unauthenticated": refusal(Refused::Unauthenticated),
        "denied": refusal(Refused::Denied),
    })
}

fn parameters(route: &DeclaredRoute) -> Vec<Value> {
    let in_path = route
        .path()
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| match name.strip_suffix('*') {
            // OpenAPI has no word for a parameter with slashes; the operation's summary says what it looks like.
            Some(name) => (name, json!({ "type": "string" })),
            None => (name, json!({ "type": "string", "format": "uuid" })),
        });
    let mut parameters: Vec<Value> = in_path
        .map(|(name, schema)| json!({ "name": name, "in": "path", "required": true, "schema": schema }))
        .collect();
    parameters.extend(route.spec().parameters.iter().map(|parameter| {
        let location = match parameter.location {
            Location::Query => "query",
            Location::Header => "header",
        };
        json!({
            "name": parameter.name,
            "in": location,
            "required": parameter.required,
            "description": parameter.description,
            "schema": { "type": parameter.kind },
        })
    }));
    if let Access::Permission(_) = route.access() {
        parameters.push(json!({
            "name": PURPOSE.as_str(),
            "in": "header",
            "required": false,
            "description": "Why personal data is touched; stands in the record.",
            "schema": { "type": "string", "enum": purposes(), "default": "TREAT" },
        }));
    }
    parameters
}

fn purposes() -> Vec<&'static str> {
    bearingwall_core::PurposeOfUse::ALL
        .into_iter()
        .map(bearingwall_core::PurposeOfUse::as_str)
        .collect()
}

fn responses(route: &DeclaredRoute, schemas: &mut Schemas) -> Value {
    let headers = json!({
        "X-Correlation-ID": {
            "description": "Our id of this request.",
            "required": true,
            "schema": { "type": "string", "format": "uuid" },
        },
    });
    let mut responses = Map::new();
    for (status, description, content) in &route.spec().responses {
        let mut response = json!({ "description": description, "headers": headers });
        if let (Some(content), Some(members)) = (content, response.as_object_mut()) {
            members.insert("content".into(), schemas.content(content));
        }
        responses.insert(status.to_string(), response);
    }
    let problem = json!({
        "description": "Problem details; the code says which.",
        "headers": headers,
        "content": { PROBLEM_JSON: { "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
    if let Access::Permission(_) = route.access() {
        responses.insert("401".into(), problem.clone());
        responses.insert("403".into(), problem.clone());
        responses.insert("429".into(), problem.clone());
    }
    responses.insert("default".into(), problem);
    Value::Object(responses)
}
