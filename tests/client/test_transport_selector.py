from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sleap_rtc.client.transport_selector import (
    DataKind,
    Decision,
    ExpectedPath,
    Facts,
    LiveWorker,
    NoWayThere,
    Transport,
    TransportRefused,
    TransportSelector,
    WorkerBusy,
)
from sleap_rtc.storage.errors import ExitCode
from sleap_rtc.storage.price_table import LIST_PRICES

THRESHOLD = 100_000_000
SMALL = 1_000_000
SELECTOR = TransportSelector(THRESHOLD)
OURS = LiveWorker("gpu-1")
BUSY = LiveWorker("gpu-1", free=False)
EXISTING = LiveWorker("old-1", reads_s3=False)
QUEUE_ONLY = LiveWorker("gpu-1", takes_files=False)
GONE = "the service at http://127.0.0.1:1 does not answer"
DIRECT = ExpectedPath.DIRECT

RATES = st.none() | st.floats(1e3, 1e9)
FACTS = st.builds(
    Facts,
    size_bytes=st.integers(0, 10**12) | st.integers(THRESHOLD - 2, THRESHOLD + 2),
    kind=st.sampled_from(DataKind),
    worker=st.none()
    | st.builds(
        LiveWorker, st.just("w"), reads_s3=st.booleans(), takes_files=st.booleans(), free=st.booleans()
    ),
    no_s3=st.sampled_from(["", GONE]),
    path=st.sampled_from(ExpectedPath),
    forced=st.none() | st.sampled_from(Transport),
    detached=st.booleans(),
    in_region=st.booleans(),
    retained_days=st.floats(0, 60),
    model_bytes=st.integers(0, 10**10),
    peer_bytes_per_s=RATES,
    s3_bytes_per_s=RATES,
)


def choose(size_bytes: int = SMALL, **facts: Any) -> Decision:
    return SELECTOR.choose(Facts(size_bytes, **facts))


def chosen(size_bytes: int = SMALL, **facts: Any) -> Transport:
    return choose(size_bytes, **facts).transport


def outcome(facts: Facts) -> Transport | None:
    try:
        return SELECTOR.choose(facts).transport
    except (TransportRefused, WorkerBusy, NoWayThere):
        return None


@pytest.mark.parametrize(
    ("size_bytes", "transport"),
    [
        (0, Transport.WEBRTC),
        (THRESHOLD - 1, Transport.WEBRTC),
        (THRESHOLD, Transport.WEBRTC),
        (THRESHOLD + 1, Transport.S3),
        (10**12, Transport.S3),
    ],
)
def test_what_is_above_the_threshold_goes_through_s3(size_bytes: int, transport: Transport) -> None:
    assert chosen(size_bytes, worker=OURS, path=DIRECT) is transport


def test_a_threshold_of_nothing_sends_everything_through_s3() -> None:
    facts = Facts(1, worker=OURS, path=DIRECT)
    assert TransportSelector(0).choose(facts).transport is Transport.S3


@pytest.mark.parametrize("facts", [{}, {"worker": BUSY}, {"worker": QUEUE_ONLY}])
def test_a_small_dataset_waits_in_s3_where_no_worker_can_take_it_now(facts: dict[str, Any]) -> None:
    assert chosen(path=DIRECT, **facts) is Transport.S3


def test_whoever_does_not_stay_uploads_to_s3() -> None:
    decision = choose(worker=OURS, path=DIRECT, detached=True)
    assert decision.transport is Transport.S3
    assert "--detach" in decision.reason


def test_a_large_dataset_goes_over_webrtc_to_a_worker_of_the_existing_tool() -> None:
    decision = choose(50 * THRESHOLD, worker=EXISTING)
    assert decision.transport is Transport.WEBRTC
    assert "existing tool" in decision.reason


def test_a_busy_worker_of_the_existing_tool_is_not_waited_for_in_s3() -> None:
    with pytest.raises(WorkerBusy, match="knows nothing of S3"):
        choose(worker=replace(EXISTING, free=False))


@pytest.mark.parametrize("size_bytes", [SMALL, 50 * THRESHOLD])
def test_without_a_service_every_dataset_goes_to_the_worker(size_bytes: int) -> None:
    decision = choose(size_bytes, worker=OURS, no_s3=GONE)
    assert decision.transport is Transport.WEBRTC
    assert GONE in decision.reason


def test_where_there_is_neither_service_nor_worker_both_are_named() -> None:
    with pytest.raises(NoWayThere) as refused:
        choose(no_s3=GONE, no_worker="nobody is there")
    assert "nobody is there" in str(refused.value)
    assert GONE in str(refused.value)
    assert refused.value.exit_code is ExitCode.UNREACHABLE


