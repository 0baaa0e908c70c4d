"""What does a job cost through S3, and what would it over TURN, from counted requests and bytes?

    python benchmarks/job_cost.py [--quick] [--json]

A desktop worker trains one job on the local stack, and several clients pull its model: first from the
desktop, then, once it is gone, from S3. Requests and bytes are those that the product's own ledger counted.
Peers: the same job over TURN with every byte relayed; the same pulls without a desktop.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from figures import Figure, Report, Table

from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.local.stack import LocalStack
from sleap_rtc.storage.cost import cost_of
from sleap_rtc.storage.forecast import PlannedJob, forecast
from sleap_rtc.storage.price_list import GB
from sleap_rtc.storage.price_table import LIST_PRICES
from sleap_rtc.storage.relay_alternative import Assumptions, relay_cost

SHARES = (0.0, 0.2, 0.5, 1.0)
WITHIN_S = 120.0


class Lab:
    """A running stack with one room, and clients of it."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self.room = self.ask("rooms", "create", "Bench", "--json", at="first")["room_id"]

    def ask(self, *arguments: str, at: str) -> Any:
        """Run a command on one machine; return what it printed as JSON, if that is some."""
        home = self._folder / at
        home.mkdir(exist_ok=True)
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLEAP_"))}
        done = subprocess.run(
            [sys.executable, "-m", "sleap_rtc.client", *arguments],
            env={
                **mine,
                **self._stack.client_environment,
                "HOME": str(home),
                "SLEAP_RTC_LARGE_FILE_THRESHOLD": "0",
            },
            cwd=home,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        )
        return json.loads(done.stdout) if "--json" in arguments and arguments[0] != "client-train" else None

    def bill(self) -> dict[str, Any]:
        """Return what the room's only job cost, once its worker has told."""
        deadline = time.monotonic() + WITHIN_S
        while True:
            (job,) = self.ask("costs", "-r", self.room, "--json", at="first")["jobs"]
            if all(attempt["told"] == "told" for attempt in job["attempts"]):
                return dict(job)
            if time.monotonic() > deadline:
                raise TimeoutError("the worker does not tell what it used")
            time.sleep(0.5)


def measure(folder: Path, frames: int, pulls: int) -> Report:
    """Have the job done and its model pulled; return what that cost."""
    package = folder / "labels.zip"
    make_example_package(package, frames=frames)
    with LocalStack(folder / "stack") as stack:
        lab = Lab(stack, folder)
        worker = stack.worker(lab.room)
        fast = ("--set", "trainer_config.max_epochs=1")
        lab.ask("client-train", "-p", str(package), "-r", lab.room, *fast, "--json", at="first")
        job = lab.bill()
        (model,) = lab.ask("models", "ls", "-r", lab.room, "--json", at="first")
        for number in range(pulls):
            lab.ask("models", "pull", model["id"], "-r", lab.room, at=f"beside-{number}")
        with_desktop = lab.bill()
        worker.stop()
        for number in range(pulls):
            lab.ask("models", "pull", model["id"], "-r", lab.room, at=f"later-{number}")
        return told(job, with_desktop, lab.bill())


def told(job: dict[str, Any], with_desktop: dict[str, Any], without: dict[str, Any]) -> Report:
    """Return figures and tables of three states of the bill."""
    needed, s3 = job["dataset_bytes"] + job["made_bytes"], job["bill"]["total"]
    planned = PlannedJob(job["dataset_bytes"], job["made_bytes"], hours=0)
    foreseen = cost_of(forecast(planned)[0], LIST_PRICES).by_kind()
    counted = job["bill"]["cost"]
    compared = Table(
        "the same job as it was foreseen, without the hours that it trains",
        ("KIND", "FORESEEN, USD", "COUNTED, USD"),
        [(kind, f"{foreseen[kind]:.8f}", f"{counted[kind]:.8f}") for kind in counted if kind != "storage"],
    )
    asked = ("s3_write", "s3_read", "sqs", "sns")
    requests = [sum(cost[kind] for kind in asked) for cost in (foreseen, counted)]
    relayed = relay_cost(needed, Assumptions(1.0, 1.0), LIST_PRICES)
    from_desktop = from_s3(with_desktop) - from_s3(job)
    from_store = from_s3(without) - from_s3(with_desktop)
    kinds = Table(
        f"one job of {needed / 1e6:.1f} MB through S3, prices of {LIST_PRICES.as_of}",
        ("KIND", "USD"),
        [(kind, f"{cost:.8f}") for kind, cost in [*job["bill"]["cost"].items(), ("total", s3)]],
    )
    turn = Table(
        "the same job over TURN",
        ("RELAYED", "TURN, USD", "S3 SAVES, USD"),
        [(f"{share:.0%}", f"{share * relayed:.8f}", f"{share * relayed - s3:.8f}") for share in SHARES],
    )
    figures = [
        Figure(
            "requests as foreseen", 1000 * requests[0], "USD per 1,000", "as counted",
            requests[0] / requests[1], None, holds=True,
        ),
        Figure(
            "job through S3", 1000 * s3, "USD per 1,000", "TURN, all relayed", s3 / relayed, None, holds=True
        ),
        Figure(
            "bytes out of S3 beside a desktop", from_desktop / 1e6, "MB", "without one",
            from_desktop / max(from_store, 1), None, holds=True,
        ),
        Figure(
            "egress of a pull without a desktop", 1000 * from_store / GB * LIST_PRICES.egress_gb,
            "USD per 1,000", "the whole job", from_store / GB * LIST_PRICES.egress_gb / s3, None, holds=True,
        ),
    ]  # fmt: skip
    return Report(figures, [kinds, compared, turn])


def from_s3(job: dict[str, Any]) -> int:
    """Return the bytes of models that clients had from S3."""
    return Counter(job["bill"]["usage"]["bytes"])["download.internet.model"]


def main() -> int:
    """Measure, print, and return 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small package, one pull of each kind")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), *((12, 1) if chosen.quick else (400, 5)))
    print(found.text(as_json=chosen.json))
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main())
