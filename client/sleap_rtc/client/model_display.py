"""Adapter: models in the terminal: the table of a room, and one model with all that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from sleap_rtc.client.display import console, human_bytes
from sleap_rtc.client.loss_curve import loss_curve, scale_of
from sleap_rtc.client.model_words import count, error_of, flat, holders, names
from sleap_rtc.client.sparkline import sparkline
from sleap_rtc.events.trace import trace_id
from sleap_rtc.storage.manifest import summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sleap_rtc.events.registry_api import ModelDetails, NamedModel
    from sleap_rtc.storage.manifest import ModelRecord

_COLUMNS: dict[str, Callable[[NamedModel], str]] = {
    "MODEL": lambda model: model.id,
    "NAMES": lambda model: ", ".join(model.names),
    "TYPE": lambda model: model.model_type,
    "SIZE": lambda model: human_bytes(model.storage.size_bytes),
    "TRAINED (UTC)": lambda model: f"{model.training.trained_at:%Y-%m-%d %H:%M}",
    "ERROR": lambda model: error_of(model.training.metrics),
    "TAGS": lambda model: ", ".join(model.tags),
    "ON": holders,
}
_FOLDS = {"NAMES", "TYPE", "TAGS", "ON"}
_IF_ANY = {"NAMES", "ERROR", "TAGS", "ON"}
_SPARK_CHARS = 40


def models_table(models: Sequence[NamedModel], here: Mapping[str, str]) -> Table:
    """Return models as a table; columns in which nothing stands are left out.

    Args:
        models: of a room.
        here: of those that this machine has, by their ids, in a word how they are.
    """

    def is_here(model: NamedModel) -> str:
        return here.get(model.id, "")

    columns = {**_COLUMNS, "HERE": is_here}
    shown = [
        name for name, text in columns.items() if name not in _IF_ANY or any(text(model) for model in models)
    ]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in shown:
        table.add_column(name, no_wrap=name not in _FOLDS, overflow="fold")
    for model in models:
        table.add_row(*(Text(columns[name](model)) for name in shown))
    return table


def print_model(details: ModelDetails, *, here: bool) -> None:
    """Print a model: what it is called, what made it, of what it consists and how its training went."""
    model, record = details.model, details.record
    console.print(Text.assemble("Model ", (model.id, "bold"), ": ", (model.model_type, "bold")))
    for name, text in _facts(details, here=here):
        console.print(Text.assemble((f"{name:<9} ", "dim"), text))
    if record is None:
        console.print(
            "Its own record (model.json) is damaged or gone: what made it is known no further.",
            style="yellow",
        )
    console.print(_lineage(details, record))
    _print_pairs(
        "Files",
        ((file.name, f"{human_bytes(file.size_bytes):>9}  {file.checksum}") for file in model.storage.files),
    )
    _print_pairs("Hyperparameters", flat(record.hyperparameters) if record else ())
    _print_pairs("Metrics", flat(summary(record.metrics) if record else model.training.metrics))
    if record:
        _print_loss(record)


def _facts(details: ModelDetails, *, here: bool) -> Iterator[tuple[str, str]]:
    model = details.model
    yield "names", ", ".join(names(details)) or "none"
    if model.tags:
        yield "tags", ", ".join(model.tags)
    if model.notes:
        yield "notes", model.notes.replace("\n", f"\n{'':10}")
    if error := error_of(model.training.metrics):
        yield "error", error
    yield "size", f"{human_bytes(model.storage.size_bytes)} in {count(len(model.storage.files), 'file')}"
    yield "on", holders(model) or "no worker that is there now"
    yield "here", "yes" if here else "no"
    if model.legacy_ids:
        yield "known as", ", ".join(model.legacy_ids)


def _lineage(details: ModelDetails, record: ModelRecord | None) -> Tree:
    """Return what made a model, from the model back to the software."""
    model, training = details.model, details.model.training
    tree = Tree(_line("model", model.id), guide_style="dim")
    if not training.job_id:
        tree.add(_line("pushed by", details.by)).add(
            _line("trained", f"{training.trained_at:%Y-%m-%d %H:%M} UTC")
        )
        return tree
    attempt = f", attempt {record.attempt}{record.turn.words}" if record else ""
    job = tree.add(_line("job", f"{training.job_id}{attempt}"))
    if record and record.interim:
        job.add(_line("interim", "the worker had to leave; the job went on and has another model"))
    job.add(_line("asked by", details.by))
    job.add(_line("dataset", training.dataset_hash or "not known"))
    job.add(_line("configuration", training.config_hash or "not known"))
    worker = job.add(_line("worker", training.trained_on_worker))
    worker.add(_line("trained", f"{training.trained_at:%Y-%m-%d %H:%M} UTC"))
    software = dict(record.software) if record else {}
    worker.add(_line("trainer", software.pop("trainer", training.trainer) or "not known"))
    for name, version in software.items():
        worker.add(_line(name, version))
    if record and (trace := trace_id(record.traceparent)):
        job.add(_line("trace", trace))
    return tree


def _line(name: str, text: str) -> Text:
    return Text.assemble((f"{name} ", "dim"), text)


def _print_pairs(heading: str, pairs: Iterable[tuple[str, str]]) -> None:
    found = list(pairs)
    if not found:
        return
    console.print(heading, style="bold")
    width = max(len(name) for name, _ in found)
    for name, text in found:
        console.print(Text.assemble("  ", (f"{name:<{width}}  ", "dim"), text))


def _print_loss(record: ModelRecord) -> None:
    curve = loss_curve(record.metrics)
    if curve is None:
        return
    scale = scale_of(curve.values())
    best = curve.best()
    about = f", best {best[1]:.4g} at epoch {best[0]}" if best else ""
    steps = " (log scale)" if scale.logarithmic else ""
    console.print(
        Text.assemble(
            ("Loss", "bold"),
            f" over {count(len(curve.epochs), 'epoch')}, {scale.low:.4g} to {scale.high:.4g}{steps}{about}",
        )
    )
    for name, losses in (("training", curve.train), ("validation", curve.val)):
        if any(loss is not None for loss in losses):
            last = next(loss for loss in reversed(losses) if loss is not None)
            line = sparkline(losses, scale, _SPARK_CHARS)
            console.print(Text.assemble("  ", (f"{name:<10}  ", "dim"), line, f"  {last:.4g}"))
