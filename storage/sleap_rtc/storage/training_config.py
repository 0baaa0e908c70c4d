"""Pure: what a training configuration tells of its model, in sleap-nn's form or in SLEAP's before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sleap_rtc.storage.plain_values import Scalar, scalars, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL_TYPES = (
    "single_instance",
    "centroid",
    "centered_instance",
    "bottomup",
    "multi_class_bottomup",
    "multi_class_topdown",
)

# Where a value stands in sleap-nn's configurations and, where that differs, in the older ones.
_PLACES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "optimizer": (("trainer_config", "optimizer_name"), ("optimization", "optimizer")),
    "learning_rate": (("trainer_config", "optimizer", "lr"), ("optimization", "initial_learning_rate")),
    "batch_size": (
        ("trainer_config", "train_data_loader", "batch_size"),
        ("optimization", "batch_size"),
    ),
    "max_epochs": (("trainer_config", "max_epochs"), ("optimization", "epochs")),
    "seed": (("trainer_config", "seed"),),
    "input_scale": (("data_config", "preprocessing", "scale"), ("data", "preprocessing", "input_scaling")),
}
_BACKBONES = (("model_config", "backbone_config"), ("model", "backbone"))


def model_type_of(config: Mapping[str, Any]) -> str | None:
    """Return the kind of model: the first head that is not null, else `model_type`, else `model.type`."""
    heads = _at(config, ("model_config", "head_configs"))
    if isinstance(heads, dict):
        named = next((kind for kind in MODEL_TYPES if heads.get(kind) is not None), None)
        if named is not None:
            return named
    told = config.get("model_type") or _at(config, ("model", "type"))
    return told if isinstance(told, str) and told in MODEL_TYPES else None


def hyperparameters_of(config: Mapping[str, Any]) -> dict[str, Scalar]:
    """Return what somebody who compares models wants to know, flat: `backbone.filters` and the like."""
    found: dict[str, Any] = {name: _first(config, places) for name, places in _PLACES.items()}
    for place in _BACKBONES:
        kinds = _at(config, place)
        used = [kind for kind, options in kinds.items() if options] if isinstance(kinds, dict) else []
        if used:
            options = kinds[used[0]]
            found["backbone"] = str(used[0])
            found |= {f"backbone.{name}": value for name, value in _entries(options)}
            break
    return scalars(found)


def trainer_of(config: Mapping[str, Any]) -> tuple[str, str]:
    """Return name and version of the trainer that wrote a configuration, empty where it does not tell."""
    told = texts(config, most=len(config))
    if "trainer_name" in told:
        return told["trainer_name"], told.get("trainer_version", "")
    return ("sleap-nn", told["sleap_nn_version"]) if "sleap_nn_version" in told else ("", "")


def _entries(options: object) -> list[tuple[str, Any]]:
    return list(options.items()) if isinstance(options, dict) else []


def _first(config: Mapping[str, Any], places: tuple[tuple[str, ...], ...]) -> Any:
    return next((found for place in places if (found := _at(config, place)) is not None), None)


def _at(config: Any, place: tuple[str, ...]) -> Any:
    for step in place:
        config = config.get(step) if isinstance(config, dict) else None
    return config
