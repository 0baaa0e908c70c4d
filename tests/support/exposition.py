"""What a scrape says, read with Prometheus's own parser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from sleap_rtc.observability.instrument import OTHER, Kind
from sleap_rtc.observability.instruments import INSTRUMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Scrape:
    """The samples of one text."""

    text: str

    @property
    def samples(self) -> list[tuple[str, Mapping[str, str], float]]:
        """Each sample: its name, labels and value."""
        return [
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
        ]

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the samples with this name and at least these labels."""
        return sum(
            value for found, has, value in self.samples if found == name and labels.items() <= has.items()
        )

    @property
    def told(self) -> set[str]:
        """The names, as in the table, of the metrics that something was told of: counters and histograms
        that counted something, gauges that are there."""
        names = set()
        for one in INSTRUMENTS:
            name = f"{one.prometheus}_count" if one.kind is Kind.HISTOGRAM else one.prometheus
            found = [value for sample, _, value in self.samples if sample == name]
            if any(found) or (found and one.kind is Kind.GAUGE):
                names.add(one.name)
        return names

    def outside_the_table(self) -> list[str]:
        """Return the samples that have a name, a label or a value which the table does not have."""
        by_name = {}
        for one in INSTRUMENTS:
            names = [one.prometheus]
            if one.kind is Kind.HISTOGRAM:
                names = [f"{one.prometheus}{end}" for end in ("_bucket", "_sum", "_count")]
            by_name.update(dict.fromkeys(names, one))
        wrong = []
        for name, labels, _ in self.samples:
            found = by_name.get(name)
            known = {label.name: label.values for label in found.labels} if found else {}
            own = {key: value for key, value in labels.items() if key != "le"}
            if (
                set(own) != set(known)
                or any(own[key] not in known[key] for key in own)
                or OTHER in own.values()
            ):
                wrong.append(f"{name} {own}")
        return wrong


def scrape(url: str) -> Scrape:
    """Fetch what a process tells."""
    with urlopen(url, timeout=10) as answer:
        return Scrape(answer.read().decode())
