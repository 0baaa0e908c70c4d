"""Models in the terminal: what is shown of them is pinned, and what is not known is left out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from storage.rooms import A, B, record, room_with

from sleap_rtc.client.display import console
from sleap_rtc.client.model_display import models_table, print_model
from sleap_rtc.events.model_page import model_details, model_page
from sleap_rtc.storage import manifest_changes
from sleap_rtc.storage.manifest import Manifest, ModelTurn, with_model

if TYPE_CHECKING:
    import pytest

GOLDEN = Path(__file__).parent / "golden" / "model_show.txt"
MADE = record(A).model_copy(
    update={
        "config_checksum": "crc64nvme:AAAAAAAAAAU=",
        "software": {"sleap-rtc": "0.1.0", "python": "3.12.1", "torch": "2.9.0"},
        "hyperparameters": {"learning_rate": 0.001, "backbone": {"filters": 16}},
        "metrics": {
            "val_error_px": 1.25,
            "curve": [{"epoch": n, "loss": 4 / (n + 1), "val/loss": 5 / (n + 1)} for n in range(60)],
        },
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }
)


def named() -> Manifest:
    """Return a room with one model that has everything that a model can have."""
    manifest = with_model(Manifest(room_id="lab"), MADE, "rooms")
    manifest = manifest_changes.with_alias(manifest, "best", A, None)
    manifest = manifest_changes.with_version(manifest, "flies", A)
    manifest = manifest_changes.with_tags(manifest, A, ["good", "tuesday"], [])
    return manifest_changes.with_notes(manifest, A, "Finds antennae.\nNot [bold]at night[/bold].")


def test_a_model_is_shown_with_all_that_made_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_model(model_details(named(), A, MADE), here=True)
    shown = "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines())
    assert shown == GOLDEN.read_text("utf-8").strip()


def test_a_model_without_its_record_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_model(model_details(named(), A, None), here=False)
    shown = capsys.readouterr().out
    assert "Its own record (model.json) is damaged or gone" in shown
    assert "Hyperparameters" not in shown
    assert f"job job-{A}\n" in shown


def test_a_model_that_somebody_pushed_has_no_job(capsys: pytest.CaptureFixture[str]) -> None:
    pushed = record(A).model_copy(update={"job_id": "", "trained_on_worker": "", "trainer": ""})
    manifest = with_model(Manifest(room_id="lab"), pushed, "rooms")
    print_model(model_details(manifest, A, pushed), here=False)
    shown = capsys.readouterr().out
    assert "pushed by ada" in shown
    assert "worker " not in shown.replace("no worker that is there now", "")


def test_a_table_leaves_out_what_no_model_has(capsys: pytest.CaptureFixture[str]) -> None:
    console.print(models_table(model_page(room_with(A, B), 5).models, {B: "yes"}))
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["MODEL", "TYPE", "SIZE", "TRAINED", "(UTC)", "ERROR", "HERE"]
    assert [row.split()[0] for row in rows] == [B, A]
    assert [row.rstrip().endswith("yes") for row in rows] == [True, False]


def test_a_table_says_what_models_go_by(capsys: pytest.CaptureFixture[str]) -> None:
    console.print(models_table(model_page(named(), 5).models, {}))
    assert "best, flies@1" in capsys.readouterr().out


def test_a_model_that_a_pod_left_behind_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    left = MADE.model_copy(update={"interim": True, "turn": ModelTurn(index=1, count=2)})
    print_model(model_details(named(), A, left), here=True)
    shown = capsys.readouterr().out
    assert "attempt 1 (2 of 2)" in shown
    assert "interim the worker had to leave; the job went on" in shown
