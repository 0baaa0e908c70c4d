"""Adapter: the way of a job's events and commands through its record, for those who have no live path here.

While the record says that somebody watches, what the run tells is written to the room in pieces, and at the
end once more; nobody watching costs no request. A command that stands in the record is obeyed in a thread of
its own, and the answer is written there. A store that is away costs time, never the job: what was not written
is part of the next piece.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from sleap_rtc.events.job_asks import Attention, open_commands
from sleap_rtc.events.job_commands import MOST_ANSWER_CHARACTERS, CommandAnswer
from sleap_rtc.events.job_reports import Obeyed
from sleap_rtc.events.jobs import LeaseLost
from sleap_rtc.events.tracing import in_this_span
from sleap_rtc.events.worker_facts import CommandCame
from sleap_rtc.storage.errors import NotFound, SleapRtcError
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sleap_rtc.events.job_commands import AskedCommand
    from sleap_rtc.events.job_desk import JobDesk
    from sleap_rtc.events.job_progress import Told
    from sleap_rtc.events.job_reports import Hold
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.live.job_board import JobRun

log = logging.getLogger(__name__)

WRITE_EVERY_S = 2.0
"""1,800 PUTs in an hour that is watched: $0.009 at $0.005 per 1,000 (S3 in us-east-1, November 2026)."""
_PIECE_CHARACTERS = 256 * 1024
# Commands take effect in the order in which they were given, but one that hangs holds up the next no longer.
_TURN_S = 2.0
# What a store that hangs may cost at the end of a job.
_LAST_WORDS_S = 10.0


class JobRelay:
    """Relays one run of a job while it is entered. What the run tells before it is left is written.

    Args:
        desk: where the record is.
        hold: of the job.
        run: what is told, and what obeys.
    """

    def __init__(self, desk: JobDesk, hold: Hold, run: JobRun) -> None:
        self._desk = desk
        self._hold = hold
        self._run = run
        self._attention = Attention()
        self._written = 0
        self._news = threading.Event()
        self._left = threading.Event()
        self._unwatch = run.watch(self._news.set)
        self._begun: set[str] = set()
        self._answers: dict[str, CommandAnswer] = {}
        self._asked: queue.SimpleQueue[AskedCommand | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=in_this_span(self._write), name="job-relay", daemon=True),
            threading.Thread(target=in_this_span(self._obey_in_turn), name="job-commands", daemon=True),
        ]

    def __enter__(self) -> Self:
        """Start to relay."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is left and say what commands did, as far as that takes no longer than seconds."""
        self._unwatch()
        self._left.set()
        self._news.set()
        self._asked.put(None)
        until = time.monotonic() + _LAST_WORDS_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def looked(self, job: Job) -> None:
        """Act on the job's record as it is now; waits for nothing, and may be called from any thread."""
        moment_s = time.monotonic()
        was_watched = self._attention.lasts(moment_s)
        self._attention.looked(job.watched_until, datetime.now(UTC), moment_s)
        if not was_watched:
            self._news.set()
        for each in open_commands(job, self._hold.fencing):
            if each.command_id not in self._begun and not self._left.is_set():
                self._begun.add(each.command_id)
                self._asked.put(each)

    def _write(self) -> None:
        while not self._left.is_set():
            self._news.wait()
            self._news.clear()
            if self._attention.lasts(time.monotonic()) and self._write_news():
                self._left.wait(WRITE_EVERY_S)
        if self._attention.lasts(time.monotonic()):
            self._write_news()

    def _write_news(self) -> bool:
        """Return whether there were any, be it that they did not get through."""
        told = self._run.since(self._written)
        for seq, text in pieces(told, _PIECE_CHARACTERS):
            try:
                self._desk.write_progress(self._hold, seq, text)
            except SleapRtcError as error:
                log.warning("job %s: watchers are told later: %s", self._hold.job_id, error)
                self._news.set()
                break
            self._written = seq
        return bool(told)

    def _obey_in_turn(self) -> None:
        obeying = []
        while (asked := self._asked.get()) is not None:
            obeying.append(
                threading.Thread(target=self._obey, args=(asked,), name="job-command", daemon=True)
            )
            obeying[-1].start()
            obeying[-1].join(_TURN_S)
        for thread in obeying:
            thread.join()

    def _obey(self, asked: AskedCommand) -> None:
        job_id, command_id = self._hold.job_id, asked.command_id
        if command_id not in self._answers:
            self._answers[command_id] = self._answer(asked)
        try:
            answer = self._with_files(self._answers[command_id])
            self._desk.report(self._hold, Obeyed(command_id=command_id, answer=answer))
        except (LeaseLost, NotFound) as error:
            log.info("job %s: the answer to %s came too late: %s", job_id, asked.command.name, error)
        except SleapRtcError as error:
            log.warning("job %s: the answer to %s is told later: %s", job_id, asked.command.name, error)
            self._begun.discard(command_id)  # the next look finds it unanswered

    def _answer(self, asked: AskedCommand) -> CommandAnswer:
        tell(CommandCame(asked.command.name, "record"))
        try:
            return self._run.command(asked.command, asked.command_id, asked.by)
        except Exception:
            log.exception("job %s: the command %s of %s", self._hold.job_id, asked.command.name, asked.by)
            return CommandAnswer.refused("the worker could not do it; its log says why")

    def _with_files(self, answer: CommandAnswer) -> CommandAnswer:
        """Bring the files of an answer to the room; what does not get there is not named in it."""
        brought = tuple(name for name in answer.files if self._bring(name))
        if brought == answer.files:
            return answer
        text = f"{answer.text}; not all pictures could be brought to the room"[-MOST_ANSWER_CHARACTERS:]
        return answer.model_copy(update={"files": brought, "text": text})

    def _bring(self, name: str) -> bool:
        path = self._run.find(name)
        try:
            if path is not None:
                self._desk.write_sample(self._hold, name, path.read_bytes())
                return True
        except (OSError, SleapRtcError) as error:
            log.warning("job %s: %s was not brought to the room: %s", self._hold.job_id, name, error)
        return False


def pieces(told: Sequence[Told], most_characters: int) -> Iterator[tuple[int, str]]:
    """Yield events as lines of JSON, as many at once as fit, with the number of the last one."""
    lines: list[str] = []
    last, size = 0, 0
    for each in told:
        line = each.model_dump_json() + "\n"
        if lines and size + len(line) > most_characters:
            yield last, "".join(lines)
            lines, size = [], 0
        lines.append(line)
        last, size = each.seq, size + len(line)
    if lines:
        yield last, "".join(lines)
