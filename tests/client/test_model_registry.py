"""The registry of models: the existing tool's file, several processes, crashes, aliases, rooms."""

import copy
import json
import logging
import os
import pickle
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.client.model_alias import (
    MAX_ALIAS_CHARS,
    RESERVED_ALIASES,
    alias_problem,
    assign_alias,
    release_alias,
    sanitize_alias,
    strip_alias,
    suggest_alias,
)
from sleap_rtc.client.model_registry import (
    ClientModelRegistry,
    InvalidAliasError,
    InvalidModelError,
    ModelFilesKeptError,
    ModelNotFoundError,
    RegistryBusyError,
    RegistryError,
    RegistryUnreadableError,
    RegistryUnwritableError,
    RegistryVersionError,
    RoomModel,
    check_model_id,
    encode_manifest,
    merge_room,
)

GOLDEN = Path(__file__).parent / "golden" / "legacy_manifest.json"
CENTROID, INSTANCE, BOTTOMUP = "a3f5e8c9", "0badcafe", "12345678"
A, B, C = "aaaaaaaa", "bbbbbbbb", "cccccccc"
NOON = datetime(2025, 11, 20, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "models" / "manifest.json"


@pytest.fixture
def registry(path: Path) -> ClientModelRegistry:
    return ClientModelRegistry(path, clock=lambda: NOON)


@pytest.fixture
def legacy(path: Path) -> ClientModelRegistry:
    path.parent.mkdir()
    path.write_bytes(GOLDEN.read_bytes())
    return ClientModelRegistry(path, clock=lambda: NOON)


def add(registry: ClientModelRegistry, *model_ids: str, **fields: Any) -> None:
    for model_id in model_ids:
        registry.register({"id": model_id, "model_type": "centroid", **fields})


def with_files(registry: ClientModelRegistry, model_id: str, directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "best.ckpt").write_text("weights")
    add(registry, model_id, local_path=str(directory))
    return directory


def room(*models: RoomModel) -> dict[str, RoomModel]:
    return {model.model_id: model for model in models}


def ids(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["id"] for entry in entries]


def on_disk(path: Path) -> Any:
    return json.loads(path.read_bytes())


def assert_in_step(models: Mapping[str, Mapping[str, Any]], aliases: Mapping[str, str]) -> None:
    assert {e["alias"]: i for i, e in models.items() if e.get("alias")} == aliases


def start(script: str, *args: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def assert_ended_well(process: subprocess.Popen[str]) -> None:
    output = process.communicate(timeout=120)
    assert process.returncode == 0, output


class TestLegacyFile:
    def test_loads_unchanged(self, legacy: ClientModelRegistry, path: Path) -> None:
        golden = json.loads(GOLDEN.read_bytes())
        assert repr(legacy.get_all_models()) == repr(golden["models"])
        assert legacy.get_all_aliases() == golden["aliases"]
        assert path.read_bytes() == GOLDEN.read_bytes()

    def test_comes_out_byte_for_byte_after_saves_that_end_where_they_began(
        self, legacy: ClientModelRegistry, path: Path
    ) -> None:
        legacy.update(CENTROID, {})
        assert path.read_bytes() == GOLDEN.read_bytes()
        legacy.update(INSTANCE, {"notes": "for a moment"})
        assert path.read_bytes() != GOLDEN.read_bytes()
        legacy.update(INSTANCE, {"notes": ""})
        assert path.read_bytes() == GOLDEN.read_bytes()

    def test_is_what_the_encoder_writes(self) -> None:
        assert encode_manifest(json.loads(GOLDEN.read_bytes())) == GOLDEN.read_bytes()

    def test_keeps_fields_that_nobody_here_knows(self, legacy: ClientModelRegistry, path: Path) -> None:
        add(legacy, A)
        assert on_disk(path)["also_unknown"] == [1, 2]
        assert on_disk(path)["models"][BOTTOMUP]["from_another_time"] == {"kept": True}

    def test_is_listed_newest_first(self, legacy: ClientModelRegistry) -> None:
        assert ids(legacy.list()) == [INSTANCE, BOTTOMUP, CENTROID]

    @pytest.mark.parametrize(
        ("filters", "found"),
        [
            ({"model_type": "bottomup"}, [BOTTOMUP]),
            ({"source": "local-import"}, [CENTROID]),
            ({"location": "local-only"}, [CENTROID]),
            ({"location": "worker-only"}, [BOTTOMUP]),
            ({"location": "both"}, [INSTANCE]),
            ({"has_alias": True}, [CENTROID]),
            ({"has_alias": False}, [INSTANCE, BOTTOMUP]),
            ({"has_alias": True, "model_type": "bottomup"}, []),
        ],
    )
    def test_is_filtered(
        self, legacy: ClientModelRegistry, filters: dict[str, Any], found: list[str]
    ) -> None:
        assert ids(legacy.list(filters)) == found

    @pytest.mark.parametrize("filters", [{"colour": "red"}, {"location": "moon"}])
    def test_does_not_ignore_a_filter_that_it_does_not_know(
        self, legacy: ClientModelRegistry, filters: dict[str, Any]
    ) -> None:
        with pytest.raises(ValueError, match="There is no"):
            legacy.list(filters)

    def test_resolves_ids_before_aliases(self, legacy: ClientModelRegistry) -> None:
        assert legacy.resolve(CENTROID) == CENTROID
        assert legacy.resolve("production-v2") == CENTROID
        assert legacy.resolve("nothing") is None

    def test_an_alias_left_behind_by_a_deleted_model_is_free(self, path: Path) -> None:
        path.parent.mkdir()
        path.write_text(json.dumps({"version": "1.0", "models": {}, "aliases": {"old": A}}))
        registry = ClientModelRegistry(path)
        assert registry.resolve("old") is None
        assert registry.get_by_alias("old") is None
        add(registry, B)
        assert registry.set_alias(B, "old")


class TestRegister:
    def test_fills_in_what_the_existing_tool_fills_in(
        self, registry: ClientModelRegistry, path: Path
    ) -> None:
        assert registry.register({"id": A, "model_type": "centroid", "source": "worker-pull"}) == A
        assert list(on_disk(path)["models"][A].items()) == [
            ("id", A),
            ("model_type", "centroid"),
            ("source", "worker-pull"),
            ("downloaded_at", "2025-11-20T12:00:00.000005"),
            ("on_worker", False),
            ("worker_last_seen", None),
            ("worker_path", None),
            ("notes", ""),
            ("tags", []),
        ]

    def test_an_import_has_the_time_of_its_import(self, registry: ClientModelRegistry) -> None:
        add(registry, A, source="local-import")
        entry = registry.get(A)
        assert entry is not None
        assert entry["imported_at"] == "2025-11-20T12:00:00.000005"
        assert "downloaded_at" not in entry

    def test_leaves_the_callers_mapping_alone(self, registry: ClientModelRegistry) -> None:
        info = {"id": A, "model_type": "centroid"}
        registry.register(info)
        assert info == {"id": A, "model_type": "centroid"}

    def test_the_entry_handed_out_is_a_copy(self, registry: ClientModelRegistry) -> None:
        add(registry, A)
        entry = registry.get(A)
        assert entry is not None
        entry["tags"].append("mine")
        assert registry.get_all_models()[A]["tags"] == []

    def test_overwrites_with_a_warning_and_keeps_the_alias(
        self, registry: ClientModelRegistry, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        add(registry, A, alias="flies", notes="old")
        add(registry, A)
        assert "overwritten" in caplog.text
        assert on_disk(path)["models"][A]["notes"] == ""
        assert registry.resolve("flies") == A
        add(registry, A, alias="mice")
        assert registry.list_aliases() == {"mice": A}

    def test_an_alias_moves_with_a_warning(
        self, registry: ClientModelRegistry, caplog: pytest.LogCaptureFixture
    ) -> None:
        add(registry, A, alias="flies")
        add(registry, B, alias="flies")
        assert "moves from model aaaaaaaa to model bbbbbbbb" in caplog.text
        assert_in_step(registry.get_all_models(), registry.get_all_aliases())

    @pytest.mark.parametrize(
        "info",
        [
            {"model_type": "centroid"},
            {"id": A},
            {"id": A, "model_type": "centroid", "local_path": Path("models")},
            {"id": 12345678, "model_type": "centroid"},
        ],
    )
    def test_refuses_what_is_no_model(
        self, registry: ClientModelRegistry, path: Path, info: dict[str, Any]
    ) -> None:
        with pytest.raises(ValueError, match="The registry cannot hold this model"):
            registry.register(info)
        assert not path.exists()

    def test_a_refused_alias_registers_nothing(self, registry: ClientModelRegistry) -> None:
        with pytest.raises(InvalidAliasError):
            add(registry, A, alias="latest")
        assert not registry.exists(A)

    @pytest.mark.parametrize("model_id", ["0badcafe", "0" * 64, "0123456789abcdef"])
    def test_ids_of_8_to_64_hex_digits_are_good(self, model_id: str) -> None:
        check_model_id(model_id)

    @pytest.mark.parametrize(
        "model_id",
        ["", "0badcaf", "0" * 65, "0BADCAFE", "model123", "../../ab", "0badcafe\n", "0badcafe-2", None],
    )
    def test_other_ids_are_not(self, model_id: object) -> None:
        with pytest.raises(InvalidModelError):
            check_model_id(model_id)


class TestUpdate:
    def test_changes_only_the_fields_given(self, registry: ClientModelRegistry) -> None:
        add(registry, A, notes="old", size_bytes=3)
        registry.update(A, {"notes": "new", "metrics": {"loss": 0.5}})
        entry = registry.get(A)
        assert entry is not None
        assert (entry["notes"], entry["metrics"], entry["size_bytes"]) == ("new", {"loss": 0.5}, 3)

    def test_keeps_the_alias_in_both_places(self, registry: ClientModelRegistry) -> None:
        add(registry, A, B, alias=None)
        registry.update(A, {"alias": "one"})
        registry.update(A, {"alias": "two"})
        assert registry.get_all_aliases() == {"two": A}
        registry.update(B, {"alias": "two"})
        assert_in_step(registry.get_all_models(), registry.get_all_aliases())
        registry.update(B, {"alias": None})
        assert registry.get_all_aliases() == {}

    def test_cannot_change_the_id(self, registry: ClientModelRegistry) -> None:
        add(registry, A)
        with pytest.raises(InvalidModelError, match="cannot be changed"):
            registry.update(A, {"id": B})

    @pytest.mark.parametrize(
        "change",
        [
            lambda registry: registry.update(A, {}),
            lambda registry: registry.delete(A),
            lambda registry: registry.set_alias(A, "name"),
        ],
    )
    def test_a_model_that_is_not_there_is_a_key_error(
        self, registry: ClientModelRegistry, change: Callable[[ClientModelRegistry], object]
    ) -> None:
        with pytest.raises(KeyError, match=r"^There is no model aaaaaaaa in the registry\."):
            change(registry)


class TestDelete:
    def test_forgets_the_model_and_its_alias_and_leaves_the_files(
        self, registry: ClientModelRegistry, path: Path
    ) -> None:
        directory = with_files(registry, A, path.parent / "centroid_a")
        registry.set_alias(A, "flies")
        registry.delete(A)
        assert (registry.get_all_models(), registry.get_all_aliases()) == ({}, {})
        assert (directory / "best.ckpt").exists()

    def test_deletes_files_inside_its_directory(self, registry: ClientModelRegistry, path: Path) -> None:
        directory = with_files(registry, A, path.parent / "centroid_a")
        registry.delete(A, delete_files=True)
        assert not directory.exists()
        assert not registry.exists(A)

    def test_of_a_linked_model_deletes_the_link_alone(
        self, registry: ClientModelRegistry, path: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "best.ckpt").write_text("weights")
        path.parent.mkdir()
        link = path.parent / "centroid_a"
        link.symlink_to(tmp_path / "data", target_is_directory=True)
        add(registry, A, local_path=str(link))
        registry.delete(A, delete_files=True)
        assert not link.is_symlink()
        assert (tmp_path / "data" / "best.ckpt").exists()

    @pytest.mark.parametrize(
        "local_path",
        ["{out}/data", "{in}/../data", "{in}", "{in}/..", "{in}/link/data", "data", "/", "~nobody-xyz/d"],
    )
    def test_never_deletes_outside_its_directory(
        self,
        registry: ClientModelRegistry,
        path: Path,
        tmp_path: Path,
        local_path: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "data").mkdir()
        path.parent.mkdir()
        (path.parent / "link").symlink_to(tmp_path, target_is_directory=True)
        add(
            registry,
            A,
            local_path=local_path.replace("{out}", str(tmp_path)).replace("{in}", str(path.parent)),
        )
        with pytest.raises(ModelFilesKeptError, match="is outside"):
            registry.delete(A, delete_files=True)
        assert (tmp_path / "data").is_dir()
        assert registry.exists(A)

    @pytest.mark.parametrize("other", ["shared", "shared/b", "."])
    def test_keeps_a_directory_that_another_model_uses(
        self, registry: ClientModelRegistry, path: Path, other: str
    ) -> None:
        directory = with_files(registry, A, path.parent / "shared")
        add(registry, B, local_path=str(path.parent / other))
        with pytest.raises(ModelFilesKeptError, match="files of model bbbbbbbb are there too"):
            registry.delete(A, delete_files=True)
        assert (directory / "best.ckpt").exists()

    def test_keeps_the_manifest_itself(self, registry: ClientModelRegistry, path: Path) -> None:
        add(registry, A, local_path=str(path))
        with pytest.raises(ModelFilesKeptError, match="not a directory"):
            registry.delete(A, delete_files=True)
        assert registry.exists(A)

    def test_files_that_are_gone_already_are_no_obstacle(
        self, registry: ClientModelRegistry, path: Path
    ) -> None:
        add(registry, A, local_path=str(path.parent / "gone"))
        add(registry, B, local_path=None)
        registry.delete(A, delete_files=True)
        registry.delete(B, delete_files=True)
        assert registry.get_all_models() == {}


class TestAliases:
    def test_a_taken_alias_needs_force(self, registry: ClientModelRegistry) -> None:
        add(registry, A, B)
        assert registry.set_alias(A, "flies") is True
        assert registry.set_alias(B, "flies") is False
        assert registry.resolve("flies") == A
        assert registry.set_alias(B, "flies", force=True) is True
        assert registry.resolve("flies") == B
        assert_in_step(registry.get_all_models(), registry.get_all_aliases())

    def test_a_model_has_one_alias(self, registry: ClientModelRegistry) -> None:
        add(registry, A)
        registry.set_alias(A, "one")
        registry.set_alias(A, "two")
        assert registry.list_aliases() == {"two": A}

    def test_removing_says_whether_there_was_one(self, registry: ClientModelRegistry) -> None:
        add(registry, A, alias="flies")
        assert registry.remove_alias("flies") is True
        assert registry.remove_alias("flies") is False
        assert registry.exists(A)
        assert_in_step(registry.get_all_models(), registry.get_all_aliases())

    def test_are_listed_in_order_of_the_alphabet_or_of_the_file(self, registry: ClientModelRegistry) -> None:
        add(registry, A, alias="zebra")
        add(registry, B, alias="ant")
        assert list(registry.list_aliases()) == ["ant", "zebra"]
        assert list(registry.list_aliases(sort=False)) == ["zebra", "ant"]
        entry = registry.get_by_alias("ant")
        assert entry is not None
        assert entry["id"] == B

    def test_may_not_be_another_models_id(self, registry: ClientModelRegistry) -> None:
        add(registry, A, "0123456789ab")
        with pytest.raises(ValueError, match="it is the id of a model"):
            registry.set_alias(A, "0123456789ab")

    @pytest.mark.parametrize(
        "alias", ["a", "my-model", "model_v2", "2025-11-12", "Z" * 64, "deadbeef0", "a--b"]
    )
    def test_good_ones(self, alias: str) -> None:
        assert alias_problem(alias) is None

    @pytest.mark.parametrize(
        "alias",
        [
            "",
            " ",
            "a b",
            "a.b",
            "-a",
            "a-",
            "_a",
            "a_",
            "x" * 65,
            "LATEST",
            "all",
            "None",
            "null",
            "DEADBEEF",
            "12345678",
            "ä",
            "a\n",
            "a/b",
            "\u212a",
        ],
    )
    def test_bad_ones(self, registry: ClientModelRegistry, alias: str) -> None:
        add(registry, A)
        with pytest.raises(ValueError, match=r"^Alias .* cannot be used: "):
            registry.set_alias(A, alias)
        assert registry.list_aliases() == {}

    @pytest.mark.parametrize(
        ("text", "alias"),
        [
            ("my model", "my-model"),
            ("model@prod!", "modelprod"),
            ("  -trim-  ", "trim"),
            ("x" * 70, "x" * 64),
        ],
    )
    def test_text_is_made_fit(self, text: str, alias: str) -> None:
        assert sanitize_alias(text) == alias

    def test_suggestions_count_up(self, registry: ClientModelRegistry) -> None:
        assert registry.suggest_alias("mouse", model_type="centroid") == "centroid-mouse"
        assert registry.suggest_alias("centroid mouse", model_type="centroid") == "centroid-mouse"
        assert registry.suggest_alias("@#$") == "model"
        assert registry.suggest_alias("latest") == "model"
        add(registry, A, alias="my-model")
        assert registry.suggest_alias("my model") == "my-model-v1"
        add(registry, B, alias="my-model-v1")
        assert registry.suggest_alias("my model") == "my-model-v2"

    @given(text=st.text(max_size=90), model_type=st.none() | st.text(max_size=70), taken=st.integers(0, 12))
    def test_a_suggestion_is_always_good_and_free(
        self, text: str, model_type: str | None, taken: int
    ) -> None:
        names: set[str] = set()
        for _ in range(taken + 1):
            suggestion = suggest_alias(text, model_type, names)
            assert alias_problem(suggestion) is None
            assert suggestion not in names
            names.add(suggestion)

    @given(st.text(alphabet="abcf019-_ ä.", max_size=70))
    def test_the_rule_is_the_documented_one(self, alias: str) -> None:
        shaped = re.fullmatch(r"[a-zA-Z0-9]([a-zA-Z0-9_-]{0,62}[a-zA-Z0-9])?", alias)
        id_like = re.fullmatch(r"[0-9a-fA-F]{8}", alias)
        assert (alias_problem(alias) is None) == bool(shaped and not id_like)

    @given(st.sampled_from(sorted(RESERVED_ALIASES)), st.lists(st.booleans(), min_size=6, max_size=6))
    def test_reserved_words_are_reserved_in_any_case(self, word: str, upper: list[bool]) -> None:
        assert alias_problem("".join(c.upper() if up else c for c, up in zip(word, upper, strict=False)))

    @given(st.text(max_size=200))
    def test_text_made_fit_stays_as_it_is_when_made_fit_again(self, text: str) -> None:
        fit = sanitize_alias(text)
        assert len(fit) <= MAX_ALIAS_CHARS
        assert sanitize_alias(fit) == fit

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["assign", "release", "strip"]),
                st.sampled_from("ABC"),
                st.sampled_from("xyz"),
            )
        )
    )
    def test_entries_and_map_stay_in_step(self, steps: list[tuple[str, str, str]]) -> None:
        models: dict[str, dict[str, Any]] = {model_id: {} for model_id in "ABC"}
        aliases: dict[str, str] = {}
        for step, model_id, alias in steps:
            if step == "assign":
                assign_alias(models, aliases, model_id, alias)
                assert aliases[alias] == model_id
            elif step == "release":
                release_alias(models, aliases, alias)
                assert alias not in aliases
            else:
                strip_alias(models, aliases, model_id)
                assert model_id not in aliases.values()
            assert_in_step(models, aliases)


