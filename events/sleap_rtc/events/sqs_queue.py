"""Adapter: a queue of SQS, by aiobotocore."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from sleap_rtc.events.group_commit import GroupCommit
from sleap_rtc.events.queue import HandleDead, Message, MessageTooLarge
from sleap_rtc.storage.call_events import tell_calls
from sleap_rtc.storage.errors import NotFound, Refused, Unreachable
from sleap_rtc.storage.traffic import unheard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from sleap_rtc.storage.traffic import TrafficHook

MOST_PER_BATCH = 10
"""Entries of one DeleteMessageBatch (SQS API Reference)."""

_DEAD = {"ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight"}
_MISSING = {"NonExistentQueue", "QueueDoesNotExist"}
_DENIED = {"AccessDenied", "InvalidClientTokenId", "InvalidAccessKeyId"}
_BAD_MESSAGE = {"InvalidParameterValue", "InvalidMessageContents", "MissingParameter"}


@asynccontextmanager
async def sqs_client(
    region: str,
    endpoint_url: str | None,
    most_connections: int = 10,
    on_traffic: TrafficHook = unheard,
) -> AsyncIterator[Any]:
    """Open an SQS client, whose requests are told; credentials come from botocore's own chain.

    A long poll holds a connection.
    """
    config = AioConfig(
        retries={"mode": "standard", "max_attempts": 4},
        connect_timeout=5,
        read_timeout=40,
        max_pool_connections=most_connections,
    )
    async with get_session().create_client(
        "sqs", region_name=region, endpoint_url=endpoint_url, config=config
    ) as client:
        tell_calls(client, "sqs", on_traffic)
        yield client


def _plain(code: str) -> str:
    """Return an error code without what SQS's two protocols put around it."""
    return code.rpartition("#")[2].rpartition(".")[2].removesuffix("Exception")


@contextmanager
def _sqs_errors(name: str, *, by_handle: bool = False) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = _plain(str(error.response.get("Error", {}).get("Code", "")))
        if by_handle and code in _DEAD:
            raise HandleDead from error
        if code in _MISSING:
            raise NotFound(what=f"queue {name}") from error
        if code in _DENIED:
            raise Refused(where="SQS", why=f"{code} for {name}") from error
        if code in _BAD_MESSAGE:
            why = str(error.response["Error"].get("Message", code))
            if "must be shorter than" in why:
                raise MessageTooLarge(queue=name, why=why) from error
            raise Refused(where="SQS", why=why) from error
        raise Unreachable(where="SQS", why=code) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise Unreachable(where="SQS", why=type(error).__name__) from error


@dataclass(frozen=True)
class Standing:
    """About how many messages of a queue can be had, are held by somebody, or are not due yet."""

    waiting: int
    held: int
    delayed: int

    @property
    def all(self) -> int:
        """All of them."""
        return self.waiting + self.held + self.delayed


class SqsQueue:
    """One queue, found by its name. Deletes that come close together share one request.

    Raises:
        NotFound: there is no queue of this name (from `open`).
    """

    def __init__(self, client: Any, name: str, url: str) -> None:
        self._client = client
        self.name = name
        self._url = url
        self._deletes = GroupCommit(self._delete_batch, MOST_PER_BATCH)

    @classmethod
    async def open(cls, client: Any, name: str) -> SqsQueue:
        """Find the queue."""
        with _sqs_errors(name):
            reply = await client.get_queue_url(QueueName=name)
        return cls(client, name, reply["QueueUrl"])

    async def dead_letters(self) -> SqsQueue | None:
        """Return the queue that takes this one's poison, None if it has none."""
        with _sqs_errors(self.name):
            reply = await self._client.get_queue_attributes(
                QueueUrl=self._url, AttributeNames=["RedrivePolicy"]
            )
        policy = reply.get("Attributes", {}).get("RedrivePolicy")
        if not policy:
            return None
        arn = str(json.loads(policy)["deadLetterTargetArn"])
        return await SqsQueue.open(self._client, arn.rpartition(":")[2])

    async def depth(self) -> int:
        """Return about how many messages there are: waiting, delayed, or held by somebody."""
        return (await self.standing()).all

    async def standing(self) -> Standing:
        """Return about how many messages there are, by how they stand."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        names.append("ApproximateNumberOfMessagesDelayed")
        with _sqs_errors(self.name):
            reply = await self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        found = reply.get("Attributes", {})
        return Standing(*(int(found.get(name, 0)) for name in names))

    async def receive(self, most: int, wait_s: int, visibility_s: int) -> list[Message]:
        """Long-poll for messages."""
        with _sqs_errors(self.name):
            reply = await self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(most, 10),
                WaitTimeSeconds=wait_s,
                VisibilityTimeout=visibility_s,
                MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
                MessageAttributeNames=["All"],
            )
        return [_message(found) for found in reply.get("Messages", [])]

    async def send(self, body: str, delay_s: int = 0, attributes: Mapping[str, str] | None = None) -> None:
        """Put a message on the queue."""
        options: dict[str, Any] = {"DelaySeconds": delay_s} if delay_s else {}
        if attributes:
            options["MessageAttributes"] = {
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            }
        with _sqs_errors(self.name):
            await self._client.send_message(QueueUrl=self._url, MessageBody=body, **options)

    async def extend(self, message: Message, visibility_s: int) -> None:
        """Change the message's visibility timeout."""
        with _sqs_errors(self.name, by_handle=True):
            await self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message.receipt_handle, VisibilityTimeout=visibility_s
            )

    async def delete(self, message: Message) -> None:
        """Delete the message."""
        await self._deletes.submit(message.receipt_handle)

    async def _delete_batch(self, handles: list[str]) -> list[Exception | None]:
        entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)]
        with _sqs_errors(self.name, by_handle=True):
            reply = await self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
        answers: list[Exception | None] = [None] * len(handles)
        for failed in reply.get("Failed", []):
            code = _plain(failed["Code"])
            answers[int(failed["Id"])] = HandleDead() if code in _DEAD else Unreachable(where="SQS", why=code)
        return answers


def _message(found: dict[str, Any]) -> Message:
    system = found.get("Attributes", {})
    sent_ms = system.get("SentTimestamp")
    return Message.received(
        found["MessageId"],
        found["Body"],
        found["ReceiptHandle"],
        int(system.get("ApproximateReceiveCount", 1)),
        datetime.fromtimestamp(int(sent_ms) / 1000, UTC) if sent_ms else None,
        {
            name: value["StringValue"]
            for name, value in found.get("MessageAttributes", {}).items()
            if "StringValue" in value
        },
    )
