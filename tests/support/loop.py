"""Runs what is asynchronous inside a test."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import looptime

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_S = 30.0
LONGEST_WITH_PROCESSES_S = 180.0
LONGEST_VIRTUAL_S = 30 * 86_400.0


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; what hangs fails."""
    return asyncio.run(asyncio.wait_for(work, LONGEST_S))


def run_in_virtual_time(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; hours of waiting take no time, and what would wait a month fails."""
    with asyncio.Runner(
        loop_factory=lambda: looptime.new_event_loop(start=0, end=LONGEST_VIRTUAL_S)
    ) as runner:
        return runner.run(work)


def in_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Let a test be a coroutine."""
    return _ordinary(test, run)


def in_loop_with_processes(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Let a test that starts programs be a coroutine: on a machine with much to do they take their time."""

    def run_longer(work: Coroutine[Any, Any, None]) -> None:
        asyncio.run(asyncio.wait_for(work, LONGEST_WITH_PROCESSES_S))

    return _ordinary(test, run_longer)


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Let a test be a coroutine whose waits take no time."""
    return _ordinary(test, run_in_virtual_time)


def _ordinary(
    test: Callable[P, Coroutine[Any, Any, None]], run_test: Callable[[Coroutine[Any, Any, None]], None]
) -> Callable[P, None]:
    @functools.wraps(test)
    def ordinary(*args: P.args, **kwargs: P.kwargs) -> None:
        run_test(test(*args, **kwargs))

    return ordinary


async def until(true: Callable[[], bool]) -> None:
    """Let the others go on until something is true."""
    while not true():  # noqa: ASYNC110 # what is waited for has no event
        await asyncio.sleep(0.005)
