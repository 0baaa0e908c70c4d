"""The operator looks at dead letters and sends them back, on a real engine."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from typer.testing import CliRunner

from sleap_rtc.events.dead_letter import DeadLetter
from sleap_rtc.local.engine import free_port
from sleap_rtc.service.events_cli import app
from sleap_rtc.service.provision import ensure_queue, sqs_client
from sleap_rtc.service.topology import job_queue, topology
from sleap_rtc.settings import load_settings
from sleap_rtc.storage.errors import ExitCode, NotFound, Refused, SleapRtcError, Unreachable

if TYPE_CHECKING:
    from typer.testing import Result

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


class Operator:
    """Somebody at a terminal, and queues of his own on the engine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, engine_url: str) -> None:
        mine = f"t{uuid.uuid4().hex[:8]}"
        monkeypatch.setenv("SLEAP_RTC_SQS_ENDPOINT_URL", engine_url)
        for setting in ("UPLOAD_EVENTS_QUEUE", "MODEL_EVENTS_QUEUE", "JOB_QUEUE_PREFIX"):
            monkeypatch.setenv(f"SLEAP_RTC_{setting}", f"{mine}-{setting.lower().replace('_', '-')}")
        settings = load_settings()
        self.sqs: Any = sqs_client(settings)
        self.jobs = job_queue(settings, "mice-1").name
        self.uploads = settings.upload_events_queue
        for spec in (*topology(settings).queues, job_queue(settings, "mice-1")):
            ensure_queue(self.sqs, spec)

    def buried(self, queue: str, body: str = "{}", **changed: Any) -> str:
        """Leave a letter as the consumer does; return its id."""
        known: dict[str, Any] = {
            "reason_code": "refused",
            "reason": "a stale worker made it",
            "attempts": 3,
            "receive_count": 7,
            "queue": queue,
            "message_id": str(uuid.uuid4()),
            "sent_at": None,
            "buried_at": datetime(2025, 3, 1, 12, tzinfo=UTC),
            "traceparent": TRACEPARENT,
        }
        letter = DeadLetter(**(known | changed))
        self.put(queue + "-dlq", body, letter.attributes())
        return letter.message_id

    def put(self, queue: str, body: str, attributes: dict[str, str]) -> str:
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        url = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        sent = self.sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=typed)
        return str(sent["MessageId"])

    def on(self, queue: str) -> list[dict[str, Any]]:
        """Return what is on a queue now."""
        url = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        reply = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"]
        )
        return list(reply.get("Messages", []))

    def says(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["dlq", *arguments])

    def lists(self) -> list[dict[str, Any]]:
        return list(json.loads(self.says("ls", "--json").output))


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, engine_url: str) -> Operator:
    return Operator(monkeypatch, engine_url)


def failed_with(result: Result, error: type[SleapRtcError], code: ExitCode) -> bool:
    return isinstance(result.exception, error) and result.exception.exit_code is code


def test_ls_shows_where_a_letter_is_from_and_why_it_is_here(operator: Operator) -> None:
    letter_id = operator.buried(operator.jobs)
    shown = operator.says("ls").output
    for text in (operator.jobs, letter_id, "refused: a stale worker made it", "3", TRACE):
        assert text in shown


def test_ls_of_all_queues_is_in_order_and_one_queue_can_be_chosen(operator: Operator) -> None:
    in_jobs, in_uploads = operator.buried(operator.jobs), operator.buried(operator.uploads)
    assert {letter["id"] for letter in operator.lists()} == {in_jobs, in_uploads}
    [only] = json.loads(operator.says("ls", "--json", "--queue", operator.uploads).output)
    assert only["id"] == in_uploads


def test_looking_gives_everything_back_so_that_the_next_command_sees_it(operator: Operator) -> None:
    for number in range(23):
        operator.buried(operator.jobs, str(number))
    assert len(operator.lists()) == len(operator.lists()) == 23


def test_a_letter_that_sqs_moved_by_itself_says_so(operator: Operator) -> None:
    moved = operator.put(operator.jobs + "-dlq", json.dumps({"traceparent": TRACEPARENT}), {})
    [letter] = operator.lists()
    assert (letter["id"], letter["attempts"], letter["trace"]) == (moved, None, TRACE)
    assert letter["reason"] == "received 0 times, moved by SQS"


