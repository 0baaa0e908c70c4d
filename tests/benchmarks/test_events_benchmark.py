"""The pure parts of the events benchmark: percentiles, what AWS bills, and at which price."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from billing import LIST_ALL, LIST_OPEN, PAYLOAD_BYTES, Billed, Call, call, cost_usd, totals
from percentiles import percentile

SQS_SAYS = {"x-amz-target": "AmazonSQS.ReceiveMessage"}
A_FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def s3(method: str, target: str) -> Call:
    """Return what a request without a body is to S3."""
    return call(method, target, {}, b"", b"")


def received(reply: bytes) -> Call:
    """Return what a receive is that brought this."""
    return call("POST", "/", SQS_SAYS, b"{}", reply)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.1, 100))
def test_a_percentile_was_measured_and_enough_do_not_exceed_it(measured: list[float], percent: float) -> None:
    found = percentile(measured, percent)
    assert found in measured
    assert sum(value <= found for value in measured) >= len(measured) * percent / 100 - 1e-9


def test_percentiles_of_two_hundred() -> None:
    measured = [float(number) for number in range(200, 0, -1)]
    assert [percentile(measured, percent) for percent in (50, 99, 100)] == [100, 198, 200]


def test_the_median_and_the_p99_of_one_are_itself() -> None:
    assert percentile([0.3], 50) == percentile([0.3], 99) == 0.3


@pytest.mark.parametrize(
    ("method", "target", "billed", "action"),
    [
        ("PUT", "/b/k", Billed.S3_WRITE, "PutObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", Billed.S3_WRITE, "UploadPart"),
        ("POST", "/b/k?uploads", Billed.S3_WRITE, "CreateMultipartUpload"),
        ("POST", "/b/k?uploadId=u", Billed.S3_WRITE, "CompleteMultipartUpload"),
        ("GET", "/b?list-type=2&prefix=r1%2Fjobs%2F", Billed.S3_WRITE, "ListObjects"),
        ("GET", "/b?list-type=2&prefix=&delimiter=%2F", Billed.S3_WRITE, LIST_ALL),
        ("GET", "/b?list-type=2&prefix=.open%2F", Billed.S3_WRITE, LIST_OPEN),
        ("GET", "/b/k?uploadId=u", Billed.S3_WRITE, "ListParts"),
        ("GET", "/b/k", Billed.S3_READ, "GetObject"),
        ("HEAD", "/b/k", Billed.S3_READ, "HeadObject"),
        ("DELETE", "/b/k", Billed.S3_FREE, "DeleteObject"),
        ("DELETE", "/b/k?uploadId=u", Billed.S3_FREE, "AbortMultipartUpload"),
    ],
)
def test_requests_of_s3(method: str, target: str, billed: Billed, action: str) -> None:
    assert s3(method, target) == Call(billed, action)


def test_a_receive_that_brought_nothing_is_idle_polling() -> None:
    assert received(b"{}").brought_nothing
    assert not received(json.dumps({"Messages": [{"Body": "x"}]}).encode()).brought_nothing


@given(st.integers(0, 10 * PAYLOAD_BYTES))
def test_every_64_kib_of_a_payload_is_a_request(size_bytes: int) -> None:
    sent = call("POST", "/", {"x-amz-target": "AmazonSQS.SendMessage"}, bytes(size_bytes), b"{}")
    assert (sent.count - 1) * PAYLOAD_BYTES <= max(size_bytes - 1, 0) < sent.count * PAYLOAD_BYTES


def test_of_sns_only_publishing_costs() -> None:
    published = call("POST", "/", A_FORM, b"Action=Publish&TopicArn=t&Message=m", b"")
    subscribed = call("POST", "/", A_FORM, b"Action=Subscribe&TopicArn=t", b"")
    assert (published.billed, subscribed.billed) == (Billed.SNS, Billed.SNS_FREE)


def test_totals_count_payloads_and_times() -> None:
    calls = Counter({Call(Billed.SQS, "SendMessage", 4): 2, Call(Billed.SQS, "DeleteMessage"): 3})
    assert totals(calls) == {Billed.SQS: 11}


def test_prices_are_those_of_the_list() -> None:
    assert cost_usd({Billed.S3_WRITE: 1_000}) == pytest.approx(0.005)
    assert cost_usd({Billed.S3_READ: 1_000}) == pytest.approx(0.0004)
    assert cost_usd({Billed.SQS: 1_000_000}) == pytest.approx(0.40)
    assert cost_usd({Billed.SNS: 1_000_000}) == pytest.approx(0.50)
    assert cost_usd({Billed.S3_FREE: 1e9, Billed.SNS_FREE: 1e9}) == 0
