"""The lines that operators rely on: the code writes what the table says, and nothing secret is in it."""

from __future__ import annotations

import ast
import json
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.events import log_table, tracing
from sleap_rtc.events.log_lines import log_event
from sleap_rtc.events.log_table import LOG_EVENTS, UPLOAD_COMPLETED, LogEvent
from sleap_rtc.events.span_table import TRAIN
from sleap_rtc.observability.logs import configure_logs
from sleap_rtc.observability.redaction import REDACTED, redacted, redacted_value

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
log = logging.getLogger("sleap_rtc.test")
SECRETS = {
    "an access key": "AKIAIOSFODNN7EXAMPLE",
    "a temporary key": "ASIAIOSFODNN7EXAMPLE",
    "a JSON Web Token": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl",
}


def calls() -> Iterator[tuple[str, str, set[str]]]:
    """Yield where a line of the table is written, which, and with what fields."""
    for path in sorted(ROOT.glob("*/sleap_rtc/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "log_event":
                named = node.args[1]
                assert isinstance(named, ast.Name), f"{path}:{node.lineno}"
                fields = {keyword.arg or "**" for keyword in node.keywords}
                yield f"{path.relative_to(ROOT)}:{node.lineno}", named.id, fields


def test_every_line_of_the_table_is_written_with_exactly_its_fields() -> None:
    written = set()
    for where, name, fields in calls():
        line = getattr(log_table, name)
        assert fields == set(line.fields), where
        written.add(line.event)
    assert written == {line.event for line in LOG_EVENTS}


def test_the_table_has_every_line_and_each_word_once() -> None:
    defined = [value for value in vars(log_table).values() if isinstance(value, LogEvent)]
    assert set(defined) == set(LOG_EVENTS)
    assert len({line.event for line in LOG_EVENTS}) == len(LOG_EVENTS)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def completed() -> None:
    log_event(
        log,
        UPLOAD_COMPLETED,
        upload_id="mice-1-01J",
        size_bytes=12,
        seconds=3.25,
        room_id="mice-1",
        job_id="01J",
    )


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_in_production_a_line_is_an_object_with_the_word_and_the_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("service", "production")
    completed()
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "sleap_rtc.test",
        "part": "service",
        "event": "upload.completed",
        "message": "upload mice-1-01J is complete, 12 bytes 3.2 s after it was opened",
        "upload_id": "mice-1-01J",
        "size_bytes": 12,
        "seconds": 3.25,
        "room_id": "mice-1",
        "job_id": "01J",
    }


def test_on_a_terminal_a_person_reads_the_words(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("service", "development")
    completed()
    assert "upload mice-1-01J is complete, 12 bytes 3.2 s after" in capsys.readouterr().err


def test_lines_name_the_span_that_is_open_also_in_a_thread_that_belongs_to_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("worker", "production")
    log.info("before")
    with tracing.begun(TRAIN, "worker", lambda _: None, {}) as span:
        log.info("within")
        thread = threading.Thread(target=tracing.in_this_span(lambda: log.info("in a thread")))
        thread.start()
        thread.join()
    before, *within = lines(capsys)
    assert "trace_id" not in before
    ids = {(line["trace_id"], line["span_id"]) for line in within}
    assert ids == {(span.context.trace_id, span.context.span_id)}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@given(
    before=st.text(alphabet=st.characters(categories=["Zs", "P"])),
    after=st.sampled_from(["", " ", ",", "\n"]),
)
def test_secrets_that_can_be_told_by_their_form_are_taken_out(secret: str, before: str, after: str) -> None:
    assert secret not in redacted(f"{before} {secret}{after}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://ada:hunter2@issuer.example/x", f"https://{REDACTED}@issuer.example/x"),
        ("redis://:hunter2@cache:6379/0", f"redis://{REDACTED}@cache:6379/0"),
        ("Cookie: session=hunter2; a=b", f"Cookie: {REDACTED}"),
        ("Set-Cookie: session=hunter2", f"Set-Cookie: {REDACTED}"),
        ("aws_secret_access_key=wJalrXUtnFEMI/K7MDENG", f"aws_secret_access_key={REDACTED}"),
        ('"SessionToken": "IQoJb3JpZ2luX2VjEHUaCXVz"', f'"SessionToken": "{REDACTED}"'),
    ],
)
def test_secrets_that_can_be_told_by_what_stands_before_them_are_taken_out(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "value",
    [
        {"password": "hunter2"},
        {"a": [{"Authorization": "Basic hunter2"}]},
        {"headers": {"cookie": "hunter2"}},
        ["https://ada:hunter2@x/"],
        ({"turn_secret": b"hunter2"},),
        b"https://ada:hunter2@x/",
        {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": "hunter2"}}}}}}}},
        ValueError("https://ada:hunter2@x/"),
    ],
)
def test_secrets_are_found_however_deep_they_lie(value: object) -> None:
    assert "hunter2" not in json.dumps(redacted_value("value", value))


@pytest.mark.parametrize("value", [None, True, 3, 2.5, "a line", ["a", 1], {"size_bytes": 3}])
def test_what_is_no_secret_stays_as_it_is(value: object) -> None:
    assert redacted_value("value", value) == value


def test_an_exception_gives_one_line_and_its_secrets_are_taken_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("service", "production")
    try:
        raise ValueError("PUT https://ada:hunter2@x/data?X-Amz-Signature=0123\nAKIAIOSFODNN7EXAMPLE")
    except ValueError:
        log.exception("it failed", extra={"headers": {"Cookie": "hunter2"}})
    text = capsys.readouterr().err
    assert len(text.splitlines()) == 1
    for secret in ("hunter2", "0123", "AKIA"):
        assert secret not in text
    assert "ValueError" in json.loads(text)["exception"]