def test_copies_of_one_message_are_shown_once_and_redriven_once(operator: Operator) -> None:
    letter_id = operator.buried(operator.jobs, message_id="the-same")
    operator.buried(operator.jobs, message_id="the-same")
    assert [letter["id"] for letter in operator.lists()] == ["the-same"]
    operator.says("redrive", letter_id)
    assert len(operator.on(operator.jobs)) == 1
    assert operator.lists() == []


def test_show_prints_the_reason_and_the_message(operator: Operator) -> None:
    letter_id = operator.buried(operator.jobs, '{"room_id":"Mäuse"}', instance="w1")
    shown = operator.says("show", letter_id).output
    for line in ("code: refused", "attempts: 3", "instance: w1", f"trace: {TRACE}", '  "room_id": "Mäuse"'):
        assert line in shown.splitlines()


def test_show_prints_what_is_not_json_as_it_is(operator: Operator) -> None:
    letter_id = operator.buried(operator.jobs, "not JSON")
    assert operator.says("show", letter_id).output.endswith("\nnot JSON\n")


def test_redrive_sends_the_body_back_with_no_failures_and_drops_the_letter(operator: Operator) -> None:
    letter_id = operator.buried(operator.jobs, '{"ü":1}')
    other = operator.buried(operator.jobs)
    assert operator.says("redrive", letter_id).output == f"{letter_id} is back on {operator.jobs}.\n"
    [back] = operator.on(operator.jobs)
    assert back["Body"] == '{"ü":1}'
    assert set(back["MessageAttributes"]) == {"traceparent"}
    assert [letter["id"] for letter in operator.lists()] == [other]


def test_redrive_of_all_empties_every_queue(operator: Operator) -> None:
    operator.buried(operator.jobs)
    operator.buried(operator.uploads)
    redriven = json.loads(operator.says("redrive", "--all", "--json").output)["redriven"]
    assert {letter["queue"] for letter in redriven} == {operator.jobs, operator.uploads}
    assert operator.lists() == []


@pytest.mark.parametrize("command", ["show", "redrive"])
def test_an_unknown_id_is_not_found_and_moves_nothing(operator: Operator, command: str) -> None:
    operator.buried(operator.jobs)
    assert failed_with(operator.says(command, "nobody"), NotFound, ExitCode.NOT_FOUND)
    assert len(operator.lists()) == 1
    assert operator.on(operator.jobs) == []


def test_a_letter_whose_queue_is_gone_stays_where_it_is(operator: Operator) -> None:
    operator.buried(operator.jobs)
    operator.sqs.delete_queue(QueueUrl=operator.sqs.get_queue_url(QueueName=operator.jobs)["QueueUrl"])
    assert failed_with(operator.says("redrive", "--all"), NotFound, ExitCode.NOT_FOUND)


def test_an_unknown_queue_is_not_found(operator: Operator) -> None:
    assert failed_with(operator.says("ls", "--queue", "nobody-s"), NotFound, ExitCode.NOT_FOUND)


@pytest.mark.parametrize("command", [["ls"], ["redrive", "--all"]])
def test_where_there_is_nothing_it_says_so(operator: Operator, command: list[str]) -> None:
    said = operator.says(*command)
    assert (said.exit_code, said.output) == (0, "There are no dead letters.\n")


@pytest.mark.parametrize("arguments", [[], ["an-id", "--all"]])
def test_redrive_wants_ids_or_all(operator: Operator, arguments: list[str]) -> None:
    assert operator.says("redrive", *arguments).exit_code == ExitCode.USAGE


def test_without_credentials_one_sentence_says_what_to_set(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would remember them
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    said = operator.says("ls")
    assert failed_with(said, Refused, ExitCode.REFUSED)
    assert "no AWS credentials were found" in str(said.exception)


def test_without_an_engine_it_does_not_answer(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEAP_RTC_SQS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    assert failed_with(operator.says("ls"), Unreachable, ExitCode.UNREACHABLE)