REGISTER_25 = """
import sys
from pathlib import Path
from sleap_rtc.client.model_registry import ClientModelRegistry
registry = ClientModelRegistry(Path(sys.argv[1]))
for n in range(25):
    model_id, alias = f"{int(sys.argv[2]):02x}{n:06x}", f"m{sys.argv[2]}-{n}"
    registry.register({"id": model_id, "model_type": "centroid", "alias": alias})
"""

# What some network homes do: the lock says that there are no locks.
WITHOUT_LOCKS = """
import filelock
class NoLock:
    def __init__(self, path): pass
    def acquire(self, timeout): raise NotImplementedError
    def release(self): pass
filelock.FileLock = NoLock
"""

DIE_BEFORE_THE_NEW_FILE_IS_IN_PLACE = """
import os, signal, sys
from pathlib import Path
from sleap_rtc.client.model_registry import ClientModelRegistry
def die(event, args):
    if event == "os.rename":
        os.kill(os.getpid(), signal.SIGKILL)
registry = ClientModelRegistry(Path(sys.argv[1]))
sys.addaudithook(die)
registry.register({"id": "dddddddd", "model_type": "centroid"})
"""

# The system refuses bytes past a file size, as it does on a full disk.
NO_ROOM_FOR_MORE_THAN_100_BYTES = """
import resource, signal, sys
from pathlib import Path
from sleap_rtc.client.model_registry import ClientModelRegistry, RegistryUnwritableError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    ClientModelRegistry(Path(sys.argv[1])).register({"id": "dddddddd", "model_type": "centroid"})
except RegistryUnwritableError as error:
    print(error)
"""

