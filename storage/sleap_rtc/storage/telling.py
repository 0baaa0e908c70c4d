"""Adapter: where the parts of a process say what happened, as plain values, for whoever counts it.

By default nobody listens, and saying something costs next to nothing. Who listens must not block; what he
raises is logged and reaches nobody whose work is being told of.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)


class Fact:
    """Something that happened; a frozen dataclass. Facts of a part stand in its `…_facts.py`."""


_hooks: tuple[Callable[[Fact], None], ...] = ()
_changing = threading.Lock()


def tell(fact: Fact) -> None:
    """Say what happened; called from any thread."""
    for hook in _hooks:
        try:
            hook(fact)
        except Exception:
            log.exception("%s could not be counted", type(fact).__name__)


def heard() -> bool:
    """Tell whether anybody listens, for whoever would have to find something out before he can tell it."""
    return bool(_hooks)


def listen(hook: Callable[[Fact], None]) -> Callable[[], None]:
    """Have a hook told everything from now on; return what ends that."""
    global _hooks  # noqa: PLW0603 - a tuple that is replaced as a whole needs no lock where it is read
    with _changing:
        _hooks = (*_hooks, hook)

    def end() -> None:
        global _hooks  # noqa: PLW0603
        with _changing:
            _hooks = tuple(each for each in _hooks if each is not hook)

    return end
