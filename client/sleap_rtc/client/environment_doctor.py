"""Orchestration: checks a deployed environment from outside, by doing each thing once.

What rests on something that failed is not tried, and says so. Whatever was made is removed again.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sleap_rtc.client.environment_check import NotTried, Outcome, not_tried, tried
from sleap_rtc.client.environment_room import CheckRoom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sleap_rtc.client.environment_address import ServiceAddress
    from sleap_rtc.client.environment_check import Check
    from sleap_rtc.client.environment_operator import Operator
    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.client.uploader import S3Uploader

_UPLOAD = ("upload", "strangers", "upload event")
_ROOM = (*_UPLOAD, "notifications", "publishing", "signaling", "removal")
_OPERATOR = ("dead letters", "alarms", "alarm bell")
_SIGN_IN = "sign in: `sleap-rtc login`, or set SLEAP_RTC_TOKEN to a token that holds"
_LOG = "look into the service's log"
_ROLE = "look whether the credentials here are of the operator's role in the environment's AWS account"


class EnvironmentDoctor:
    """Checks one environment.

    Args:
        address: of the service.
        service: the same, asked with the caller's token.
        uploader: sends a dataset.
        registers: takes a place among the live peers of a room.
        operator: returns what AWS credentials let one see; raises NotTried without any.
        within_s: how long to wait for what an event brings.
    """

    def __init__(
        self,
        address: ServiceAddress,
        service: ServiceClient,
        uploader: S3Uploader,
        registers: Callable[[str], str],
        operator: Callable[[], Operator],
        within_s: float,
    ) -> None:
        self._address = address
        self._service = service
        self._uploader = uploader
        self._registers = registers
        self._operator = operator
        self._within_s = within_s

    def examine(self) -> Iterator[Check]:
        """Yield each check as soon as it is done."""
        there = tried(
            "address", self._address.answers, "look at backend_api_url, the DNS name and the balancer"
        )
        yield there
        if there.outcome is Outcome.OK:
            yield tried("ready", self._address.is_ready, _LOG)
            yield tried("metrics", self._address.has_metrics, _LOG)
            yield from self._with_token()
        else:
            why = "The service does not answer."
            yield from not_tried(("ready", "metrics", "token", *_ROOM), why)
        yield from self._as_operator()

    def _as_operator(self) -> Iterator[Check]:
        try:
            operator = self._operator()
        except NotTried as missing:
            yield from not_tried(_OPERATOR, str(missing), missing.advice)
            return
        yield tried("dead letters", operator.dead_letters, _ROLE)
        alarms = tried("alarms", operator.alarms, _ROLE)
        yield alarms
        if alarms.outcome is Outcome.OK:
            yield tried("alarm bell", operator.bell, _ROLE)
        else:
            yield from not_tried(_OPERATOR[2:], "The alarms are not as they have to be.")

    def _with_token(self) -> Iterator[Check]:
        token = tried("token", self._who, _SIGN_IN)
        yield token
        if token.outcome is not Outcome.OK:
            yield from not_tried(_ROOM, "There is no token that holds.")
            return
        made: list[CheckRoom] = []

        def opened() -> str:
            made.append(CheckRoom(self._service, self._uploader, self._within_s))
            return f"room {made[0].room_id}"

        room = tried("room", opened, _LOG)
        yield room
        if room.outcome is not Outcome.OK:
            yield from not_tried(_ROOM, "No room could be opened for it.")
            return
        try:
            yield from self._in_room(made[0])
        finally:
            removed = tried("removal", made[0].remove, "run this again: it removes what earlier checks left")
        yield removed

    def _in_room(self, room: CheckRoom) -> Iterator[Check]:
        upload = tried("upload", room.upload, _LOG)
        yield upload
        if upload.outcome is Outcome.OK:
            yield tried("strangers", room.stranger, _LOG)
            yield tried("upload event", room.upload_notice, _LOG)
        else:
            yield from not_tried(_UPLOAD[1:], "The upload failed.")
        yield tried("notifications", room.notifications, _LOG)
        yield tried("publishing", room.publish, _LOG)
        yield tried("signaling", partial(self._registers, room.room_id), "look at the balancer's way to /ws")

    def _who(self) -> str:
        caller = self._service.who_am_i()
        return f"valid, made for {caller.name}"
