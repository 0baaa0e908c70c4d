"""Adapter: what the terminal, or a script, is shown of a job that goes straight to a worker."""

from __future__ import annotations

import json
import sys
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from sleap_rtc.client.display import JsonWatcher, console, transfer_bar
from sleap_rtc.client.live_json import live_line
from sleap_rtc.client.live_words import LiveWords
from sleap_rtc.events.job_progress import LineLogged

if TYPE_CHECKING:
    from types import TracebackType

    from sleap_rtc.client.gui_bridge import GuiBridge
    from sleap_rtc.events.job_progress import Told
    from sleap_rtc.storage.progress import ProgressHook

_STEPS = {
    "connected": "Connected; sending the package.",
    "sent": "The worker has the package and unpacks it.",
    "started": "{job} begins.",
    "ended": "{job} is done.",
    "failed": "{job} failed.",
    "results": "Receiving the results.",
    "again": "The connection was cut; connecting again.",
}


class _Show(ABC):
    """Has a hook for the file that is under way; each transfer is shown to its end before what comes next."""

    def __init__(self) -> None:
        self.sending: ProgressHook = _nothing
        self.receiving: ProgressHook = _nothing
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what is under way."""
        self._open.close()

    def on_step(self, step: str, job: str) -> None:
        """Take a step."""
        del job
        self._open.close()
        self.sending = self._hook(f"Sending {self._sent_name}") if step == "connected" else _nothing
        self.receiving = self._hook("Receiving the results") if step == "results" else _nothing

    _sent_name = "the package"

    @abstractmethod
    def _hook(self, title: str) -> ProgressHook:
        """Return what shows one transfer."""


class TextShow(_Show):
    """Prints lines as they come, and a bar for each of the two files; lines that redraw stay one line."""

    def __init__(self, sent_name: str) -> None:
        super().__init__()
        self._sent_name = sent_name
        self._redrawing = False
        self._words = LiveWords()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what is under way, with a line of its own."""
        self._end_redraw()
        super().__exit__(kind, error, trace)

    def on_line(self, text: str, *, redraws: bool) -> None:
        """Print a line; on a pipe those that redraw would be thousands."""
        if redraws and not console.is_terminal:
            return
        if redraws:
            shown = "".join(c for c in text if c.isprintable())[: console.width - 3]
            sys.stdout.write(f"\r\x1b[2K  {shown}")
            sys.stdout.flush()
            self._redrawing = True
            return
        self._end_redraw()
        console.print(f"  {text}", style="dim", markup=False)

    def on_step(self, step: str, job: str) -> None:
        """Print a step."""
        self._end_redraw()
        super().on_step(step, job)
        console.print(_STEPS[step].format(job=job), markup=False)

    def on_report(self, told: str) -> None:
        """Leave out what the engine says to programs."""

    def on_told(self, told: Told) -> None:
        """Print what a worker of this tool tells, progress once a second."""
        for line in self._words.lines(told, time.monotonic()):
            self._end_redraw()
            console.print(line, markup=False)

    def _hook(self, title: str) -> ProgressHook:
        return self._open.enter_context(transfer_bar(title))

    def _end_redraw(self) -> None:
        if self._redrawing:
            sys.stdout.write("\n")
            self._redrawing = False


class JsonShow(_Show):
    """Prints JSON lines."""

    def __init__(self, lines: JsonWatcher) -> None:
        super().__init__()
        self._lines = lines

    def on_line(self, text: str, *, redraws: bool) -> None:
        """Print a line that stays."""
        if not redraws:
            self._lines.tell("log", line=text)

    def on_step(self, step: str, job: str) -> None:
        """Print a step."""
        super().on_step(step, job)
        self._lines.tell("step", step=step, job=job)

    def on_report(self, told: str) -> None:
        """Print what the engine said, as JSON if it is any."""
        try:
            content: Any = json.loads(told)
        except ValueError:
            content = told
        self._lines.tell("report", report=content)

    def on_told(self, told: Told) -> None:
        """Print what a worker of this tool tells."""
        if isinstance(told.event, LineLogged):
            self._lines.tell("log", line=told.event.text)
        else:
            line = live_line(told)
            self._lines.tell("told", **{name: value for name, value in line.items() if name != "type"})

    def _hook(self, title: str) -> ProgressHook:
        del title
        return self._open.enter_context(self._lines.transfer())


class WithGui:
    """Shows the same to the monitor of a SLEAP on this machine."""

    def __init__(self, show: TextShow | JsonShow, gui: GuiBridge) -> None:
        self._show = show
        self._gui = gui

    @property
    def sending(self) -> ProgressHook:
        """Of the show."""
        return self._show.sending

    @property
    def receiving(self) -> ProgressHook:
        """Of the show."""
        return self._show.receiving

    def on_line(self, text: str, *, redraws: bool) -> None:
        """Show a line."""
        self._show.on_line(text, redraws=redraws)

    def on_step(self, step: str, job: str) -> None:
        """Show a step; a new configuration begins a new curve."""
        self._show.on_step(step, job)
        if step == "started":
            self._gui.job_started(job)

    def on_report(self, told: str) -> None:
        """Pass on what the engine said."""
        self._show.on_report(told)
        self._gui.report(told)


def _nothing(_: object) -> None:
    """Show nothing."""
