"""Who can serve a model now: desktops that are believed to be there, and nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from storage.rooms import NOON, A, B, room_with

from sleap_rtc.events.availability import with_availability
from sleap_rtc.events.workers import WorkerView
from sleap_rtc.storage.manifest import Manifest, ModelAvailability

SOON = NOON + timedelta(minutes=6)
PAST = NOON - timedelta(seconds=1)


def worker(name: str, *models: str, **changed: Any) -> WorkerView:
    facts = {"kind": "desktop", "trainer": "reference", "started_at": PAST, "until": SOON}
    facts = {"peer_id": f"ada#{name}", **facts, **changed}
    return WorkerView(room_id="lab", worker_id=name, models=models, **facts)


def holders(manifest: Manifest, model_id: str) -> list[str]:
    served = manifest.models[model_id].availability.cached_on_workers
    assert all(holder["can_serve_p2p"] is True for holder in served)
    return [holder["worker_id"] for holder in served]


def test_a_desktop_serves_what_it_has() -> None:
    seen = with_availability(room_with(A, B), [worker("desk-2", A, B), worker("desk-1", A, job_id="J")], NOON)
    assert (holders(seen, A), holders(seen, B)) == (["desk-1", "desk-2"], ["desk-2"])
    assert seen.workers["desk-1"] == {
        "peer_id": "ada#desk-1",
        "kind": "desktop",
        "trainer": "reference",
        "gpu": "",
        "started_at": "2026-11-03T11:59:59Z",
        "until": "2026-11-03T12:06:00Z",
        "job_id": "J",
    }


def test_a_pod_serves_nothing() -> None:
    seen = with_availability(room_with(A), [worker("pod", A, kind="runai")], NOON)
    assert (seen.workers, holders(seen, A)) == ({}, [])


def test_a_worker_is_nobody_from_the_moment_until_which_it_is_believed() -> None:
    seen = with_availability(room_with(A), [worker("desk", A)], SOON)
    assert (seen.workers, holders(seen, A)) == ({}, [])


def test_what_a_manifest_said_before_is_dropped_and_the_manifest_is_left_as_it_is() -> None:
    room = room_with(A)
    stale = ModelAvailability(cached_on_workers=[{"worker_id": "gone"}])
    room.models[A] = room.models[A].model_copy(update={"availability": stale})
    said = room.model_copy(update={"workers": {"gone": {}}})
    seen = with_availability(said, [], NOON)
    assert (seen.workers, holders(seen, A)) == ({}, [])
    assert said.models[A].availability is stale
    assert "gone" in said.workers


WORKERS = st.lists(
    st.builds(
        lambda name, models, seconds, kind: worker(
            name, *models, until=NOON + timedelta(seconds=seconds), kind=kind
        ),
        st.sampled_from(["w1", "w2", "w3", "w4"]),
        st.lists(st.sampled_from([A, B, "e15e3e4e"]), unique=True, max_size=3),
        st.integers(-600, 600),
        st.sampled_from(["desktop", "runai", "kubernetes"]),
    ),
    unique_by=lambda view: view.worker_id,
)


@given(WORKERS)
def test_whoever_is_shown_is_a_desktop_that_is_believed_and_said_that_he_has_it(
    workers: list[WorkerView],
) -> None:
    room = room_with(A, B)
    seen = with_availability(room, workers, NOON)
    there = {view.worker_id: view for view in workers if view.until > NOON and view.kind == "desktop"}
    assert seen.workers.keys() == there.keys()
    for model_id in (A, B):
        assert holders(seen, model_id) == sorted(w for w, view in there.items() if model_id in view.models)
    assert with_availability(seen, workers, NOON) == seen
    assert with_availability(seen, [], NOON) == room
