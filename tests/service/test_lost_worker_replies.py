"""A worker behind a network that loses replies, and a service that is away: nothing counts twice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.desktop import OWNER, ServiceLab, hold_of, states
from support.fault_proxy import FaultProxy, LoseReply, Reply
from support.loop import in_loop

from sleap_rtc.events import service_http
from sleap_rtc.events.job_reports import Advanced, Failed
from sleap_rtc.events.jobs import Job, JobState
from sleap_rtc.events.messages import JobMessage
from sleap_rtc.events.service_http import ServiceHttp
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import Unreachable
from sleap_rtc.worker.model_publisher import ModelPublisher
from sleap_rtc.worker.service_desk import ServiceDesk
from sleap_rtc.worker.service_models import ServiceModels
from sleap_rtc.worker.service_queue import ServiceQueue
from sleap_rtc.worker.trained_model import TrainedModel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.product import Product

AWAY = Reply(503, b"the load balancer has nobody to ask")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_http, "_PAUSE_S", 0)


@pytest.fixture
def lab(product: Product) -> ServiceLab:
    return ServiceLab(product)


@pytest.fixture
def proxy(product: Product) -> Iterator[FaultProxy]:
    with FaultProxy(product.stack.service_url) as proxy:
        yield proxy


@pytest.fixture
def service(product: Product, proxy: FaultProxy) -> ServiceHttp:
    """The service as the worker reaches it."""
    return ServiceHttp(proxy.url, product.stack.issuer.token(OWNER))


def claimed(lab: ServiceLab, service: ServiceHttp) -> Job:
    return ServiceDesk(service).claim(lab.room_id, lab.queued().job_id, "w1", "m1")


def test_a_claim_whose_reply_is_lost_is_one_claim(
    lab: ServiceLab, service: ServiceHttp, proxy: FaultProxy
) -> None:
    proxy.script("POST .*/claim", LoseReply(), times=2)
    assert states(claimed(lab, service)) == ["uploaded", "queued", "claimed"]
    assert proxy.count("POST .*/claim") == 3


def test_a_worker_that_asks_too_often_waits_as_it_is_told_and_goes_on(
    lab: ServiceLab, service: ServiceHttp, proxy: FaultProxy
) -> None:
    too_often = Reply(429, b"{}", {"Retry-After": "0"})
    proxy.script("POST .*/claim", *[too_often] * 5, LoseReply(), too_often)
    assert states(claimed(lab, service)) == ["uploaded", "queued", "claimed"]
    assert proxy.count("POST .*/claim") == 8


def test_a_step_whose_reply_is_lost_is_one_step(
    lab: ServiceLab, service: ServiceHttp, proxy: FaultProxy
) -> None:
    hold = hold_of(claimed(lab, service))
    proxy.script("POST .*/report", LoseReply(), times=2)
    job = ServiceDesk(service).report(hold, Advanced(state=JobState.TRAINING))
    assert states(job)[-2:] == ["claimed", "training"]
    proxy.script("POST .*/report", LoseReply())
    assert ServiceDesk(service).report(hold, Failed(code="refused", message="x")).state is JobState.FAILED


def test_a_step_outlasts_a_service_that_is_being_replaced(
    lab: ServiceLab, service: ServiceHttp, proxy: FaultProxy
) -> None:
    hold = hold_of(claimed(lab, service))
    proxy.script("POST .*/report", AWAY, times=15)
    assert ServiceDesk(service).report(hold, Advanced(state=JobState.TRAINING)).state is JobState.TRAINING


def test_a_look_does_not_wait_for_it(lab: ServiceLab, service: ServiceHttp, proxy: FaultProxy) -> None:
    hold = hold_of(claimed(lab, service))
    proxy.script("GET .*/hold", AWAY, times=15)
    with pytest.raises(Unreachable):
        ServiceDesk(service).look(hold)


def test_a_model_is_published_whole_though_every_first_reply_is_lost(
    lab: ServiceLab, service: ServiceHttp, proxy: FaultProxy, tmp_path: Path
) -> None:
    (tmp_path / "best.ckpt").write_bytes(b"weights")
    job, publisher = claimed(lab, service), ModelPublisher(ServiceModels(service))
    record = publisher.describe(TrainedModel(tmp_path, job, "reference", "centroid", "w1", datetime.now(UTC)))
    uploading = Advanced(state=JobState.UPLOADING, model_id=record.model_id, model_type=record.model_type)
    ServiceDesk(service).report(hold_of(job), uploading)
    for what in ("open", "sign-parts", "complete", "model "):
        proxy.script(f"POST .*/{what}", LoseReply())
    publisher.send(tmp_path, record, lambda _: None)
    folder = keys.ModelFolder(lab.room_id, "centroid", record.model_id)
    assert lab.rooms.get(folder.file("best.ckpt")).body == b"weights"
    assert lab.rooms.head(folder.record)
    assert proxy.count("POST .*/model ") == 2


@in_loop
async def test_a_receive_whose_reply_is_lost_is_not_asked_for_again(
    lab: ServiceLab, service: ServiceHttp, proxy: FaultProxy
) -> None:
    queue = ServiceQueue(service, lab.room_id)
    for _ in range(2):
        await queue.send(JobMessage.of(lab.queued()).model_dump_json())
    proxy.script("POST .*/receive", LoseReply())
    with pytest.raises(Unreachable):
        await queue.receive(1, 5, 600)
    assert proxy.count("POST .*/receive") == 1
    assert len(await queue.receive(1, 5, 600)) == 1
