"""Pure: the progress of several files as that of one transfer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage.progress import TransferProgress

if TYPE_CHECKING:
    from sleap_rtc.storage.progress import ProgressHook


class JointProgress:
    """Adds files up, one after the other."""

    def __init__(self, total_bytes: int, report: ProgressHook) -> None:
        self._total_bytes = total_bytes
        self._report = report
        self._before = TransferProgress(0, total_bytes)
        self._resumed_bytes = 0

    def step(self, progress: TransferProgress) -> None:
        """Report what is done of the present file."""
        self._resumed_bytes = self._before.resumed_bytes + progress.resumed_bytes
        done = self._before.done_bytes + progress.done_bytes
        self._report(TransferProgress(done, self._total_bytes, self._resumed_bytes, progress.trouble))

    def skip(self, size_bytes: int) -> None:
        """Report that the present file was there before, and go on to the next one."""
        self.step(TransferProgress(size_bytes, size_bytes, size_bytes))
        self.end_of_file(size_bytes)

    def end_of_file(self, size_bytes: int) -> None:
        """Report that the present file is whole, and go on to the next one."""
        done = self._before.done_bytes + size_bytes
        self._before = TransferProgress(done, self._total_bytes, self._resumed_bytes)
        self._report(self._before)
