"""Orchestration: lets callers who come close together share one request, as databases commit in groups.

What waits when a request starts goes with it; what comes meanwhile waits for the next one. A lone caller
waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class GroupCommit:
    """Gathers what is submitted into batches.

    Args:
        commit: sends one batch; returns for each entry None, or the error that its caller is to see. What it
            raises, every caller of the batch sees.
        most: how many entries a batch may have.
    """

    def __init__(self, commit: Callable[[list[str]], Awaitable[list[Exception | None]]], most: int) -> None:
        self._commit = commit
        self._most = most
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._flushing: asyncio.Task[None] | None = None

    async def submit(self, entry: str) -> None:
        """Send an entry with the next batch, and wait for its answer."""
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, answered))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        await answered

    async def _flush(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            answers: list[Exception | None]
            try:
                answers = await self._commit([entry for entry, _ in batch])
            except Exception as error:  # it is raised again where it belongs
                answers = [error] * len(batch)
            for (_, answered), error_or_none in zip(batch, answers, strict=True):
                if answered.done():
                    continue  # its caller was cancelled
                if error_or_none is None:
                    answered.set_result(None)
                else:
                    answered.set_exception(error_or_none)
        self._flushing = None
