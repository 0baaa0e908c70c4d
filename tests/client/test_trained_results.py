from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.existing_worker import packed

from sleap_rtc.client.trained_results import keep_models
from sleap_rtc.storage.safe_zip import ArchiveRefused

if TYPE_CHECKING:
    from sleap_rtc.client.model_registry import ClientModelRegistry

CONFIG = "model_config:\n head_configs:\n  single_instance: null\n  centroid: {anchor_part: null}\n"


def results(path: Path, **models: dict[str, str | bytes]) -> Path:
    entries = {f"{name}/{file}": content for name, files in models.items() for file, content in files.items()}
    return packed(path, entries)


def test_every_model_is_registered_under_the_id_that_its_files_make(
    tmp_path: Path, registry: ClientModelRegistry
) -> None:
    made = results(
        tmp_path / "trained_p.zip",
        centroid={"best.ckpt": b"a", "training_config.yaml": CONFIG},
        my_centered_instance={"best.ckpt": b"b", "metrics.json": '{"loss": 0.5}'},
        logs={"train.log": "nothing of a model"},
    )
    kept = keep_models(made, registry)
    assert [model.model_type for model in kept] == ["centroid", "centered_instance"]
    for model in kept:
        entry = registry.get(model.model_id)
        assert entry is not None
        assert entry["source"] == "worker-training"
        assert Path(entry["checkpoint_path"]).is_file()
        assert model.folder == registry.models_dir / f"{model.model_type}_{model.model_id}"
    assert sorted(path.name for path in registry.models_dir.iterdir() if path.is_dir()) == sorted(
        model.folder.name for model in kept
    )


def test_the_same_results_twice_are_the_same_model_and_keep_its_alias(
    tmp_path: Path, registry: ClientModelRegistry
) -> None:
    made = results(tmp_path / "trained_p.zip", centroid={"best.ckpt": b"a"})
    (first,) = keep_models(made, registry)
    registry.set_alias(first.model_id, "flies")
    (second,) = keep_models(made, registry)
    assert second == first
    assert registry.resolve("flies") == first.model_id
    assert (second.folder / "best.ckpt").read_bytes() == b"a"


def test_only_the_wanted_models_are_taken(tmp_path: Path, registry: ClientModelRegistry) -> None:
    made = results(tmp_path / "r.zip", centroid={"best.ckpt": b"a"}, broken={"best.ckpt": b"half"})
    assert len(keep_models(made, registry, ["centroid"])) == 1


def test_what_would_lie_elsewhere_is_refused_and_nothing_is_left(
    tmp_path: Path, registry: ClientModelRegistry
) -> None:
    made = packed(tmp_path / "r.zip", {"centroid/best.ckpt": b"a", "../../evil/best.ckpt": b"b"})
    with pytest.raises(ArchiveRefused, match="not safe"):
        keep_models(made, registry)
    assert [path for path in registry.models_dir.iterdir() if path.is_dir()] == []
    assert not (tmp_path.parent / "evil").exists()
