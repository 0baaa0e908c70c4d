from __future__ import annotations

from typing import Any

import pytest

from sleap_rtc.client.worker_choice import (
    NoWorkerFree,
    Wish,
    WorkerAbsent,
    WorkerUndecided,
    WorkerUnsuitable,
    candidates_of,
    decided,
    suitable,
)
from sleap_rtc.live.signaling_messages import Metadata, PeerInfo
from sleap_rtc.storage.errors import ExitCode

TAGS = ("sleap-rtc", "training-worker", "inference-worker")


def worker(peer_id: str, gpu_mb: Any = 8000, tags: tuple[str, ...] = TAGS, **properties: Any) -> PeerInfo:
    told = {"gpu_memory_mb": gpu_mb, "status": "available", **properties}
    return PeerInfo(peer_id=peer_id, role="worker", metadata=Metadata(tags=tags, properties=told))


def chosen(*peers: PeerInfo, **wish: Any) -> str:
    wanted = Wish(**wish)
    return decided(suitable(candidates_of(peers), wanted), wanted).peer_id


def test_auto_select_takes_the_free_worker_with_the_most_memory() -> None:
    peers = [worker("a", 8000), worker("b", 24000), worker("c", 48000, status="reserved")]
    assert chosen(*peers, auto_select=True) == "b"


def test_auto_select_takes_a_worker_of_this_tool_before_one_of_the_existing() -> None:
    assert chosen(worker("old", 48000), worker("ours", 8000, s3=True), auto_select=True) == "ours"


def test_the_only_worker_needs_no_choice() -> None:
    assert chosen(worker("a")) == "a"


def test_where_there_are_several_the_user_has_to_say_which() -> None:
    with pytest.raises(WorkerUndecided, match=r"a: .*; b: .*--worker-id"):
        chosen(worker("a"), worker("b"))


def test_a_named_worker_is_taken_even_if_it_is_busy_and_the_transport_has_to_judge() -> None:
    found = suitable(candidates_of([worker("a"), worker("b", status="busy")]), Wish("b"))
    assert [(each.peer_id, each.free) for each in found] == [("b", False)]


def test_a_named_worker_that_is_not_there_is_said_with_those_that_are() -> None:
    with pytest.raises(WorkerAbsent, match=r"gone is not in the room.*a: ") as refused:
        chosen(worker("a"), worker_id="gone")
    assert refused.value.exit_code is ExitCode.UNREACHABLE


def test_too_little_memory_is_named() -> None:
    with pytest.raises(NoWorkerFree, match="the largest has 8,000 MB"):
        chosen(worker("a", 8000), min_gpu_memory_mb=16000)
    with pytest.raises(WorkerUnsuitable, match="8,000 MB"):
        chosen(worker("a", 8000), min_gpu_memory_mb=16000, worker_id="a")


@pytest.mark.parametrize("status", ["reserved", "busy", "maintenance"])
def test_nobody_is_offered_anything_who_is_not_free(status: str) -> None:
    with pytest.raises(NoWorkerFree, match="busy"):
        chosen(worker("a", status=status), auto_select=True)


def test_an_empty_room_is_said() -> None:
    with pytest.raises(NoWorkerFree, match="No worker is connected"):
        chosen()


def test_a_worker_whose_tags_the_server_forgot_is_still_one() -> None:
    assert chosen(worker("a", tags=())) == "a"


def test_clients_and_workers_of_other_things_are_none() -> None:
    client = PeerInfo(peer_id="c", role="client", metadata=Metadata(tags=("sleap-rtc",)))
    assert candidates_of([client, worker("x", tags=("something-else",))]) == []


@pytest.mark.parametrize("told", [None, "lots", True, -1, [1]])
def test_nonsense_about_memory_is_none_at_all(told: Any) -> None:
    assert candidates_of([worker("a", told)])[0].gpu_memory_mb == 0


def test_what_a_worker_says_of_itself_cannot_move_the_terminal() -> None:
    found = candidates_of([worker("a", hostname="\x1b[2Jgpu", gpu_model="x" * 500)])[0]
    assert found.host_name == "[2Jgpu"
    assert len(found.gpu_model) == 80
