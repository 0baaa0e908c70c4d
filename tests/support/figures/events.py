"""Events and jobs: what the measured run should have shown."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from sleap_rtc.events.jobs import JobState
from sleap_rtc.observability.instruments import JOB_STEP_DURATION, WAKE_LATENCY
from support.figures.seen import Figure, all_between, each, exact, quantile_of, spread

if TYPE_CHECKING:
    from support.figures.seen import Figures, Seen
    from support.measured_run import Did


def _steps(did: Did) -> Counter[str]:
    return Counter(edge.state.value for job in did.jobs for edge in job.history)


def _stays(did: Did) -> dict[str, list[float]]:
    """Return for each state how long jobs were in it, in seconds, as their records say."""
    stays: defaultdict[str, list[float]] = defaultdict(list)
    for job in did.jobs:
        for edge, after in pairwise(job.history):
            stays[edge.state.value].append((after.at - edge.at).total_seconds())
    return stays


def _wakes(did: Did) -> list[float]:
    """Return how long it took from each dispatch to the first claim, in seconds."""
    first = [next(edge for edge in job.history if edge.state is JobState.CLAIMED) for job in did.jobs]
    return [(edge.at - job.history[0].at).total_seconds() for job, edge in zip(did.jobs, first, strict=True)]


def _woken(seen: Seen) -> list[Figure]:
    found, wakes = seen.last("How soon does a worker wake?"), _wakes(seen.did)
    return [
        quantile_of("median", found["median"], WAKE_LATENCY, 0.5, wakes),
        quantile_of("19 of 20", found["19 of 20"], WAKE_LATENCY, 0.95, wakes),
    ]


def _where_time_goes(seen: Seen) -> list[Figure]:
    found, stays = seen.last("Where does a job's time go?"), _stays(seen.did)
    return [quantile_of(state, found[state], JOB_STEP_DURATION, 0.5, stays[state]) for state in sorted(found)]


def _open_jobs(seen: Seen) -> list[Figure]:
    question = "Where are the jobs that have not ended?"
    return [
        exact("at the end", sum(seen.last(question).values()), 0),
        Figure("training", seen.highest(question)["training"], 1, len(seen.did.jobs)),
    ]


def _waiting(seen: Seen) -> list[Figure]:
    question = "How much waits on the queues?"
    return [
        exact("at the end", sum(seen.last(question).values()), 0),
        Figure("jobs, held", seen.highest(question)["jobs, held"], 1, len(seen.did.jobs)),
    ]


def _messages(seen: Seen) -> list[Figure]:
    became, did = seen.whole("What becomes of messages?"), seen.did
    attempts = sum(job.attempt for job in did.jobs)
    models = did.published - did.lost_notices
    return [
        Figure("jobs, received", became["jobs, received"], attempts, 2 * attempts),
        exact("jobs, settled", became["jobs, settled"], len(did.jobs)),
        exact("upload-events, buried", became["upload-events, buried"], did.poison / 2),
        exact("model-events, buried", became["model-events, buried"], did.poison / 2),
        Figure(
            "upload-events, settled", became["upload-events, settled"], did.uploads["completed"], math.inf
        ),
        Figure("model-events, settled", became["model-events, settled"], models, math.inf),
        exact(
            "upload-events, received",
            became["upload-events, received"],
            became["upload-events, settled"] + became["upload-events, buried"],
        ),
    ]


def _in_hand(seen: Seen) -> list[Figure]:
    question = "How many messages are in hand?"
    return [
        *all_between("handed over", seen.values(question, "jobs, handed over in an hour"), 0, 0),
        exact("jobs", seen.highest(question)["jobs"], 1),
        exact("jobs at the end", seen.last(question)["jobs"], 0),
    ]


def _sweeps(seen: Seen) -> list[Figure]:
    found = seen.whole("Does the sweep run, and what does it mend?")
    return [
        exact("failed", found["sweeps failed"], 0),
        Figure("done", found["sweeps done"], 2, 2 * seen.seconds + 2),
        exact("published", found["mended: published"], seen.did.lost_notices),
        # Whoever comes first mends it: the sweep, or the next delivery of the job's message.
        Figure("lost workers", found["mended: lost_worker"], 0, seen.did.lost_workers),
    ]


def _heard(seen: Seen) -> list[Figure]:
    found = seen.whole("What do rooms get to hear?")
    return [
        exact("models published", found["models published"], seen.did.published),
        Figure("events sent", found["events sent"], seen.did.heard, math.inf),
    ]


def _given_up(seen: Seen) -> list[Figure]:
    found = seen.whole("Why are messages tried again, and why given up?")
    given_up = {name: count for name, count in found.items() if "given up" in name}
    expected = {f"{queue}-events, given up: not_json": seen.did.poison / 2 for queue in ("upload", "model")}
    return each(given_up, expected)


FIGURES: dict[str, Figures] = {
    "How many jobs were published?": lambda seen: [
        exact("published", seen.last("How many jobs were published?")["published"], seen.did.published)
    ],
    "How long has the oldest waiting job waited?": lambda seen: [
        exact("waits", seen.last("How long has the oldest waiting job waited?")["waits"], 0)
    ],
    "How many messages were given up?": lambda seen: [
        exact("dead letters", seen.last("How many messages were given up?")["dead letters"], seen.did.poison)
    ],
    "How soon does a worker wake?": _woken,
    "Which steps do jobs take?": lambda seen: each(
        seen.whole("Which steps do jobs take?"), _steps(seen.did), within=0.01
    ),
    "Where are the jobs that have not ended?": _open_jobs,
    "Where does a job's time go?": _where_time_goes,
    "Why did jobs fail?": lambda seen: each(
        seen.last("Why did jobs fail?"), {"config_refused": seen.did.refused_jobs}
    ),
    "How much waits on the queues?": _waiting,
    "How old are messages when they are first received?": lambda seen: all_between(
        "age", seen.values("How old are messages when they are first received?"), 0, 60
    ),
    "What becomes of messages?": _messages,
    "Why are messages tried again, and why given up?": _given_up,
    "How long are messages handled?": spread(
        "How long are messages handled?",
        lambda seen: seen.told('sleap_rtc_queue_messages_total{outcome="settled"}'),
    ),
    "How many messages are in hand?": _in_hand,
    "Do heartbeats get through?": lambda seen: all_between(
        "failures", seen.values("Do heartbeats get through?"), 0, 0
    ),
    "Does the sweep run, and what does it mend?": _sweeps,
    "Do writers get in each other's way?": lambda seen: [
        exact(
            "lost",
            seen.whole("Do writers get in each other's way?")["lost"],
            seen.told('sleap_rtc_manifest_writes_total{result="lost"}')
            / seen.told("sleap_rtc_manifest_writes_total"),
            within=0.05,
        )
    ],
    "How many writes does a change of a room take?": lambda seen: all_between(
        "writes", seen.values("How many writes does a change of a room take?"), 0, 5
    ),
    "What do rooms get to hear?": _heard,
}
