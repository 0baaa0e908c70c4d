"""Two instances of the service on one store: each tells what happened at the other, and either can die."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from support.product import Product

if TYPE_CHECKING:
    from pathlib import Path

FAST = ("--set", "trainer_config.max_epochs=2")


def test_a_client_of_one_instance_hears_of_a_job_after_the_other_died(
    tmp_path: Path, small_package: Path
) -> None:
    product = Product(tmp_path)
    with product.stack:
        first = next(child for child in product.stack.children if child.name == "service")
        _, other_url = product.stack.service("service-2")
        room = product.new_room()
        watching = product.start("jobs", "watch", "-r", room, "--json", SLEAP_RTC_BACKEND_API_URL=other_url)
        sent = product.run("client-train", "-p", str(small_package), "-r", room, *FAST, "--detach")
        assert sent.status == 0, sent.err
        first.kill()
        worker = product.worker(room)
        told = []
        assert watching.stdout is not None
        for line in watching.stdout:
            told.append(json.loads(line).get("state"))
            if told[-1] == "published":
                break
        worker.stop()
        watching.kill()
        watching.communicate()
    assert {"queued", "claimed", "training", "uploading", "published"} <= set(told)
