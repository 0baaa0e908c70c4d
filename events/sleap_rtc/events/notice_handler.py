"""Orchestration: one message with notices of S3, record by record.

A record that fails or is refused does not take the others along: those that are done are remembered on the
message, and not handled again when it comes back.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sleap_rtc.events.delivery import trouble_of
from sleap_rtc.events.notices import NoticeUnreadable, parse_notices
from sleap_rtc.events.outcome import Done, Outcome, Poison, Unfinished
from sleap_rtc.storage.errors import SleapRtcError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sleap_rtc.events.notices import ObjectCreated
    from sleap_rtc.events.queue import Message

log = logging.getLogger(__name__)


class NoticeRefused(SleapRtcError):
    """{reason}"""

    code: str
    reason: str


async def handle_notices(message: Message, act: Callable[[ObjectCreated], Awaitable[None]]) -> Outcome:
    """Act on every notice of a message that is not done yet.

    Args:
        message: one delivery.
        act: acts on one notice; raises NoticeRefused for what can never be acted on.
    """
    try:
        notices = parse_notices(message.body)
    except NoticeUnreadable as unreadable:
        return Poison(unreadable.code, str(unreadable))
    done: set[str] = set()
    refused: list[NoticeRefused] = []
    failed: Exception | None = None
    for notice in notices:
        if notice.identity in message.done | done:
            continue
        try:
            await act(notice)
        except NoticeRefused as refusal:
            refused.append(refusal)
        except SleapRtcError as error:
            failed = error
        except Exception as error:
            log.exception("notice %s failed", notice.identity)
            failed = error
        else:
            done.add(notice.identity)
    if failed is not None:
        return Unfinished(trouble_of(failed), str(failed) or type(failed).__name__, frozenset(done))
    if refused:
        return Poison(refused[0].code, "; ".join(map(str, refused)))
    return Done()
