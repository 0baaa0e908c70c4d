"""A ledger: whatever writers do at once, wherever they die, the log tells one story and the view follows."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.strategies import booleans, integers
from pydantic import BaseModel
from support.fault_proxy import FaultProxy, LoseReply

from sleap_rtc.storage.change_log import Entry, Logged, Made, Revision
from sleap_rtc.storage.document import DocumentUnreadable
from sleap_rtc.storage.errors import InputError, NotFound, Unreachable
from sleap_rtc.storage.ledger import Ledger, Places
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.object_store import ObjectStore, Overwrite, PutMode, StoredObject
from sleap_rtc.storage.proposals import Proposal
from sleap_rtc.storage.s3_store import S3ObjectStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_s3 import S3Client

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
PLACES = Places("x/view.json", "x/log/", "x/snapshots/", "x/pending/")
GOLDEN = Path(__file__).parent / "golden"


class Purse(Logged):
    """What the coins in a purse are worth, and how many were put in."""

    cents: int = 0
    coins: int = 0


class Put(BaseModel):
    """Coins come in, or go out as far as there are any."""

    joins: ClassVar[bool] = False
    cents: int

    def apply(self, purse: Purse, at: datetime) -> Purse:
        if purse.cents + self.cents < 0:
            raise InputError(message="There is not so much in it.")
        if self.cents == 0:
            return purse
        return purse.model_copy(update={"cents": purse.cents + self.cents, "coins": purse.coins + 1})

    def words(self) -> str:
        return f"{self.cents} came in"


def ledger(store: ObjectStore) -> Ledger[Purse, Put]:
    return Ledger(store, PLACES, Purse(), Entry[Put], Proposal[Put])


def put(into: Ledger[Purse, Put], cents: int) -> Purse:
    return into.append(Put(cents=cents), "ada", NOON)


@pytest.fixture
def memory() -> MemoryObjectStore:
    return MemoryObjectStore()


def view(store: ObjectStore) -> Purse:
    return Purse.model_validate_json(store.get(PLACES.view).body)


class Died(BaseException):
    """The process that was writing is gone."""


class Mortal(MemoryObjectStore):
    """Kills whoever writes, after so many writes, before or after the last of them is made."""

    def __init__(self) -> None:
        super().__init__()
        self.writes_left = -1
        self.after = False

    def place(self, key: str, body: bytes, mode: PutMode, metadata: Mapping[str, str]) -> str:
        self.writes_left -= 1
        if self.writes_left == 0 and not self.after:
            raise Died
        written = super().place(key, body, mode, metadata)
        if self.writes_left == 0:
            raise Died
        return written


class Writers(RuleBasedStateMachine):
    """Several processes, each with what it last knew, of which any may die in mid-write."""

    @initialize()
    def begin(self) -> None:
        self.store = Mortal()
        self.processes = [ledger(self.store) for _ in range(3)]
        self.acknowledged = self.uncertain = 0

    @rule(who=integers(0, 2), cents=integers(0, 3))
    def change(self, who: int, cents: int) -> None:
        after = put(self.processes[who], cents)
        self.acknowledged += cents
        assert after.cents >= self.acknowledged
        with suppress(NotFound):  # it was deleted, and nobody had a change since
            assert view(self.store).revision >= after.revision

    @rule(who=integers(0, 2))
    def read(self, who: int) -> None:
        assert self.acknowledged <= self.processes[who].read().cents <= self.acknowledged + self.uncertain

    @rule(who=integers(0, 2), cents=integers(1, 3), writes=integers(1, 3), after=booleans())
    def die(self, who: int, cents: int, writes: int, after: bool) -> None:
        self.store.writes_left, self.store.after = writes, after
        try:
            put(self.processes[who], cents)
        except Died:
            self.uncertain += cents
        else:
            self.acknowledged += cents
        self.store.writes_left = -1
        self.processes[who] = ledger(self.store)

    @rule(who=integers(0, 2))
    def restart(self, who: int) -> None:
        self.processes[who] = ledger(self.store)

    @rule()
    def lose_the_view(self) -> None:
        self.store.delete(PLACES.view)

    @rule(who=integers(0, 2))
    def show(self, who: int) -> None:
        self.processes[who].forget()
        shown = self.processes[who].show()
        assert shown.revision == 0 or view(self.store) == shown

    @invariant()
    def the_log_is_one_story_without_gaps(self) -> None:
        if not hasattr(self, "store"):
            return
        numbers = [info.key.removeprefix(PLACES.log) for info in self.store.list(PLACES.log)]
        assert numbers == [f"{number:012d}.json" for number in range(1, len(numbers) + 1)]

    def teardown(self) -> None:
        if hasattr(self, "store"):
            states = [process.read() for process in [*self.processes, ledger(self.store)]]
            assert all(state == states[0] for state in states)


Writers.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestWriters = Writers.TestCase


class TestAChange:
    def test_is_one_entry_and_then_the_view(self, memory: MemoryObjectStore) -> None:
        after = put(ledger(memory), 5)
        assert (after.revision, after.cents, after.updated_at) == (1, 5, NOON)
        assert ledger(memory).revisions(9) == [Revision(1, NOON, "ada", Put(cents=5))]
        assert view(memory) == after

    def test_that_changes_nothing_writes_nothing(self, memory: MemoryObjectStore) -> None:
        put(ledger(memory), 0)
        assert list(memory.list("")) == []

    def test_that_is_refused_writes_nothing(self, memory: MemoryObjectStore) -> None:
        with pytest.raises(InputError):
            put(ledger(memory), -1)
        assert list(memory.list("")) == []

    def test_is_decided_by_the_newest_state_and_not_by_what_the_writer_knew(
        self, memory: MemoryObjectStore
    ) -> None:
        one, other = ledger(memory), ledger(memory)
        put(one, 5)
        assert other.read().cents == 5
        put(one, -5)
        with pytest.raises(InputError):
            put(other, -5)

    def test_whose_replies_are_lost_is_made_once(
        self, proxy: FaultProxy, far_s3: S3Client, bucket: str
    ) -> None:
        far = ledger(S3ObjectStore(far_s3, bucket))
        for key in ("log", "view"):
            proxy.script(f"PUT .*/x/{key}.*", LoseReply())
        assert put(far, 5).cents == 5
        assert (far.read().revision, far.read().coins) == (1, 1)

    def test_of_many_threads_of_one_process_is_made_once_each(self, memory: MemoryObjectStore) -> None:
        shared = ledger(memory)
        with ThreadPoolExecutor(8) as writers:
            list(writers.map(lambda _: put(shared, 1), range(100)))
        assert (shared.read().cents, view(memory).revision) == (100, 100)

    def test_of_many_processes_is_made_once_each(self, s3: S3Client, bucket: str) -> None:
        store = S3ObjectStore(s3, bucket)

        def write(_: int) -> None:
            own = ledger(store)
            for _ in range(5):
                put(own, 1)

        with ThreadPoolExecutor(8) as writers:
            list(writers.map(write, range(8)))
        assert (ledger(store).read().cents, view(store).cents) == (40, 40)
        assert Counter(entry.revision for entry in ledger(store).revisions(99)) == Counter(range(1, 41))


class Guests(Logged):
    """Who is there."""

    names: tuple[str, ...] = ()


class Came(BaseModel):
    """Somebody came; whoever writes may say so for him, and twice. Nobody is not let in."""

    joins: ClassVar[bool] = True
    name: str

    def apply(self, guests: Guests, at: datetime) -> Guests:
        if not self.name:
            raise InputError(message="Nobody comes.")
        if self.name in guests.names:
            return guests
        return guests.model_copy(update={"names": (*guests.names, self.name)})

    def words(self) -> str:
        return f"{self.name} came"


def party(store: ObjectStore) -> Ledger[Guests, Came]:
    return Ledger(store, PLACES, Guests(), Entry[Came], Proposal[Came])


def came(to: Ledger[Guests, Came], name: str) -> Guests:
    return to.append(Came(name=name), "ada", NOON)


def shown(store: ObjectStore) -> Guests:
    return Guests.model_validate_json(store.get(PLACES.view).body)


class Rivalled(MemoryObjectStore):
    """A bucket in which somebody else is faster at one entry of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.rivals: list[str] = []

    def place(self, key: str, body: bytes, mode: PutMode, metadata: Mapping[str, str]) -> str:
        if key.startswith(PLACES.log) and self.rivals:
            came(party(self), self.rivals.pop())
        return super().place(key, body, mode, metadata)

    def left_by_one_who_died(self, name: str) -> None:
        """Let somebody have proposed before all others."""
        proposal = Proposal[Came](at=NOON, made=Made(by="ada", change=Came(name=name)))
        key = f"{PLACES.pending}{'0' * 26}.json"
        self.put(key, proposal.model_dump_json().encode(), Overwrite())


