"""The cost metrics say what the price table says, and nothing of what is free."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from sleap_rtc.events.event_facts import StorageFound
from sleap_rtc.observability.cost_metrics import CostMetrics
from sleap_rtc.storage.price_list import GB
from sleap_rtc.storage.price_table import LIST_PRICES
from sleap_rtc.storage.relay_alternative import Assumptions
from sleap_rtc.storage.traffic import Called, Moved

if TYPE_CHECKING:
    from sleap_rtc.observability.instrument import Instrument


class Measured:
    """A meter that keeps sums, and refuses labels that the table does not have."""

    def __init__(self) -> None:
        self.sums: Counter[str] = Counter()

    def add(self, instrument: Instrument, amount: float = 1, /, **labels: str) -> None:
        self.sums[self._name(instrument, labels)] += amount  # type: ignore[assignment] # sums of amounts

    def set(self, instrument: Instrument, value: float, /, **labels: str) -> None:
        self.sums[self._name(instrument, labels)] = value  # type: ignore[assignment] # see above

    def record(self, instrument: Instrument, value: float, /, **labels: str) -> None:
        raise AssertionError((instrument, value, labels))

    @staticmethod
    def _name(instrument: Instrument, labels: dict[str, str]) -> str:
        spelled = instrument.spelled(labels)
        assert "other" not in spelled.values()
        return " ".join([instrument.name, *spelled.values()])


@pytest.fixture
def measured() -> Measured:
    return Measured()


@pytest.fixture
def metrics(measured: Measured) -> CostMetrics:
    return CostMetrics(measured, LIST_PRICES, Assumptions(relay_share=0.5))


def test_requests_cost_by_their_class(measured: Measured, metrics: CostMetrics) -> None:
    for service, operation in [
        ("s3", "UploadPart"),
        ("s3", "ListObjectsV2"),
        ("s3", "HeadObject"),
        ("s3", "DeleteObject"),
        ("sqs", "ReceiveMessage"),
        ("sns", "Publish"),
        ("sns", "Subscribe"),
    ]:
        metrics(Called(service, operation, "ok", 0.1))  # type: ignore[arg-type] # a Literal
    assert measured.sums == {
        "sleap_rtc.cost s3_write": pytest.approx(2 * LIST_PRICES.s3_write),
        "sleap_rtc.cost s3_read": LIST_PRICES.s3_read,
        "sleap_rtc.cost sqs": LIST_PRICES.sqs,
        "sleap_rtc.cost sns": LIST_PRICES.sns,
    }


def test_only_what_leaves_the_cloud_or_is_relayed_costs(measured: Measured, metrics: CostMetrics) -> None:
    metrics(Moved("upload", "internet", "dataset", GB))
    metrics(Moved("download", "internet", "dataset", GB))
    metrics(Moved("download", "in_region", "model", GB))
    metrics(Moved("download", "relay", "model", GB))
    metrics(Moved("download", "peer", "model", GB))
    metrics(Moved("download", "shared", "dataset", GB))
    metrics(Moved("upload", "internet", "checkpoint", GB))
    assert measured.sums == {
        "sleap_rtc.cost egress": pytest.approx(LIST_PRICES.egress_gb),
        "sleap_rtc.cost relay": pytest.approx(LIST_PRICES.relay_gb),
        "sleap_rtc.cost_avoided": pytest.approx(2 * 0.5 * LIST_PRICES.relay_gb),
    }


def test_what_lies_in_the_buckets_is_told_by_bucket(measured: Measured, metrics: CostMetrics) -> None:
    metrics(StorageFound("uploads", 5))
    metrics(StorageFound("rooms", 7))
    assert measured.sums == {"sleap_rtc.stored uploads": 5, "sleap_rtc.stored rooms": 7}
