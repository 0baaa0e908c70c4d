"""The meter over Prometheus's client: the table's names, its labels and no others."""

from __future__ import annotations

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sleap_rtc.observability import instruments as of
from sleap_rtc.observability.instrument import Instrument, Kind
from sleap_rtc.observability.meters import Meters
from sleap_rtc.observability.prometheus_meter import PrometheusMeter


def exercised(part: str) -> PrometheusMeter:
    """Return a meter that took one value of every instrument."""
    meter = PrometheusMeter(part)  # type: ignore[arg-type] # one of the three
    for instrument in of.INSTRUMENTS:
        labels = {label.name: sorted(label.values)[0] for label in instrument.labels}
        match instrument.kind:
            case Kind.COUNTER:
                meter.add(instrument, 2, **labels)
            case Kind.GAUGE:
                meter.set(instrument, 2, **labels)
            case Kind.HISTOGRAM:
                meter.record(instrument, 2, **labels)
    return meter


@pytest.mark.parametrize("part", ["client", "worker", "service"])
def test_a_part_has_what_the_table_has_for_it(part: str) -> None:
    text = generate_latest(exercised(part).registry).decode()
    found = {
        sample.name.removesuffix("_count") if family.type == "histogram" else sample.name
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith(("_bucket", "_sum"))
    }
    assert found == {one.prometheus for one in of.INSTRUMENTS if part in one.parts}


def test_names_have_the_units_of_prometheus() -> None:
    names = {one.prometheus for one in of.INSTRUMENTS}
    assert "sleap_rtc_transfer_size_bytes_total" in names
    assert "http_server_request_duration_seconds" in names
    assert "sleap_rtc_transfer_goodput_bytes_per_second" in names
    assert "sleap_rtc_cost_usd_total" in names
    assert "sleap_rtc_gpu_utilization_ratio" in names


def test_a_value_that_a_label_cannot_have_is_other() -> None:
    meter = PrometheusMeter("worker")
    meter.add(of.POISON, queue="jobs", reason="0123-room")
    labels = {"queue": "jobs", "reason": "other"}
    assert meter.registry.get_sample_value("sleap_rtc_poison_messages_total", labels) == 1


def test_a_label_that_is_missing_or_too_much_is_a_mistake() -> None:
    meter = PrometheusMeter("worker")
    with pytest.raises(KeyError):
        meter.add(of.POISON, queue="jobs")
    with pytest.raises(ValueError, match="no label room"):
        meter.add(of.POISON, queue="jobs", reason="gave_up", room="x")
    with pytest.raises(TypeError):
        meter.set(of.POISON, 1, queue="jobs", reason="gave_up")


def test_counters_without_labels_are_there_before_anything_happened() -> None:
    registry = PrometheusMeter("service").registry
    assert registry.get_sample_value("sleap_rtc_refused_tokens_total") == 0
    assert registry.get_sample_value("sleap_rtc_event_streams") is None  # nobody has said how many


def test_several_meters_are_fed_at_once() -> None:
    one, other = PrometheusMeter("worker"), PrometheusMeter("worker")
    both = Meters(one, other)
    both.add(of.EPOCHS, 3)
    both.set(of.WORKER_BUSY, 1)
    both.record(of.EPOCH_DURATION, 4.0)
    for meter in (one, other):
        assert meter.registry.get_sample_value("sleap_rtc_training_epochs_total") == 3
        assert meter.registry.get_sample_value("sleap_rtc_worker_busy_ratio") == 1
        assert meter.registry.get_sample_value("sleap_rtc_training_epoch_duration_seconds_sum") == 4


def test_the_most_series_of_an_instrument_are_what_prometheus_makes_of_it() -> None:
    instrument: Instrument = of.HTTP_DURATION
    meter = PrometheusMeter("service")
    meter.record(instrument, 1, method="GET", area="jobs", status="2xx")
    lines = [
        line
        for line in generate_latest(meter.registry).decode().splitlines()
        if line.startswith(instrument.prometheus)
    ]
    sets = 1
    for label in instrument.labels:
        sets *= len(label.values) + 1
    assert len(lines) * sets == instrument.most_series
