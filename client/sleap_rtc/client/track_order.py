"""Pure: what somebody wants of `client-track`, once his options have been understood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from sleap_rtc.client.legacy_package import ENDING
from sleap_rtc.events.inference import TrackOptions
from sleap_rtc.storage.errors import FileMissing, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sleap_rtc.client.train_order import Place
    from sleap_rtc.client.transport_selector import Transport

_ENDINGS = (".pkg.slp", ".slp")


class NotTrackable(InputError):
    """{path} is nothing that poses can be predicted for: {why}."""

    path: Path
    why: str


@dataclass(frozen=True)
class TrackOrder:
    """An inference.

    Attributes:
        data: a file of SLEAP's, or a package that is made already.
        models: paths, ids or aliases; none for a package.
        output: where the predictions are to lie.
        place: in which room, by which worker.
        options: for our own workers; which frames they name holds for all.
        trainer: whose engine our own workers use; None for the one that trained the models.
        forced: which way the data are to go, if the user says so.
        detach: not to wait for the end.
        replace: whether a file that lies at `output` may be replaced.
        registry: the file of another registry than the usual one.
    """

    data: Path
    models: tuple[str, ...]
    output: Path
    place: Place
    options: TrackOptions = TrackOptions(frames="suggested")  # noqa: RUF009 - it is frozen
    trainer: Literal["reference", "sleap-nn"] | None = None
    forced: Transport | None = None
    detach: bool = False
    replace: bool = False
    registry: Path | None = None

    @property
    def is_package(self) -> bool:
        """Whether the data have models and a script in them."""
        return self.data.name.endswith(ENDING)

    @property
    def only_for_ours(self) -> str:
        """Which of the options a worker of the existing tool knows nothing of; empty if none is set."""
        given = {
            "--set": self.options != TrackOptions(frames=self.options.frames),
            "--trainer": self.trainer is not None,
            "--detach": self.detach,
        }
        return " and ".join(name for name, is_set in given.items() if is_set)


def check_order(order: TrackOrder) -> None:
    """Look whether it can be carried out at all.

    Raises:
        FileMissing: the data are not there.
        NotTrackable: they are something else.
        InputError: models and data do not go together, or the predictions could not be put anywhere.
    """
    folder = order.output.absolute().parent
    if not folder.is_dir():
        raise InputError(message=f"There is no folder {folder}, in which --output is to lie.")
    if not order.is_package:
        ending_of(order.data)
    elif not order.data.is_file():
        raise FileMissing(path=order.data)
    if order.is_package and order.models:
        raise InputError(message="A package has its models in it: leave --model-paths out.")
    if not order.is_package and not order.models:
        raise InputError(message="Say which models to use: --model-paths MODEL, once for each.")


def ending_of(data: Path) -> str:
    """Return with what the name of a file of SLEAP's ends.

    Raises:
        FileMissing: there is no such file.
        NotTrackable: it ends with something else.
    """
    if not data.is_file():
        raise FileMissing(path=data)
    ending = next((each for each in _ENDINGS if data.name.endswith(each)), None)
    if ending is None:
        raise NotTrackable(path=data, why=f"its name does not end with one of {', '.join(_ENDINGS)}, or .zip")
    return ending


def read_track_options(texts: Sequence[str], *, only_suggested_frames: bool) -> TrackOptions:
    """Return what `--set NAME=VALUE` sets.

    Raises:
        InputError: there is no such option, or it cannot have such a value.
    """
    known = sorted(set(TrackOptions.model_fields) - {"frames"})
    given: dict[str, str] = {"frames": "suggested" if only_suggested_frames else "all"}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or name not in known:
            raise InputError(
                message=f"--set takes one of {', '.join(known)} as NAME=VALUE; not {text!r:.80}."
            )
        given[name] = value
    try:
        return TrackOptions.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        raise InputError(message=f"--set {name}={given[name]:.40} cannot be: {first['msg']}.") from error
