"""One registry file, used by the existing tool and by ours in turn. The other side runs its own code.

git clone https://github.com/talmolab/sleap-rtc existing && git -C existing fetch origin pull/20/head
git -C existing checkout 02a6f5a
SLEAP_RTC_TEST_EXISTING_TOOL=existing pytest tests/client/test_existing_registry.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from client.registry_vocabulary import (
    BOTTOMUP,
    CENTROID,
    GOLDEN,
    INSTANCE,
    NOON,
    A,
    B,
    C,
    add,
    ids,
    in_room,
    refresh,
)

from sleap_rtc.client.file_notes import FileNote
from sleap_rtc.client.legacy_ids import legacy_client_id
from sleap_rtc.client.model_alias import sanitize_alias, suggest_alias
from sleap_rtc.client.model_check import has_model
from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.client.room_merge import Downloaded
from sleap_rtc.storage.model_folder import config_of, read_config
from sleap_rtc.storage.model_name import MAX_NAME_CHARS, alias_problem
from sleap_rtc.storage.training_config import model_type_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CHECKOUT = os.environ.get("SLEAP_RTC_TEST_EXISTING_TOOL", "")
pytestmark = pytest.mark.skipif(
    not CHECKOUT, reason="SLEAP_RTC_TEST_EXISTING_TOOL names no checkout of the existing tool"
)
# Calls methods of its registry, or functions of its model_utils, and prints what they returned. It logs with
# loguru, which is not needed here.
THEIRS = """
import importlib.util, json, sys, types
from pathlib import Path

class Silent:
    def __getattr__(self, name):
        return lambda *args, **kwargs: None

sys.modules["loguru"] = types.SimpleNamespace(logger=Silent())
folder = Path(sys.argv[1]) / "sleap_rtc" / "client"

def load(name):
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

path, calls = sys.argv[2], json.loads(sys.argv[3])
if path:
    registry = load("client_model_registry").ClientModelRegistry(Path(path))
    told = [getattr(registry, name)(*args) for name, args in calls]
else:
    told = [getattr(load("model_utils"), name)(*map(Path, args)) for name, args in calls]