@pytest.mark.parametrize("worker", [BUSY, QUEUE_ONLY])
def test_a_worker_that_cannot_take_it_is_no_way_out(worker: LiveWorker) -> None:
    with pytest.raises((WorkerBusy, NoWayThere), match=GONE):
        choose(worker=worker, no_s3=GONE)


def test_a_configuration_is_sent_as_a_message_whatever_its_size() -> None:
    assert chosen(2 * THRESHOLD, kind=DataKind.CONFIG, worker=BUSY) is Transport.WEBRTC


def test_a_model_goes_through_s3_so_that_it_outlives_the_worker() -> None:
    assert chosen(kind=DataKind.MODEL, worker=OURS, path=DIRECT) is Transport.S3


def test_a_relay_that_costs_more_than_egress_is_avoided() -> None:
    facts: dict[str, Any] = {"worker": OURS, "path": ExpectedPath.RELAYED}
    assert chosen(prices=LIST_PRICES.with_relay(0.40), **facts) is Transport.S3
    assert chosen(prices=LIST_PRICES.with_relay(0.05), **facts) is Transport.WEBRTC


def test_for_a_worker_in_the_region_even_a_cheap_relay_is_avoided() -> None:
    cheap = LIST_PRICES.with_relay(0.05)
    relayed = ExpectedPath.RELAYED
    assert chosen(THRESHOLD, worker=OURS, path=relayed, prices=cheap, in_region=True) is Transport.S3


def test_an_unknown_path_is_judged_by_how_likely_a_relay_is() -> None:
    facts: dict[str, Any] = {"worker": OURS, "path": ExpectedPath.UNKNOWN}
    assert chosen(prices=LIST_PRICES.with_relay(0.40), **facts) is Transport.WEBRTC
    assert chosen(prices=LIST_PRICES.with_relay(0.60), **facts) is Transport.S3


def test_s3_is_taken_where_it_is_known_to_be_much_faster() -> None:
    facts: dict[str, Any] = {"worker": OURS, "path": DIRECT, "s3_bytes_per_s": 50e6}
    assert chosen(THRESHOLD, peer_bytes_per_s=1e6, **facts) is Transport.S3
    assert chosen(THRESHOLD, peer_bytes_per_s=30e6, **facts) is Transport.WEBRTC
    assert chosen(SMALL, peer_bytes_per_s=1e6, **facts) is Transport.WEBRTC


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"worker": EXISTING, "forced": Transport.S3}, "knows nothing of S3"),
        ({"worker": OURS, "forced": Transport.S3, "no_s3": GONE}, GONE),
        ({"forced": Transport.WEBRTC}, "no worker of the room is connected"),
        ({"worker": BUSY, "forced": Transport.WEBRTC}, "busy"),
        ({"worker": QUEUE_ONLY, "forced": Transport.WEBRTC}, "takes no datasets"),
    ],
)
def test_what_is_forced_and_cannot_be_is_refused_with_the_reason(facts: dict[str, Any], says: str) -> None:
    with pytest.raises(TransportRefused, match=says) as refused:
        choose(**facts)
    assert refused.value.exit_code is ExitCode.BAD_INPUT
    assert "--force-transport" in str(refused.value)


@given(FACTS)
def test_nothing_is_uploaded_for_a_worker_of_the_existing_tool(facts: Facts) -> None:
    if facts.worker is not None and not facts.worker.reads_s3:
        assert outcome(facts) is not Transport.S3


@given(FACTS)
def test_s3_is_never_chosen_where_it_is_not_there(facts: Facts) -> None:
    if facts.no_s3:
        assert outcome(facts) is not Transport.S3


@given(FACTS)
def test_webrtc_is_never_chosen_where_nobody_is_there(facts: Facts) -> None:
    if facts.worker is None:
        assert outcome(facts) is not Transport.WEBRTC


@given(FACTS)
def test_what_is_forced_is_done_or_refused(facts: Facts) -> None:
    if facts.forced is not None:
        assert outcome(facts) in (facts.forced, None)


@given(FACTS, st.floats(0, 2), st.floats(0, 2))
def test_a_dearer_relay_never_speaks_for_webrtc(facts: Facts, price: float, more: float) -> None:
    cheap = outcome(replace(facts, prices=LIST_PRICES.with_relay(price)))
    dear = outcome(replace(facts, prices=LIST_PRICES.with_relay(price + more)))
    assume(cheap is not None)
    assert dear is not None
    assert (cheap, dear) != (Transport.S3, Transport.WEBRTC)


@given(FACTS)
def test_every_reason_is_one_sentence(facts: Facts) -> None:
    try:
        reason = SELECTOR.choose(facts).reason
    except (TransportRefused, WorkerBusy, NoWayThere) as refused:
        reason = str(refused)
        assert reason.endswith(".")
        return
    assert reason[0].isupper() or reason[0].isdigit()
    assert reason.endswith(".")
    assert ". " not in reason
