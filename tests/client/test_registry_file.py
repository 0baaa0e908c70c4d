"""The registry's files: several processes, crashes, versions, places, changes that are not kept."""

import json
import logging
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from client.registry_vocabulary import (
    BOTTOMUP,
    CENTROID,
    GOLDEN,
    INSTANCE,
    NOON,
    A,
    B,
    add,
    assert_ended_well,
    assert_in_step,
    ids,
    in_room,
    on_disk,
    refresh,
    room,
    start,
    with_files,
)

from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.client.registry_errors import (
    InvalidAliasError,
    RegistryBusyError,
    RegistryError,
    RegistryUnreadableError,
    RegistryUnwritableError,
    RegistryVersionError,
)

REGISTER_25 = """
import sys
from pathlib import Path
from sleap_rtc.client.model_registry import ClientModelRegistry
registry = ClientModelRegistry(Path(sys.argv[1]))
for n in range(25):
    model_id, alias = f"{int(sys.argv[2]):02x}{n:06x}", f"m{sys.argv[2]}-{n}"
    registry.register({"id": model_id, "model_type": "centroid", "alias": alias})
"""

REFRESH_25 = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.storage.manifest import Manifest
registry, room = ClientModelRegistry(Path(sys.argv[1])), Manifest.model_validate_json(sys.argv[2])
for n in range(1, 26):
    some = {model_id: room.models[model_id] for model_id in sorted(room.models)[:n]}
    state = room.model_copy(update={"models": some, "revision": n})
    registry.refresh_from_room(room.room_id, state, datetime.now(UTC))
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
from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.client.registry_errors import RegistryUnwritableError
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


class TestSeveralProcesses:
    def test_lose_nothing(self, path: Path) -> None:
        for process in [start(REGISTER_25, path, number) for number in range(4)]:
            assert_ended_well(process)
        document = on_disk(path)
        assert len(document["models"]) == len(document["aliases"]) == 100
        assert_in_step(document["models"], document["aliases"])
        assert not list(path.parent.glob("*.tmp"))

    def test_that_ask_their_rooms_lose_nothing(self, path: Path) -> None:
        labs = {f"lab{k}": [in_room(f"{k:02x}{n:06x}", f"m{k}-{n}") for n in range(25)] for k in range(3)}
        rooms = [room(*models, room_id=lab).model_dump_json() for lab, models in labs.items()]
        for process in [start(REFRESH_25, path, manifest) for manifest in rooms]:
            assert_ended_well(process)
        document = on_disk(path)
        assert len(document["models"]) == len(document["aliases"]) == 75
        assert_in_step(document["models"], document["aliases"])
        views = [ClientModelRegistry(path).room_view(lab) for lab in labs]
        assert [view and view.manifest.revision for view in views] == [25] * 3

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

    def test_a_lock_that_cannot_be_made_is_a_clear_error(
        self, legacy: ClientModelRegistry, path: Path
    ) -> None:
        path.with_name("manifest.json.lock").mkdir()
        with pytest.raises(RegistryUnwritableError, match="could not be written"):
            add(legacy, A)
        assert legacy.exists(CENTROID)

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
        refresh(cache, in_room(B))
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
