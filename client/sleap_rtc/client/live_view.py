"""Orchestration: a job on the whole terminal: draws what comes, gives the commands that keys stand for."""

from __future__ import annotations

import logging
import sys
import time
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

from sleap_rtc.client.job_files import save_file
from sleap_rtc.client.keyboard import keyboard
from sleap_rtc.client.live_items import Over
from sleap_rtc.client.live_keys import Give, Keyboard, Leave, Say
from sleap_rtc.client.live_model import LiveModel
from sleap_rtc.client.live_screen import LiveScreen
from sleap_rtc.storage.errors import SleapRtcError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from typing import Any

    from sleap_rtc.client.keyboard import Keys
    from sleap_rtc.client.live_job import LiveJob
    from sleap_rtc.events.api import JobView
    from sleap_rtc.events.job_commands import Command, CommandAnswer

_TICK_S = 0.1
_DRAW_AGAIN_S, _DRAW_ANYWAY_S = 0.25, 1.0
_SUMMARY_LINES = 30
_SAID_FOR_S = 15.0


class LiveView:
    """What one person sees of a job and does about it.

    Args:
        live: the job; it is open.
        keys: the keyboard.
        folder: where samples are put.
    """

    def __init__(self, live: LiveJob, keys: Keys, folder: Path) -> None:
        self.model = LiveModel(live.room_id, live.job_id)
        self._live = live
        self._keys = keys
        self._folder = folder
        self._pressed = Keyboard()
        self._said, self._said_at = "", 0.0
        self._answer: CommandAnswer | None = None
        self._under_way: list[tuple[Future[Any], Callable[[Any], None]]] = []
        self.screen = LiveScreen(self.model, lambda: live.round_trip_s, self._below)

    def run(self, console: Console) -> JobView | None:
        """Show the job until it ends, and return it then; None if the person leaves before.

        Raises:
            NotFound, Refused: as the job's items do.
        """
        with Live(self.screen, console=console, screen=True, auto_refresh=False) as display:
            drawn_at, stale = 0.0, True
            while True:
                key = self._keys.next(_TICK_S)
                stale |= self._take_items() | self._take_results()
                if key and self._press(key):
                    return None
                since_s = time.monotonic() - drawn_at
                if key or (stale and since_s >= _DRAW_AGAIN_S) or since_s >= _DRAW_ANYWAY_S:
                    display.refresh()
                    drawn_at, stale = time.monotonic(), False
                if self.model.over:
                    return self.model.job

    def _take_items(self) -> bool:
        changed = False
        while (item := self._live.next(0)) is not None:
            self.model.take(item)
            changed = True
            if isinstance(item, Over):
                break
        return changed

    def _press(self, key: str) -> bool:
        """Do what a key means; return whether that is to leave."""
        action = self._pressed.press(key, self.model)
        if isinstance(action, Say):
            self._say(action.text)
        elif isinstance(action, Give):
            self._give(action.command)
        return isinstance(action, Leave)

    def _give(self, command: Command) -> None:
        self._say(f"{command.name}: asked …")
        self._under_way.append(
            (self._live.ask_later(command), lambda answer: self._answered(command, answer))
        )

    def _answered(self, command: Command, answer: CommandAnswer) -> None:
        self._say(f"{command.name}: {answer.text}")
        self._answer = answer
        for name in answer.files:
            self._say(f"{command.name}: {name} is on its way …")
            self._under_way.append((self._live.fetch_later(name), partial(self._save, name)))

    def _save(self, name: str, content: bytes) -> None:
        self._say(f"The sample is here: {save_file(self._folder / name, content)}")

    def _take_results(self) -> bool:
        done = [each for each in self._under_way if each[0].done()]
        self._under_way = [each for each in self._under_way if not each[0].done()]
        for future, then in done:
            try:
                then(future.result())
            except (SleapRtcError, CancelledError) as error:
                self._say(str(error))
        return bool(done)

    def _say(self, text: str) -> None:
        self._said, self._answer, self._said_at = text, None, time.monotonic()

    def _below(self) -> Text:
        if self._pressed.prompt:
            return Text(self._pressed.prompt, "bold yellow")
        # Among the answers that everybody sees it may stand already.
        told = self._answer is not None and any(each.answer == self._answer for each in self.model.answers)
        old = not self._under_way and time.monotonic() - self._said_at > _SAID_FOR_S
        return Text("" if told or old else self._said, "yellow")


def has_whole_terminal() -> bool:
    """Tell whether there is a terminal to draw on and to read keys from."""
    console = Console()
    return console.is_terminal and not console.is_dumb_terminal and sys.stdin.isatty()


def watch_on_terminal(live: LiveJob) -> JobView | None:
    """Show a job on the whole terminal until it ends or the person leaves; then what was known of it last.

    Raises:
        KeyboardInterrupt: Ctrl-C; the job goes on.
        NotFound, Refused: as the job's items do.
    """
    console = Console(highlight=False)
    with logs_aside(), keyboard() as keys, live:
        view = LiveView(live, keys, Path.cwd())
        try:
            return view.run(console)
        finally:
            view.screen.with_keys = False
            console.print(view.screen, height=min(_SUMMARY_LINES, max(8, console.height - 2)))


@contextmanager
def logs_aside() -> Iterator[None]:
    """Keep what the parts log off the terminal while the block runs, unless it goes elsewhere anyway."""
    nowhere = logging.NullHandler()
    logging.getLogger().addHandler(nowhere)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(nowhere)
