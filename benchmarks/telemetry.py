"""What do metrics cost a transfer?

    python benchmarks/telemetry.py [--quick] [--json]

One file goes to SeaweedFS on loopback and back, from this process, again and again: with everything measured
for Prometheus, and with nobody listening. Two percent of a small file's CPU are less than what a busy machine
adds at random, so `--quick` has its bar on what the counting of a transfer's facts takes, and shows the rest.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from engines import CREDENTIALS, seaweedfs
from sections.telling import BUCKET, telling

from sleap_rtc.storage.s3_client import s3_client

MIB = 1024 * 1024
BAR = 1.02
"""CPU of a transfer that is measured, to that of one that is not."""


def main() -> int:
    """Measure, print, and return 0 if every bar held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smaller file")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    chosen = parser.parse_args()
    os.environ.update(CREDENTIALS)
    size_mib, rounds, bar = (64, 8, None) if chosen.quick else (512, 30, BAR)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "file.bin"
        file.write_bytes(os.urandom(MIB) * size_mib)
        with seaweedfs(folder / "weed") as store:
            s3_client("us-east-1", store.url).create_bucket(Bucket=BUCKET)
            found = telling(store.url, file, rounds, bar)
    print(found.text(as_json=chosen.json))
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main())
