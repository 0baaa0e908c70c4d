"""Adapter: `sleap-rtc cache`, which needs none of what a worker needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sleap_rtc.storage.blob_cache import BlobCache
    from sleap_rtc.storage.cache_policy import Entry

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Datasets that this machine's workers keep."
)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


@app.command("ls")
def list_blobs(as_json: JsonOption = False) -> None:
    """List the datasets, the least recently used first: it is the first to leave."""
    cache = _cache()
    entries = cache.entries()
    if as_json:
        _print_json({"cache_dir": str(cache.path), "datasets": _rows(entries)})
        return
    from datetime import datetime

    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("DATASET", "BYTES", "LAST USED", "IN USE"):
        table.add_column(column, overflow="fold", justify="right" if column == "BYTES" else "left")
    for entry in entries:
        last_used = datetime.fromtimestamp(entry.last_used).astimezone()
        table.add_row(
            entry.blob.checksum,
            f"{entry.blob.size_bytes:,}",
            f"{last_used:%Y-%m-%d %H:%M}",
            "yes" if entry.pinned else "",
        )
    console = Console(highlight=False, soft_wrap=True)
    if entries:
        console.print(table)
    typer.echo(f"{_counted(entries)} in {cache.path}")


@app.command()
def prune(
    everything: Annotated[bool, typer.Option("--all", help="Evict whatever is not in use.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Evict what is beyond the budget and the free-disk floor, the least recently used first."""
    evicted = _cache().prune(0 if everything else None)
    if as_json:
        _print_json({"evicted": _rows(evicted.entries), "why_not_more": evicted.why_not})
        return
    typer.echo(f"Evicted {_counted(evicted.entries)}.")
    if evicted.why_not:
        typer.echo(f"That is not enough: {evicted.why_not}.")


@app.command()
def verify(as_json: JsonOption = False) -> None:
    """Read every dataset again and remove those whose bytes are not what they were."""
    from sleap_rtc.storage.errors import ExitCode

    found = _cache().verify()
    if as_json:
        _print_json(
            {
                "whole": [blob.checksum for blob in found.whole],
                "corrupt": [blob.checksum for blob in found.corrupt],
            }
        )
    else:
        for blob in found.corrupt:
            typer.echo(f"Corrupt, removed: {blob.checksum}, {blob.size_bytes:,} bytes")
        typer.echo(f"{len(found.whole)} whole, {len(found.corrupt)} corrupt.")
    if found.corrupt:
        raise typer.Exit(ExitCode.INTEGRITY)


def _cache() -> BlobCache:
    from sleap_rtc.settings import load_settings
    from sleap_rtc.worker.dataset_cache import dataset_cache

    return dataset_cache(load_settings())


def _rows(entries: Iterable[Entry]) -> list[dict[str, object]]:
    from datetime import UTC, datetime

    return [
        {
            "checksum": entry.blob.checksum,
            "size_bytes": entry.blob.size_bytes,
            "last_used": datetime.fromtimestamp(entry.last_used, UTC).isoformat(),
            "in_use": entry.pinned,
        }
        for entry in entries
    ]


def _counted(entries: Iterable[Entry]) -> str:
    sizes = [entry.blob.size_bytes for entry in entries]
    return f"{len(sizes)} dataset{'' if len(sizes) == 1 else 's'}, {sum(sizes):,} bytes"


def _print_json(content: object) -> None:
    import json

    typer.echo(json.dumps(content, indent=1))
