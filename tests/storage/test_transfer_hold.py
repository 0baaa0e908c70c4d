"""A transfer that is held, goes on, is cancelled, or ends with everything, at any moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from sleap_rtc.storage.errors import TransferFailed
from sleap_rtc.storage.stop_signal import StopSignal
from sleap_rtc.storage.transfer_hold import TransferCancelled, TransferHold

if TYPE_CHECKING:
    from concurrent.futures import Future

LONG_S = 30


class Transfer:
    """Goes on until it is cut, or is told that it is through."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.tries = 0
        self._through = threading.Event()
        self._signal = StopSignal()

    def __call__(self, stop: StopSignal) -> str:
        self.tries += 1
        self._signal = stop
        cut = threading.Event()
        with stop.cutting(cut.set):
            self.begun.release()
            while not (cut.is_set() or self._through.is_set()):
                cut.wait(0.01)
        if self._through.is_set():
            return "through"
        raise TransferFailed(what="labels.zip", why="it was interrupted")

    def arrive(self) -> None:
        self._through.set()

    def wait_begun(self) -> None:
        assert self.begun.acquire(timeout=LONG_S)


class Held:
    """A transfer under way in a thread of its own."""

    def __init__(self) -> None:
        self.everything = StopSignal()
        self.hold = TransferHold(self.everything)
        self.transfer = Transfer()
        self._pool = ThreadPoolExecutor(1)

    def begin(self) -> Future[str]:
        return self._pool.submit(self.hold.carry, "labels.zip", self.transfer)


@pytest.fixture
def at() -> Held:
    return Held()


def test_what_nobody_touches_goes_through(at: Held) -> None:
    at.transfer.arrive()
    assert at.begin().result(LONG_S) == "through"
    assert at.transfer.tries == 1


def test_what_is_held_is_cut_and_begins_again_when_it_is_released(at: Held) -> None:
    result = at.begin()
    for tries in range(1, 4):
        at.transfer.wait_begun()
        assert at.transfer.tries == tries
        at.hold.hold()
        assert at.hold.held
        at.hold.release()
    at.transfer.wait_begun()
    at.transfer.arrive()
    assert result.result(LONG_S) == "through"


def test_what_is_held_from_the_beginning_does_not_begin(at: Held) -> None:
    at.hold.hold()
    result = at.begin()
    assert not at.transfer.begun.acquire(timeout=0.1)
    at.hold.release()
    at.transfer.arrive()
    assert result.result(LONG_S) == "through"


@pytest.mark.parametrize("held", [False, True])
def test_a_cancelled_transfer_says_who_did_it(at: Held, held: bool) -> None:
    result = at.begin()
    at.transfer.wait_begun()
    if held:
        at.hold.hold()
    at.hold.cancel("ada")
    with pytest.raises(TransferCancelled, match=r"labels\.zip was cancelled by ada"):
        result.result(LONG_S)
    assert not at.hold.held


def test_a_transfer_that_is_cancelled_before_it_begins_does_not(at: Held) -> None:
    at.hold.cancel("ada")
    at.hold.hold()
    with pytest.raises(TransferCancelled):
        at.begin().result(LONG_S)
    assert at.transfer.tries == 0


@pytest.mark.parametrize("held", [False, True])
def test_when_everything_ends_it_ends_too(at: Held, held: bool) -> None:
    result = at.begin()
    at.transfer.wait_begun()
    if held:
        at.hold.hold()
    at.everything.set()
    with pytest.raises(TransferFailed):
        result.result(LONG_S)


def test_a_failure_of_its_own_is_told(at: Held) -> None:
    def fail(stop: StopSignal) -> str:
        raise TransferFailed(what="labels.zip", why="the store is away")

    with pytest.raises(TransferFailed, match="the store is away"):
        at.hold.carry("labels.zip", fail)
