"""Pure: reads what S3 says about new objects, in every form in which it arrives.

Direct (`Records`, schema 2.x, keys form-encoded), wrapped by SNS, by EventBridge (keys not encoded), and the
test event that S3 sends when a notification is set up. A notice is a hint: whoever acts on it looks at the
object first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from sleap_rtc.storage.errors import SleapRtcError


class NoticeUnreadable(SleapRtcError):
    """The message is not a notice of S3 that this version can read: {why}."""

    code: str
    why: str


@dataclass(frozen=True)
class ObjectCreated:
    """One object came into being, or was replaced."""

    bucket: str
    key: str
    etag: str
    version_id: str
    sequencer: str

    @property
    def identity(self) -> str:
        """What two deliveries of the same notice have in common."""
        version = self.version_id or f"{self.etag}#{self.sequencer}"
        return f"{self.bucket}/{self.key}@{version}"


def parse_notices(body: str) -> list[ObjectCreated]:
    """Return the objects that a message speaks of; none for a test event or for other kinds of event.

    Raises:
        NoticeUnreadable: not JSON, or of an unknown form or major version.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoticeUnreadable(code="not_json", why="it is not JSON") from error
    if not isinstance(message, dict):
        raise NoticeUnreadable(code="unknown_form", why="it is not an object")
    if message.get("Type") == "Notification" and isinstance(message.get("Message"), str):
        return parse_notices(message["Message"])
    if message.get("Event") == "s3:TestEvent":
        return []
    try:
        if message.get("source") == "aws.s3" and "detail" in message:
            return _from_event_bridge(message)
        if "Records" in message:
            return [notice for record in message["Records"] for notice in _from_record(record)]
    except (KeyError, TypeError, AttributeError) as error:
        raise NoticeUnreadable(code="unknown_form", why=f"a field is missing or wrong ({error})") from error
    raise NoticeUnreadable(code="unknown_form", why="it has no Records")


def _from_record(record: dict[str, Any]) -> list[ObjectCreated]:
    version = str(record.get("eventVersion", ""))
    if not version.startswith("2."):
        raise NoticeUnreadable(code="unknown_version", why=f"its event version is {version or 'missing'}")
    if not str(record["eventName"]).removeprefix("s3:").startswith("ObjectCreated:"):
        return []
    found = record["s3"]["object"]
    return [
        ObjectCreated(
            bucket=_text(record["s3"]["bucket"]["name"]),
            key=unquote_plus(_text(found["key"])),
            etag=str(found.get("eTag", "")).strip('"'),
            version_id=_version(found.get("versionId")),
            sequencer=str(found.get("sequencer", "")),
        )
    ]


def _from_event_bridge(message: dict[str, Any]) -> list[ObjectCreated]:
    if message.get("detail-type") != "Object Created":
        return []
    found = message["detail"]["object"]
    return [
        ObjectCreated(
            bucket=_text(message["detail"]["bucket"]["name"]),
            key=_text(found["key"]),
            etag=str(found.get("etag", "")).strip('"'),
            version_id=_version(found.get("version-id")),
            sequencer=str(found.get("sequencer", "")),
        )
    ]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a name")
    return value


def _version(value: object) -> str:
    return str(value) if value and value != "null" else ""