class TestACrowd:
    @pytest.fixture(autouse=True)
    def _who_died_is_not_waited_for_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sleap_rtc.storage.ledger._TAKE_OVER_AFTER_S", 0.1)

    @pytest.fixture
    def rivalled(self) -> Rivalled:
        return Rivalled()

    def test_makes_each_change_once_and_leaves_nothing_behind(self, s3: S3Client, bucket: str) -> None:
        store = S3ObjectStore(s3, bucket)

        def write(writer: int) -> None:
            own = party(store)
            for turn in range(4):
                after = came(own, f"{writer}-{turn}")
                assert f"{writer}-{turn}" in after.names
                assert shown(store).revision >= after.revision

        with ThreadPoolExecutor(8) as writers:
            list(writers.map(write, range(8)))
        everybody = {f"{writer}-{turn}" for writer in range(8) for turn in range(4)}
        assert Counter(shown(store).names) == Counter(everybody)
        assert shown(store) == party(store).read()
        assert list(store.list(PLACES.pending)) == []

    def test_makes_what_one_who_died_had_proposed(self, rivalled: Rivalled) -> None:
        rivalled.left_by_one_who_died("dead")
        rivalled.rivals.append("faster")
        assert came(party(rivalled), "own").names == ("faster", "own", "dead")
        assert list(rivalled.list(PLACES.pending)) == []

    @pytest.mark.parametrize("name", ["faster", ""], ids=["made already", "refused"])
    def test_is_not_held_up_by_what_cannot_be_made(self, rivalled: Rivalled, name: str) -> None:
        rivalled.left_by_one_who_died(name)
        rivalled.rivals.append("faster")
        assert came(party(rivalled), "own").names == ("faster", "own")
        assert list(rivalled.list(PLACES.pending)) == []

    def test_tells_each_what_he_is_refused_for(self, rivalled: Rivalled) -> None:
        rivalled.rivals.append("faster")
        with pytest.raises(InputError, match="Nobody comes"):
            came(party(rivalled), "")
        assert list(rivalled.list(PLACES.pending)) == []


