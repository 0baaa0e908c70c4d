"""The registry of models: the existing tool's file, entries, files, aliases, errors."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client.registry_vocabulary import (
    BOTTOMUP,
    CENTROID,
    GOLDEN,
    INSTANCE,
    A,
    B,
    add,
    assert_in_step,
    ids,
    on_disk,
    start,
    with_files,
)
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.client.model_alias import (
    assign_alias,
    release_alias,
    sanitize_alias,
    strip_alias,
    suggest_alias,
)
from sleap_rtc.client.model_entry import check_model_id
from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.client.registry_errors import (
    InvalidAliasError,
    InvalidModelError,
    ModelFilesKeptError,
    ModelNotFoundError,
    RegistryBusyError,
    RegistryError,
)
from sleap_rtc.client.registry_file import encode_manifest
from sleap_rtc.storage.errors import ExitCode
from sleap_rtc.storage.model_name import (
    MAX_NAME_CHARS,
    RESERVED_NAMES,
    NameRefused,
    alias_problem,
    checked_name,
)


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

    @pytest.mark.parametrize(
        "model_id", ["0badcafe", "0" * 64, "0123456789abcdef", "0badcafe-2", "0badcafe-10"]
    )
    def test_ids_of_8_to_64_hex_digits_and_of_the_existing_worker_are_good(self, model_id: str) -> None:
        check_model_id(model_id)

    @pytest.mark.parametrize(
        "model_id",
        [
            "",
            "0badcaf",
            "0" * 65,
            "0BADCAFE",
            "model123",
            "../../ab",
            "0badcafe\n",
            "0badcafe-1",
            "0badcafe-02",
            "0badcafe00-2",
            None,
        ],
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

    @given(st.text(alphabet="abcf019-_ ä.", max_size=70))
    def test_a_room_has_the_same_rule_and_keeps_longer_ids_out_too(self, alias: str) -> None:
        try:
            in_a_room = checked_name(alias) == alias
        except NameRefused:
            in_a_room = False
        id_like = re.fullmatch(r"[0-9a-f]{8,64}", alias)
        assert in_a_room == (alias_problem(alias) is None and not id_like)

    @given(st.sampled_from(sorted(RESERVED_NAMES)), st.lists(st.booleans(), min_size=6, max_size=6))
    def test_reserved_words_are_reserved_in_any_case(self, word: str, upper: list[bool]) -> None:
        assert alias_problem("".join(c.upper() if up else c for c, up in zip(word, upper, strict=False)))

    @given(st.text(max_size=200))
    def test_text_made_fit_stays_as_it_is_when_made_fit_again(self, text: str) -> None:
        fit = sanitize_alias(text)
        assert len(fit) <= MAX_NAME_CHARS
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


WHAT_IS_IMPORTED = """
import sys
import sleap_rtc.client.model_registry
print(*sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[1:])))
"""


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "text"),
        [
            (ModelNotFoundError(model_id=A), "There is no model aaaaaaaa in the registry."),
            (
                InvalidAliasError(alias="a b", reason="it has {spaces}"),
                "Alias 'a b' cannot be used: it has {spaces}.",
            ),
            (
                RegistryBusyError(path=Path("m.json"), waited_s=30.0),
                "m.json was in use by another program for 30 s;",
            ),
        ],
    )
    def test_read_as_sentences(self, error: RegistryError, text: str) -> None:
        assert str(error).startswith(text)

    def test_tell_the_shell_what_is_wrong(self, registry: ClientModelRegistry) -> None:
        with pytest.raises(RegistryError) as missing:
            registry.delete(A)
        with pytest.raises(RegistryError) as bad:
            add(registry, "../../etc")
        assert (missing.value.exit_code, bad.value.exit_code) == (ExitCode.NOT_FOUND, ExitCode.BAD_INPUT)

    def test_the_module_imports_nothing_slow(self) -> None:
        process = start(WHAT_IS_IMPORTED, "pydantic", "rich", "typer", "filelock", "asyncio", "structlog")
        assert process.communicate(timeout=60) == ("\n", "")
