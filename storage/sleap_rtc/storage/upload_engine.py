"""Orchestration: threads that carry out what the upload machine says.

Every thread asks the machine for its next command, does it without holding the lock, and reports the fact.
The file is read part by part: once for the CRC, which is signed into the URL, and, from the page cache, as
the body. Its identity is compared before and after, so bytes of two versions are never glued together.
"""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

from sleap_rtc.storage import retry
from sleap_rtc.storage.checksum import crc_of_stream
from sleap_rtc.storage.errors import FileChanged, FileUnreadable, TransferFailed
from sleap_rtc.storage.http_transfer import connection_pool, put_part
from sleap_rtc.storage.progress import ProgressHook, TransferProgress, no_progress
from sleap_rtc.storage.upload_machine import Complete, Fail, SendPart, SignParts, UploadMachine, Wait
from sleap_rtc.storage.upload_session import PartToSign, SentPart, UploadSession
from sleap_rtc.storage.upload_state import FileIdentity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from sleap_rtc.storage.part_plan import Part, PartPlan
    from sleap_rtc.storage.retry import Failure


class UploadEngine:
    """Sends one file over one session.

    Args:
        path: the file.
        plan: how it is cut; its size must be the file's.
        session: signs, lists and completes.
        done: parts that the store is known to hold already.
        threads: how many parts are under way at once.
        on_part: called, one call at a time, for each part that the store acknowledged.
        on_progress: called after each part.
    """

    def __init__(
        self,
        path: Path,
        plan: PartPlan,
        session: UploadSession,
        *,
        done: Iterable[SentPart] = (),
        threads: int = 4,
        on_part: Callable[[SentPart], None] = lambda _: None,
        on_progress: ProgressHook = no_progress,
    ) -> None:
        self._path = path
        self._identity: FileIdentity | None = None
        self._plan = plan
        self._session = session
        self._machine = UploadMachine(plan, done)
        self._resumed_bytes = self._machine.acknowledged_bytes
        self._threads = max(1, min(threads, plan.count))
        self._on_part = on_part
        self._on_progress = on_progress
        self._pool = connection_pool(self._threads)
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._error: BaseException | None = None

    def run(self) -> int:
        """Send what is missing, complete the upload and return the CRC64NVME of the whole file.

        Raises:
            FileChanged: the file is not the one that the plan was made for.
            TransferFailed: the store or the network would not take it; the upload stays open.
            NotFound: the upload is gone (aborted or expired).
            IntegrityError: the store found other bytes than were sent.
        """
        self._identity = FileIdentity.of(self._path)
        if self._identity.size_bytes != self._plan.size_bytes:
            raise FileChanged(path=self._path)
        self._report()
        workers = [
            threading.Thread(target=self._work, name=f"upload-{n}", daemon=True) for n in range(self._threads)
        ]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                worker.join()
        finally:
            self._stopping.set()
            with self._changed:
                self._changed.notify_all()
        if self._error is not None:
            raise self._error
        last = self._machine.next()
        if isinstance(last, Fail):
            raise TransferFailed(what=self._path.name, why=last.why)
        self._check_unchanged()
        if not isinstance(last, Complete):
            raise TransferFailed(what=self._path.name, why="it was interrupted")
        self._session.complete(last.parts, last.crc)
        return last.crc

    def _work(self) -> None:
        try:
            while not self._stopping.is_set():
                with self._changed:
                    command = self._machine.next()
                    if isinstance(command, Wait):
                        self._changed.wait(timeout=1)
                        continue
                if isinstance(command, Complete | Fail):
                    return
                if isinstance(command, SignParts):
                    self._sign(command)
                else:
                    self._send(command)
        except BaseException as error:
            self._error = self._error or error
            self._stopping.set()
        finally:
            with self._changed:
                self._changed.notify_all()

    def _sign(self, command: SignParts) -> None:
        crcs = {part.number: self._crc(part) for part in command.parts}
        urls = self._session.sign(
            [PartToSign(part.number, part.length, crcs[part.number]) for part in command.parts]
        )
        with self._changed:
            self._machine.signed(urls, crcs)
            self._changed.notify_all()

    def _send(self, command: SendPart) -> None:
        part = command.part
        try:
            outcome = put_part(self._pool, command.url, self._path, part, command.crc)
        except OSError as error:
            raise FileUnreadable(path=self._path, why=error.strerror or str(error)) from error
        if isinstance(outcome, str):
            sent = SentPart(part.number, part.length, command.crc, outcome)
            with self._changed:
                self._machine.part_done(sent)
                self._on_part(sent)
                self._report()
                self._changed.notify_all()
        else:
            self._judge(command, outcome)

    def _judge(self, command: SendPart, failure: Failure) -> None:
        self._check_unchanged()  # bytes that changed after their CRC was signed are refused for ever
        number = command.part.number
        decision = retry.after(failure, command.attempt, random.random())  # noqa: S311 - jitter
        if isinstance(decision, retry.RetryIn):
            self._stopping.wait(decision.delay_s)
        with self._changed:
            match decision:
                case retry.RetryIn():
                    self._machine.part_failed(number, command.url, command.crc)
                case retry.SignAgain():
                    self._machine.url_expired(number)
                case retry.GiveUp(why):
                    self._machine.gave_up(f"part {number}: {why}")
            self._changed.notify_all()

    def _crc(self, part: Part) -> int:
        try:
            with self._path.open("rb") as file:
                file.seek(part.offset)
                crc, length = crc_of_stream(file, part.length)
        except OSError as error:
            raise FileUnreadable(path=self._path, why=error.strerror or str(error)) from error
        if length != part.length:
            raise FileChanged(path=self._path)
        return crc

    def _check_unchanged(self) -> None:
        if FileIdentity.of(self._path) != self._identity:
            raise FileChanged(path=self._path)

    def _report(self) -> None:
        done = self._machine.acknowledged_bytes
        self._on_progress(TransferProgress(done, self._plan.size_bytes, self._resumed_bytes))
