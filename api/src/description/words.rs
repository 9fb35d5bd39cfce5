//! House formats. A member says `format = "line"` or `format = "email-status"`; here stands what that means in a
//! schema: the pattern of a text, or the words of the domain. None of them is left in the served description.

use serde_json::Value;
use shared::domain::{
    EmailStatus, INTERVIEW_KINDS, InterviewStatus, InvitationStatus, MessageKind, MessageStatus, Side,
    SubmissionKind, SubmissionStatus,
};
use utoipa::Modify;
use utoipa::openapi::schema::{ArrayItems, Object, Schema, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr};

use super::common::operations;

/// One line: no control character but tabs at its ends, no line or paragraph separator, no bidirectional control.
macro_rules! line {
    () => {
        r"[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*"
    };
}
const LINE: &str = concat!(r"^[ \t]*", line!(), r"[ \t]*$");
/// A line with something to see on it.
const NAME: &str = concat!(
    r"^[ \t]*",
    line!(),
    r"[^\x00-\x20\x7f-\xa0\u061c\u1680\u2000-\u200a\u200e\u200f\u2028-\u202f\u205f\u2066-\u2069\u3000]",
    line!(),
    r"[ \t]*$"
);
/// Text of any lines, without NUL.
const TEXT: &str = r"^[^\x00]*$";
/// A host by its name. Its last label is no number, or it would be an address.
macro_rules! host {
    () => {
        r"([A-Za-z0-9]([A-Za-z0-9-]{0,60}[A-Za-z0-9])?\.)*[A-Za-z][A-Za-z0-9]{0,60}"
    };
}
/// A port, and what follows it.
macro_rules! rest {
    () => {
        r"(:[1-9][0-9]{0,3})?([/?#][!-~]*)?"
    };
}
/// https without credentials, or http on a loopback host; blank is none.
const URL: &str = concat!(
    r"^[ \t]*((https://",
    host!(),
    r"|http://(localhost|127\.0\.0\.1|\[::1\]))",
    rest!(),
    r")?[ \t]*$"
);
/// A place without a colon, or an https URL.
const LOCATION: &str = concat!(
    r"^[ \t]*([^:\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*|https://",
    host!(),
    rest!(),
    r")[ \t]*$"
);
/// A short id or a long one.
const DEFINITION_ID: &str = "^([0-9]{1,18}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$";
/// What became of a row.
const ROW_RESULT: &str = "^(ok|Error: .+)$";
/// ISO 4217.
const CURRENCY: &str = "^[A-Z]{3}$";
const COLOUR: &str = "^#[0-9A-Fa-f]{6}$";
/// Where a page begins: what an earlier page gave as `next_cursor`.
const NUMBER_CURSOR: &str = "^-?[0-9]{1,18}$";

/// Replaces house formats by what they mean.
pub(super) struct Words;

impl Modify for Words {
    fn modify(&self, openapi: &mut OpenApi) {
        for schema in openapi.components.iter_mut().flat_map(|c| c.schemas.values_mut()) {
            resolve(schema);
        }
        for (_, _, operation) in operations(openapi) {
            for parameter in operation.parameters.iter_mut().flatten() {
                parameter.schema.iter_mut().for_each(resolve);
            }
            let bodies = operation.request_body.iter_mut().flat_map(|body| body.content.values_mut());
            let answers = operation.responses.responses.values_mut().filter_map(|response| match response {
                RefOr::T(response) => Some(response.content.values_mut()),
                RefOr::Ref(_) => None,
            });
            for content in bodies.chain(answers.flatten()) {
                content.schema.iter_mut().for_each(resolve);
            }
        }
    }
}

/// Replaces a schema's house format, and those within it.
fn resolve(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => {
            object.properties.values_mut().for_each(resolve);
            express(object);
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                resolve(items);
            }
        }
        Schema::OneOf(one) => one.items.iter_mut().for_each(resolve),
        Schema::AllOf(all) => all.items.iter_mut().for_each(resolve),
        Schema::AnyOf(any) => any.items.iter_mut().for_each(resolve),
        _ => {}
    }
}

fn express(object: &mut Object) {
    let Some(SchemaFormat::Custom(format)) = &object.format else { return };
    if let Some(pattern) = pattern(format) {
        object.pattern = Some(pattern.to_owned());
        object.format = None;
    } else if let Some(words) = words(format) {
        let null = is_nullable(object).then_some(Value::Null);
        object.enum_values = Some(words.into_iter().map(Value::from).chain(null).collect());
        object.format = None;
    }
}

fn is_nullable(object: &Object) -> bool {
    matches!(&object.schema_type, SchemaType::Array(types) if types.contains(&Type::Null))
}

/// The pattern of a text.
fn pattern(format: &str) -> Option<&'static str> {
    Some(match format {
        "line" => LINE,
        "name" => NAME,
        "text" => TEXT,
        "https-url" => URL,
        "colour" => COLOUR,
        "currency" => CURRENCY,
        "location" => LOCATION,
        "row-result" => ROW_RESULT,
        "definition-id" => DEFINITION_ID,
        "number-cursor" => NUMBER_CURSOR,
        _ => return None,
    })
}

/// What a pattern of these is called for people.
pub(super) fn in_prose(pattern: &str) -> Option<&'static str> {
    Some(match pattern {
        LINE => "one line of text",
        NAME => "one line of text, not blank",
        TEXT => "text",
        URL => "https URL",
        COLOUR => "colour as #rrggbb",
        NUMBER_CURSOR => "cursor",
        DEFINITION_ID => "whole number or UUID",
        ROW_RESULT => "`ok`, or `Error: …`",
        LOCATION => "place, or https URL",
        CURRENCY => "three letters",
        _ => return None,
    })
}

/// The words of a closed list.
fn words(format: &str) -> Option<Vec<&'static str>> {
    Some(match format {
        "invitation-status" => InvitationStatus::ALL.map(InvitationStatus::as_str).to_vec(),
        "email-status" => EmailStatus::ALL.map(EmailStatus::as_str).to_vec(),
        "definition-status" => vec!["draft", "active", "archived"],
        "operation-kind" => SubmissionKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        "operation-status" => SubmissionStatus::ALL.iter().map(|status| status.as_str()).collect(),
        "ok" => vec!["ok"],
        "batch-event" => vec!["batch"],
        "batch-status" => vec!["queued", "processing", "completed"],
        "row-outcome" => vec!["ok", "error"],
        "check" => vec!["ok", "failed"],
        "readiness" => vec!["ready", "stopping", "not ready"],
        "interview-kind" => INTERVIEW_KINDS.to_vec(),
        "interview-status" => InterviewStatus::ALL.iter().map(|status| status.as_str()).collect(),
        "interviewee-kind" => vec!["interview", "verified", "rejected"],
        "side" => Side::ALL.iter().map(|side| side.as_str()).collect(),
        "invite-type" => vec!["getlink", "sendlink"],
        "invite-status" => vec!["Pending", "Started", "Completed", "Expired", "Revoked"],
        "revocation-status" => vec!["REVOKED", "NOT_ALLOWED", "ALREADY_REVOKED"],
        "user-role" => vec!["admin", "staff", "candidate"],
        "message-kind" => MessageKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        "message-status" => MessageStatus::ALL.iter().map(|status| status.as_str()).collect(),
        "key-role" => vec!["admin", "staff", "operator"],
        _ => return None,
    })
}
