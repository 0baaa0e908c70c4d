"""Orchestration: a transfer of a job, the dataset or the model, as people watch it and command it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Literal

from sleap_rtc.events.job_commands import (
    CancelTransfer,
    CommandAnswer,
    Pause,
    Resume,
    TellTransfer,
)
from sleap_rtc.events.job_progress import MOST_TEXT_CHARACTERS, TransferMoved
from sleap_rtc.storage.progress import TransferProgress
from sleap_rtc.storage.transfer_hold import TransferHold
from sleap_rtc.storage.transfer_meter import TransferMeter

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.events.job_commands import Command
    from sleap_rtc.events.job_progress import JobEvent
    from sleap_rtc.storage.stop_signal import StopSignal

State = Literal["running", "paused", "done", "failed", "cancelled"]


class TransferStage:
    """One transfer.

    Args:
        direction: `download` brings the dataset, `upload` sends what the job made.
        name: of what travels.
        total_bytes: its size.
        stop: ends it, since everything ends.
        tell: tells everybody who watches.
        clock: seconds that only go forward.
        made: what the job made, in a word.
    """

    def __init__(
        self,
        direction: Literal["download", "upload"],
        name: str,
        total_bytes: int,
        stop: StopSignal,
        tell: Callable[[JobEvent], None],
        clock: Callable[[], float] = time.monotonic,
        made: str = "model",
    ) -> None:
        self.hold = TransferHold(stop)
        self._direction = direction
        self._way = "download of the dataset" if direction == "download" else f"upload of the {made}"
        self._name = name[:MOST_TEXT_CHARACTERS]
        self._tell = tell
        self._clock = clock
        self._lock = threading.Lock()
        self._meter = TransferMeter()
        self._last = TransferProgress(0, total_bytes)

    @property
    def held(self) -> bool:
        """Whether somebody paused it."""
        return self.hold.held

    def moved(self, progress: TransferProgress, /) -> None:
        """Take note of how far it is (a `ProgressHook`)."""
        with self._lock:
            self._last = progress
            self._meter.note(progress, self._clock())
        self._say("paused" if self.held else "running")

    def done(self) -> None:
        """Say that it is through."""
        with self._lock:
            self._last = TransferProgress(self._last.total_bytes, self._last.total_bytes)
        self._say("done")

    def failed(self, why: str) -> None:
        """Say that it did not get through."""
        self._say("failed", why)

    def pause(self) -> None:
        """Begin held."""
        self.hold.hold()
        self._say("paused")

    def obey(self, command: Command, command_id: str, by: str) -> CommandAnswer:
        """Carry a command out, or say why not."""
        del command_id
        way = self._way
        match command:
            case Pause() | Resume():
                return self._hold_or_release(way, hold=isinstance(command, Pause))
            case TellTransfer():
                return self._answer(self._in_words(way))
            case CancelTransfer():
                self.hold.cancel(by)
                self._say("cancelled", f"by {by}")
                return self._answer(f"the {way} is given up, and the job ends with it")
        return CommandAnswer.refused(
            f"this needs a training, and the {way} is under way; `sleap-rtc jobs cancel` ends the job"
        )

    def _hold_or_release(self, way: str, *, hold: bool) -> CommandAnswer:
        if hold == self.held:
            return self._answer(f"the {way} was held already" if hold else f"the {way} goes on already")
        if hold:
            self.pause()
            return self._answer(f"the {way} is held; what has arrived stays")
        self.hold.release()
        self._say("running")
        return self._answer(f"the {way} goes on from where it was")

    def _in_words(self, way: str) -> str:
        now = self._clock()
        with self._lock:
            rate, trouble = self._meter.rate(now), self._last.trouble
        if self.held:
            how = "it is held"
        elif trouble:
            how = f"nothing moves: {trouble}"
        else:
            left = f", {rate.eta_s:.0f} s left" if rate.eta_s is not None else ""
            how = f"{rate.bytes_per_s / 1e6:.1f} MB/s{left}"
        return f"{way}: {self._last.done_bytes:,} of {self._last.total_bytes:,} bytes, {how}"

    def _answer(self, text: str) -> CommandAnswer:
        values = {"done_bytes": self._last.done_bytes, "total_bytes": self._last.total_bytes}
        return CommandAnswer(outcome="done", text=text[:1000], values=values)

    def _say(self, state: State, trouble: str = "") -> None:
        now = self._clock()
        with self._lock:
            speed, last = self._meter.rate(now).bytes_per_s, self._last
        moved = TransferMoved(
            direction=self._direction,
            name=self._name,
            done_bytes=last.done_bytes,
            total_bytes=last.total_bytes,
            bytes_per_s=speed,
            state=state,
            trouble=(trouble or last.trouble)[:MOST_TEXT_CHARACTERS],
        )
        self._tell(moved)
