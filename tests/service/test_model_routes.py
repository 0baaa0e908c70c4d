"""A room's models over HTTP: who may do what, what comes back, and what is told when it cannot be done."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from storage.rooms import uploaded
from support.desktop import COLLEAGUE, OWNER
from support.jobs import HeardTopic
from support.registry import CURVE, NOON, READER, STRANGER, ModelLab

from sleap_rtc.events.feed import RoomFeed
from sleap_rtc.events.registry_api import AddVersion, ChangeModel, CollectGarbage, SetAlias
from sleap_rtc.service.models import Models
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import DocumentTooNew, DocumentUnreadable
from sleap_rtc.storage.errors import InputError, NotFound, Refused
from sleap_rtc.storage.manifest_changes import AliasMoved, ModelRemoved
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.model_name import NameRefused
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.room_storage import RoomStorage
from sleap_rtc.storage.rooms_storage import RoomsStorage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.product import Product

    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.storage.object_store import ObjectInfo

READS = ["/manifest", "/models", "/models/x", "/aliases", "/history", "/diff?before=0"]
WRITES: list[tuple[str, str, Any]] = [
    ("PATCH", "/models/x", {"notes": "x"}),
    ("DELETE", "/models/x", None),
    ("POST", "/models/x/restore", None),
    ("PUT", "/aliases/x", {"model": "x", "expected": None}),
    ("DELETE", "/aliases/x?expected=x", None),
    ("POST", "/versions", {"name": "x", "model": "x"}),
]
OWNS: list[tuple[str, str, Any]] = [("POST", "/gc", {}), ("POST", "/repair", None)]


@pytest.fixture
def lab(product: Product) -> ModelLab:
    return ModelLab(product)


@pytest.fixture
def ada(lab: ModelLab) -> ServiceClient:
    """Return the client of a member."""
    return lab.client(COLLEAGUE)


@pytest.fixture
def owner(lab: ModelLab) -> ServiceClient:
    return lab.client(OWNER)


class AgedStore(MemoryObjectStore):
    """A bucket in which everything was written two days ago."""

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        for info in super().list(prefix, start_after):
            yield replace(info, modified=info.modified - timedelta(days=2))


def shown(ada: ServiceClient, room: str, **asked: Any) -> list[str]:
    return [model.id for model in ada.models(room, 50, **asked).models]


def named(model: str, expected: str | None = None) -> SetAlias:
    return SetAlias(model=model, expected=expected)


# Who may


@pytest.mark.parametrize(
    ("method", "path", "body"), [*[("GET", path, None) for path in READS], *WRITES, *OWNS]
)
def test_a_stranger_is_told_that_there_is_no_room(lab: ModelLab, method: str, path: str, body: Any) -> None:
    status, problem = lab.answer(method, path, body, STRANGER)
    assert status == 404
    assert problem["detail"] == f"There is no room {lab.room_id} (or you have no access to it)."


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_reader_changes_nothing(lab: ModelLab, method: str, path: str, body: Any) -> None:
    status, problem = lab.answer(method, path, body, READER)
    assert (status, "you may only read in room" in problem["detail"]) == (403, True)


@pytest.mark.parametrize(("method", "path", "body"), OWNS)
@pytest.mark.parametrize("subject", [READER, COLLEAGUE])
def test_garbage_and_repair_are_for_owners(
    lab: ModelLab, method: str, path: str, body: Any, subject: str
) -> None:
    status, problem = lab.answer(method, path, body, subject)
    assert (status, "only owners of room" in problem["detail"]) == (403, True)


def test_a_reader_sees_all_that_there_is(lab: ModelLab) -> None:
    lab.published("one")
    assert [lab.answer("GET", path, None, READER)[0] for path in READS if path != "/models/x"] == [200] * 5


# Looking


def test_models_come_by_the_page_the_newest_first(lab: ModelLab, ada: ServiceClient) -> None:
    ids = [lab.published(str(number), minutes=number) for number in range(5)]
    first = ada.models(lab.room_id, 2)
    assert ([model.id for model in first.models], first.total) == (ids[:2:-1], 5)
    assert shown(ada, lab.room_id, after=first.after) == ids[2::-1]


def test_tags_types_and_removal_choose_what_is_listed(lab: ModelLab, ada: ServiceClient) -> None:
    one, two = lab.published("one"), lab.published("two", model_type="bottomup")
    ada.change_model(lab.room_id, one, ChangeModel(add_tags=["good"]))
    assert shown(ada, lab.room_id, tag="good") == [one]
    assert shown(ada, lab.room_id, model_type="bottomup") == [two]
    ada.remove_model(lab.room_id, two)
    assert (shown(ada, lab.room_id), shown(ada, lab.room_id, removed=True)) == ([one], [two])


def test_a_model_is_found_by_everything_that_it_goes_by(lab: ModelLab, ada: ServiceClient) -> None:
    model = lab.published("one", legacy_ids=("0ld1d",))
    ada.set_alias(lab.room_id, "best", named(model))
    ada.add_version(lab.room_id, AddVersion(name="flies", model="best"))
    for name in (model, "best", "flies@1", "flies@latest", "0ld1d"):
        details = ada.model(lab.room_id, name)
        assert (details.model.id, details.aliases, details.versions) == (model, ["best"], {"flies": 1})
        assert details.record is not None
        assert details.record.metrics["curve"] == CURVE


@pytest.mark.parametrize("body", [b"{", b'{"model_id": 1}', None])
def test_a_model_whose_own_record_is_damaged_or_gone_is_shown_without_it(
    lab: ModelLab, ada: ServiceClient, body: bytes | None
) -> None:
    model = lab.published("one")
    if body is None:
        lab.product.objects("sleap-rtc-rooms").delete(lab.record_key(model))
    else:
        lab.rooms.put(lab.record_key(model), body, Overwrite())
    details = ada.model(lab.room_id, model)
    assert (details.model.id, details.record) == (model, None)


def test_a_record_with_numbers_that_are_none_is_shown(lab: ModelLab, ada: ServiceClient) -> None:
    record = lab.uploaded(
        "one", metrics={"val_error_px": float("nan"), "curve": [{"val_loss": float("inf")}]}
    )
    body = json.dumps(record.model_dump(mode="python"), default=str)
    lab.rooms.put(lab.record_key(record.model_id), body.encode(), Overwrite())
    lab.storage.publish_model(lab.storage.read_record(folder_of(record.model_id, lab)), record.trained_at)
    assert ada.model(lab.room_id, record.model_id).record is not None
    assert shown(ada, lab.room_id) == [record.model_id]
    assert list(ada.manifest(lab.room_id).models) == [record.model_id]


def folder_of(model_id: str, lab: ModelLab) -> keys.ModelFolder:
    return keys.ModelFolder(lab.room_id, "centroid", model_id)


@pytest.mark.parametrize("name", ["00000000", "nobody", "flies@1", "flies@latest", "a/b", "..", "", "x" * 99])
def test_a_model_that_never_was_is_not_found(lab: ModelLab, ada: ServiceClient, name: str) -> None:
    with pytest.raises(NotFound, match=r"There is no model .* in room"):
        ada.model(lab.room_id, name)


# Who can serve


def test_what_is_handed_out_says_who_can_serve_now(lab: ModelLab, ada: ServiceClient) -> None:
    model = lab.published("one")
    lab.checked_in("desk-1", model)
    lab.checked_in("desk-2", model, late=True)
    lab.checked_in("pod-1", model, kind="runai")
    serving = [{"worker_id": "desk-1", "can_serve_p2p": True}]
    manifest = ada.manifest(lab.room_id)
    assert manifest.models[model].availability.cached_on_workers == serving
    assert {name: told["kind"] for name, told in manifest.workers.items()} == {"desk-1": "desktop"}
    assert ada.models(lab.room_id, 1).models[0].availability.cached_on_workers == serving
    assert ada.model(lab.room_id, model).model.availability.cached_on_workers == serving


def test_a_reader_is_sent_to_nobody_who_would_not_let_him_in(lab: ModelLab, ada: ServiceClient) -> None:
    model = lab.published("one")
    lab.checked_in("desk-1", model)
    assert ada.request_download(lab.room_id, model).peers
    assert lab.client(READER).request_download(lab.room_id, model).peers == []


def test_a_model_without_one_of_its_files_is_told_with_what_brings_it_back(
    lab: ModelLab, ada: ServiceClient
) -> None:
    model = lab.published("one")
    kept = ada.manifest(lab.room_id)
    lab.rooms.delete(keys.ModelFolder(lab.room_id, "centroid", model).file("best.ckpt"))
    with pytest.raises(NotFound, match=f"lost best.ckpt of model {model}.*`sleap-rtc models push FOLDER -r"):
        ada.request_download(lab.room_id, model)
    assert ada.manifest(lab.room_id) == kept


def test_who_can_serve_is_in_no_revision(lab: ModelLab, ada: ServiceClient) -> None:
    model = lab.published("one")
    lab.checked_in("desk-1", model)
    ada.change_model(lab.room_id, model, ChangeModel(notes="looked at"))
    kept = json.loads(lab.rooms.get(keys.manifest_key(lab.room_id)).body)
    assert (kept["workers"], kept["models"][model]["availability"]["cached_on_workers"]) == ({}, [])


# Changing


def test_every_change_stands_in_the_history_under_the_callers_name(lab: ModelLab, ada: ServiceClient) -> None:
    model = lab.published("one")
    ada.set_alias(lab.room_id, "best", named(model))
    ada.change_model(lab.room_id, model, ChangeModel(add_tags=["a", "b"], notes="good"))
    ada.change_model(lab.room_id, model, ChangeModel(remove_tags=["b"]))
    ada.remove_alias(lab.room_id, "best", model)
    ada.remove_model(lab.room_id, model)
    restored = ada.restore_model(lab.room_id, model)
    assert (restored.model.tags, restored.model.notes, restored.aliases) == (["a"], "good", [])
    history = ada.history(lab.room_id, 50)
    assert [entry.what for entry in reversed(history)] == [
        f"model {model} (centroid) was published",
        f"alias best names {model}",
        f"model {model} was tagged a, b",
        f"model {model} has other notes",
        f"model {model} lost the tag b",
        f"alias best, which named {model}, was taken off",
        f"model {model} was removed",
        f"model {model} was restored",
    ]
    assert {entry.by for entry in history[:-1]} == {COLLEAGUE}


def test_a_diff_tells_what_changed_since_a_revision(lab: ModelLab, ada: ServiceClient) -> None:
    model = lab.published("one")
    ada.change_model(lab.room_id, model, ChangeModel(add_tags=["a"]))
    ada.change_model(lab.room_id, model, ChangeModel(remove_tags=["a"], notes="no good"))
    since = ada.diff(lab.room_id, 1)
    assert (since.after, since.changes) == (4, [f"model {model} has other notes"])
    assert ada.diff(lab.room_id, 1, 2).changes == [f"model {model} was tagged a"]
    assert ada.diff(lab.room_id, 0, 0).changes == []
    with pytest.raises(NotFound, match="revision 99"):
        ada.diff(lab.room_id, 1, 99)


def test_of_two_who_move_an_alias_one_is_told_by_whom_he_was_beaten(
    lab: ModelLab, ada: ServiceClient, owner: ServiceClient
) -> None:
    start, one, two = (lab.published(name) for name in ("start", "one", "two"))
    ada.set_alias(lab.room_id, "best", named(start))

    def move(who: ServiceClient, model: str) -> str:
        try:
            return who.set_alias(lab.room_id, "best", named(model, expected=start)).model.id
        except AliasMoved as moved:
            return moved.holder

    with ThreadPoolExecutor(2) as movers:
        told = set(movers.map(move, (ada, owner), (one, two)))
    assert told == {ada.aliases(lab.room_id)["best"]}


def test_an_alias_that_moved_is_told_with_all_that_there_is_to_know(
    lab: ModelLab, ada: ServiceClient
) -> None:
    one, two = lab.published("one"), lab.published("two")
    ada.set_alias(lab.room_id, "best", named(one))
    with pytest.raises(AliasMoved, match=f"best names {one} now, not no model") as moved:
        ada.set_alias(lab.room_id, "best", named(two))
    assert vars(moved.value) == {"alias": "best", "holder": one, "expected": "no model"}
    with pytest.raises(AliasMoved, match=f"best names {one} now, not {two}"):
        ada.remove_alias(lab.room_id, "best", two)


def test_a_model_that_was_removed_is_told_as_such(lab: ModelLab, ada: ServiceClient) -> None:
    model = lab.published("one")
    ada.set_alias(lab.room_id, "best", named(model))
    ada.remove_model(lab.room_id, "best")
    changes: tuple[Callable[[], object], ...] = (
        lambda: ada.model(lab.room_id, "best"),
        lambda: ada.set_alias(lab.room_id, "other", named(model)),
        lambda: ada.change_model(lab.room_id, model, ChangeModel(add_tags=["a"])),
        lambda: ada.add_version(lab.room_id, AddVersion(name="flies", model=model)),
    )
    for change in changes:
        with pytest.raises(ModelRemoved, match=f"Model {model} was removed from room {lab.room_id} at 2"):
            change()
    assert ada.restore_model(lab.room_id, "best").model.deleted_at is None


def test_removing_and_restoring_twice_is_doing_it_once(lab: ModelLab, ada: ServiceClient) -> None:
    model = lab.published("one")
    assert ada.remove_model(lab.room_id, model) == ada.remove_model(lab.room_id, model)
    assert ada.restore_model(lab.room_id, model) == ada.restore_model(lab.room_id, model)
    assert ada.manifest(lab.room_id).revision == 3


def test_what_cannot_be_a_name_or_a_tag_is_refused_with_the_reason(lab: ModelLab, ada: ServiceClient) -> None:
    model = lab.published("one")
    with pytest.raises(NameRefused, match="look like a model id"):
        ada.set_alias(lab.room_id, "0123abcd", named(model))
    status, problem = lab.answer("PUT", "/aliases/0123abcd", {"model": model, "expected": None})
    assert (status, problem["code"]) == (400, "name_refused")
    with pytest.raises(InputError, match="cannot be a tag"):
        ada.change_model(lab.room_id, model, ChangeModel(add_tags=["no spaces"]))
    with pytest.raises(InputError, match="look like a model id"):
        ada.add_version(lab.room_id, AddVersion(name="0123abcd", model=model))
    assert ada.manifest(lab.room_id).revision == 1


# Keeping in order


def test_what_was_uploaded_a_moment_ago_is_no_garbage(lab: ModelLab, owner: ServiceClient) -> None:
    lab.published("one")
    orphan = lab.uploaded("an orphan")
    assert owner.collect_garbage(lab.room_id, CollectGarbage(grace_h=1, delete=True)).orphans == []
    with pytest.raises(InputError, match="grace_h"):
        owner.collect_garbage(lab.room_id, CollectGarbage.model_construct(grace_h=0.0, delete=True))
    assert lab.rooms.head(lab.record_key(orphan.model_id)).size_bytes


def test_garbage_is_shown_and_only_deleted_on_demand() -> None:
    store = AgedStore()
    kept, orphan = uploaded(store, "kept"), uploaded(store, "an orphan")
    models = Models(store, RoomsStorage(store, "rooms"), RoomFeed(store, HeardTopic()))
    RoomStorage("lab", store, "rooms").publish_model(kept, NOON)
    shown = models.collect_garbage("lab", CollectGarbage())
    assert (shown.deleted, [each.folder for each in shown.orphans]) == (
        False,
        [f"lab/models/unet_{orphan.model_id}/"],
    )
    assert models.collect_garbage("lab", CollectGarbage(delete=True)).orphans == shown.orphans
    assert models.collect_garbage("lab", CollectGarbage()).orphans == []
    assert len(list(store.list("lab/models/"))) == 2


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_a_manifest_is_repaired_and_it_is_said_how(lab: ModelLab, owner: ServiceClient, damage: str) -> None:
    model = lab.published("one")
    owner.set_alias(lab.room_id, "best", named(model))
    lost = lab.uploaded("never named", job_id="01J00000000000000000000001")
    if damage == "gone":
        lab.product.objects("sleap-rtc-rooms").delete(keys.manifest_key(lab.room_id))
    else:
        lab.rooms.put(keys.manifest_key(lab.room_id), b"{", Overwrite())
    said = owner.repair(lab.room_id)
    assert said.found == [
        f"The manifest was {damage}.",
        f"Whole models that it does not name: {lost.model_id}.",
    ]
    assert "rebuilt from the log, at revision 2" in said.done[0]
    assert said.done[1:] == ["They were put into it, as revision 3."]
    assert (said.revision, said.models) == (3, 2)
    assert owner.aliases(lab.room_id) == {"best": model}
    assert owner.repair(lab.room_id).found == ["The manifest is whole, at revision 3."]


def test_an_empty_room_has_nothing_to_repair_or_to_collect(lab: ModelLab, owner: ServiceClient) -> None:
    assert owner.repair(lab.room_id).found == ["There is no manifest and no log."]
    with pytest.raises(NotFound, match="manifest of room"):
        owner.collect_garbage(lab.room_id, CollectGarbage())


def test_a_manifest_that_cannot_be_read_is_told_as_such_and_left(lab: ModelLab, owner: ServiceClient) -> None:
    key = keys.manifest_key(lab.room_id)
    lab.rooms.put(key, b"{", Overwrite())
    with pytest.raises(DocumentUnreadable, match=f"{key} is not a document .*`sleap-rtc models repair -r"):
        owner.models(lab.room_id, 5)
    lab.rooms.put(key, b'{"room_id": "x", "schema_version": 99}', Overwrite())
    for ask in (lambda: owner.models(lab.room_id, 5), lambda: owner.repair(lab.room_id)):
        with pytest.raises(DocumentTooNew, match="written by a newer version"):
            ask()
    assert lab.rooms.get(key).body.startswith(b'{"room_id"')


def test_who_may_only_read_is_told_so(lab: ModelLab) -> None:
    with pytest.raises(Refused, match="you may only read"):
        lab.client(READER).remove_model(lab.room_id, lab.published("one"))
