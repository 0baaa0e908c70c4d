"""Debian's Prometheus looking at the running product, every second, by the rules and names of operators."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml

from dashboards.answers import Prometheus
from sleap_rtc.local.engine import LOOPBACK, free_port
from support.engines import running
from support.rules import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

EVERY_S = 1
_FOUND = {"file_sd_configs", "static_configs"}


def _configuration(targets: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the operators' configuration, with these targets, and a second where they have longer."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / "deploy" / "prometheus.yml").read_text("utf-8"))
    found["global"] = {"scrape_interval": f"{EVERY_S}s", "evaluation_interval": f"{EVERY_S}s"}
    found["rule_files"] = [str(FOLDER / "prometheus" / "rules" / "*.yml")]
    del found["alerting"]
    jobs = []
    for job in found["scrape_configs"]:
        if job["job_name"] in targets:
            kept = {name: value for name, value in job.items() if name not in _FOUND}
            jobs.append(kept | {"static_configs": [{"targets": list(targets[job["job_name"]])}]})
    assert len(jobs) == len(targets)
    return found | {"scrape_configs": jobs}


@contextmanager
def prometheus(folder: Path, targets: Mapping[str, Sequence[str]]) -> Iterator[Prometheus]:
    """Run one that scrapes these addresses, by the names of the operators' jobs."""
    folder.mkdir()
    address = f"{LOOPBACK}:{free_port()}"
    (folder / "prometheus.yml").write_text(yaml.safe_dump(_configuration(targets)), encoding="utf-8")
    command = [
        "prometheus",
        "--config.file=prometheus.yml",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with running(command, {}, folder, f"http://{address}/-/ready"):
        yield Prometheus(f"http://{address}")


@contextmanager
def pushgateway(folder: Path) -> Iterator[str]:
    """Run one; yield its address."""
    folder.mkdir()
    address = f"{LOOPBACK}:{free_port()}"
    # Debian's keeps what it was told, and for all who run it in one file.
    command = ["prometheus-pushgateway", f"--web.listen-address={address}", "--persistence.file="]
    with running(command, {}, folder, f"http://{address}/-/ready"):
        yield f"http://{address}"
