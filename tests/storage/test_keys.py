"""Keys: what is written can be read back, and what nobody of us wrote is nobody's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.keys import ModelFolder, UploadKey, parse_model_key, parse_upload_id, parse_upload_key

ROOMS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", fullmatch=True)
ULIDS = st.integers(0, 2**128 - 1).map(lambda number: str(ULID.from_int(number)))
UPLOADS = st.builds(lambda room, ulid: UploadKey(room, f"{room}-{ulid}"), ROOMS, ULIDS)
MODELS = st.builds(
    ModelFolder,
    ROOMS,
    st.from_regex(r"[a-z0-9_]{1,64}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{8,64}", fullmatch=True),
)
ULID_TEXT = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@given(UPLOADS)
def test_an_upload_is_found_again_by_its_key_and_by_its_id(upload: UploadKey) -> None:
    assert parse_upload_key(str(upload)) == upload
    assert parse_upload_id(upload.upload_id) == upload


@given(MODELS)
def test_a_model_is_found_again_by_the_key_of_its_record(model: ModelFolder) -> None:
    assert parse_model_key(model.record) == model
    assert model.record.endswith(keys.MODEL_MARKER)


@given(MODELS)
def test_every_key_of_a_room_lies_under_the_prefix_that_lists_it(model: ModelFolder) -> None:
    room = model.room_id
    upload = UploadKey(room, f"{room}-{ULID_TEXT}")
    assert model.file("best.ckpt").startswith(keys.models_prefix(room))
    assert keys.upload_record_key(upload).startswith(keys.upload_records_prefix(room))
    assert keys.job_key(room, "j").startswith(keys.jobs_prefix(room))
    assert keys.log_key(room, "j", 1).startswith(keys.log_prefix(room, "j"))
    assert keys.dataset_key(room, 5, 7).startswith(keys.datasets_prefix(room))
    assert keys.feed_key(room, ULID_TEXT).startswith(keys.feed_prefix(room))


@given(st.integers(0, 10**8 - 1), st.integers(0, 10**8 - 1))
def test_segments_and_revisions_sort_as_they_were_written(one: int, other: int) -> None:
    segments = keys.log_key("r", "j", one), keys.log_key("r", "j", other)
    revisions = keys.manifest_log_key("r", one), keys.manifest_log_key("r", other)
    assert (segments[0] < segments[1]) == (revisions[0] < revisions[1]) == (one < other)


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(0, 2**64 - 1))
def test_a_dataset_is_listed_with_those_of_its_size_alone(size: int, other: int, crc: int) -> None:
    key = keys.dataset_key("lab", size, crc)
    assert key.startswith(keys.datasets_prefix("lab", other)) == (size == other)
    assert key.removeprefix(keys.datasets_prefix("lab", size)) == f"{crc:016x}.json"


@given(st.text())
def test_any_text_is_read_without_surprise(text: str) -> None:
    for found in (parse_upload_key(text), parse_upload_key(f"uploads/{text}/data")):
        assert found is None or str(found) in {text, f"uploads/{text}/data"}
    assert parse_model_key(f"{text}/models/{text}/model.json") is None or keys.checked_room_id(text)


@pytest.mark.parametrize(
    "key",
    [
        "",
        f"uploads/lab/lab-{ULID_TEXT}",
        f"uploads/lab/lab-{ULID_TEXT}/data/",
        f"uploads/lab/lab-{ULID_TEXT}/data\n",
        f"uploads/lab/other-{ULID_TEXT}/data",
        f"uploads/lab/lab-{ULID_TEXT.lower()}/data",
        f"uploads/../lab-{ULID_TEXT}/data",
        f"uploads//-{ULID_TEXT}/data",
        f"uploads/_lab/_lab-{ULID_TEXT}/data",
        f"uploads/{'x' * 33}/{'x' * 33}-{ULID_TEXT}/data",
        f"elsewhere/lab/lab-{ULID_TEXT}/data",
    ],
)
def test_a_foreign_key_is_no_upload(key: str) -> None:
    assert parse_upload_key(key) is None


@pytest.mark.parametrize(
    "key",
    [
        "lab/models/unet_01234567/best.ckpt",
        "lab/models/unet_01234567/model.json/x",
        "lab/models/unet/model.json",
        "lab/models/unet_XYZ/model.json",
        "lab/models/../model.json",
        "../models/unet_01234567/model.json",
        "lab/jobs/unet_01234567/model.json",
        "lab/models/a/../unet_01234567/model.json",
    ],
)
def test_a_foreign_key_is_no_model(key: str) -> None:
    assert parse_model_key(key) is None


@pytest.mark.parametrize("text", ["", "lab", ULID_TEXT, f"-{ULID_TEXT}", f"../x-{ULID_TEXT}", "lab-01ARZ3"])
def test_what_is_not_an_upload_id_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not an upload id"):
        parse_upload_id(text)


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "_lab", "-lab", "lab\n", "läb", "x" * 33])
def test_what_is_not_a_room_id_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a room id"):
        keys.checked_room_id(text)


@pytest.mark.parametrize("name", ["", "..", "../model.json", "a/b", ".hidden", "best ckpt", "x" * 129])
def test_a_model_has_plain_files_only(name: str) -> None:
    with pytest.raises(InputError, match="not a name"):
        ModelFolder("lab", "unet", "01234567").file(name)
