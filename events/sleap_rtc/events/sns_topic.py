"""Adapter: the topic that fans room notifications out to every instance of the service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sleap_rtc.storage.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sns import SNSClient


def room_spoken_of(params: Mapping[str, Any]) -> str:
    """Return the room that a call of `publish` speaks of; empty for any other call."""
    message = params.get("Message")
    return str(json.loads(message)["room_id"]) if message else ""


class SnsTopic:
    """One SNS topic."""

    def __init__(self, client: SNSClient, arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, room_id: str) -> None:
        """Say that something happened in a room."""
        try:
            self._client.publish(TopicArn=self._arn, Message=json.dumps({"v": 1, "room_id": room_id}))
        except (ClientError, BotoCoreError) as error:
            raise Unreachable(where="SNS", why=type(error).__name__) from error
