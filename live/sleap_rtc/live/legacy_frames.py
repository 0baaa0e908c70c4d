"""Pure: the text frames of the existing tool's data channel, both ways.

One channel carries everything, in order. Text is a word, `::` and what belongs to it; binary is bytes of the
file that was announced last, or `KEEP_ALIVE`. Text that begins with no known word is a line of the engine's
output.

The existing tool looks for its words anywhere in a text. A line that had one inside would be taken for a
frame over there, so lines are written with the colons of their words set apart (`LogLine`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

KEEP_ALIVE = b"KEEP_ALIVE"
"""The whole of a binary frame that is none of the file's."""
TRAIN = "train"
TRACK = "track"

_LONGEST_LINE = 8192
_META = re.compile(r"(?s)(?P<name>.*):(?P<size>[0-9]{1,18}):(?P<last>.*)")


class LegacyFrameUnreadable(ValueError):
    """A text begins like a frame and is none; the message says why."""


@dataclass(frozen=True)
class LegacyFrame:
    """A word, and its fields in their order."""

    WORD: ClassVar[str] = ""


@dataclass(frozen=True)
class PackageType(LegacyFrame):
    """What to do with the package that comes: `train` or `track`. Older clients do not say it."""

    WORD = "PACKAGE_TYPE"
    kind: str


@dataclass(frozen=True)
class OutputDir(LegacyFrame):
    """In which folder of the package the results will lie."""

    WORD = "OUTPUT_DIR"
    path: str


@dataclass(frozen=True)
class FileMeta(LegacyFrame):
    """A file begins.

    Attributes:
        name: as it came; `checked_name` has to see it before a disk does.
        size_bytes: of the file.
        last: from a client whether it wants the engine's messages, from a worker the folder of the results.
    """

    WORD = "FILE_META"
    name: str
    size_bytes: int
    last: str

    @property
    def wants_progress(self) -> bool:
        """Whether a client wants the engine's messages."""
        return self.last.strip().lower() == "true"


@dataclass(frozen=True)
class EndOfFile(LegacyFrame):
    """The file that was announced is whole."""

    WORD = "END_OF_FILE"


@dataclass(frozen=True)
class KeepAlive(LegacyFrame):
    """Nothing, but somebody is there. Both sides send it as binary."""

    WORD = "KEEP_ALIVE"


@dataclass(frozen=True)
class TrainJobStart(LegacyFrame):
    """Training with one configuration begins."""

    WORD = "TRAIN_JOB_START"
    job: str


@dataclass(frozen=True)
class TrainJobEnd(LegacyFrame):
    """Training with one configuration ended well."""

    WORD = "TRAIN_JOB_END"
    job: str


@dataclass(frozen=True)
class TrainJobError(LegacyFrame):
    """Training with one configuration ended otherwise; `why` is an exit status."""

    WORD = "TRAIN_JOB_ERROR"
    job: str
    why: str


@dataclass(frozen=True)
class TrainingJobsDone(LegacyFrame):
    """Nothing more is trained, whether or not it went well."""

    WORD = "TRAINING_JOBS_DONE"


@dataclass(frozen=True)
class ProgressReport(LegacyFrame):
    """What the engine said over ZMQ, as it said it."""

    WORD = "PROGRESS_REPORT"
    json: str


@dataclass(frozen=True)
class ZmqCtrl(LegacyFrame):
    """What the engine is to hear over ZMQ, as it is."""

    WORD = "ZMQ_CTRL"
    json: str


@dataclass(frozen=True)
class ControlCommand(LegacyFrame):
    """The same as `ZmqCtrl` in 2026's words."""

    WORD = "CONTROL_COMMAND"
    json: str


@dataclass(frozen=True)
class InferenceStart(LegacyFrame):
    """Inference begins."""

    WORD = "INFERENCE_START"


@dataclass(frozen=True)
class InferenceJobStart(LegacyFrame):
    """One command of inference begins."""

    WORD = "INFERENCE_JOB_START"
    job: str


@dataclass(frozen=True)
class InferenceJobEnd(LegacyFrame):
    """One command of inference ended well."""

    WORD = "INFERENCE_JOB_END"
    job: str


@dataclass(frozen=True)
class InferenceJobError(LegacyFrame):
    """One command of inference ended otherwise; `why` is an exit status."""

    WORD = "INFERENCE_JOB_ERROR"
    job: str
    why: str


@dataclass(frozen=True)
class InferenceError(LegacyFrame):
    """There will be no inference."""

    WORD = "INFERENCE_ERROR"
    why: str


