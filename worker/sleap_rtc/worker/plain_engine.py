"""Orchestration: what a sleap-nn can be made to do that knows nothing of our commands.

It obeys a stop in its own words, and its processes can be held and let go. The rest is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from sleap_rtc.worker.training_commands import CommandRefused, Effect
from sleap_rtc.worker.training_events import Paused, Resumed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sleap_rtc.worker.engine_messages import Answer
    from sleap_rtc.worker.obedient_engine import Line, Settle
    from sleap_rtc.worker.training_commands import Asked
    from sleap_rtc.worker.training_events import OnEvent

STOP: Final[Mapping[str, Any]] = {"command": "stop"}
_REPEAT_EVERY_S = 0.5


class Grip(Protocol):
    """What can be done to an engine from outside."""

    @property
    def can_hold(self) -> bool:
        """Whether this system can hold processes."""

    def title(self) -> str:
        """Return its name, with its version where that is known."""

    def hold(self) -> None:
        """Let no process of it run."""

    def let_go(self) -> None:
        """Let them run."""


class PlainEngine:
    """Does what can be done from outside.

    Args:
        line: to the engine.
        grip: on its processes.
        settle: gives a command its outcome.
        tell: told when it is held and let go.
        where: returns how far the training is, such as " after batch 2 of epoch 1".
    """

    def __init__(
        self, line: Line, grip: Grip, settle: Settle, tell: OnEvent, where: Callable[[], str]
    ) -> None:
        self._line = line
        self._grip = grip
        self._settle = settle
        self._tell = tell
        self._where = where
        self._held = False
        self._holding: list[Asked] = []
        self._stops: list[Asked] = []
        self._again_at = 0.0

    @property
    def abilities(self) -> frozenset[str]:
        """What it can do."""
        return frozenset({"stop", *({"pause", "resume"} if self._grip.can_hold else ())})

    def act(self, asked: Asked) -> None:
        """Do a command, or refuse it."""
        name = asked.command.name
        if name not in self.abilities:
            self._settle(asked, CommandRefused(why=self._cannot(name)))
        elif name == "stop":
            self._let_go()  # what is held hears nothing
            self._stops.append(asked)
        elif name == "pause":
            self._pause(asked)
        elif self._let_go():
            self._settle(asked, Effect(f"resumed{self._where()}"))
        else:
            self._settle(asked, Effect(f"not paused: training goes on{self._where()}"))

    def answered(self, answer: Answer) -> None:
        """It answers nothing."""

    def turn(self, now: float, *, quiet: bool) -> None:
        """Repeat a stop, and say where it was held once the last of its words is heard."""
        if self._stops and now >= self._again_at:
            self._line.say(STOP)
            self._again_at = now + _REPEAT_EVERY_S
        if quiet and self._holding:
            self._tell(Paused())
            self._say_where_it_is_held()

    def end(self, *, well: bool) -> None:
        """Settle what waits for its end."""
        self._say_where_it_is_held()
        for asked in self._stops if well else ():
            self._settle(asked, Effect(f"stopped{self._where()}; the model is published as partial"))

    def _pause(self, asked: Asked) -> None:
        if self._held and not self._holding:
            self._settle(asked, Effect(f"paused already{self._where()}"))
            return
        if not self._held:
            self._grip.hold()
            self._held = True
        self._holding.append(asked)

    def _let_go(self) -> bool:
        if not self._held:
            return False
        if self._holding:
            self._tell(Paused())
            self._say_where_it_is_held()
        self._grip.let_go()
        self._held = False
        self._tell(Resumed())
        return True

    def _say_where_it_is_held(self) -> None:
        holding, self._holding = self._holding, []
        for asked in holding:
            self._settle(asked, Effect(f"paused{self._where()}, in mid-batch; it keeps its memory"))

    def _cannot(self, name: str) -> str:
        told = name.replace("_", " ")
        if name in {"pause", "resume"}:
            return f"This system cannot hold {self._grip.title()}, so it cannot {told} it; stop it instead."
        return (
            f"{self._grip.title()} has no way to {told} while it trains; it can be paused, or stopped and"
            " trained anew with other settings."
        )
