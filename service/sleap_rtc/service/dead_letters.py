"""Adapter: the dead letters of all queues, as the operator reads them and sends them back.

Looking takes the letters off the queue for a moment and gives them back at once: SQS has no other way.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, NoCredentialsError, PartialCredentialsError

from sleap_rtc.events.bookkeeping import TRACEPARENT
from sleap_rtc.events.dead_letter import DeadLetter
from sleap_rtc.events.trace import trace_id
from sleap_rtc.service.provision import aws_errors
from sleap_rtc.service.topology import DEAD_LETTER_SUFFIX, topology
from sleap_rtc.storage.errors import NotFound, Refused
from sleap_rtc.storage.s3_client import error_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

    from sleap_rtc.settings import Settings

_LOOKED_AT_FOR_S = 120
_WAIT_S = 1  # a long poll asks all of SQS's servers, a short one only some
_MOST_PER_REQUEST = 10
_MOST_AT_ONCE = 16
_DENIED = {"AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "UnrecognizedClientException"}


@dataclass(frozen=True)
class Letter:
    """One message in the dead letters. Copies of one message are one letter.

    Args:
        letter_id: the message's id on the queue that it came from.
        queue: that queue's name.
        body: the message as it was sent.
        known: what the consumer wrote on it, None if SQS's own redrive moved it.
        since: when it was buried, or, where SQS moved it, sent.
        receive_count: how often SQS delivered it.
        traceparent: the W3C trace context that it belongs to.
        receipt_handles: of every copy.
    """

    letter_id: str
    queue: str
    body: str
    known: DeadLetter | None
    since: datetime
    receive_count: int
    traceparent: str
    receipt_handles: tuple[str, ...]

    @property
    def code(self) -> str:
        """The stable code of the reason."""
        return self.known.reason_code if self.known else "redriven_by_sqs"

    @property
    def reason(self) -> str:
        """Why it is here, in words."""
        return self.known.reason if self.known else f"received {self.receive_count} times, moved by SQS"

    @property
    def trace(self) -> str:
        """The trace id, empty if it has none."""
        return trace_id(self.traceparent) or ""

    def described(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        known = self.known
        return {
            "id": self.letter_id,
            "queue": self.queue,
            "code": self.code,
            "reason": self.reason,
            "attempts": known.attempts if known else None,
            "receive_count": known.receive_count if known else self.receive_count,
            "since": self.since.isoformat(),
            "sent_at": known.sent_at.isoformat() if known and known.sent_at else None,
            "instance": known.instance if known else "",
            "trace": self.trace,
            "body": self.body,
        }


class DeadLetters:
    """The dead letters of the queues that these settings name.

    Every method raises Unreachable where the queue service does not answer, and Refused without credentials.
    """

    def __init__(self, sqs: SQSClient, settings: Settings) -> None:
        self._sqs = sqs
        self._reactor_queues = {spec.name for spec in topology(settings).queues}
        self._job_queues = f"{settings.job_queue_prefix}-"

    def queues(self, only: str | None = None) -> list[str]:
        """Return the queues that have dead letters of their own, or the one of this name.

        Raises:
            NotFound: `only` names none of them.
        """
        with _operator_errors():
            pages = self._sqs.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 1000})
            found = [url.rpartition("/")[2] for page in pages for url in page.get("QueueUrls", [])]
        ours = sorted(
            name.removesuffix(DEAD_LETTER_SUFFIX)
            for name in found
            if name.endswith(DEAD_LETTER_SUFFIX) and self._is_ours(name.removesuffix(DEAD_LETTER_SUFFIX))
        )
        if only is None:
            return ours
        wanted = only.removesuffix(DEAD_LETTER_SUFFIX)
        if wanted not in ours:
            raise NotFound(what=f"queue {wanted} with dead letters")
        return [wanted]

    def _is_ours(self, name: str) -> bool:
        return name in self._reactor_queues or name.startswith(self._job_queues)

    def letters(self, only: str | None = None) -> list[Letter]:
        """Return all letters, the oldest first, and leave them where they are."""
        taken = self._taken_from(self.queues(only))
        for queue, letters in taken.items():
            self._give_back(queue, letters)
        return [letter for letters in taken.values() for letter in letters]

    def letter(self, letter_id: str, only: str | None = None) -> Letter:
        """Return one letter. Raises NotFound."""
        for letter in self.letters(only):
            if letter.letter_id == letter_id:
                return letter
        raise NotFound(what=f"dead letter {letter_id}")

    def redrive(self, letter_ids: Iterable[str] | None, only: str | None = None) -> list[Letter]:
        """Send letters back to the queues that they came from, with no failures counted; return them.

        Args:
            letter_ids: which; None for all.
            only: the queue to look in.

        Raises:
            NotFound: there is no letter with one of the ids, and then none was sent; or the queue that one
                came from is gone.
        """
        wanted = None if letter_ids is None else set(letter_ids)
        taken = self._taken_from(self.queues(only))
        chosen = [
            letter
            for letters in taken.values()
            for letter in letters
            if wanted is None or letter.letter_id in wanted
        ]
        unknown = (wanted or set()) - {letter.letter_id for letter in chosen}
        for queue, letters in taken.items():
            self._give_back(queue, [letter for letter in letters if unknown or letter not in chosen])
        if unknown:
            raise NotFound(what=f"dead letter {', '.join(sorted(unknown))}")
        for letter in chosen:
            self._send_back(letter)
        return chosen

    def _send_back(self, letter: Letter) -> None:
        trace = {TRACEPARENT: letter.traceparent} if letter.traceparent else {}
        with _operator_errors():
            self._sqs.send_message(
                QueueUrl=self._url(letter.queue),
                MessageBody=letter.body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in trace.items()
                },
            )
            url = self._url(letter.queue + DEAD_LETTER_SUFFIX)
            for handle in letter.receipt_handles:
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)

    def _url(self, name: str) -> str:
        try:
            return self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
        except self._sqs.exceptions.QueueDoesNotExist:
            raise NotFound(what=f"queue {name}") from None

    def _taken_from(self, queues: list[str]) -> dict[str, list[Letter]]:
        with ThreadPoolExecutor(_MOST_AT_ONCE) as threads:
            return dict(zip(queues, threads.map(self._taken, queues), strict=True))

    def _give_back(self, queue: str, letters: list[Letter]) -> None:
        """Let the next command see these letters at once."""
        handles = [handle for letter in letters for handle in letter.receipt_handles]
        with _operator_errors():
            for start in range(0, len(handles), _MOST_PER_REQUEST):
                self._sqs.change_message_visibility_batch(
                    QueueUrl=self._url(queue + DEAD_LETTER_SUFFIX),
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                        for number, handle in enumerate(handles[start : start + _MOST_PER_REQUEST])
                    ],
                )

    def _taken(self, queue: str) -> list[Letter]:
        """Take every letter of a queue, until one comes twice or none comes any more."""
        found: dict[str, MessageTypeDef] = {}
        with _operator_errors():
            url = self._url(queue + DEAD_LETTER_SUFFIX)
            while True:
                messages = self._sqs.receive_message(
                    QueueUrl=url,
                    MaxNumberOfMessages=_MOST_PER_REQUEST,
                    VisibilityTimeout=_LOOKED_AT_FOR_S,
                    WaitTimeSeconds=_WAIT_S,
                    MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
                    MessageAttributeNames=["All"],
                ).get("Messages", [])
                seen_before = any(message["MessageId"] in found for message in messages)
                found |= {message["MessageId"]: message for message in messages}
                if not messages or seen_before:
                    break
        return _merged(_letter(queue, message) for message in found.values())


def _letter(queue: str, message: MessageTypeDef) -> Letter:
    attributes = {
        name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()
    }
    known = DeadLetter.read(attributes)
    system = message["Attributes"]
    sent_at = datetime.fromtimestamp(int(system["SentTimestamp"]) / 1000, UTC)
    return Letter(
        letter_id=known.message_id if known else message["MessageId"],
        queue=queue,
        body=message["Body"],
        known=known,
        since=known.buried_at if known else sent_at,
        # Looking at it is a receipt too.
        receive_count=int(system["ApproximateReceiveCount"]) - 1,
        traceparent=attributes.get(TRACEPARENT) or _traceparent_in(message["Body"]),
        receipt_handles=(message["ReceiptHandle"],),
    )


def _traceparent_in(body: str) -> str:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    noted = found.get(TRACEPARENT, "") if isinstance(found, dict) else ""
    return noted if isinstance(noted, str) else ""


def _merged(letters: Iterable[Letter]) -> list[Letter]:
    """Make copies of one message one letter; the oldest letter comes first."""
    merged: dict[str, Letter] = {}
    for letter in sorted(letters, key=lambda letter: letter.since):
        known = merged.setdefault(letter.letter_id, letter)
        if known is not letter:
            handles = (*known.receipt_handles, *letter.receipt_handles)
            merged[letter.letter_id] = replace(known, receipt_handles=handles)
    return list(merged.values())


@contextmanager
def _operator_errors() -> Iterator[None]:
    with aws_errors("The queue service"):
        try:
            yield
        except (NoCredentialsError, PartialCredentialsError) as error:
            why = "no AWS credentials were found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret"
            raise Refused(where="The queue service", why=why) from error
        except ClientError as error:
            if error_code(error) not in _DENIED:
                raise
            raise Refused(where="The queue service", why=f"{error_code(error)}; {error}") from error
