"""Adapter: a queue of SQS, by aiobotocore."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from sleap_rtc.events.queue import HandleDead, Message
from sleap_rtc.storage.errors import NotFound, Refused, Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

from contextlib import contextmanager

_DEAD = {"ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight"}
_MISSING = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
_DENIED = {"AccessDenied", "InvalidClientTokenId", "AccessDeniedException", "InvalidAccessKeyId"}


@asynccontextmanager
async def sqs_client(region: str, endpoint_url: str | None) -> AsyncIterator[Any]:
    """Open an SQS client; credentials come from botocore's own chain."""
    config = AioConfig(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=40)
    async with get_session().create_client(
        "sqs", region_name=region, endpoint_url=endpoint_url, config=config
    ) as client:
        yield client


@contextmanager
def _sqs_errors(name: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "")).split("#")[-1]
        if code in _DEAD:
            raise HandleDead from error
        if code in _MISSING:
            raise NotFound(what=f"queue {name}") from error
        if code in _DENIED:
            raise Refused(where="SQS", why=f"{code} for {name}") from error
        raise Unreachable(where="SQS", why=code) from error
    except BotoCoreError as error:
        raise Unreachable(where="SQS", why=type(error).__name__) from error


class SqsQueue:
    """One queue, found by its name.

    Raises:
        NotFound: there is no queue of this name (from `open`).
    """

    def __init__(self, client: Any, name: str, url: str) -> None:
        self._client = client
        self.name = name
        self._url = url

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

    async def receive(self, most: int, wait_s: int, visibility_s: int) -> list[Message]:
        """Long-poll for messages."""
        with _sqs_errors(self.name):
            reply = await self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(most, 10),
                WaitTimeSeconds=wait_s,
                VisibilityTimeout=visibility_s,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [
            Message(
                found["MessageId"],
                found["Body"],
                found["ReceiptHandle"],
                int(found.get("Attributes", {}).get("ApproximateReceiveCount", 1)),
            )
            for found in reply.get("Messages", [])
        ]

    async def send(self, body: str) -> None:
        """Put a message on the queue."""
        with _sqs_errors(self.name):
            await self._client.send_message(QueueUrl=self._url, MessageBody=body)

    async def extend(self, message: Message, visibility_s: int) -> None:
        """Change the message's visibility timeout."""
        with _sqs_errors(self.name):
            await self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message.receipt_handle, VisibilityTimeout=visibility_s
            )

    async def delete(self, message: Message) -> None:
        """Delete the message."""
        with _sqs_errors(self.name):
            await self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt_handle)
