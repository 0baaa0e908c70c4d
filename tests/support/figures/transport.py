"""Transport in real time: what the measured run should have shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.figures.seen import Figure, all_between, each, exact, spread

if TYPE_CHECKING:
    from support.figures.seen import Figures, Seen

_FASTEST = 1e9
"""Bytes a second: the highest bucket."""
_KILLED = 3
"""Requests that a worker which is killed made since the last scrape."""


def _arrived(seen: Seen) -> list[Figure]:
    found, did = seen.last("How many bytes arrived?"), seen.did
    others = seen.told('sleap_rtc_transfer_size_bytes_total{direction="upload",content!="dataset"}')
    return [
        exact("upload", found["upload"], did.uploaded_bytes + others),
        _downloads(seen, "download", found["download"]),
    ]


def _downloads(seen: Seen, what: str, found: float) -> Figure:
    """Return downloads: datasets, models, what whoever takes a job over has of it, and what was damaged."""
    checkpoints = 'sleap_rtc_transfer_size_bytes_total{direction="download",content="checkpoint"}'
    wanted = seen.did.fetched_bytes + seen.did.pulled_bytes + seen.told(checkpoints)
    return Figure(what, found, wanted, wanted + seen.did.damaged_bytes)


def _ways(seen: Seen) -> list[Figure]:
    found, did = seen.in_all("How fast do bytes go, and which way?"), seen.did
    others = seen.told('sleap_rtc_transfer_size_bytes_total{direction="upload",content!="dataset"}')
    return [
        exact("upload, internet", found.pop("upload, internet"), did.uploaded_bytes + others),
        _downloads(seen, "downloads", sum(found.values())),
        Figure("from peers", found["download, peer"], 1, did.pulled_bytes),
    ]


def _contents(seen: Seen) -> list[Figure]:
    found, did = seen.in_all("What do the bytes hold?"), seen.did
    made = seen.told('sleap_rtc_transfer_size_bytes_total{direction="upload",content="model"}')
    return [
        exact("dataset", found["dataset"], did.uploaded_bytes + did.fetched_bytes),
        Figure("model", found["model"], did.pulled_bytes + made, did.pulled_bytes + made + did.damaged_bytes),
        Figure("checkpoint", found["checkpoint"], 1, did.uploaded_bytes),
    ]


def _failed(seen: Seen) -> list[Figure]:
    ended = seen.told('sleap_rtc_transfers_total{outcome=~"done|failed"}')
    share = seen.last("Which share of the transfers failed?")["failed"]
    return [exact("failed", share, seen.did.damaged_pulls / ended, within=0.01)]


def _tried_again(seen: Seen) -> list[Figure]:
    found = seen.whole("What is tried again, and why?")
    uploads = {name: count for name, count in found.items() if name.startswith("upload, ")}
    held_off = uploads.pop("upload, held off")
    return [
        *each(uploads, {f"upload, {why}": count for why, count in seen.did.retries.items()}),
        Figure("upload, held off", held_off, 1, seen.did.retries.total()),
    ]


def _asked(seen: Seen) -> list[Figure]:
    found = seen.in_all("What is asked of S3?")
    return of_s3(seen, found)


def of_s3(seen: Seen, found: dict[str, float]) -> list[Figure]:
    """Return requests by their names, against what passed the proxy."""
    passed = seen.did.asked - seen.did.untold
    multipart = ("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")
    return [
        *(Figure(name, found[name], passed[name] - _KILLED, passed[name]) for name in multipart),
        *(
            Figure(name, found[name], 0.9 * passed[name] - _KILLED, 1.02 * passed[name] + _KILLED)
            for name in ("GetObject", "PutObject", "ListObjectsV2", "DeleteObject")
        ),
        exact("other names", sum(count for name, count in found.items() if name not in passed), 0),
    ]


FIGURES: dict[str, Figures] = {
    "How many bytes arrived?": _arrived,
    "Which share of the transfers failed?": _failed,
    "How much did resuming save?": lambda seen: [
        exact("resumed", sum(seen.last("How much did resuming save?").values()), seen.did.resumed_bytes)
    ],
    "Did any bytes arrive that were not the right ones?": lambda seen: [
        exact(
            "refused",
            sum(seen.last("Did any bytes arrive that were not the right ones?").values()),
            seen.did.damaged_pulls,
        )
    ],
    "How fast do bytes go, and which way?": _ways,
    "What do the bytes hold?": _contents,
    "How fast is one transfer?": lambda seen: [
        figure
        for way in ("upload", "download")
        for figure in (
            *all_between(way, seen.values("How fast is one transfer?", f"median {way}"), 1, _FASTEST),
            Figure(
                f"slowest tenth, {way}",
                seen.last("How fast is one transfer?")[f"slowest tenth {way}"],
                0,
                seen.last("How fast is one transfer?")[f"median {way}"],
            ),
        )
    ],
    "How long do transfers take?": spread(
        "How long do transfers take?", lambda seen: seen.told('sleap_rtc_transfers_total{outcome="done"}')
    ),
    "What is tried again, and why?": _tried_again,
    "Are second tries of late parts worth it?": lambda seen: all_between(
        "second tries",
        seen.values("Are second tries of late parts worth it?"),
        0,
        seen.did.asked["UploadPart"],
    ),
    "How many transfers went on from an earlier run?": lambda seen: each(
        seen.last("How many transfers went on from an earlier run?"), {"upload": 1}
    ),
    "How many bytes came twice?": lambda seen: all_between(
        "bytes", seen.values("How many bytes came twice?"), 0, seen.did.uploaded_bytes
    ),
    "What is asked of S3?": _asked,
    "How long does S3 take to answer?": lambda seen: all_between(
        "time", seen.values("How long does S3 take to answer?"), 0, 60
    ),
}
