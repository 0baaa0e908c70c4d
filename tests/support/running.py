"""A command that goes on until it is told to stop, as a user watches it."""

from __future__ import annotations

import json
import signal
import threading
from typing import TYPE_CHECKING, Any, Self

from support.product import eventually

if TYPE_CHECKING:
    from support.product import Product


class Running:
    """A command under way, whose output is read as it comes."""

    def __init__(self, product: Product, *arguments: str, **environment: str) -> None:
        self._process = product.start(*arguments, **environment)
        self.lines: list[str] = []
        self._said = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as out:
            for line in out:
                self.lines.append(line.rstrip("\n"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self.ended()

    @property
    def out(self) -> str:
        return "\n".join(self.lines)

    def says(self, text: str) -> None:
        """Wait until it says this."""
        eventually(lambda: text in self.out or self._process.poll() is not None)
        assert text in self.out, self.out

    def ended(self) -> tuple[int, str]:
        """Wait for its end; return the exit status and what stands on standard error."""
        status = self._process.wait(60)
        self._reader.join()
        if self._process.stderr is not None and not self._process.stderr.closed:
            with self._process.stderr as stderr:
                self._said = stderr.read()
        return status, self._said

    def ctrl_c(self) -> int:
        self._process.send_signal(signal.SIGINT)
        return self.ended()[0]

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Return the JSON lines of a kind."""
        return [line for line in map(json.loads, list(self.lines)) if line["kind"] == kind]