class TestReading:
    def test_goes_on_from_the_log_where_the_view_is_behind(self, memory: MemoryObjectStore) -> None:
        put(ledger(memory), 5)
        old = memory.get(PLACES.view)
        put(ledger(memory), 3)
        memory.place(PLACES.view, old.body, Overwrite(), old.info.metadata)
        assert ledger(memory).read().cents == 8
        assert view(memory).cents == 5
        ledger(memory).show()
        assert view(memory).cents == 8

    def test_of_one_far_behind_reads_the_view(self) -> None:
        class Counting(MemoryObjectStore):
            reads = 0

            def get(self, key: str) -> StoredObject:
                self.reads += 1
                return super().get(key)

        store = Counting()
        behind = ledger(store)
        behind.read()
        busy = ledger(store)
        for _ in range(500):
            put(busy, 1)
        store.reads = 0
        assert behind.read().cents == 500
        assert store.reads < 100

    def test_passes_over_a_gap_alike_for_everybody(self, memory: MemoryObjectStore) -> None:
        for cents in (5, 3, -8, 2):
            put(ledger(memory), cents)
        memory.delete("x/log/000000000002.json")
        memory.delete(PLACES.view)
        assert (ledger(memory).read().cents, ledger(memory).read().revision) == (7, 4)

    def test_of_an_entry_that_cannot_be_read_says_so(self, memory: MemoryObjectStore) -> None:
        put(ledger(memory), 5)
        memory.put("x/log/000000000002.json", b'{"schema_version": 1}', Overwrite())
        with pytest.raises(DocumentUnreadable, match=r"x/log/000000000002\.json"):
            ledger(memory).read()

    def test_of_a_store_that_does_not_answer_says_so(self) -> None:
        class Silent(MemoryObjectStore):
            def get(self, key: str) -> StoredObject:
                raise Unreachable(where="The object store", why="connection refused")

        with pytest.raises(Unreachable):
            ledger(Silent()).read()


class TestThePast:
    def test_is_any_revision(self, memory: MemoryObjectStore) -> None:
        own = ledger(memory)
        for _ in range(230):
            put(own, 1)
        assert [own.at(number).cents for number in (0, 1, 99, 100, 101, 229, 230)] == [
            *(0, 1, 99, 100, 101, 229, 230)
        ]
        with pytest.raises(NotFound, match="revision 231"):
            own.at(231)

    def test_is_replayed_from_the_newest_snapshot(self, memory: MemoryObjectStore) -> None:
        own = ledger(memory)
        for _ in range(230):
            put(own, 1)
        lost = own.read()
        for number in range(1, 200):
            memory.delete(f"x/log/{number:012d}.json")
        memory.delete(PLACES.view)
        assert ledger(memory).read() == lost

    def test_that_is_lost_is_replayed_by_all_at_once(self, memory: MemoryObjectStore) -> None:
        own = ledger(memory)
        for _ in range(20):
            put(own, 1)
        memory.delete(PLACES.view)
        ready = threading.Barrier(4)

        def change(_: int) -> None:
            ready.wait()
            put(ledger(memory), 1)

        with ThreadPoolExecutor(4) as writers:
            list(writers.map(change, range(4)))
        assert view(memory).cents == 24


def test_the_form_of_an_entry_is_pinned() -> None:
    made: tuple[Made[Put], ...] = (Made(by="ada", change=Put(cents=5)), Made(by="bob", change=Put(cents=-1)))
    entry = Entry[Put](write_id="01K9B4V0000000000000000000", revision=7, at=NOON, made=made)
    assert (
        entry.model_dump_json(indent=1) == (GOLDEN / "ledger_entry.json").read_text(encoding="utf-8").strip()
    )
