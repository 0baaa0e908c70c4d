"""Publish models into a room, one after the other, as a reactor does.

    python publish_models.py ENDPOINT BUCKET ROOM WRITER COUNT

A publish that gave up after its tries is made again, as the message behind it would come again. Prints
`ready`, begins once it is told a line, and prints JSON: the seconds that each publish took until it stood,
and how often one gave up.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime

from sleap_rtc.storage.errors import PreconditionFailed, Unreachable
from sleap_rtc.storage.manifest import ModelFile, ModelRecord
from sleap_rtc.storage.room_storage import RoomStorage
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore


def record(room_id: str, number: int) -> ModelRecord:
    """Return the record of a model of three files; the number is its id and its job."""
    names = ("best.ckpt", "training_config.yaml", "initial_config.yaml")
    return ModelRecord(
        model_id=f"{number:08x}",
        model_type=("centroid", "centered_instance")[number % 2],
        room_id=room_id,
        files=tuple(ModelFile(name=name, size_bytes=50_000_000, checksum=f"{number:016x}") for name in names),
        job_id=f"{number:026d}",
        attempt=1,
        fencing=1,
        dataset_checksum=f"{number:016x}",
        trainer="sleap-nn",
        trained_by="ada",
        trained_on_worker="gpu-1",
        trained_at=datetime.fromtimestamp(1_790_000_000 + number, UTC),
        metrics={"val_loss": 0.25, "epochs": 100},
        traceparent="",
    )


def main() -> None:
    """Publish and print."""
    endpoint, bucket, room_id, writer, count = sys.argv[1:]
    room = RoomStorage(room_id, S3ObjectStore(s3_client("us-east-1", endpoint), bucket), bucket)
    room.manifest()
    os.nice(10)  # the store and the link to it would have machines of their own
    print("ready", flush=True)
    sys.stdin.readline()
    took_s, given_up = [], 0
    for number in range(int(writer) * int(count), (int(writer) + 1) * int(count)):
        begun = time.monotonic()
        while not _published(room, record(room_id, number)):
            given_up += 1
        took_s.append(time.monotonic() - begun)
    print(json.dumps({"took_s": took_s, "given_up": given_up}))


def _published(room: RoomStorage, model: ModelRecord) -> bool:
    try:
        room.publish_model(model, datetime.now(UTC))
    except (PreconditionFailed, Unreachable):
        return False
    return True


if __name__ == "__main__":
    main()
