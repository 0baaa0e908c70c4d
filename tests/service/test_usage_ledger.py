"""The service counts what it uses for whom, keeps it in the room, and believes nobody who exaggerates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.desktop import MemoryLab
from support.fault_proxy import FaultProxy
from ulid import ULID

from sleap_rtc.events.job_reports import Failed, GivenBack
from sleap_rtc.events.jobs import LeaseLost
from sleap_rtc.events.usage_reports import MOST_CLIENT_REPORTS, ReportUsage, UsageImplausible, UsageReport
from sleap_rtc.service.costs import Costs
from sleap_rtc.service.identity import Caller
from sleap_rtc.service.usage_ledger import UsageLedger
from sleap_rtc.storage.errors import Unreachable
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.object_store import Create, Overwrite
from sleap_rtc.storage.price_list import GB
from sleap_rtc.storage.price_table import LIST_PRICES
from sleap_rtc.storage.relay_alternative import Assumptions
from sleap_rtc.storage.rooms_storage import RoomsStorage
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore
from sleap_rtc.storage.traffic import Called
from sleap_rtc.storage.usage import NOTHING, Usage
from sleap_rtc.storage.usage_keys import Account, room_usage_prefix, worker_usage_key

if TYPE_CHECKING:
    from sleap_rtc.events.cost_api import RoomCosts

ADA = Caller("ada", "Ada")
A_DAY_AGO = datetime.now(UTC) - timedelta(days=1)


class Ledgered:
    """A room in memory, and the costs of it."""

    def __init__(self) -> None:
        self.lab = MemoryLab()
        self.room_id = self.lab.room_id
        self.ledger = UsageLedger("jobs", "here")
        rooms, models = self.lab.rooms, RoomsStorage(self.lab.rooms, "rooms")
        self.of_service = Costs(rooms, self.lab.jobs, models, self.ledger, LIST_PRICES)

    def costs(self, **assumed: float) -> RoomCosts:
        return self.of_service.of(self.room_id, A_DAY_AGO, Assumptions(**assumed))


@pytest.fixture
def room() -> Ledgered:
    return Ledgered()


def test_each_request_is_counted_once_on_the_account_that_it_belongs_to(engine_url: str, bucket: str) -> None:
    ledger = UsageLedger("jobs", "here")
    with FaultProxy(engine_url) as proxy:
        store = S3ObjectStore(s3_client("us-east-1", proxy.url, ledger), bucket)
        store.put("lab/jobs/01J/job.json", b"{}", Create())
        store.get("lab/jobs/01J/job.json")
        store.put("lab/manifest.json", b"{}", Create())
        list(store.list("other/jobs/"))
        list(store.list(".open/"))
        counted = [*ledger.of_room("lab").values(), *ledger.of_room("other").values()]
        assert sum((usage.requests_to("s3") for usage in counted), 0) == proxy.count("/lab/|prefix=other")
    assert ledger.of_room("lab") == {
        Account("lab", "job", "01J"): Usage(requests={"s3.PutObject": 1, "s3.GetObject": 1}),
        Account("lab"): Usage(requests={"s3.PutObject": 1}),
    }


def test_queues_count_for_their_rooms_and_topics_for_the_room_that_is_told_of() -> None:
    ledger = UsageLedger("jobs", "here")
    for service, about in [
        ("sqs", "jobs-lab"),
        ("sqs", "jobs-lab-dlq"),
        ("sqs", "upload-events"),
        ("sns", "lab"),
        ("sns", ""),
    ]:
        ledger(Called(service, "Asked", "ok", 0.1, about))  # type: ignore[arg-type] # a Literal
    assert ledger.of_room("lab") == {Account("lab"): Usage(requests={"sqs.Asked": 2, "sns.Asked": 1})}


def test_what_was_counted_is_kept_in_the_room_and_not_told_twice(room: Ledgered) -> None:
    job = room.lab.claimed()
    key = f"{room.room_id}/jobs/{job.job_id}/job.json"
    room.ledger(Called("s3", "GetObject", "ok", 0.1, key))
    before = room.costs()
    room.ledger.keep(room.lab.rooms)
    after = room.costs()
    assert after.jobs[0].bill.usage == before.jobs[0].bill.usage == Usage(requests={"s3.GetObject": 1})
    assert after.cost["s3_read"] == before.cost["s3_read"] == LIST_PRICES.s3_read
    room.ledger.keep(room.lab.rooms)
    assert len(list(room.lab.rooms.list(room_usage_prefix(room.room_id)))) == 1


def test_what_cannot_be_kept_is_kept_the_next_time() -> None:
    class Away(MemoryObjectStore):
        away = True

        def put(self, *arguments: object, **options: object) -> str:
            if self.away:
                raise Unreachable(where="The object store", why="away")
            return super().put(*arguments, **options)  # type: ignore[arg-type] # as they came

    ledger, store = UsageLedger("jobs", "here"), Away()
    ledger(Called("s3", "GetObject", "ok", 0.1, "lab/manifest.json"))
    ledger.keep(store)
    assert ledger.of_room("lab")
    store.away = False
    ledger.keep(store)
    (kept,) = store.list("lab/usage/")
    assert UsageReport.model_validate_json(store.get(kept.key).body).usage == Usage(
        requests={"s3.GetObject": 1}
    )


def test_a_worker_tells_once_for_each_hold_and_also_after_it_was_lost(room: Ledgered) -> None:
    hold, desk = room.lab.claimed(), room.lab.desk()
    used = Usage(requests={"s3.GetObject": 3}, bytes={"download.internet.dataset": 5})
    desk.write_usage(hold, A_DAY_AGO, used, Usage(requests={"sqs.ReceiveMessage": 7}))
    desk.write_usage(hold, A_DAY_AGO, used + used, NOTHING)
    costs = room.costs()
    assert costs.jobs[0].bill.usage == used
    assert costs.room.usage == Usage(requests={"sqs.ReceiveMessage": 7})
    assert [attempt.told for attempt in costs.jobs[0].attempts] == ["told"]

    desk.report(hold, GivenBack(reason="again", counts=False))
    again = desk.claim(hold.room_id, hold.job_id, "w2", "m2")
    assert [attempt.told for attempt in room.costs().jobs[0].attempts] == ["told", "under_way"]
    newest = hold.__class__(hold.room_id, hold.job_id, again.fencing)
    desk.report(newest, Failed(code="disk_full", message="full"))
    silent = room.costs()
    assert [attempt.told for attempt in silent.jobs[0].attempts] == ["told", "not_told"]
    assert silent.not_told == 1
    desk.write_usage(newest, A_DAY_AGO, used, NOTHING)
    assert room.costs().not_told == 0
    with pytest.raises(LeaseLost):
        desk.write_usage(hold.__class__(hold.room_id, hold.job_id, 99), A_DAY_AGO, used, NOTHING)


def test_a_client_tells_what_it_used_as_often_as_it_likes_and_the_same_once(room: Ledgered) -> None:
    job = room.lab.claimed()
    told = ReportUsage(report_id=str(ULID()), usage=Usage(bytes={"download.internet.model": GB}))
    for report in (told, told, told.model_copy(update={"report_id": str(ULID())})):
        room.of_service.tell(room.room_id, job.job_id, report, ADA)
    costs = room.costs()
    assert costs.jobs[0].client_told
    assert costs.cost["egress"] == pytest.approx(2 * LIST_PRICES.egress_gb)


def test_nobody_is_believed_who_exaggerates(room: Ledgered) -> None:
    job = room.lab.claimed()
    for usage in (
        Usage(bytes={"download.internet.model": 10**15}),
        Usage(requests={"s3.GetObject": 10**8}),
    ):
        told = ReportUsage(report_id=str(ULID()), usage=usage)
        with pytest.raises(UsageImplausible):
            room.of_service.tell(room.room_id, job.job_id, told, ADA)
        with pytest.raises(UsageImplausible):
            room.lab.desk().write_usage(job, A_DAY_AGO, usage, NOTHING)
    for _ in range(MOST_CLIENT_REPORTS):
        told = ReportUsage(report_id=str(ULID()), usage=Usage(requests={"s3.GetObject": 1}))
        room.of_service.tell(room.room_id, job.job_id, told, ADA)
    with pytest.raises(UsageImplausible):
        room.of_service.tell(
            room.room_id, job.job_id, told.model_copy(update={"report_id": str(ULID())}), ADA
        )
    assert room.costs().jobs[0].bill.usage.requests == {"s3.GetObject": MOST_CLIENT_REPORTS}


def test_a_report_that_cannot_be_read_hides_nothing_else(room: Ledgered) -> None:
    job = room.lab.claimed()
    room.lab.rooms.put(worker_usage_key(room.room_id, job.job_id, job.fencing), b"{", Overwrite())
    room.of_service.tell(
        room.room_id,
        job.job_id,
        ReportUsage(report_id=str(ULID()), usage=Usage(requests={"s3.GetObject": 1})),
        ADA,
    )
    assert room.costs().jobs[0].bill.usage.requests == {"s3.GetObject": 1}


def test_a_negative_saving_is_shown_as_it_is(room: Ledgered) -> None:
    job = room.lab.claimed()
    usage = Usage(bytes={"download.internet.dataset": GB})
    room.of_service.tell(room.room_id, job.job_id, ReportUsage(report_id=str(ULID()), usage=usage), ADA)
    cheap, dear = room.costs(relay_share=0.0), room.costs(relay_share=1.0)
    assert cheap.relay == 0
    assert cheap.saving == cheap.jobs[0].saving == pytest.approx(-cheap.total)
    assert cheap.total == dear.total
    assert "0% of the bytes" in " ".join(cheap.assumptions)


def test_one_job_is_shown_without_the_room(room: Ledgered) -> None:
    job = room.lab.claimed()
    room.lab.claimed("w2")
    room.ledger(Called("s3", "GetObject", "ok", 0.1, f"{room.room_id}/manifest.json"))
    found = room.of_service.of(room.room_id, datetime.now(UTC), Assumptions(), job.job_id)
    assert [each.job_id for each in found.jobs] == [job.job_id]
    assert found.room.usage == NOTHING