@dataclass(frozen=True)
class InferenceJobsDone(LegacyFrame):
    """Inference is over, and its file was sent if there is one."""

    WORD = "INFERENCE_JOBS_DONE"


@dataclass(frozen=True)
class TrackLog(LegacyFrame):
    """A line of inference's output. Its word has a single colon."""

    WORD = "TRACK_LOG"
    text: str


@dataclass(frozen=True)
class Other(LegacyFrame):
    """A frame that later versions send and that asks for nothing here; `rest` is what follows its word."""

    word: str
    rest: str = ""


@dataclass(frozen=True)
class LogLine(LegacyFrame):
    """A line of the engine's output; one that `redraws` takes the place of the last, as progress bars do."""

    text: str
    redraws: bool = False


_NO_FIELDS = (EndOfFile, KeepAlive, TrainingJobsDone, InferenceStart, InferenceJobsDone)
_ONE_FIELD = (
    PackageType,
    OutputDir,
    TrainJobStart,
    TrainJobEnd,
    ProgressReport,
    ZmqCtrl,
    ControlCommand,
    InferenceJobStart,
    InferenceJobEnd,
    InferenceError,
)
_TWO_FIELDS = (TrainJobError, InferenceJobError)
_LATER = r"(?:AUTH|FILE_UPLOAD|FS|INFERENCE|JOB|REGISTRY|USE_WORKER|WORKER)_[A-Z_]+|MODEL_TYPE|CR"
"""The words of 2026, and those of its forerunners that were never released."""
_ALONE: dict[str, LegacyFrame] = {kind.WORD: kind() for kind in _NO_FIELDS}
_BY_WORD = {kind.WORD: kind for kind in _ONE_FIELD}
_BY_TWO = {kind.WORD: kind for kind in _TWO_FIELDS}
_OURS = "|".join((FileMeta.WORD, *_BY_WORD, *_BY_TWO))
_FRAME = re.compile(rf"(?s)(?P<word>{_OURS})::(?P<rest>.*)|(?P<later>{_LATER})(?:::(?P<more>.*))?")
_INSIDE = re.compile(rf"({_OURS}|{_LATER})::")


def decode(text: str) -> LegacyFrame:
    """Read a text frame.

    Raises:
        LegacyFrameUnreadable: it begins with the word of a frame and lacks what belongs to it.
    """
    if text in _ALONE:
        return _ALONE[text]
    found = _FRAME.fullmatch(text)
    if found is None:
        return _line(text)
    word, rest = found["word"], found["rest"]
    if word is None:
        return Other(found["later"], found["more"] or "")
    if word == FileMeta.WORD:
        return _meta(rest)
    if word in _BY_WORD:
        return _BY_WORD[word](rest)
    job, separator, why = rest.rpartition("::")
    return _BY_TWO[word](job, why) if separator else _BY_TWO[word](why, "")


def encode(frame: LegacyFrame) -> str | bytes:
    """Return a frame as it is sent."""
    match frame:
        case KeepAlive():
            return KEEP_ALIVE
        case FileMeta(name, size_bytes, last):
            return f"{FileMeta.WORD}::{name}:{size_bytes}:{last}"
        case TrackLog(line):
            return f"{TrackLog.WORD}:{_apart(line)}"
        case LogLine(line, redraws):
            return f"\r{_apart(line)}" if redraws else f"{_apart(line)}\n"
        case Other(word, rest):
            return f"{word}::{rest}" if rest else word
        case _:
            return "::".join((frame.WORD, *vars(frame).values()))


def _meta(rest: str) -> FileMeta:
    found = _META.fullmatch(rest)
    if found is None:
        raise LegacyFrameUnreadable(f"{FileMeta.WORD} without name, size and a third field: {rest:.80}")
    return FileMeta(found["name"], int(found["size"]), found["last"])


def _line(text: str) -> LegacyFrame:
    if text.startswith(f"{TrackLog.WORD}:"):
        return TrackLog(text.removeprefix(f"{TrackLog.WORD}:").rstrip("\r\n"))
    if text.startswith("\r"):
        return LogLine(text[1:].rstrip("\r\n"), redraws=True)
    return LogLine(text.rstrip("\r\n"))


def _apart(line: str) -> str:
    """Return a line that nobody takes for a frame, wherever in it he looks, and that fits into a message."""
    return _INSIDE.sub(r"\1: :", line[:_LONGEST_LINE])
