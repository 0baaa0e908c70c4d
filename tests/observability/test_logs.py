"""Logs: JSON where machines read them, and never a secret."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.local.engine import free_port
from sleap_rtc.observability.logs import configure_logs
from sleap_rtc.observability.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Lines = Callable[[], list[dict[str, Any]]]

QUERY = "X-Amz-Credential=AKIA%2F20260301&X-Amz-Signature=0123456789abcdef"
PRESIGNED = f"https://the-uploads.s3.amazonaws.com/uploads/mice-1/data?{QUERY}"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl-_0"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def production(capsys: pytest.CaptureFixture[str]) -> Callable[[], Lines]:
    """Return what starts logging as in production; that returns what reads the lines."""

    def start() -> Lines:
        configure_logs("service", "production")
        return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    return start


def test_the_query_of_a_url_is_taken_out() -> None:
    expected = "PUT https://the-uploads.s3.amazonaws.com/uploads/mice-1/data?[redacted] failed"
    assert redacted(f"PUT {PRESIGNED} failed") == expected


@pytest.mark.parametrize("text", [f'"{PRESIGNED}"', f"'{PRESIGNED}'", f"<{PRESIGNED} >", f"a={PRESIGNED}\n"])
def test_a_url_is_found_wherever_it_stands(text: str) -> None:
    assert "Signature" not in redacted(text)


def test_every_url_of_a_text_is_redacted() -> None:
    assert redacted(f"{PRESIGNED} {PRESIGNED}").count("[redacted]") == 2


def test_a_path_without_its_host_is_redacted_as_well() -> None:
    assert (
        redacted(f"url: /the-uploads/data?{QUERY} (Caused by")
        == "url: /the-uploads/data?[redacted] (Caused by"
    )


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER"])
def test_a_bearer_token_is_taken_out(word: str) -> None:
    assert redacted(f"Authorization: {word} {JWT}, then") == f"Authorization: {word} [redacted], then"


@pytest.mark.parametrize("text", ["", "is it done?", "what? no", "https://docs.example/rooms", "3/4 done"])
def test_an_ordinary_text_is_left_alone(text: str) -> None:
    assert redacted(text) == text


@given(st.text(), st.text())
def test_no_surroundings_save_a_secret(before: str, after: str) -> None:
    assert "0123456789abcdef" not in redacted(f"{before} {PRESIGNED} {after}")
    assert JWT not in redacted(f"{before}Bearer {JWT} {after}")


def test_production_writes_one_json_object_a_line(production: Callable[[], Lines]) -> None:
    lines = production()
    logging.getLogger("sleap_rtc.events").warning("queue %s: %d left", "jobs", 3)
    [line] = lines()
    assert line["event"] == "queue jobs: 3 left"
    assert (line["part"], line["level"], line["logger"]) == ("service", "warning", "sleap_rtc.events")
    assert line["timestamp"].endswith("Z")


def test_staging_writes_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("worker", "staging")
    logging.getLogger("x").warning("hello")
    assert json.loads(capsys.readouterr().err)["part"] == "worker"


def test_a_terminal_gets_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("client", "development")
    logging.getLogger("x").warning("hello %s", PRESIGNED)
    written = capsys.readouterr().err
    assert "hello https://" in written
    assert "Signature" not in written
    assert not written.startswith("{")


def test_a_line_break_cannot_forge_a_line(production: Callable[[], Lines]) -> None:
    lines = production()
    logging.getLogger("x").warning("name: %s", 'a\n{"level": "error"}')
    assert len(lines()) == 1


def test_secrets_in_arguments_are_taken_out(production: Callable[[], Lines]) -> None:
    lines = production()
    logging.getLogger("x").warning("%s with Bearer %s", PRESIGNED, JWT)
    [line] = lines()
    assert line["event"].endswith("data?[redacted] with Bearer [redacted]")


def test_secrets_in_a_traceback_are_taken_out(production: Callable[[], Lines]) -> None:
    lines = production()
    try:
        raise ValueError(PRESIGNED)
    except ValueError:
        logging.getLogger("x").exception("it failed")
    [line] = lines()
    assert (
        "ValueError: https://the-uploads.s3.amazonaws.com/uploads/mice-1/data?[redacted]" in line["exception"]
    )


def test_what_the_http_library_says_of_a_url_is_redacted(production: Callable[[], Lines]) -> None:
    lines = production()
    try:
        urllib3.request("PUT", f"http://127.0.0.1:{free_port()}/b/data?{QUERY}", retries=0)
    except urllib3.exceptions.HTTPError:
        logging.getLogger("x").exception("it failed")
    [line] = lines()
    assert "/b/data?[redacted]" in line["exception"]
    assert "Signature" not in json.dumps(line)


@pytest.mark.parametrize("name", ["botocore.auth", "aiobotocore", "urllib3.connectionpool"])
def test_libraries_that_say_much_are_heard_from_warnings_on(
    name: str, production: Callable[[], Lines]
) -> None:
    lines = production()
    logging.getLogger(name).info("canonical request")
    logging.getLogger(name).warning("odd")
    assert [line["event"] for line in lines()] == ["odd"]


def test_our_own_parts_are_heard_from_information_on(production: Callable[[], Lines]) -> None:
    lines = production()
    logging.getLogger("sleap_rtc.worker").debug("noise")
    logging.getLogger("sleap_rtc.worker").info("claimed")
    assert [line["event"] for line in lines()] == ["claimed"]


def test_configuring_twice_does_not_double_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("service", "production")
    configure_logs("service", "production")
    logging.getLogger("x").warning("once")
    assert len(capsys.readouterr().err.splitlines()) == 1