print(json.dumps(told, default=str))
"""


def theirs(path: Path | str, *calls: tuple[str, Sequence[Any]]) -> list[Any]:
    """Return what the existing tool answers, in a process of its own that opens the file anew."""
    command = [sys.executable, "-c", THEIRS, CHECKOUT, str(path), json.dumps(calls)]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stderr
    found: list[Any] = json.loads(ended.stdout)
    return found


def all_of(path: Path) -> list[Any]:
    """Return all that the existing tool finds in a file."""
    return theirs(path, ("get_all_models", []), ("get_all_aliases", []), ("list", []))


def test_it_reads_what_ours_wrote_and_leaves_it_as_it_is(
    registry: ClientModelRegistry, path: Path, tmp_path: Path
) -> None:
    add(registry, A, notes="Gut für Mäuse", tags=["mice"])
    assert registry.set_alias(A, "mine")
    refresh(registry, in_room(B, "best", final_loss=0.02), in_room(C))
    folder = tmp_path / "centroid_bbbbbbbb"
    registry.enter_download(
        Downloaded(
            in_room(B, "best"), "lab", folder, (FileNote("best.ckpt", 7, "crc64nvme:AAAAAAAAAAE=", 5),)
        )
    )
    written = path.read_bytes()
    models, aliases, listed = all_of(path)
    assert (models, aliases) == (registry.get_all_models(), {"mine": A, "best": B})
    assert sorted(ids(listed)) == [A, B, C]
    assert models[B]["checkpoint_path"] == str(folder / "best.ckpt")
    assert theirs(path, ("resolve", ["best"]), ("get_by_alias", ["mine"]), ("resolve", [C])) == [
        B,
        models[A],
        C,
    ]
    assert path.read_bytes() == written


def test_ours_reads_what_it_wrote_and_leaves_it_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    theirs(
        path,
        ("register", [{"id": A, "model_type": "centroid", "source": "local-import", "alias": "one"}]),
        ("register", [{"id": B, "model_type": "bottomup", "metrics": {"final_val_loss": 1e-05}}]),
        ("set_alias", [B, "two"]),
        ("set_alias", [A, "two", True]),
        ("update", [B, {"notes": "Mäuse", "tags": ["x"]}]),
    )
    written = path.read_bytes()
    registry = ClientModelRegistry(path, clock=lambda: NOON)
    models, aliases, listed = all_of(path)
    assert (registry.get_all_models(), registry.get_all_aliases()) == (models, aliases)
    assert aliases == {"two": A}
    assert registry.list() == listed
    registry.update(B, {"notes": "for a moment"})
    registry.update(B, {"notes": "Mäuse"})
    assert path.read_bytes() == written


def test_the_golden_file_is_one_of_its_own(legacy: ClientModelRegistry, path: Path) -> None:
    models, aliases, listed = all_of(path)
    assert repr(models) == repr(legacy.get_all_models())
    assert (aliases, ids(listed)) == (legacy.get_all_aliases(), [INSTANCE, BOTTOMUP, CENTROID])
    # It writes the file anew: the same bytes.
    theirs(path, ("update", [CENTROID, {}]))
    assert path.read_bytes() == GOLDEN.read_bytes()


def test_changes_in_turn_are_all_kept(legacy: ClientModelRegistry, path: Path) -> None:
    legacy.set_alias(INSTANCE, "ours")
    theirs(path, ("set_alias", [BOTTOMUP, "theirs"]), ("update", [CENTROID, {"tags": ["theirs"]}]))
    refresh(legacy, in_room(A, "rooms"))
    theirs(path, ("remove_alias", ["rooms"]), ("update", [A, {"notes": "theirs"}]))
    refresh(legacy, in_room(A, "rooms"))  # an alias that the user took off stays off
    theirs(path, ("delete", [CENTROID]))
    assert legacy.get_all_aliases() == {"ours": INSTANCE, "theirs": BOTTOMUP}
    entry = legacy.get(A)
    assert entry is not None
    assert (entry["notes"], entry["rooms"], entry["alias"]) == ("theirs", {"lab": "rooms"}, None)
    assert not legacy.exists(CENTROID)
    models, aliases, _ = all_of(path)
    assert (repr(models), aliases) == (repr(legacy.get_all_models()), legacy.get_all_aliases())


ALIASES = [
    *("good", "a", "x" * 64, "x" * 65, "", " ", "-a", "a_", "_a", "a b", "a.b", "mäuse"),
    *("all", "Latest", "none", "NULL", "latest-2", "a3f5e8c9", "A3F5E8C9", "a3f5e8c", "a3f5e8c9f", "v1.2"),
]
TEXTS = ["my run", "Mäuse 1", "--", "", "latest", "centroid_a", "x" * 80, "a/b\\c", "good", "run-"]


def test_names_are_judged_and_proposed_alike(legacy: ClientModelRegistry, path: Path) -> None:
    judged = theirs(path, *(("_validate_alias", [alias]) for alias in ALIASES))
    assert [alias_problem(alias) is None for alias in ALIASES] == [good for good, _ in judged]
    assert theirs(path, *(("_sanitize_alias", [text]) for text in TEXTS)) == list(map(sanitize_alias, TEXTS))
    assert legacy.set_alias(INSTANCE, "centroid-good")
    # A text that the kind of model makes too long is not cut there but given up.
    short = [text for text in TEXTS if len(text) < MAX_NAME_CHARS // 2]
    proposed = theirs(path, *(("suggest_alias", [text, "centroid"]) for text in short))
    taken = legacy.get_all_aliases().keys()
    assert [suggest_alias(text, "centroid", taken) for text in short] == proposed


CONFIGS = {
    "training_config.yaml": "model_config:\n  head_configs:\n    centroid: null\n    bottomup: {a: 1}\n",
    "config.json": '{"model_type": "centered_instance"}',
    "training_job.json": '{"model": {"type": "centroid"}}',
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_folder_has_one_id_and_one_kind_for_both(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(CONFIGS[name])
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "best.ckpt").write_text("weights")
    model_id, model_type, found = theirs(
        "",
        ("generate_model_id_from_config", [str(tmp_path)]),
        ("detect_model_type", [str(tmp_path)]),
        ("find_checkpoint_files", [str(tmp_path)]),
    )
    config = config_of(tmp_path)
    assert config is not None
    assert (legacy_client_id(tmp_path), model_type_of(read_config(config))) == (model_id, model_type)
    assert has_model(tmp_path) == bool(found)
