"""Adapter: reads a sleap-nn config file and keeps the fields that the reference trainer understands.

The fields, their names and their defaults are sleap-nn's (``sleap_nn/config/*_config.py``); all others are
accepted and ignored. Every image is shrunk to the working size and every head but ``centroid`` is learned as
one confidence map per node, so a config made for a large GPU model trains here, too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from sleap_rtc.worker.reference_trainer import TRAINER_NAME, TRAINER_VERSION
from sleap_rtc.worker.reference_trainer.errors import ConfigUnreadable

RawConfig: TypeAlias = dict[str, Any]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _empty_if_null(value: object) -> object:
    return {} if value is None else value


PathList = Annotated[list[Path], BeforeValidator(_as_list)]


class _Data(BaseModel):
    train_labels_path: PathList = Field(min_length=1)
    val_labels_path: PathList | None = None
    validation_fraction: float = Field(default=0.1, ge=0, lt=1)
    use_same_data_for_val: bool = False
    user_instances_only: bool = True


class _Model(BaseModel):
    head_configs: dict[str, Any]


class _Loader(BaseModel):
    batch_size: int = Field(default=4, ge=1)
    shuffle: bool = True


class _Optimizer(BaseModel):
    lr: float = Field(default=1e-4, gt=0)


class _Zmq(BaseModel):
    controller_port: int | None = Field(default=None, ge=1, le=65535)
    publish_port: int | None = Field(default=None, ge=1, le=65535)


class _Trainer(BaseModel):
    train_data_loader: Annotated[_Loader, BeforeValidator(_empty_if_null)] = _Loader()
    optimizer: Annotated[_Optimizer, BeforeValidator(_empty_if_null)] = _Optimizer()
    zmq: Annotated[_Zmq, BeforeValidator(_empty_if_null)] = _Zmq()
    max_epochs: int = Field(default=100, ge=1)
    seed: int | None = Field(default=42, ge=0)
    ckpt_dir: Path | None = None
    run_name: str | None = None
    resume_ckpt_path: Path | None = None


class _File(BaseModel):
    data_config: _Data
    model_config_: _Model = Field(alias="model_config")
    trainer_config: Annotated[_Trainer, BeforeValidator(_empty_if_null)] = _Trainer()


@dataclass(frozen=True)
class TrainingConfig:
    """What one run needs to know; paths are relative to the working directory.

    Attributes:
        model_type: The first head of the config that is not null, such as ``single_instance``.
        seed: Fixes the weights, the split and the order of frames (a null in the file counts as 0).
        effective_yaml: The config after overrides, with the trainer's name, for the run directory.
        initial_yaml: The config file as it was.
    """

    train_labels: tuple[Path, ...]
    val_labels: tuple[Path, ...]
    validation_fraction: float
    use_same_data_for_val: bool
    user_instances_only: bool
    model_type: str
    batch_size: int
    shuffle: bool
    learning_rate: float
    max_epochs: int
    seed: int
    run_dir: Path
    run_name: str
    resume_from: Path | None
    controller_port: int | None
    publish_port: int | None
    effective_yaml: str
    initial_yaml: str


def load_config(directory: Path, name: str, overrides: Iterable[str] = ()) -> TrainingConfig:
    """Reads ``directory/name`` (the suffix ``.yaml`` may be left out) and lays the overrides on top.

    Args:
        directory: The folder of ``--config-dir``.
        name: The file of ``--config-name``.
        overrides: ``dotted.path=value`` with a YAML value, as hydra has them; so with ``+`` or ``++`` before.

    Raises:
        ConfigUnreadable: No such file, no YAML, or a value that cannot be used.
    """
    path = directory / name
    if path.suffix not in {".yaml", ".yml"}:
        path = path.with_name(f"{path.name}.yaml")
    try:
        text = path.read_text(encoding="utf-8")
        raw = yaml.safe_load(text)
        if not isinstance(raw, dict):
            raise ConfigUnreadable(path, "it is not a mapping of settings")
        for override in overrides:
            _apply(raw, override, path)
        parsed = _File.model_validate(raw)
    except OSError as error:
        raise ConfigUnreadable(path, error.strerror or str(error)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigUnreadable(path, f"not YAML ({' '.join(str(error).split())})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigUnreadable(path, f"{where}: {first['msg']}") from error
    return _flatten(raw, parsed, path, text)


def _apply(raw: RawConfig, override: str, path: Path) -> None:
    dotted, equals, value = override.lstrip("+").partition("=")
    keys = dotted.lstrip("+").split(".")
    if not equals or not all(keys):
        raise ConfigUnreadable(path, f"the override {override!r} is not of the form section.name=value")
    node = raw
    for key in keys[:-1]:
        if not isinstance(node.get(key), dict):
            node[key] = {}
        node = node[key]
    node[keys[-1]] = yaml.safe_load(value)


def _flatten(raw: RawConfig, parsed: _File, path: Path, text: str) -> TrainingConfig:
    data, trainer = parsed.data_config, parsed.trainer_config
    heads = [head for head, options in parsed.model_config_.head_configs.items() if options is not None]
    if not heads:
        raise ConfigUnreadable(path, "model_config.head_configs: every head is null")
    run_name = trainer.run_name or path.stem
    effective = raw | {"trainer_name": TRAINER_NAME, "trainer_version": TRAINER_VERSION}
    return TrainingConfig(
        train_labels=tuple(data.train_labels_path),
        val_labels=tuple(data.val_labels_path or ()),
        validation_fraction=data.validation_fraction,
        use_same_data_for_val=data.use_same_data_for_val,
        user_instances_only=data.user_instances_only,
        model_type=heads[0],
        batch_size=trainer.train_data_loader.batch_size,
        shuffle=trainer.train_data_loader.shuffle,
        learning_rate=trainer.optimizer.lr,
        max_epochs=trainer.max_epochs,
        seed=trainer.seed or 0,
        run_dir=(trainer.ckpt_dir or Path()) / run_name,
        run_name=run_name,
        resume_from=trainer.resume_ckpt_path,
        controller_port=trainer.zmq.controller_port,
        publish_port=trainer.zmq.publish_port,
        effective_yaml=yaml.safe_dump(effective, sort_keys=False),
        initial_yaml=text,
    )
