"""Adapter: `sleap-rtc events`: what the operator sees of the queues, with AWS credentials of his own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sleap_rtc.service.dead_letters import DeadLetters, Letter

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Queues, for the operator.")
dlq = typer.Typer(no_args_is_help=True, help="Dead letters: messages that were given up, with the reason.")
app.add_typer(dlq, name="dlq")


@app.callback()
def _events() -> None:
    """Queues, for the operator."""


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
QueueOption = Annotated[str | None, typer.Option("--queue", help="Only the dead letters of this queue.")]

_EMPTY = "There are no dead letters."


@dlq.command("ls")
def list_letters(queue: QueueOption = None, as_json: JsonOption = False) -> None:
    """List the dead letters of all queues, the oldest first."""
    letters = _dead_letters().letters(queue)
    if as_json:
        _print_json([letter.described() for letter in letters])
    elif letters:
        _print_table(letters)
    else:
        typer.echo(_EMPTY)


@dlq.command()
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="A letter. `sleap-rtc events dlq ls`.")],
    queue: QueueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a dead letter: why it was given up, its trace, and the message itself."""
    letter = _dead_letters().letter(letter_id, queue)
    if as_json:
        _print_json(letter.described())
        return
    for name, value in letter.described().items():
        if name != "body" and value not in (None, ""):
            typer.echo(f"{name.replace('_', ' ')}: {value}")
    typer.echo("")
    typer.echo(_pretty(letter.body))


@dlq.command()
def redrive(
    letter_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="The letters.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All letters.")] = False,
    queue: QueueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send dead letters back to the queues that they came from, as if they had never failed."""
    if bool(letter_ids) == everything:
        raise typer.BadParameter("name the letters by their ids, or say --all")
    sent = _dead_letters().redrive(None if everything else letter_ids, queue)
    if as_json:
        _print_json({"redriven": [{"id": letter.letter_id, "queue": letter.queue} for letter in sent]})
        return
    for letter in sent:
        typer.echo(f"{letter.letter_id} is back on {letter.queue}.")
    if not sent:
        typer.echo(_EMPTY)


def _dead_letters() -> DeadLetters:
    from sleap_rtc.service.dead_letters import DeadLetters
    from sleap_rtc.service.provision import sqs_client
    from sleap_rtc.settings import load_settings

    settings = load_settings()
    return DeadLetters(sqs_client(settings), settings)


def _print_json(content: object) -> None:
    typer.echo(json.dumps(content, indent=1))


def _pretty(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body


def _print_table(letters: list[Letter]) -> None:
    import sys

    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("QUEUE", "ID", "REASON", "ATTEMPTS", "SINCE", "TRACE"):
        table.add_column(column, overflow="fold")
    for letter in letters:
        reason = f"{letter.code}: {letter.reason}" if letter.known else letter.reason
        attempts = str(letter.known.attempts) if letter.known else ""
        since = f"{letter.since.astimezone():%Y-%m-%d %H:%M}"
        table.add_row(letter.queue, letter.letter_id, reason, attempts, since, letter.trace)
    Console(highlight=False, markup=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200).print(
        table
    )
