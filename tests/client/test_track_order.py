"""What `client-track` is told: options with a range each, and a sentence for what cannot be done."""

from __future__ import annotations

from pathlib import Path

import pytest

from sleap_rtc.client.track_order import NotTrackable, TrackOrder, check_order, read_track_options
from sleap_rtc.client.train_order import Place
from sleap_rtc.events.inference import TrackOptions
from sleap_rtc.storage.errors import FileMissing, InputError


def order(data: Path, *models: str, output: str = "out.slp") -> TrackOrder:
    return TrackOrder(data=data, models=models, output=Path(output), place=Place("mice-1"))


def test_options_are_read_with_their_types() -> None:
    texts = ["peak_threshold=0.25", "batch_size=8", "tracking=true"]
    assert read_track_options(texts, only_suggested_frames=True) == TrackOptions(
        frames="suggested", peak_threshold=0.25, batch_size=8, tracking=True
    )
    assert read_track_options([], only_suggested_frames=False) == TrackOptions()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("device=cuda", "takes one of batch_size, max_instances, peak_threshold, tracking"),
        ("frames=all", "takes one of batch_size"),
        ("batch_size", "NAME=VALUE"),
        ("batch_size=many", "batch_size=many cannot be"),
        ("peak_threshold=2", "peak_threshold=2 cannot be"),
    ],
)
def test_what_is_no_option_is_refused(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        read_track_options([text], only_suggested_frames=True)


def test_what_cannot_be_carried_out_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    data, package, film = (tmp_path / name for name in ("a.slp", "p.zip", "a.mp4"))
    for path in (data, package, film):
        path.write_bytes(b"x")
    for wrong, kind, why in (
        (order(tmp_path / "none.slp", "m"), FileMissing, "There is no file"),
        (order(film, "m"), NotTrackable, "or .zip"),
        (order(data), InputError, "Say which models to use"),
        (order(package, "m"), InputError, "leave --model-paths out"),
        (order(data, "m", output="nowhere/out.slp"), InputError, "There is no folder"),
    ):
        with pytest.raises(kind, match=why):
            check_order(wrong)
    check_order(order(package))
    check_order(order(data, "m"))


def test_what_only_our_workers_know_is_named() -> None:
    place, data = Place("mice-1"), Path("a.slp")
    plain = TrackOrder(data=data, models=("m",), output=data, place=place, options=TrackOptions())
    assert plain.only_for_ours == ""
    options = TrackOptions(peak_threshold=0.5)
    more = TrackOrder(
        data=data, models=("m",), output=data, place=place, options=options, trainer="reference", detach=True
    )
    assert more.only_for_ours == "--set and --trainer and --detach"
