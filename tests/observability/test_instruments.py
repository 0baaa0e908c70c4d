"""The table of metrics has the words of the code, and few series."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import pytest

from sleap_rtc.events import job_store
from sleap_rtc.events.delivery import Trouble
from sleap_rtc.events.event_facts import Bucket, Mended, QueueRole, SweepEnded
from sleap_rtc.events.job_commands import Command
from sleap_rtc.events.job_progress import MachineMeasured
from sleap_rtc.events.jobs import Job, JobState
from sleap_rtc.events.service_facts import RequestLimited, SignalPassed, UploadChanged
from sleap_rtc.events.worker_facts import CheckpointKept, CommandCame
from sleap_rtc.live.peer_session import Path as SessionPath
from sleap_rtc.live.session_facts import SessionTried
from sleap_rtc.observability import instruments as of
from sleap_rtc.observability.instrument import Kind
from sleap_rtc.service.app import create_app
from sleap_rtc.service.areas import area_of
from sleap_rtc.storage.retry import RetryReason
from sleap_rtc.storage.storage_facts import IntegrityFailed, Result, TransferEnded, UrlSigned
from sleap_rtc.storage.traffic import Called, Content, Direction, Way
from sleap_rtc.worker import errors, job_runner
from sleap_rtc.worker.kind import WorkerKind

if TYPE_CHECKING:
    from sleap_rtc.observability.instrument import Instrument

DOCS = Path(__file__).parents[2] / "docs"
MOST_SERIES = {"client": 3_000, "worker": 4_000, "service": 5_500}
"""Could be, if everything happened in every way; a Prometheus takes millions."""
_ARGUMENTS = 5
NAMES = {
    "Content": Content,
    "Direction": Direction,
    "Job": Job,
    "MachineMeasured": MachineMeasured,
    "Mapping": Mapping,
    "RetryReason": RetryReason,
    "Way": Way,
}


def values(instrument: Instrument, label: str) -> frozenset[str]:
    return next(each.values for each in instrument.labels if each.name == label)


def words(kind: type, field: str) -> set[str]:
    """Return what a field of a value can be."""
    return set(get_args(get_type_hints(kind, localns=NAMES)[field]))


def job_codes() -> set[str]:
    """Return every code with which a job fails: of a worker, and of the record's own rules."""
    of_errors = {kind.code for kind in vars(errors).values() if _fails(kind)}
    events = Path(job_store.__file__).parent
    of_steps = {
        code for path in events.glob("*.py") for code in _codes_in(ast.parse(path.read_text("utf-8")))
    }
    own = {"unexpected", "disk_full"}
    return of_errors | set(job_runner._CODES.values()) | of_steps | own


def _codes_in(tree: ast.AST) -> set[str]:
    """Return the codes that `job_steps.failed(job, now, by, code, message)` is called with."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    named = {
        call.args[3]
        for call in calls
        if getattr(call.func, "attr", getattr(call.func, "id", "")) == "failed"
        and len(call.args) == _ARGUMENTS
    }
    return {arg.value for arg in named if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}


def _fails(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, errors.JobFailed) and kind is not errors.JobFailed


@pytest.mark.parametrize(
    ("instrument", "label", "found"),
    [
        (of.TRANSFER_SIZE, "direction", get_args(Direction)),
        (of.TRANSFER_SIZE, "path", get_args(Way)),
        (of.TRANSFER_SIZE, "content", get_args(Content)),
        (of.TRANSFERS, "outcome", words(TransferEnded, "outcome")),
        (of.TRANSFER_RETRIES, "reason", get_args(RetryReason)),
        (of.INTEGRITY_FAILURES, "where", words(IntegrityFailed, "where")),
        (of.S3_REQUESTS, "outcome", words(Called, "outcome")),
        (of.SIGNED_URLS, "operation", words(UrlSigned, "operation")),
        (of.UPLOADS, "state", words(UploadChanged, "state")),
        (of.LIMITED, "limit", words(RequestLimited, "limit")),
        (of.UNFINISHED_UPLOADS, "bucket", get_args(Bucket)),
        (of.MESSAGES, "queue", get_args(QueueRole)),
        (of.QUEUE_RETRIES, "trouble", Trouble),
        (of.JOB_STEPS, "state", JobState),
        (of.SWEEPS, "outcome", words(SweepEnded, "outcome")),
        (of.MENDED, "what", words(Mended, "what")),
        (of.MANIFEST_WRITES, "result", get_args(Result)),
        (of.LIVE_SESSIONS, "path", words(SessionTried, "path")),
        (of.LIVE_COMMANDS, "way", words(CommandCame, "way")),
        (of.PEER_SERVED, "path", SessionPath),
        (of.SIGNALING_MESSAGES, "outcome", words(SignalPassed, "outcome")),
        (of.WORKERS, "kind", WorkerKind),
        (of.CHECKPOINTS, "what", words(CheckpointKept, "what")),
    ],
    ids=lambda found: found.name if hasattr(found, "prometheus") else "",
)
def test_a_label_has_the_words_of_the_code(instrument: Instrument, label: str, found: Any) -> None:
    assert values(instrument, label) == set(found)


def test_every_command_has_its_word() -> None:
    kinds = get_args(get_args(Command)[0])
    assert values(of.LIVE_COMMANDS, "command") == {kind.model_fields["name"].default for kind in kinds}


def test_every_code_of_poison_has_its_word() -> None:
    page = (DOCS / "events.md").read_text("utf-8")
    table = page[page.index("| code | meaning | redrive it?") :].split("\n\n")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert values(of.POISON, "reason") == set(re.findall(r"`(\w+)`", " ".join(first_cells)))


def test_every_code_of_a_failed_job_has_its_word() -> None:
    found = job_codes()
    assert {"worker_lost", "gave_up", "model_refused", "dataset_corrupt", "out_of_memory"} <= found
    assert values(of.JOB_FAILURES, "code") == found


def test_every_route_is_of_an_area() -> None:
    app = create_app(None)  # type: ignore[arg-type] # its parts are not needed
    paths = set(app.openapi()["paths"])
    assert len(paths) > 60
    areas = {path: area_of(path) for path in paths}
    assert {path for path, area in areas.items() if area not in values(of.HTTP_DURATION, "area")} == set()
    assert set(areas.values()) == values(of.HTTP_DURATION, "area")


@pytest.mark.parametrize("part", sorted(MOST_SERIES))
def test_a_process_has_a_bounded_number_of_series(part: str) -> None:
    assert sum(one.most_series for one in of.INSTRUMENTS if part in one.parts) <= MOST_SERIES[part]


@pytest.mark.parametrize("instrument", of.INSTRUMENTS, ids=lambda one: one.name)
def test_an_instrument_is_well_formed(instrument: Instrument) -> None:
    assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", instrument.name)
    assert re.fullmatch(r"[a-z_][a-z0-9_]*", instrument.prometheus)
    assert (instrument.kind is Kind.HISTOGRAM) == bool(instrument.buckets)
    assert list(instrument.buckets) == sorted(set(instrument.buckets))
    assert instrument.parts <= {"client", "worker", "service"}
    assert instrument.parts
    assert instrument.meaning.endswith(".")
    no_ids = {"room", "user", "job", "upload", "room_id", "user_id", "job_id", "upload_id", "instance"}
    assert not {label.name for label in instrument.labels} & no_ids


def test_names_are_each_there_once() -> None:
    assert len({one.name for one in of.INSTRUMENTS}) == len(of.INSTRUMENTS)
    assert len({one.prometheus for one in of.INSTRUMENTS}) == len(of.INSTRUMENTS)
