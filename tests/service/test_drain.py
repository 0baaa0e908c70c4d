"""How an instance leaves: it says so, it closes, it is gone; each in its time."""

from __future__ import annotations

from sleap_rtc.service.drain import Drain


def stage(drain: Drain, now: float) -> tuple[bool, bool]:
    """Return whether it is leaving, and whether it is closing."""
    drain.look(now)
    return drain.leaving.is_set(), drain.closing.is_set()


def test_nobody_leaves_who_was_not_asked() -> None:
    drain = Drain(5, 30)
    assert (stage(drain, 1e9), drain.asked, drain.left_s(1e9)) == ((False, False), False, 30)


def test_notice_is_given_before_the_door_is_closed() -> None:
    drain = Drain(5, 30)
    drain.ask(100)
    assert [stage(drain, now) for now in (100, 104.9, 105)] == [(True, False), (True, False), (True, True)]


def test_ctrl_c_gives_no_notice() -> None:
    drain = Drain(5, 30)
    drain.ask(100, at_once=True)
    assert stage(drain, 100) == (True, True)


def test_asking_twice_gains_no_time() -> None:
    drain = Drain(5, 30)
    drain.ask(100)
    drain.ask(104)
    assert (stage(drain, 105), drain.left_s(105)) == ((True, True), 25)


def test_requests_end_before_the_reactors_and_these_before_the_process() -> None:
    drain = Drain(5, 30)
    drain.ask(100)
    assert (drain.requests_s(110), drain.reactors_s(110), drain.left_s(110)) == (14, 17, 20)
    assert (drain.requests_s(130), drain.reactors_s(130), drain.left_s(130)) == (0, 0, 0)


def test_notice_is_never_longer_than_all_there_is() -> None:
    drain = Drain(60, 30)
    drain.ask(100)
    assert stage(drain, 130) == (True, True)
