"""What a training configuration tells: the kind of model, what it was trained with, and by whom."""

from __future__ import annotations

from typing import Any

import pytest

from sleap_rtc.storage.plain_values import MOST_ENTRIES
from sleap_rtc.storage.training_config import MODEL_TYPES, hyperparameters_of, model_type_of, trainer_of

SLEAP_NN: dict[str, Any] = {
    "data_config": {"preprocessing": {"scale": 0.5}},
    "model_config": {
        "backbone_config": {"unet": {"filters": 16, "filters_rate": 1.5, "stacks": None}, "swint": None},
        "head_configs": {"single_instance": None, "centroid": {"confmaps": {"sigma": 2.5}}},
    },
    "trainer_config": {
        "train_data_loader": {"batch_size": 4},
        "optimizer_name": "Adam",
        "optimizer": {"lr": 0.001, "amsgrad": False},
        "max_epochs": 200,
        "seed": 42,
    },
    "sleap_nn_version": "0.1.2",
}
OLDER: dict[str, Any] = {
    "data": {"preprocessing": {"input_scaling": 1.0}},
    "model": {"backbone": {"leap": None, "unet": {"filters": 8}}},
    "optimization": {"batch_size": 2, "initial_learning_rate": 0.0001, "epochs": 50, "optimizer": "adam"},
}


def heads(**configs: Any) -> dict[str, Any]:
    return {"model_config": {"head_configs": configs}}


def test_what_a_model_was_trained_with_is_flat() -> None:
    assert hyperparameters_of(SLEAP_NN) == {
        "optimizer": "Adam",
        "learning_rate": 0.001,
        "batch_size": 4,
        "max_epochs": 200,
        "seed": 42,
        "input_scale": 0.5,
        "backbone": "unet",
        "backbone.filters": 16,
        "backbone.filters_rate": 1.5,
    }


def test_older_configurations_tell_the_same_by_other_names() -> None:
    assert hyperparameters_of(OLDER) == {
        "optimizer": "adam",
        "learning_rate": 0.0001,
        "batch_size": 2,
        "max_epochs": 50,
        "input_scale": 1.0,
        "backbone": "unet",
        "backbone.filters": 8,
    }


def test_a_huge_configuration_leaves_little() -> None:
    backbone = {f"option{number}": number for number in range(10_000)} | {"text": "x" * 1_000_000}
    found = hyperparameters_of({"model_config": {"backbone_config": {"unet": backbone}}})
    assert len(found) == MOST_ENTRIES


@pytest.mark.parametrize("config", [{}, {"model_config": None}, {"trainer_config": [1]}, {"model": "unet"}])
def test_what_is_not_told_is_left_out(config: dict[str, Any]) -> None:
    assert hyperparameters_of(config) == {}
    assert (model_type_of(config), trainer_of(config)) == (None, ("", ""))


@pytest.mark.parametrize("kind", MODEL_TYPES)
def test_the_head_that_is_not_null_is_the_kind(kind: str) -> None:
    assert model_type_of(heads(**{**dict.fromkeys(MODEL_TYPES), kind: {}})) == kind


def test_of_several_heads_the_first_of_the_tools_order_counts() -> None:
    assert model_type_of(heads(bottomup={}, centroid={})) == "centroid"


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"model_type": "bottomup"}, "bottomup"),
        ({"model": {"type": "centroid"}}, "centroid"),
        ({**heads(centroid=None), "model_type": "bottomup"}, "bottomup"),
        ({"model_type": "../../x"}, None),
        ({"model_type": ["centroid"]}, None),
    ],
)
def test_without_heads_the_type_is_told_elsewhere(config: dict[str, Any], kind: str | None) -> None:
    assert model_type_of(config) == kind


def test_a_configuration_names_the_trainer_that_wrote_it() -> None:
    assert trainer_of(SLEAP_NN) == ("sleap-nn", "0.1.2")
    assert trainer_of({"trainer_name": "reference trainer", "trainer_version": "1.0"}) == (
        "reference trainer",
        "1.0",
    )
