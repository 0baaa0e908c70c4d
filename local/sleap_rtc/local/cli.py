"""Adapter: `sleap-rtc up` and `sleap-rtc demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sleap_rtc.local.stack import External

up_app = typer.Typer(add_completion=False)
demo_app = typer.Typer(add_completion=False)

EngineOption = Annotated[
    str,
    typer.Option("--engine-url", help="Use engines that run already (S3, SQS, SNS), such as LocalStack."),
]
StoreOption = Annotated[str, typer.Option("--s3-url", help="Use another store for S3 than for the queues.")]


def _external(engine_url: str, s3_url: str) -> External | None:
    from sleap_rtc.local.stack import External
    from sleap_rtc.storage.errors import InputError

    if s3_url and not engine_url:
        raise InputError(message="--s3-url needs --engine-url, which says where the queues are.")
    return External(engine_url, s3_url or None) if engine_url else None


@up_app.command()
def up(
    data_dir: Annotated[
        Path | None, typer.Option(help="Where objects and queues lie; ~/.sleap-rtc/stack without it.")
    ] = None,
    engine_url: EngineOption = "",
    s3_url: StoreOption = "",
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Print a token for somebody else, too: to try rooms with several people."
        ),
    ] = None,
) -> None:
    """Keep the local stack running until Ctrl-C, for use from other terminals."""
    import shlex
    import signal
    import threading

    from rich.console import Console

    from sleap_rtc.local.stack import LocalStack
    from sleap_rtc.settings import load_settings

    console = Console(highlight=False, soft_wrap=True)
    folder = data_dir or load_settings().data_dir / "stack"
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    with LocalStack(folder.resolve(), _external(engine_url, s3_url)) as stack:
        console.print("# The local stack runs. In another terminal, for client-train, jobs, models:")
        for name, value in stack.client_environment.items():
            console.print(f"export {name}={value}", markup=False)
        console.print("# Or without SLEAP_RTC_TOKEN, by signing in: sleap-rtc login", markup=False)
        for name in also or []:
            console.print(
                f"# To be {name} there: export SLEAP_RTC_TOKEN={stack.issuer.token(name)}", markup=False
            )
        console.print(
            "# A worker needs no more than that; with these it talks to the store and the queue itself:"
        )
        for name, value in stack.cloud_environment.items():
            console.print(f"export {name}={shlex.quote(value)}", markup=False)
        console.print(f"# Data and logs: {folder}. Ctrl-C stops everything; the data stays.", markup=False)
        stopped.wait()
        console.print("# Stopping ...")


@demo_app.command()
def demo(
    trainer: Annotated[str, typer.Option(help="reference, or sleap-nn where it is installed.")] = "reference",
    engine_url: EngineOption = "",
    s3_url: StoreOption = "",
    keep: Annotated[Path | None, typer.Option(help="Keep the stack's data and logs in this folder.")] = None,
) -> None:
    """Run the main job on this machine: upload, train, publish, pull, each byte verified."""
    import tempfile

    from rich.console import Console

    from sleap_rtc.local.demo import Demo

    console = Console(highlight=False, soft_wrap=True)
    external = _external(engine_url, s3_url)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        raise typer.Exit(Demo(keep.resolve(), console, trainer, external).run())
    with tempfile.TemporaryDirectory(prefix="sleap-rtc-demo-") as folder:
        status = Demo(Path(folder), console, trainer, external).run()
    raise typer.Exit(status)
