"""Pure: what a look at a machine says of its use as a worker, one finding a row.

A finding is good, worth knowing, or keeps jobs from being done; only the last makes `doctor` fail, with the
exit code of what it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sleap_rtc.storage.errors import ExitCode, InputError
from sleap_rtc.worker.gpus import VISIBLE, chosen, in_words, seen
from sleap_rtc.worker.kind import worker_kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sleap_rtc.worker.gpus import Gpu

MOST_SKEW_S = 900
"""S3 refuses requests that are signed with a clock further off (RequestTimeTooSkewed)."""
_NOTED_SKEW_S = 60
LEAST_FREE_BYTES = 1_000_000_000


class Verdict(StrEnum):
    """What a finding means."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One row.

    Args:
        name: what was looked at.
        verdict: what it means.
        told: what was found, in words.
        advice: what to do about it.
        code: how `doctor` ends where it is bad.
    """

    name: str
    verdict: Verdict
    told: str
    advice: str = ""
    code: ExitCode = ExitCode.OK


def good(name: str, told: str) -> Finding:
    """Return a finding that is as it should be."""
    return Finding(name, Verdict.GOOD, told)


def note(name: str, told: str, advice: str = "") -> Finding:
    """Return a finding that is worth knowing."""
    return Finding(name, Verdict.NOTE, told, advice)


def bad(name: str, told: str, advice: str, code: ExitCode) -> Finding:
    """Return a finding that keeps jobs from being done."""
    return Finding(name, Verdict.BAD, told, advice, code)


def exit_code(findings: Sequence[Finding]) -> ExitCode:
    """Return the code of the first bad finding, OK without one."""
    return next((each.code for each in findings if each.verdict is Verdict.BAD), ExitCode.OK)


def of_kind(environment: Mapping[str, str], asked: str) -> Finding:
    """Say what kind of worker this is, and why."""
    kind = worker_kind(environment, asked)
    if asked != "auto":
        return good("worker kind", f"{kind}, as the setting worker_kind says")
    signs = [name for name in environment if name.startswith("RUNAI_")]
    signs += [name for name in ("KUBERNETES_SERVICE_HOST",) if name in environment]
    why = f"{sorted(signs)[-1] if kind == 'runai' else signs[0]} is set" if signs else "no sign of a pod"
    return good("worker kind", f"{kind}: {why}; the setting worker_kind overrules it")


def of_trainers(versions: Mapping[str, str]) -> Finding:
    """Say which trainers are here, by their names and versions."""
    if not versions:
        advice = "install sleap-nn so that `sleap-nn` is found on PATH, or pip install 'sleap-rtc[train]'"
        return bad("trainer", "none", advice, ExitCode.BAD_INPUT)
    told = ", ".join(f"{name} {version}".strip() for name, version in versions.items())
    if "sleap-nn" in versions:
        return good("trainer", told)
    return note("trainer", told, "sleap-nn is not on PATH; jobs that ask for it fail with trainer_missing")


def of_gpu(gpus: Sequence[Gpu], visible: str | None, asked: str) -> Finding:
    """Say which GPUs an engine sees.

    Args:
        gpus: of the machine.
        visible: what CUDA_VISIBLE_DEVICES says; None where it is not set.
        asked: the setting `gpu`.
    """
    try:
        found = [chosen(gpus, asked, visible)] if asked else seen(gpus, visible)
    except InputError as error:
        return bad("GPU", str(error), "set gpu (SLEAP_RTC_GPU) to one that is there", ExitCode.BAD_INPUT)
    limits = "" if visible is None else f", as {VISIBLE}={visible} says"
    if not found:
        told = f"none{limits}" if gpus else "none that nvidia-smi tells of"
        return note("GPU", told, "training works on the CPU, many times slower")
    limits = ", as the setting gpu says" if asked else limits
    return good("GPU", f"{in_words(found)}, driver {found[0].driver}{limits}")


def of_clock(skew_s: float) -> Finding:
    """Say how far this machine's clock is from the service's, in seconds; positive if it is ahead."""
    off = abs(skew_s)
    if off <= _NOTED_SKEW_S:
        return good("clock", "agrees with the service's")
    told = f"{off:,.0f} s {'ahead of' if skew_s > 0 else 'behind'} the service's"
    if off < MOST_SKEW_S:
        return note("clock", told, "set it by NTP")
    advice = f"set it by NTP: S3 refuses what is signed {MOST_SKEW_S} s off"
    return bad("clock", told, advice, ExitCode.REFUSED)


def of_disk(what: str, path: str, free_bytes: int, floor_bytes: int, *, writable: bool) -> Finding:
    """Say how much room there is for something."""
    told = f"{free_bytes / 1e9:,.1f} GB free for {path}"
    if not writable:
        return bad(
            what, f"{path} cannot be written", "give this user the right to write there", ExitCode.BAD_INPUT
        )
    if free_bytes < LEAST_FREE_BYTES:
        return bad(what, told, "free space there, or set another folder", ExitCode.DISK_FULL)
    if free_bytes < floor_bytes:
        advice = f"below cache_free_floor_bytes ({floor_bytes / 1e9:,.1f} GB): no dataset is kept"
        return note(what, told, advice)
    return good(what, told)
