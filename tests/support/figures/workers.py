"""Workers and GPUs: what the measured run should have shown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import psutil

from support.figures.seen import Figure, all_between, each, exact
from support.gpus import USED_BYTES

if TYPE_CHECKING:
    from support.figures.seen import Figures, Seen

_LOOKS_AT_ONE = 2
"""Datasets that the cache had not: each of the two once."""


def _looks(seen: Seen) -> int:
    """Return how often a worker looked for a dataset: once for each attempt."""
    return sum(job.attempt for job in seen.did.jobs)


def _epochs(seen: Seen) -> list[Figure]:
    (found,) = seen.last("How many epochs were trained?").values()
    short = 2 * (seen.did.published - seen.did.lost_workers)
    return [Figure("epochs", found, short + 1, math.inf)]


def _by_worker(seen: Seen, question: str, *, while_training: bool = False) -> list[Figure]:
    """Return that every worker is shown, or those that trained for a while, and nobody else."""
    shown = {name.partition(",")[0] for name in seen.last(question)}
    expected = (
        [seen.did.workers[number] for number in seen.did.long_trained] if while_training else seen.did.workers
    )
    return [exact(f"{address} is shown", address in shown, 1) for address in expected] + [
        exact("others", len(shown - set(seen.did.workers)), 0)
    ]


FIGURES: dict[str, Figures] = {
    "How many workers are there?": lambda seen: [
        exact("workers", seen.last("How many workers are there?")["workers"], len(seen.did.present))
    ],
    "Which share of the workers is busy?": lambda seen: [
        exact("busy", seen.last("Which share of the workers is busy?")["busy"], 0)
    ],
    "How many epochs were trained?": _epochs,
    "How often was the dataset there already?": lambda seen: [
        exact(
            "found",
            seen.last("How often was the dataset there already?")["found"],
            1 - _LOOKS_AT_ONE / _looks(seen),
        )
    ],
    "Which workers are there, and are they busy?": lambda seen: each(
        seen.last("Which workers are there, and are they busy?"),
        {"desktop, busy: no": len(seen.did.present)},
    ),
    "Do jobs wait while workers are busy?": lambda seen: [
        exact("at the end", seen.last("Do jobs wait while workers are busy?")["oldest waiting job"], 0),
        *all_between("wait", seen.values("Do jobs wait while workers are busy?"), 0, seen.seconds),
    ],
    "Which worker has a job?": lambda seen: [
        *_by_worker(seen, "Which worker has a job?"),
        *all_between("busy", seen.values("Which worker has a job?"), 0, 1),
        *(exact(address, most, 1) for address, most in seen.highest("Which worker has a job?").items()),
    ],
    "How long does an epoch take?": lambda seen: all_between(
        "time", seen.values("How long does an epoch take?"), 0, seen.seconds
    ),
    "What becomes of checkpoints?": lambda seen: [
        exact(
            "resumed from", seen.last("What becomes of checkpoints?")["resumed_from"], seen.did.lost_workers
        ),
        Figure("sent", seen.last("What becomes of checkpoints?")["sent"], seen.did.lost_workers, math.inf),
        exact("failed", seen.last("What becomes of checkpoints?").get("failed", 0), 0),
    ],
    "How full are the caches?": lambda seen: [
        *_by_worker(seen, "How full are the caches?"),
        exact(
            "the fullest", max(seen.values("How full are the caches?")), seen.did.cached_bytes, within=0.01
        ),
    ],
    "What do the caches let go of?": lambda seen: each(
        seen.whole("What do the caches let go of?"), {"not found": _LOOKS_AT_ONE}
    ),
    "How busy are the processors?": lambda seen: [
        *_by_worker(seen, "How busy are the processors?", while_training=True),
        *all_between("share", seen.values("How busy are the processors?"), 0.001, 1),
    ],
    "How much memory is in use?": lambda seen: [
        *_by_worker(seen, "How much memory is in use?", while_training=True),
        *all_between(
            "memory", seen.values("How much memory is in use?"), 100e6, psutil.virtual_memory().total
        ),
    ],
    "How busy are the GPUs?": lambda seen: [
        *_by_worker(seen, "How busy are the GPUs?", while_training=True),
        *all_between("share", seen.values("How busy are the GPUs?"), 0.97, 0.97),
    ],
    "How full is the GPUs' memory?": lambda seen: [
        *_by_worker(seen, "How full is the GPUs' memory?", while_training=True),
        *all_between("memory", seen.values("How full is the GPUs' memory?"), USED_BYTES, USED_BYTES),
    ],
    "How hot are the GPUs?": lambda seen: [
        *_by_worker(seen, "How hot are the GPUs?", while_training=True),
        *all_between("temperature", seen.values("How hot are the GPUs?"), 65, 65),
    ],
}
