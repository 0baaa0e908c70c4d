"""What the existing tool called models, and which of a room's models that means."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from client.registry_vocabulary import A, B, C
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.client.legacy_ids import legacy_client_id, models_of_legacy_id

if TYPE_CHECKING:
    from pathlib import Path

CONFIGS = (
    "training_config.yaml",
    "training_config.yml",
    "config.yaml",
    "config.yml",
    "training_config.json",
    "config.json",
    "training_job.json",
)


@pytest.mark.parametrize("first", range(len(CONFIGS)))
def test_the_first_configuration_makes_the_clients_id(tmp_path: Path, first: int) -> None:
    for name in CONFIGS[first:]:
        (tmp_path / name).write_text(f"of {name}\r\n", encoding="utf-8", newline="")
    text = f"of {CONFIGS[first]}\r\n".encode()
    assert legacy_client_id(tmp_path) == hashlib.md5(text).hexdigest()[:8]


def test_the_id_is_known_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"epochs: 3\n")
    assert legacy_client_id(tmp_path) == "f2413676"


def test_without_a_configuration_there_is_no_id(tmp_path: Path) -> None:
    (tmp_path / "best.ckpt").touch()
    assert legacy_client_id(tmp_path) is None


def test_a_legacy_id_means_every_model_that_has_it() -> None:
    known = {A: ["0badcafe", "deadbeef-2"], B: ("0badcafe",), C: ()}
    assert models_of_legacy_id("0badcafe", known) == (A, B)
    assert models_of_legacy_id("deadbeef-2", known) == (A,)
    assert models_of_legacy_id("deadbeef", known) == ()


@given(st.dictionaries(st.sampled_from([A, B, C]), st.frozensets(st.sampled_from("xyz"))), st.text())
def test_an_id_that_no_model_has_means_none(known: dict[str, frozenset[str]], other: str) -> None:
    found = models_of_legacy_id(other, known)
    assert set(found) == {model_id for model_id in known if other in known[model_id]}
