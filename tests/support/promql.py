"""What is wrong with an expression of PromQL, held against the table of metrics.

Prometheus answers a question about a series that nobody tells with nothing, and calls that no error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import promql_parser as promql

from sleap_rtc.observability.instrument import Kind
from sleap_rtc.observability.instruments import INSTRUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sleap_rtc.observability.instrument import Instrument

SCRAPED = frozenset({"job", "instance"})
"""What Prometheus says itself of where a series is from."""
_GROWTH = {"rate", "irate", "increase", "resets"}
_LEVEL = {
    "deriv",
    "delta",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "predict_linear",
    "last_over_time",
}
_EXISTENCE = {"absent", "absent_over_time", "count_over_time", "present_over_time", "max_over_time"}
_OWN = {"up": SCRAPED, "ALERTS": SCRAPED | {"alertname", "alertstate", "severity"}}
"""Prometheus's own series, and their labels."""


@dataclass
class Looked:
    """What was found in an expression.

    Attributes:
        faults: sentences.
        instruments: what it asks about.
    """

    faults: list[str] = field(default_factory=list)
    instruments: set[str] = field(default_factory=set)


def asked(expr: str) -> str:
    """Return what Prometheus is asked, with a time for each of Grafana's variables."""
    return expr.replace("$__rate_interval", "5m").replace("$__range", "6h")


class Linter:
    """Looks at expressions.

    Args:
        recorded: the labels of each series that a rule records.
    """

    def __init__(self, recorded: Mapping[str, frozenset[str]]) -> None:
        self._recorded = recorded
        self._told: dict[str, tuple[Instrument, str]] = {}
        for instrument in INSTRUMENTS:
            histogram = instrument.kind is Kind.HISTOGRAM
            for suffix in ("_bucket", "_sum", "_count") if histogram else ("",):
                self._told[instrument.prometheus + suffix] = (instrument, suffix)

    def look(self, expr: str) -> tuple[Looked, frozenset[str]]:
        """Return what is wrong, and the labels of the answer."""
        looked = Looked()
        try:
            parsed = promql.parse(asked(expr))
        except ValueError as error:
            looked.faults.append(str(error))
            return looked, frozenset()
        return looked, self._labels(parsed, looked, "")

    def _labels(self, expr: Any, looked: Looked, within: str) -> frozenset[str]:
        match expr:
            case promql.VectorSelector():
                found = self._selected(expr, looked, within)
            case promql.MatrixSelector():
                found = self._labels(expr.vector_selector, looked, within)
            case promql.SubqueryExpr() | promql.ParenExpr() | promql.UnaryExpr():
                found = self._labels(expr.expr, looked, within)
            case promql.Call():
                found = self._called(expr, looked)
            case promql.AggregateExpr():
                found = self._aggregated(expr, looked)
            case promql.BinaryExpr():
                found = self._joined(expr, looked)
            case _:
                found = frozenset()
        return found

    def _selected(self, selector: Any, looked: Looked, within: str) -> frozenset[str]:
        name = selector.name
        if name in _OWN:
            return self._matched(selector, _OWN[name], {}, looked)
        if name in self._recorded:
            return self._matched(selector, self._recorded[name], {}, looked)
        if name not in self._told:
            looked.faults.append(f"nobody tells {name}")
            return frozenset()
        instrument, suffix = self._told[name]
        looked.instruments.add(instrument.name)
        grows = instrument.kind is not Kind.GAUGE
        if grows and within not in _GROWTH | _EXISTENCE:
            looked.faults.append(f"{name} only grows: it says something by its rate")
        if not grows and within in _GROWTH:
            looked.faults.append(f"{name} is a gauge, which has no {within}")
        labels = (
            SCRAPED | {label.name for label in instrument.labels} | ({"le"} if suffix == "_bucket" else set())
        )
        values = {label.name: label.values for label in instrument.labels}
        return self._matched(selector, frozenset(labels), values, looked)

    def _matched(
        self, selector: Any, labels: frozenset[str], values: Mapping[str, frozenset[str]], looked: Looked
    ) -> frozenset[str]:
        for matcher in selector.matchers.matchers:
            if matcher.name not in labels:
                looked.faults.append(f"{selector.name} has no label {matcher.name}")
            elif matcher.name in values:
                several = matcher.op in (promql.MatchOp.Re, promql.MatchOp.NotRe)
                named = matcher.value.split("|") if several else [matcher.value]
                unknown = set(named) - values[matcher.name]
                looked.faults.extend(
                    f"{selector.name}'s {matcher.name} is never {one}" for one in sorted(unknown)
                )
        return labels

    def _called(self, call: Any, looked: Looked) -> frozenset[str]:
        name = call.func.name
        known = _GROWTH | _LEVEL | _EXISTENCE
        found = [self._labels(argument, looked, name if name in known else "") for argument in call.args]
        labels: frozenset[str] = frozenset().union(*found) if found else frozenset()
        if name == "histogram_quantile":
            if "le" not in labels:
                looked.faults.append("histogram_quantile needs buckets, by le")
            return labels - {"le"}
        return labels

    def _aggregated(self, expr: Any, looked: Looked) -> frozenset[str]:
        inner = self._labels(expr.expr, looked, "")
        if expr.modifier is None:
            return frozenset()
        named = frozenset(expr.modifier.labels)
        if missing := named - inner:
            looked.faults.append(f"nothing to aggregate by {', '.join(sorted(missing))}")
        return named & inner if expr.modifier.type == promql.AggModifierType.By else inner - named

    def _joined(self, expr: Any, looked: Looked) -> frozenset[str]:
        left, right = self._labels(expr.lhs, looked, ""), self._labels(expr.rhs, looked, "")
        matching = getattr(expr.modifier, "matching", None)
        if matching is not None and matching.type == promql.LabelModifierType.Include:
            on = frozenset(matching.labels)
            if missing := on - (left & right):
                looked.faults.append(f"one side has no {', '.join(sorted(missing))}")
        elif _vectors(expr.lhs, expr.rhs) and left != right and str(expr.op) not in {"or"}:
            looked.faults.append(f"{sorted(left)} never meets {sorted(right)}")
        if isinstance(expr.lhs, promql.NumberLiteral):
            return right
        return left | right if str(expr.op) == "or" else left


def _vectors(*sides: Any) -> bool:
    return not any(isinstance(side, promql.NumberLiteral) for side in sides)


def recorded(rules: Iterable[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """Return the labels of each series that the rules record, in their order."""
    labels: dict[str, frozenset[str]] = {}
    for rule in rules:
        if "record" in rule:
            _, found = Linter(labels).look(rule["expr"])
            labels[rule["record"]] = found | frozenset(rule.get("labels", {}))
    return labels
