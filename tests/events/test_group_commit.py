"""Callers who come close together share one request, and each gets his own answer."""

from __future__ import annotations

import asyncio

import pytest
from support.loop import in_virtual_time

from sleap_rtc.events.group_commit import GroupCommit


class Server:
    """Takes a second for each request."""

    def __init__(self, **errors: Exception) -> None:
        self.batches: list[list[str]] = []
        self.errors = errors
        self.down = False

    async def __call__(self, entries: list[str]) -> list[Exception | None]:
        self.batches.append(entries)
        await asyncio.sleep(1)
        if self.down:
            raise ZeroDivisionError
        return [self.errors.get(entry) for entry in entries]


@in_virtual_time
async def test_a_lone_caller_waits_for_nobody() -> None:
    server = Server()
    await GroupCommit(server, 10).submit("a")
    assert server.batches == [["a"]]
    assert asyncio.get_running_loop().time() == pytest.approx(1)


@in_virtual_time
async def test_what_comes_during_a_request_shares_the_next_one() -> None:
    server = Server()
    group = GroupCommit(server, 10)
    first = asyncio.create_task(group.submit("a"))
    await asyncio.sleep(0.5)
    await asyncio.gather(first, *(group.submit(entry) for entry in "bcd"))
    assert server.batches == [["a"], ["b", "c", "d"]]


@in_virtual_time
async def test_no_request_has_more_entries_than_it_may() -> None:
    server = Server()
    await asyncio.gather(*map(GroupCommit(server, 10).submit, map(str, range(25))))
    assert [len(batch) for batch in server.batches] == [10, 10, 5]


@in_virtual_time
async def test_each_caller_gets_his_own_answer() -> None:
    submit = GroupCommit(Server(b=KeyError("b")), 10).submit
    answers = await asyncio.gather(submit("a"), submit("b"), submit("c"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None), KeyError, type(None)]


@in_virtual_time
async def test_a_request_that_fails_fails_for_all_in_it_and_the_next_one_is_tried() -> None:
    server = Server()
    group = GroupCommit(server, 10)
    server.down = True
    answers = await asyncio.gather(group.submit("a"), group.submit("b"), return_exceptions=True)
    server.down = False
    await group.submit("c")
    assert [type(answer) for answer in answers] == [ZeroDivisionError] * 2


@in_virtual_time
async def test_a_caller_who_goes_away_does_not_disturb_the_others() -> None:
    group = GroupCommit(Server(a=KeyError("a")), 10)
    gone, stays = asyncio.create_task(group.submit("a")), asyncio.create_task(group.submit("b"))
    await asyncio.sleep(0.5)
    gone.cancel()
    await stays
    await group.submit("c")
