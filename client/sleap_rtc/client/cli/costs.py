"""Adapter: `sleap-rtc costs`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sleap_rtc.client.cli.options import JsonOption, RoomOption
from sleap_rtc.storage.relay_alternative import ASSUMED_RELAY_SHARE, ASSUMED_RESENT

if TYPE_CHECKING:
    from sleap_rtc.events.cost_api import RoomCosts

app = typer.Typer(add_completion=False, help="What rooms and jobs cost, and would have cost over TURN.")

ShareOption = Annotated[
    float,
    typer.Option("--relay-share", min=0, max=1, help="How much would have gone through a relay over TURN."),
]
ResentOption = Annotated[
    float,
    typer.Option("--resent", min=1, max=100, help="Bytes that TURN would have sent for each byte needed."),
]


class Place(StrEnum):
    """Where a worker is."""

    IN_REGION = "in-region"
    ELSEWHERE = "elsewhere"
    SHARED = "shared-folder"


@app.callback(invoke_without_command=True)
def costs(
    context: typer.Context,
    room_id: RoomOption = "",
    since: Annotated[str, typer.Option(metavar="TIME", help="So long ago: 30d, 12h.")] = "30d",
    job: Annotated[str, typer.Option(metavar="JOB", help="One job alone, by its id or the end of it.")] = "",
    relay_share: ShareOption = ASSUMED_RELAY_SHARE,
    resent: ResentOption = ASSUMED_RESENT,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it, too: .png, .svg or .pdf.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a room and each of its jobs cost, by kind, and what they would have cost over TURN."""
    if context.invoked_subcommand is not None:
        return
    from sleap_rtc.client.cost_display import print_costs
    from sleap_rtc.client.display import print_json
    from sleap_rtc.client.loss_plot import checked_picture
    from sleap_rtc.storage.errors import InputError
    from sleap_rtc.storage.keys import checked_room_id

    if not room_id:
        raise InputError(message="Say which room with --room-id; `sleap-rtc rooms ls` lists yours.")
    if plot is not None:
        checked_picture(plot)
    found = _costs_of(checked_room_id(room_id), since, job, relay_share, resent)
    if plot is not None:
        from sleap_rtc.client.cost_plot import plot_costs

        plot_costs(found, plot)
    if as_json:
        print_json(found)
    else:
        print_costs(found)


@app.command()
def forecast(
    package: Annotated[Path, typer.Argument(help="The package or dataset that is to be submitted.")],
    worker: Annotated[Place, typer.Option(help="Where the worker is.")] = Place.ELSEWHERE,
    cached: Annotated[bool, typer.Option("--cached", help="The worker has the dataset already.")] = False,
    hours: Annotated[float, typer.Option(min=0, max=10_000, help="Of training.")] = 1.0,
    model_mb: Annotated[
        float, typer.Option("--model-mb", min=0, max=1_000_000, help="Of models, all together.")
    ] = 50.0,
    relay_share: ShareOption = ASSUMED_RELAY_SHARE,
    resent: ResentOption = ASSUMED_RESENT,
    as_json: JsonOption = False,
) -> None:
    """Say what a job will cost before it is submitted, and what it would cost over TURN."""
    from sleap_rtc.client.cost_display import print_assumptions, print_kinds, print_saving
    from sleap_rtc.client.cost_forecast import forecast_of
    from sleap_rtc.client.display import console, human_bytes, print_json
    from sleap_rtc.settings import load_settings
    from sleap_rtc.settings.prices import prices_of
    from sleap_rtc.storage.errors import FileMissing
    from sleap_rtc.storage.forecast import PlannedJob
    from sleap_rtc.storage.relay_alternative import Assumptions

    if not package.is_file():
        raise FileMissing(path=package)
    planned = PlannedJob(
        dataset_bytes=package.stat().st_size,
        made_bytes=round(model_mb * 1e6),
        hours=hours,
        in_region=worker is Place.IN_REGION,
        cached=cached,
        shared=worker is Place.SHARED,
    )
    found = forecast_of(planned, prices_of(load_settings()), Assumptions(relay_share, resent))
    if as_json:
        print_json(found)
        return
    console.print(f"{package.name}, {human_bytes(planned.dataset_bytes)}", markup=False)
    print_kinds(found.cost, found.total, found.prices.currency)
    print_saving(found.total, found.relay, found.prices.currency)
    print_assumptions(found.assumptions)


@app.command()
def compare(as_json: JsonOption = False) -> None:
    """Say for which relay prices, relay shares and workers S3 saves how much against TURN."""
    import dataclasses
    import json

    from sleap_rtc.client.cost_display import print_savings
    from sleap_rtc.settings import load_settings
    from sleap_rtc.settings.prices import prices_of
    from sleap_rtc.storage.saving_table import savings, where_it_holds

    prices = prices_of(load_settings())
    table, holds = savings(prices), where_it_holds(prices)
    if as_json:
        rows = [{**dataclasses.asdict(each), "verdict": each.verdict} for each in table]
        content = {
            "prices": dataclasses.asdict(prices),
            "savings": rows,
            "holds": list(map(dataclasses.asdict, holds)),
        }
        typer.echo(json.dumps(content, indent=1))
    else:
        print_savings(table, holds, prices)


@app.command()
def prices(
    packaged: Annotated[
        bool, typer.Option("--packaged", help="The one that is part of the product.")
    ] = False,
) -> None:
    """Print the price table in use, in the form of a file that `price_table` may name."""
    from sleap_rtc.settings import load_settings
    from sleap_rtc.storage.price_table import PACKAGED, read_prices

    table = None if packaged else load_settings().price_table
    read_prices(table)
    typer.echo((table or PACKAGED).expanduser().read_text("utf-8"), nl=False)


def _costs_of(room_id: str, since: str, job: str, relay_share: float, resent: float) -> RoomCosts:
    from datetime import UTC, datetime

    from sleap_rtc.client.job_names import job_named
    from sleap_rtc.client.time_span import parse_span
    from sleap_rtc.client.wiring import service_client

    span = parse_span("--since", since)
    service = service_client()
    if job:
        return service.job_costs(room_id, job_named(service, room_id, job), relay_share, resent)
    return service.room_costs(room_id, datetime.now(UTC) - span, relay_share, resent)
