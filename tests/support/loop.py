"""Runs what is asynchronous inside a test."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_S = 30.0


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; what hangs fails."""
    return asyncio.run(asyncio.wait_for(work, LONGEST_S))


def in_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Let a test be a coroutine."""

    @functools.wraps(test)
    def ordinary(*args: P.args, **kwargs: P.kwargs) -> None:
        run(test(*args, **kwargs))

    return ordinary


async def until(true: Callable[[], bool]) -> None:
    """Let the others go on until something is true."""
    while not true():  # noqa: ASYNC110 # what is waited for has no event
        await asyncio.sleep(0.005)
