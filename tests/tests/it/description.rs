//! `GET /openapi.json`, `GET /docs` and `convoke openapi`: the description is there, whole, and of what is served.

use std::collections::BTreeSet;

use convoke_tests::{Convoke, Env, both, program};
use reqwest::Method;
use serde_json::Value;

/// What a described operation is: its path, method, and the rest.
type Operation<'a> = (&'a str, Method, &'a Value);

fn operations(description: &Value) -> Vec<Operation<'_>> {
    let paths = description["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| {
            (path.as_str(), method.to_uppercase().parse::<Method>().unwrap(), operation)
        })
    });
    all.collect()
}

async fn description(t: &Convoke) -> Value {
    t.anonymous().get("/openapi.json").send().await.expect(200).clone()
}

/// The path with something in each of its places.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Every object and array of a document.
fn walk<'a>(value: &'a Value, see: &mut dyn FnMut(&'a Value)) {
    see(value);
    match value {
        Value::Object(members) => members.values().for_each(|member| walk(member, see)),
        Value::Array(items) => items.iter().for_each(|item| walk(item, see)),
        _ => {}
    }
}

both!(
    async fn every_described_path_answers_and_takes_no_other_method(t: &Env) {
        let description = description(t).await;
        assert!(description["openapi"].as_str().unwrap().starts_with("3.1."), "{}", description["openapi"]);
        let operations = operations(&description);
        assert!(operations.len() >= 40, "{} operations", operations.len());
        for (path, method, operation) in &operations {
            let at = format!("{method} {path}");
            let answer = t.anonymous().call(method.clone(), &filled(path)).send().await;
            assert!(!answer.text.contains("There is nothing at this path"), "{at}: {}", answer.text);
            assert_ne!(answer.status, 405, "{at}");
            let is_open = operation.get("security").is_some();
            assert_eq!(answer.status == 401, !is_open, "{at}: {}", answer.status);
            assert!(
                operation["responses"].get(answer.status.to_string()).is_some(),
                "{at}: {}",
                answer.status
            );
        }
        let paths: BTreeSet<&str> = operations.iter().map(|(path, _, _)| *path).collect();
        for path in paths {
            let refused = t.call(Method::PUT, &filled(path)).send().await;
            assert_eq!(refused.status, 405, "PUT {path}");
            for (_, method, _) in operations.iter().filter(|(known, _, _)| *known == path) {
                assert!(
                    refused.header("allow").contains(method.as_str()),
                    "{path}: {}",
                    refused.header("allow")
                );
            }
        }
    }
);

#[tokio::test]
async fn the_program_prints_what_the_service_serves() {
    let t = Convoke::embedded().start().await;
    let printed = program::run(t.folder(), &program::Settings::new(), &["openapi"]).await;
    assert!(printed.status.success());
    assert_eq!(
        String::from_utf8(printed.stdout).unwrap(),
        t.anonymous().get("/openapi.json").send().await.text
    );
}

#[tokio::test]
async fn the_description_is_whole() {
    let t = Convoke::embedded().start().await;
    let description = description(&t).await;
    let tags: Vec<&Value> = description["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&description) {
        let at = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{at}: its id is another's");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{at}: no summary");
        assert!(tags.contains(&&operation["tags"][0]), "{at}: {}", operation["tags"]);
        let responses = operation["responses"].as_object().unwrap();
        let good = responses.keys().filter(|status| status.starts_with('2'));
        assert!(good.count() > 0, "{at}: no answer");
        let json = operation.pointer("/requestBody/content/application~1json");
        assert!(json.is_none_or(|content| content.get("example").is_some()), "{at}: no example of its body");
        if method == Method::POST && operation.get("security").is_none() {
            let parameters = operation["parameters"].as_array().unwrap();
            assert!(parameters.iter().any(|p| p["name"] == "Idempotency-Key"), "{at}");
        }
    }
    walk(&description, &mut |value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            assert!(description.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
        }
        if let (Some(format), Some(_)) = (value.get("format").and_then(Value::as_str), value.get("type")) {
            let known = ["uuid", "date-time", "email", "uri", "uri-reference", "int32", "int64", "double"];
            assert!(known.contains(&format), "{format} is a house format that nobody resolved");
        }
    });
}

