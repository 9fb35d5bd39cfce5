"""What JSON Schema cannot say of single values: ids that must exist, times in their order, keys that are used once.

Valid values are replaced by valid ones that exist; what was made to be refused is left alone.
"""

import os
import re
import uuid
from datetime import datetime, timedelta

import schemathesis

DEFINITION = os.environ["CONFORMANCE_DEFINITION"]
DEFINITION_ID = int(os.environ["CONFORMANCE_DEFINITION_ID"])
INTERVIEWEE = int(os.environ["CONFORMANCE_INTERVIEWEE"])
USER = int(os.environ["CONFORMANCE_USER"])
PARENT = os.environ["CONFORMANCE_PARENT"]
KEY = os.environ["CONFORMANCE_KEY_ID"]
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")


@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    return value if isinstance(value, (str, bytes)) else str(value)


@schemathesis.hook
def before_call(ctx, case, **kwargs):
    use_the_key_once(case)
    keep_what_the_run_stands_on(case)
    if isinstance(case.query, dict) and case.operation.definition.raw.get("operationId") == "create_batch":
        if is_uuid(case.query.get("interview_id", DEFINITION)):
            case.query = {**case.query, "interview_id": DEFINITION}
    body = mended(case.body, case.path)
    if body != case.body:
        case.body = body


def use_the_key_once(case):
    """The same key with another body is refused, as it must be."""
    for name, value in list((case.headers or {}).items()):
        if name.lower() == "idempotency-key" and isinstance(value, str) and IDEMPOTENCY_KEY.fullmatch(value):
            case.headers[name] = (value[:200] + str(uuid.uuid4()))


def keep_what_the_run_stands_on(case):
    """Its own key, the definition for which everybody is registered, and everybody's parent."""
    named = str((case.path_parameters or {}).get("id"))
    if case.path == "/api/v1/api-keys/{id}" and case.method == "DELETE" and named == KEY:
        case.path_parameters["id"] = str(uuid.uuid4())
    if case.path == "/api/v1/interview-definitions/{id}" and named in (DEFINITION, str(DEFINITION_ID)):
        case.path_parameters["id"] = 999_999_999
    if case.path == "/api/v1/merchants/{id}" and named == PARENT:
        case.path_parameters["id"] = str(uuid.uuid4())


def mended(body, path):
    if not isinstance(body, dict):
        return body
    body = {name: mended(member, path) for name, member in body.items()}
    invites = path == "/automated-interviews/invite"
    if "interview_id" in body and (is_id(body["interview_id"]) if invites else is_uuid(body["interview_id"])):
        body["interview_id"] = DEFINITION_ID if invites else DEFINITION
    for name, known in (("interviewee_id", INTERVIEWEE), ("interviewer_id", USER), ("user_id", USER)):
        if is_id(body.get(name)):
            body[name] = known
    if is_uuid(body.get("parent_id")):
        body["parent_id"] = PARENT
    for start, end in (("start_at", "end_at"), ("amend_start_at", "amend_end_at")):
        begin = instant(body.get(start))
        if begin and instant(body.get(end)):
            body[end] = (begin + timedelta(minutes=30)).isoformat()
    return body


def is_id(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 1 and value == int(value)


def is_uuid(value):
    try:
        return isinstance(value, str) and bool(uuid.UUID(value))
    except ValueError:
        return False


def instant(value):
    try:
        at = datetime.fromisoformat(value.upper().replace("Z", "+00:00"))
        return at if at.tzinfo and at.year < 9999 else None
    except (AttributeError, ValueError):
        return None
