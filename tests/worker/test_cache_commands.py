"""`sleap-rtc cache` as its users type it, also where nothing but the bare install is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.cache_bench import CacheBench, blob_of, content, never

from sleap_rtc.storage.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

BARE = (
    "import sys\n"
    "for part in ('boto3', 'botocore', 'aiobotocore', 'numpy', 'yaml', 'zmq'): sys.modules[part] = None\n"
    "from sleap_rtc.client.root import main\n"
    "sys.argv[0] = 'sleap-rtc'\n"
    "main()"
)


@pytest.fixture
def bench(tmp_path: Path) -> CacheBench:
    bench = CacheBench(tmp_path / "cache")
    bench.has("flies", last_used=1)
    bench.has("mice", last_used=2)
    return bench


def cache(bench: CacheBench, *arguments: str, status: int = 0, **settings: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BARE, "cache", *arguments],
        env={**os.environ, "SLEAP_RTC_CACHE_DIR": str(bench.folder), **settings},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def checksums(rows: list[dict[str, Any]]) -> list[str]:
    return [row["checksum"] for row in rows]


def of(*names: str) -> list[str]:
    return [blob_of(content(name)).checksum for name in names]


def test_ls_shows_the_first_to_leave_on_top(bench: CacheBench) -> None:
    told = json.loads(cache(bench, "ls", "--json"))
    assert told["cache_dir"] == str(bench.folder)
    assert checksums(told["datasets"]) == of("flies", "mice")
    assert told["datasets"][0]["last_used"] == "1970-01-01T00:00:01+00:00"


def test_ls_says_what_is_in_use_and_how_much_there_is(bench: CacheBench) -> None:
    with bench.cache.use(blob_of(content("mice")), never):
        told = cache(bench, "ls")
    assert [line.split()[-1] for line in told.splitlines() if of("mice")[0] in line] == ["yes"]
    assert f"2 datasets, 2,097,152 bytes in {bench.folder}" in told


def test_prune_keeps_to_the_budget_and_the_oldest_leaves(bench: CacheBench) -> None:
    told = cache(bench, "prune", "--json", SLEAP_RTC_CACHE_BUDGET_BYTES="1500000")
    assert checksums(json.loads(told)["evicted"]) == of("flies")
    bench.assert_holds("mice")


def test_prune_all_leaves_nothing_but_what_is_in_use(bench: CacheBench) -> None:
    with bench.cache.use(blob_of(content("flies")), never):
        told = cache(bench, "prune", "--all")
    assert "Evicted 1 dataset, 1,048,576 bytes." in told
    assert "1,048,576 are in use" in told
    bench.assert_holds("flies")


def test_verify_removes_the_corrupt_and_says_so_by_its_exit_code(bench: CacheBench) -> None:
    assert "2 whole, 0 corrupt." in cache(bench, "verify")
    bench.path("mice").write_bytes(content("moles"))
    assert of("mice")[0] in cache(bench, "verify", status=ExitCode.INTEGRITY)
    assert json.loads(cache(bench, "verify", "--json")) == {"whole": of("flies"), "corrupt": []}