/// Members of answers that are left out sometimes; all others are always there, null or not.
const SOMETIMES: &[&str] = &[
    "InterviewInterviewee.currency",
    "Problem.errors",
    "Problem.error",
    "Problem.name",
    "UserResult.interview_url",
];

#[tokio::test]
async fn answers_have_all_their_members() {
    let t = Convoke::embedded().start().await;
    let description = description(&t).await;
    let schemas = description["components"]["schemas"].as_object().unwrap();
    let mut answered = BTreeSet::new();
    let mut open: Vec<&Value> = vec![&description["components"]["responses"]];
    open.extend(operations(&description).iter().map(|(_, _, operation)| &operation["responses"]));
    while let Some(value) = open.pop() {
        walk(value, &mut |value| {
            let named = value.get("$ref").and_then(Value::as_str);
            if let Some(name) = named.and_then(|named| named.strip_prefix("#/components/schemas/"))
                && answered.insert(name)
            {
                open.push(&schemas[name]);
            }
        });
    }
    let mut missing = Vec::new();
    for name in answered {
        let required = schemas[name]["required"].as_array().cloned().unwrap_or_default();
        for member in schemas[name]["properties"].as_object().into_iter().flatten().map(|(member, _)| member)
        {
            let full = format!("{name}.{member}");
            if !required.contains(&Value::from(member.as_str())) && !SOMETIMES.contains(&full.as_str()) {
                missing.push(full);
            }
        }
    }
    assert!(missing.is_empty(), "always there, so #[schema(required)]: {missing:?}");
}

both!(
    async fn a_path_that_is_no_utf_8_names_nothing(t: &Env) {
        for path in ["/api/v1/registrations/%FF", "/api/v1/batches/%C3%28/results", "/interview/take/%FF"] {
            let answer = t.get(path).send().await;
            answer.expect(404);
            assert_eq!(answer.media_type(), "application/problem+json", "{path}");
        }
    }
);

/// The schemas that a source makes, by the names that they have in the description.
fn schema_names(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut is_schema, mut given) = (false, None);
    for line in source.lines() {
        let code = line.trim();
        is_schema |= code.starts_with("#[derive(") && code.contains("ToSchema");
        if let Some((_, rest)) = code.split_once("as = ").filter(|_| is_schema) {
            given = rest.split([',', ')']).next().map(str::to_owned);
        }
        let manual = code.strip_prefix("impl ToSchema for ");
        let derived = code.split_once("struct ").or(code.split_once("enum ")).filter(|_| is_schema);
        if let Some(rest) = manual.or(derived.map(|(_, rest)| rest)) {
            let own = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            names.push(given.take().unwrap_or_else(|| own.to_owned()));
            is_schema = false;
        }
    }
    names
}

/// The later of two would silently stand for both.
#[test]
fn no_two_schemas_share_a_name() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders = vec![root.join("api/src"), root.join("shared/src")];
    let mut seen = std::collections::BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            for name in schema_names(&std::fs::read_to_string(&path).unwrap()) {
                let other = seen.insert(name.clone(), path.clone());
                assert!(other.is_none(), "{name} is a schema of {path:?} and of {other:?}");
            }
        }
    }
    assert!(seen.len() > 80, "{} schemas", seen.len());
}

both!(
    async fn the_page_tells_of_every_path_and_loads_nothing(t: &Env) {
        let page = t.anonymous().get("/docs").send().await;
        page.expect(200);
        assert_eq!(page.media_type(), "text/html");
        let description = description(t).await;
        for (path, method, operation) in operations(&description) {
            assert!(page.text.contains(&format!(">{path}</code>")), "{method} {path} is not on the page");
            let id = operation["operationId"].as_str().unwrap();
            assert!(page.text.contains(&format!("<article id=\"{id}\"")), "{id} is not on the page");
        }
        for foreign in ["<script", "src=", "href=\"http", "href=\"//", "url(", "@import", "<link"] {
            assert!(!page.text.contains(foreign), "the page has {foreign}");
        }
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        for link in page.text.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(page.text.contains(&format!("id=\"{link}\"")), "#{link} leads nowhere");
        }
    }
);
