"""When a worker is called, when the service is listened to, and what is news, in whatever order it comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.jobs import claim, make_job, queued_job

from sleap_rtc.client.live_items import Link, LinkState
from sleap_rtc.client.live_path import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    NO_PEER,
    PATIENCE_S,
    SETTLED_S,
    Call,
    LivePath,
    Looks,
    Rest,
    Whereabouts,
)
from sleap_rtc.client.seen_events import SeenEvents
from sleap_rtc.events.api import JobView
from sleap_rtc.events.job_progress import (
    BatchEnded,
    LineLogged,
    Told,
    TransferMoved,
    must_arrive,
)
from sleap_rtc.events.jobs import JobState
from sleap_rtc.events.waiting import WaitCause, Waiting

if TYPE_CHECKING:
    from sleap_rtc.events.job_progress import JobEvent

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
HELD = Whereabouts(held=True, peer_id="gpu", run=1)
LONG = 1000.0


def path(at: Whereabouts = HELD, engine_missing: str = "") -> LivePath:
    found = LivePath(0.0, engine_missing)
    found.seen(at, 0.0)
    return found


def link(path: LivePath, now: float) -> Link:
    return path.state(now).link


def test_a_job_that_nobody_has_is_waited_for_with_the_reason() -> None:
    waiting = path(Whereabouts(held=False, why="position 1: no worker takes jobs of this room"))
    assert waiting.next(LONG) == Rest(inf)
    assert waiting.listens_from() == inf
    assert waiting.state(LONG) == LinkState(Link.WAITING, "position 1: no worker takes jobs of this room")


def test_a_job_that_is_done_waits_for_nobody() -> None:
    assert link(path(Whereabouts(held=False, done=True)), LONG) is Link.DONE


def test_a_worker_is_called_at_once_and_listened_to_elsewhere_if_that_takes_long() -> None:
    calling = path()
    assert calling.next(0.0) == Call("gpu", 1)
    assert link(calling, 0.0) is Link.CONNECTING
    assert calling.listens_from() == PATIENCE_S
    assert link(calling, PATIENCE_S) is Link.SERVICE


def test_with_a_session_nobody_else_is_needed() -> None:
    for relayed, expected in ((False, Link.DIRECT), (True, Link.RELAYED)):
        live = path()
        live.connected(1, 1.0, relayed=relayed)
        assert (live.next(LONG), live.listens_from()) == (Rest(inf), inf)
        assert live.state(LONG) == LinkState(expected, peer_id="gpu")


def test_a_session_that_is_cut_is_made_again_at_once() -> None:
    cut = path()
    cut.connected(1, 1.0, relayed=False)
    cut.cut("the connection was cut", LONG, 0.5)
    assert cut.next(LONG) == Call("gpu", 1)
    assert cut.state(LONG) == LinkState(Link.AGAIN, "the connection was cut", "gpu")
    assert cut.listens_from() == LONG + PATIENCE_S


def test_sessions_none_of_which_lasts_are_made_ever_more_seldom() -> None:
    flapping, now, pauses = path(), 0.0, []
    for _ in range(8):
        flapping.connected(1, now, relayed=False)
        now += SETTLED_S / 2
        flapping.cut("cut", now, 1.0)
        step = flapping.next(now)
        pauses.append(step.until - now if isinstance(step, Rest) else 0.0)
        now += pauses[-1]
    assert pauses == [0, 2, 4, 8, 16, 32, 60, 60]
    assert flapping.listens_from() <= now
    flapping.connected(1, now, relayed=False)
    flapping.cut("cut", now + SETTLED_S, 1.0)
    assert isinstance(flapping.next(now + SETTLED_S), Call)


@given(st.integers(1, 30), st.floats(0, 1))
def test_a_call_in_vain_is_made_again_after_a_pause_that_grows_to_a_minute(times: int, jitter: float) -> None:
    failing, now = path(), 0.0
    for _ in range(times):
        assert isinstance(failing.next(now), Call)
        failing.failed("no answer", now, jitter)
        assert link(failing, now) is Link.SERVICE
        assert failing.listens_from() <= now
        step = failing.next(now)
        assert isinstance(step, Rest)
        pause = step.until - now
        now = step.until
    doubled = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (times - 1))
    assert doubled / 2 <= pause <= doubled


def test_who_is_refused_does_not_ask_again_soon() -> None:
    refused = path()
    refused.failed("readers may not", 0.0, 0.0, refused=True)
    assert refused.next(0.0) == Rest(LONGEST_PAUSE_S / 2)
    assert refused.state(0.0) == LinkState(Link.SERVICE, "readers may not", "gpu")


def test_without_an_engine_or_a_peer_the_service_is_listened_to_for_good() -> None:
    missing = path(engine_missing="aiortc not installed")
    nobody = path(replace(HELD, peer_id=""))
    for alone, why in ((missing, "aiortc not installed"), (nobody, NO_PEER)):
        assert (alone.next(LONG), alone.listens_from()) == (Rest(inf), 0.0)
        assert (alone.state(0.0).link, alone.state(0.0).why) == (Link.SERVICE, why)


@pytest.mark.parametrize("after", [replace(HELD, peer_id="other", run=2), replace(HELD, run=2)])
def test_another_worker_or_another_run_is_called_afresh(after: Whereabouts) -> None:
    moved = path()
    for _ in range(9):
        moved.failed("no answer", 0.0, 1.0)
    moved.seen(after, LONG)
    assert moved.next(LONG) == Call(after.peer_id, 2)
    assert link(moved, LONG) is Link.CONNECTING


def test_a_session_that_told_of_a_newer_run_first_is_kept_when_the_record_says_so_too() -> None:
    early = path()
    early.connected(2, 1.0, relayed=False)
    early.seen(replace(HELD, run=2), 2.0)
    assert link(early, LONG) is Link.DIRECT


def test_the_same_record_again_changes_nothing() -> None:
    failing = path()
    failing.failed("no answer", 0.0, 1.0)
    before = failing.next(0.0)
    failing.seen(HELD, 0.0)
    assert failing.next(0.0) == before


def test_a_record_that_says_the_same_is_looked_at_ever_more_seldom() -> None:
    looks = Looks()
    pauses = [looks.pause_s(unchanged_s, live=False) for unchanged_s in (0, 30, 60, 3600)]
    assert pauses == [2.0, 5.0, 8.0, 10.0]
    assert looks.pause_s(0, live=True) == 15.0


def test_a_record_says_where_the_job_is_unless_its_worker_said_more() -> None:
    held = JobView(**claim(queued_job()).model_dump(), worker_peer_id="gpu")
    waiting = Waiting(position=1, cause=WaitCause.BUSY, reason="its turn will come")
    requeued = JobView(**queued_job().model_dump(), waiting=waiting)
    ended_job = held.model_copy(update={"state": JobState.FAILED})
    assert Whereabouts.of(held, 0) == Whereabouts(held=True, peer_id="gpu", run=1)
    assert Whereabouts.of(held, 1) == Whereabouts(held=False, peer_id="gpu", run=1, done=True)
    assert Whereabouts.of(requeued, 0) == Whereabouts(held=False, why="its turn will come")
    assert Whereabouts.of(ended_job, 0) == Whereabouts(held=False, peer_id="gpu", run=1, done=True)
    assert not Whereabouts.of(JobView(**make_job().model_dump()), 0).done


# What is news


def told(seq: int, event: JobEvent | None = None, run: int = 1) -> Told:
    return Told(run=run, seq=seq, at=NOON, event=event or LineLogged(text=f"line {seq}"))


def batch(seq: int) -> Told:
    return told(seq, BatchEnded(epoch=0, batch=seq))


def test_what_overtakes_is_news_and_so_is_what_it_overtook() -> None:
    seen = SeenEvents()
    assert seen.is_news(batch(5))
    assert seen.is_news(told(4))
    assert seen.after == 4
    assert not seen.is_news(batch(5))
    assert not seen.is_news(batch(3))


def test_a_transfer_that_is_done_does_not_move_any_more() -> None:
    seen = SeenEvents()
    moved = TransferMoved(direction="download", name="d", done_bytes=1, total_bytes=2)
    assert seen.is_news(told(2, moved.model_copy(update={"state": "done"})))
    assert not seen.is_news(told(1, moved))
    assert seen.is_news(told(3, moved.model_copy(update={"direction": "upload"})))


def test_an_earlier_run_is_history() -> None:
    seen = SeenEvents()
    assert seen.is_news(told(9))
    assert seen.is_news(told(1, run=2))
    assert not seen.is_news(told(10))
    assert (seen.run, seen.after) == (2, 1)


EVENTS = [batch(seq) if seq % 3 == 0 else told(seq) for seq in range(1, 25)]
OF_WEIGHT = [each for each in EVENTS if must_arrive(each.event)]


@given(st.data())
def test_over_any_number_of_ways_nothing_is_missing_or_twice_or_out_of_order(data: st.DataObject) -> None:
    """Each way takes up behind what was seen, and drops of the batches what it likes."""
    seen = SeenEvents()
    came: list[Told] = []
    while seen.after < OF_WEIGHT[-1].seq:
        replayed = [each for each in EVENTS if each.seq > seen.after]
        kept = [each for each in replayed if must_arrive(each.event) or data.draw(st.booleans())]
        told_until = data.draw(st.integers(1, len(kept)))
        again = data.draw(st.lists(st.sampled_from(kept[:told_until]), max_size=3))
        came += [each for each in [*kept[:told_until], *again] if seen.is_news(each)]
    assert [each for each in came if must_arrive(each.event)] == OF_WEIGHT
    assert len({each.seq for each in came}) == len(came)
