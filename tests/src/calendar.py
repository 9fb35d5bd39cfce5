"""Reads one iCalendar object from standard input with a parser that is not Convoke's; writes what it says as JSON."""

import json
import sys
from datetime import timezone
from urllib.parse import unquote

from icalendar import Calendar

calendars = Calendar.from_ical(sys.stdin.buffer.read().decode("utf-8"), multiple=True)
assert len(calendars) == 1, f"{len(calendars)} calendars"
[calendar] = calendars
assert str(calendar["VERSION"]) == "2.0" and calendar["PRODID"], "VERSION and PRODID are required"
components = [c for c in calendar.walk() if c is not calendar]
assert [c.name for c in components] == ["VEVENT"], f"components: {[c.name for c in components]}"
[event] = components
for component in (calendar, event):
    assert not component.errors, f"{component.name}: {component.errors}"
    twice = [name for name, value in component.items() if isinstance(value, list)]
    assert not twice, f"more than once: {twice}"


def text(name):
    return None if name not in event else str(event[name])


def instant(name):
    at = event.decoded(name)
    assert at.utcoffset() is not None, f"{name} floats"
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def person(name):
    if name not in event:
        return None
    address, parameters = str(event[name]), event[name].params
    assert address.lower().startswith("mailto:"), address
    said = {"name": parameters.get("CN"), "address": unquote(address[len("mailto:") :])}
    for parameter in ("ROLE", "PARTSTAT", "RSVP"):
        if parameter in parameters:
            said[parameter.lower()] = str(parameters[parameter])
    return said


json.dump(
    {
        "method": str(calendar["METHOD"]),
        "uid": text("UID"),
        "sequence": int(event["SEQUENCE"]),
        "dtstamp": instant("DTSTAMP"),
        "dtstart": instant("DTSTART"),
        "dtend": instant("DTEND"),
        "summary": text("SUMMARY"),
        "description": text("DESCRIPTION"),
        "location": text("LOCATION"),
        "url": text("URL"),
        "status": text("STATUS"),
        "organizer": person("ORGANIZER"),
        "attendee": person("ATTENDEE"),
        "properties": sorted(event.keys()),
    },
    sys.stdout,
)