HOLD_THE_LOCK = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1] + ".lock"):
    print("held", flush=True)
    sys.stdin.read()
"""

WHAT_IS_IMPORTED = """
import sys
import sleap_rtc.client.model_registry
print(*sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[1:])))
"""


class TestSeveralProcesses:
    def test_lose_nothing(self, path: Path) -> None:
        for process in [start(REGISTER_25, path, number) for number in range(4)]:
            assert_ended_well(process)
        document = on_disk(path)
        assert len(document["models"]) == len(document["aliases"]) == 100
        assert_in_step(document["models"], document["aliases"])
        assert not list(path.parent.glob("*.tmp"))

    def test_never_break_the_file_even_without_locks(self, path: Path) -> None:
        processes = [start(WITHOUT_LOCKS + REGISTER_25, path, number) for number in range(4)]
        reader = ClientModelRegistry(path)
        while any(process.poll() is None for process in processes):
            reader.list()
        for process in processes:
            assert_ended_well(process)
        assert_in_step(on_disk(path)["models"], on_disk(path)["aliases"])
        assert [p.name for p in path.parent.iterdir()] == ["manifest.json"]

    def test_see_each_others_changes(self, path: Path) -> None:
        one, two = ClientModelRegistry(path), ClientModelRegistry(path)
        add(one, A)
        add(two, B)
        assert one.exists(B)
        assert two.exists(A)

    def test_one_that_waits_too_long_says_so(self, path: Path) -> None:
        path.parent.mkdir()
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD_THE_LOCK, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RegistryBusyError, match=r"for 0\.05 s; nothing was changed"):
            add(ClientModelRegistry(path, lock_timeout_s=0.05), A)
        assert ClientModelRegistry(path).list() == []
        holder.communicate(timeout=60)
        add(ClientModelRegistry(path), A)


class TestCrashes:
    @pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
    def test_a_process_killed_in_mid_write_leaves_the_old_file(
        self, legacy: ClientModelRegistry, path: Path
    ) -> None:
        process = start(DIE_BEFORE_THE_NEW_FILE_IS_IN_PLACE, path)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        (unfinished,) = path.parent.glob("manifest.json.*.tmp")
        assert "dddddddd" in on_disk(unfinished)["models"]
        assert path.read_bytes() == GOLDEN.read_bytes()
        add(legacy, A)
        assert legacy.exists(A)

    @pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
    def test_a_full_disk_leaves_the_old_file_and_no_other(
        self, legacy: ClientModelRegistry, path: Path
    ) -> None:
        output, _ = start(NO_ROOM_FOR_MORE_THAN_100_BYTES, path).communicate(timeout=60)
        assert "manifest.json could not be written: " in output
        assert "What it held before is intact." in output
        assert path.read_bytes() == GOLDEN.read_bytes()
        assert not list(path.parent.glob("*.tmp"))

    @pytest.mark.parametrize(
        "broken",
        [
            b"",
            b"{nope",
            b"\xff\xfe",
            b"[]",
            b'{"models": []}',
            b'{"models": {"a": 1}}',
            b'{"aliases": {"a": 1}}',
            b"[" * 100_000,
            b"null",
        ],
    )
    def test_a_broken_manifest_is_kept_and_replaced_with_a_warning(
        self, registry: ClientModelRegistry, path: Path, broken: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        path.parent.mkdir()
        path.write_bytes(broken)
        assert registry.list() == []
        (backup,) = path.parent.glob("manifest.json.backup.*")
        assert backup.name == "manifest.json.backup.2025-11-20T12-00-00.000005"
        assert backup.read_bytes() == broken
        assert on_disk(path) == {"version": "1.0", "models": {}, "aliases": {}}
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert backup.name in caplog.text
        add(registry, A)
        assert len(list(path.parent.glob("manifest.json.backup.*"))) == 1

    def test_a_change_that_fails_changes_nothing(self, legacy: ClientModelRegistry, path: Path) -> None:
        with pytest.raises(InvalidAliasError):
            legacy.update(CENTROID, {"notes": "new", "alias": "all"})
        assert path.read_bytes() == GOLDEN.read_bytes()

    def test_a_directory_that_may_not_be_written_is_a_clear_error(
        self, legacy: ClientModelRegistry, path: Path
    ) -> None:
        path.parent.chmod(0o500)
        try:
            if os.access(path.parent, os.W_OK):
                pytest.skip("this user may write everywhere")
            with pytest.raises(RegistryUnwritableError, match="could not be written"):
                add(legacy, A)
            assert legacy.exists(CENTROID)
        finally:
            path.parent.chmod(0o700)

    def test_something_else_in_the_manifests_place_is_a_clear_error(
        self, registry: ClientModelRegistry, path: Path
    ) -> None:
        path.mkdir(parents=True)
        with pytest.raises(RegistryUnreadableError, match="could not be read"):
            registry.list()

    def test_a_file_in_the_directorys_place_is_a_clear_error(self, tmp_path: Path) -> None:
        (tmp_path / "models").write_text("")
        with pytest.raises(RegistryError, match="models"):
            add(ClientModelRegistry(tmp_path / "models" / "manifest.json"), A)


class TestVersions:
    @pytest.mark.parametrize("version", ["2.0", "1.1", "10", "next", ["1.0"]])
    def test_a_newer_manifest_is_read_but_never_written(self, path: Path, version: object) -> None:
        path.parent.mkdir()
        models = {A: {"id": A, "model_type": "centroid"}}
        path.write_text(json.dumps({"version": version, "models": models, "aliases": {}}))
        before = path.read_bytes()
        registry = ClientModelRegistry(path)
        assert registry.exists(A)
        for change in (
            lambda: add(registry, B),
            lambda: registry.delete(A),
            lambda: registry.remove_alias("x"),
        ):
            with pytest.raises(RegistryVersionError, match="was left as it is"):
                change()
        assert path.read_bytes() == before

    def test_a_newer_manifest_of_another_shape_is_not_taken_for_a_broken_one(self, path: Path) -> None:
        path.parent.mkdir()
        path.write_text('{"version": "2.0", "models": []}')
        with pytest.raises(RegistryVersionError, match=r"has version 2\.0"):
            ClientModelRegistry(path).list()
        assert [p.name for p in path.parent.iterdir()] == ["manifest.json"]

    @pytest.mark.parametrize(
        "document", [{"version": "0.9", "models": {}, "aliases": {}}, {"models": {}}, {}]
    )
    def test_an_older_one_is_written_as_ours(self, path: Path, document: dict[str, Any]) -> None:
        path.parent.mkdir()
        path.write_text(json.dumps(document))
        add(ClientModelRegistry(path), A)
        assert on_disk(path)["version"] == "1.0"
        assert list(on_disk(path)["models"]) == [A]


@pytest.mark.skipif(os.name != "posix", reason="file modes and links")
class TestPlaces:
    def test_reading_creates_nothing(self, registry: ClientModelRegistry, path: Path) -> None:
        assert registry.list() == []
        assert registry.last_refresh("lab") is None
        assert not path.parent.exists()

    def test_the_directory_and_the_file_are_the_users_alone(
        self, registry: ClientModelRegistry, path: Path
    ) -> None:
        add(registry, A)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_a_mode_that_was_given_stays(self, registry: ClientModelRegistry, path: Path) -> None:
        add(registry, A)
        path.chmod(0o640)
        add(registry, B)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def test_a_linked_manifest_stays_a_link(self, path: Path, tmp_path: Path) -> None:
        target = tmp_path / "dotfiles.json"
        path.parent.mkdir()
        path.symlink_to(target)
        add(ClientModelRegistry(path), A)
        assert path.is_symlink()
        assert list(on_disk(target)["models"]) == [A]

    def test_home_is_the_default(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        add(ClientModelRegistry(), A)
        assert list(on_disk(tmp_path / ".sleap-rtc" / "models" / "manifest.json")["models"]) == [A]


class TestCacheOnly:
    def test_starts_from_the_file_and_writes_nothing(self, legacy: ClientModelRegistry, path: Path) -> None:
        cache = ClientModelRegistry(path, cache_only=True)
        add(cache, A, alias="mine")
        cache.delete(CENTROID)
        cache.refresh_from_room("lab", room(RoomModel(B, "centroid")), NOON)
        assert set(cache.get_all_models()) == {INSTANCE, BOTTOMUP, A, B}
        assert cache.resolve("mine") == A
        assert cache.last_refresh("lab") == NOON
        assert path.read_bytes() == GOLDEN.read_bytes()
        assert [p.name for p in path.parent.iterdir()] == ["manifest.json"]

    def test_creates_no_directory(self, path: Path) -> None:
        add(ClientModelRegistry(path, cache_only=True), A)
        assert not path.parent.exists()

    def test_deletes_no_files(self, registry: ClientModelRegistry, path: Path) -> None:
        directory = with_files(registry, A, path.parent / "centroid_a")
        ClientModelRegistry(path, cache_only=True).delete(A, delete_files=True)
        assert directory.exists()
        assert registry.exists(A)

    def test_leaves_a_broken_manifest_alone(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        path.parent.mkdir()
        path.write_text("{nope")
        cache = ClientModelRegistry(path, cache_only=True)
        add(cache, A)
        assert ids(cache.list()) == [A]
        assert "was not touched" in caplog.text
        assert path.read_text() == "{nope"
        assert [p.name for p in path.parent.iterdir()] == ["manifest.json"]


class TestRefreshTimes:
    def test_are_kept_per_room_beside_the_manifest(self, legacy: ClientModelRegistry, path: Path) -> None:
        later = NOON + timedelta(hours=1)
        legacy.mark_refreshed("lab", NOON)
        legacy.mark_refreshed("other", later)
        again = ClientModelRegistry(path)
        assert (again.last_refresh("lab"), again.last_refresh("other")) == (NOON, later)
        assert again.last_refresh("third") is None
        assert path.read_bytes() == GOLDEN.read_bytes()
        assert on_disk(path.with_name("manifest.refresh.json")) == {
            "version": "1.0",
            "rooms": {"lab": "2025-11-20T11:00:00.000005+00:00", "other": "2025-11-20T12:00:00.000005+00:00"},
        }

    def test_are_in_utc(self, registry: ClientModelRegistry) -> None:
        registry.mark_refreshed("lab", NOON)
        when = registry.last_refresh("lab")
        assert when is not None
        assert when.tzinfo == UTC

    def test_need_a_time_zone(self, registry: ClientModelRegistry, path: Path) -> None:
        naive = NOON.replace(tzinfo=None)
        with pytest.raises(ValueError, match="time zone"):
            registry.mark_refreshed("lab", naive)
        with pytest.raises(ValueError, match="time zone"):
            registry.refresh_from_room("lab", {}, naive)
        assert not path.exists()

    @pytest.mark.parametrize(
        "broken",
        [
            "",
            "{nope",
            "[]",
            '{"rooms": 1}',
            '{"rooms": {"lab": 1}}',
            '{"rooms": {"lab": "soon"}}',
            '{"rooms": {"lab": "2025-11-20T12:00:00"}}',
        ],
    )
    def test_that_make_no_sense_are_not_known(
        self, registry: ClientModelRegistry, path: Path, broken: str
    ) -> None:
        path.parent.mkdir()
        path.with_name("manifest.refresh.json").write_text(broken)
        assert registry.last_refresh("lab") is None
        registry.mark_refreshed("lab", NOON)
        assert registry.last_refresh("lab") == NOON


class TestRooms:
    def test_a_model_that_only_the_room_has_is_listed_without_files(
        self, registry: ClientModelRegistry, path: Path
    ) -> None:
        merge = registry.refresh_from_room(
            "lab", room(RoomModel(A, "centroid", "flies", 500, NOON, {"final_loss": 0.023})), NOON
        )
        assert (merge.added, merge.gone) == ((A,), ())
        assert on_disk(path)["models"][A] == {
            "id": A,
            "model_type": "centroid",
            "source": "worker-pull",
            "size_bytes": 500,
            "created_at": "2025-11-20T12:00:00.000005+01:00",
            "metrics": {"final_loss": 0.023},
            "alias": "flies",
            "local_path": None,
            "checkpoint_path": None,
            "on_worker": False,
            "worker_last_seen": None,
            "worker_path": None,
            "notes": "",
            "tags": [],
            "rooms": {"lab": "flies"},
        }
        assert registry.resolve("flies") == A
        assert registry.last_refresh("lab") == NOON
        assert registry.list({"location": "local-only"}) == []

    def test_after_the_download_it_is_a_local_model(self, registry: ClientModelRegistry, path: Path) -> None:
        registry.refresh_from_room("lab", room(RoomModel(A, "centroid", "flies")), NOON)
        registry.update(
            A, {"local_path": str(path.parent / "centroid_a"), "downloaded_at": "2025-11-20T12:01:00"}
        )
        assert ids(registry.list({"location": "local-only"})) == [A]
        registry.refresh_from_room("lab", {}, NOON)
        assert registry.exists(A)

    def test_a_local_model_gets_only_what_it_lacks(self, legacy: ClientModelRegistry) -> None:
        before = legacy.get(CENTROID)
        assert before is not None
        legacy.refresh_from_room(
            "lab", room(RoomModel(CENTROID, "bottomup", "theirs", 1, metrics={"loss": 1})), NOON
        )
        after = legacy.get(CENTROID)
        assert after == {**before, "metrics": {"loss": 1}, "rooms": {"lab": "theirs"}}
        assert legacy.list_aliases() == {"production-v2": CENTROID}

    def test_a_room_model_follows_the_room(self, registry: ClientModelRegistry) -> None:
        registry.refresh_from_room("lab", room(RoomModel(A, "centroid", size_bytes=1)), NOON)
        registry.refresh_from_room("lab", room(RoomModel(A, "centroid", size_bytes=2)), NOON)
        entry = registry.get(A)
        assert entry is not None
        assert entry["size_bytes"] == 2

    def test_a_model_that_the_room_lost_is_forgotten(self, registry: ClientModelRegistry) -> None:
        registry.refresh_from_room("lab", room(RoomModel(A, "centroid", "flies")), NOON)
        registry.refresh_from_room(
            "other", room(RoomModel(A, "centroid"), RoomModel(B, "centroid", "mice")), NOON
        )
        assert registry.refresh_from_room("other", {}, NOON).gone == (B,)
        assert registry.list_aliases() == {"flies": A}
        assert registry.refresh_from_room("lab", {}, NOON).gone == (A,)
        assert (registry.get_all_models(), registry.get_all_aliases()) == ({}, {})

    def test_but_not_if_the_user_wrote_about_it(self, registry: ClientModelRegistry) -> None:
        registry.refresh_from_room("lab", room(RoomModel(A, "centroid")), NOON)
        registry.update(A, {"notes": "the good one"})
        assert registry.refresh_from_room("lab", {}, NOON).gone == ()
        assert registry.exists(A)

    def test_two_models_may_swap_their_aliases(self, registry: ClientModelRegistry) -> None:
        registry.refresh_from_room(
            "lab", room(RoomModel(A, "centroid", "x"), RoomModel(B, "centroid", "y")), NOON
        )
        registry.refresh_from_room(
            "lab", room(RoomModel(A, "centroid", "y"), RoomModel(B, "centroid", "x")), NOON
        )
        assert registry.list_aliases() == {"x": B, "y": A}

    def test_an_alias_that_the_user_took_off_stays_off(self, registry: ClientModelRegistry) -> None:
        models = room(RoomModel(A, "centroid", "flies"))
        registry.refresh_from_room("lab", models, NOON)
        registry.remove_alias("flies")
        registry.refresh_from_room("lab", models, NOON)
        assert registry.list_aliases() == {}

    def test_an_alias_that_the_user_chose_wins(self, registry: ClientModelRegistry) -> None:
        add(registry, C, alias="flies")
        registry.refresh_from_room("lab", room(RoomModel(A, "centroid", "flies")), NOON)
        assert registry.list_aliases() == {"flies": C}

    def test_an_alias_that_is_not_allowed_here_is_left_out(self, registry: ClientModelRegistry) -> None:
        registry.refresh_from_room(
            "lab", room(RoomModel(A, "centroid", "latest"), RoomModel(B, "centroid", A)), NOON
        )
        assert registry.list_aliases() == {}

    def test_an_alias_that_two_rooms_gave_stays_while_one_has_it(self, registry: ClientModelRegistry) -> None:
        registry.refresh_from_room("lab", room(RoomModel(A, "centroid", "flies")), NOON)
        registry.refresh_from_room("other", room(RoomModel(A, "centroid", "flies")), NOON)
        registry.refresh_from_room("lab", {}, NOON)
        assert registry.list_aliases() == {"flies": A}
        registry.refresh_from_room("other", room(RoomModel(A, "centroid", "mice")), NOON)
        assert registry.list_aliases() == {"mice": A}

    def test_a_room_model_needs_an_id(self) -> None:
        with pytest.raises(InvalidModelError):
            RoomModel("../../etc", "centroid")


ROOM_MODELS = st.lists(
    st.builds(
        RoomModel,
        model_id=st.sampled_from([A, B, C]),
        model_type=st.just("centroid"),
        alias=st.none() | st.sampled_from(["x", "y", "latest"]),
    ),
    unique_by=lambda model: model.model_id,
).map(lambda models: room(*models))
REFRESHES = st.lists(st.tuples(st.sampled_from(["lab", "other"]), ROOM_MODELS), max_size=6)


class TestMerging:
    @given(REFRESHES)
    def test_keeps_entries_and_aliases_in_step_and_again_changes_nothing(
        self, refreshes: list[tuple[str, dict[str, RoomModel]]]
    ) -> None:
        models: dict[str, dict[str, Any]] = {}
        aliases: dict[str, str] = {}
        for room_id, in_room in refreshes:
            before = copy.deepcopy((models, aliases))
            merge = merge_room(models, aliases, room_id, in_room)
            assert (models, aliases) == before
            models, aliases = merge.models, merge.aliases
            assert_in_step(models, aliases)
            assert set(in_room) == {i for i, entry in models.items() if room_id in entry["rooms"]}
            again = merge_room(models, aliases, room_id, in_room)
            assert (again.models, again.aliases, again.added, again.gone) == (models, aliases, (), ())

    @given(REFRESHES)
    def test_never_takes_anything_from_the_user(
        self, refreshes: list[tuple[str, dict[str, RoomModel]]]
    ) -> None:
        mine = {
            "id": A,
            "model_type": "bottomup",
            "alias": "mine",
            "local_path": "a",
            "notes": "n",
            "source": "s",
        }
        models: dict[str, dict[str, Any]] = {A: mine}
        aliases = {"mine": A}
        for room_id, in_room in refreshes:
            merge = merge_room(models, aliases, room_id, in_room)
            models, aliases = merge.models, merge.aliases
        assert {name: models[A][name] for name in mine} == mine
        assert aliases["mine"] == A


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "text"),
        [
            (ModelNotFoundError(A), "There is no model aaaaaaaa in the registry."),
            (InvalidAliasError("a b", "it has {spaces}"), "Alias 'a b' cannot be used: it has {spaces}."),
            (RegistryBusyError(Path("m.json"), 30.0), "m.json was in use by another program for 30 s;"),
        ],
    )
    def test_read_as_sentences_and_survive_a_process_border(self, error: RegistryError, text: str) -> None:
        assert str(error).startswith(text)
        assert str(pickle.loads(pickle.dumps(error))) == str(error)

    def test_the_module_imports_nothing_slow(self) -> None:
        process = start(WHAT_IS_IMPORTED, "pydantic", "rich", "typer", "filelock", "asyncio", "structlog")
        assert process.communicate(timeout=60) == ("\n", "")
