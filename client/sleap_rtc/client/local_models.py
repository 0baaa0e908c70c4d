"""Orchestration: what is on this machine, as a list shows it. Nothing is read but sizes and times."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from sleap_rtc.client.file_notes import notes_of_entry
from sleap_rtc.client.model_check import Reading, check_files, has_model
from sleap_rtc.client.room_merge import removed_from

if TYPE_CHECKING:
    from sleap_rtc.client.model_entry import Entry
    from sleap_rtc.client.model_registry import ClientModelRegistry


class LocalModel(BaseModel):
    """A model that is, or should be, on this machine."""

    model_config = ConfigDict(frozen=True)

    id: str
    alias: str | None
    model_type: str
    size_bytes: int | None
    room: str | None
    removed_from: dict[str, str]
    downloaded_at: str | None
    folder: str
    files_ok: bool
    files: str


def local_models(registry: ClientModelRegistry) -> list[LocalModel]:
    """Return the models that have a folder here, the one that came last first."""
    return [_shown(entry) for entry in registry.list() if entry.get("local_path")]


def files_state(entry: Entry) -> tuple[bool, str]:
    """Tell whether a model's files look right, and in words what is known of them."""
    folder = Path(str(entry["local_path"]))
    notes = notes_of_entry(entry)
    if not notes:
        return (True, "not verified") if has_model(folder) else (False, "no checkpoint is there")
    checked = check_files(folder, notes, Reading.NONE)
    if checked.wrong:
        return False, "; ".join(checked.wrong)
    if checked.unread:
        return True, f"{', '.join(checked.unread)} touched since the download"
    return True, "ok"


def _shown(entry: Entry) -> LocalModel:
    ok, state = files_state(entry)
    size = entry.get("size_bytes")
    return LocalModel(
        id=str(entry["id"]),
        alias=_text(entry.get("alias")),
        model_type=str(entry.get("model_type")),
        size_bytes=size if isinstance(size, int) else None,
        room=_text(entry.get("room")),
        removed_from=removed_from(entry),
        downloaded_at=_text(entry.get("downloaded_at") or entry.get("imported_at")),
        folder=str(entry["local_path"]),
        files_ok=ok,
        files=state,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
