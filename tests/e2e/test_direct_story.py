"""A small package goes straight to the worker of a room, and its model is in the room all the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from support.product import eventually

from sleap_rtc.storage.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product, Said

FAST = ("--set", "trainer_config.max_epochs=2", "--set", "trainer_config.seed=1")
DEFAULT_THRESHOLD = {"SLEAP_RTC_LARGE_FILE_THRESHOLD": "100000000"}


def test_a_small_package_goes_straight_to_a_free_worker_and_its_model_to_the_room(
    product: Product, small_package: Path
) -> None:
    room = product.new_room()
    product.worker(room)
    order = ("client-train", "-p", str(small_package), "-r", room, *FAST, "--json")
    said: list[Said] = []

    def worker_was_there() -> bool:
        said.append(product.run(*order, "--force-transport", "webrtc"))
        return said[-1].status != ExitCode.BAD_INPUT

    eventually(worker_was_there)
    lines = said[-1].json_lines()
    (model,) = [line for line in lines if line["kind"] == "kept"]
    assert [line["transport"] for line in lines if line["kind"] == "transport"] == ["webrtc"]
    assert {line["event"]["kind"] for line in lines if line["kind"] == "told"} >= {"step", "epoch", "end"}

    # By itself it is chosen, too: the worker is there, free, and on this machine directly connected.
    again = product.run(*order, **DEFAULT_THRESHOLD).json_lines()
    (chosen,) = [line for line in again if line["kind"] == "transport"]
    assert chosen["transport"] == "webrtc", chosen
    assert "directly connected" in chosen["reason"]

    assert product.run("jobs", "ls", "-r", room, "--json").json() == []
    assert product.run("uploads", "ls", "-r", room, "--json").json() == []
    eventually(lambda: model["model_id"] in [found["id"] for found in models_of(product, room)])
    here = json.loads(product.run("models", "ls", "--here", "--json").out)
    assert model["model_id"] in [found["id"] for found in here]


def models_of(product: Product, room: str) -> list[dict[str, str]]:
    return list(product.run("models", "ls", "-r", room, "--json").json())
