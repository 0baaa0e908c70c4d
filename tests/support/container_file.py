"""A container file as its builder reads it: stages, and what holds in each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[2]


@dataclass
class Stage:
    """One stage: what it begins with, and its instructions in order."""

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def values(self, instruction: str) -> list[str]:
        """Return the values of all instructions of a kind."""
        return [value for kind, value in self.steps if kind == instruction]


class ContainerFile:
    """One container file.

    Args:
        path: where it lies, below the root of the repository.
    """

    def __init__(self, path: str) -> None:
        self.path = ROOT / path
        self.arguments: dict[str, str] = {}
        self.stages: list[Stage] = []
        text = BytesIO(self.path.read_bytes())
        for step in DockerfileParser(fileobj=text).structure:
            kind, value = step["instruction"], step["value"]
            if kind == "FROM":
                base, _, name = value.partition(" AS ")
                self.stages.append(Stage(name, base))
            elif self.stages:
                self.stages[-1].steps.append((kind, value))
            elif kind == "ARG":
                name, _, default = value.partition("=")
                self.arguments[name] = default

    def stage(self, name: str) -> Stage:
        """Return a stage; the last one has no name where it is the only one that is built."""
        (found,) = [stage for stage in self.stages if stage.name == name]
        return found

    def values(self, target: str, instruction: str) -> list[str]:
        """Return the values of an instruction in a target, those of the stages that it is made from first."""
        stage = self.stage(target)
        inherited = [each.name for each in self.stages if each.name == stage.base]
        before = self.values(stage.base, instruction) if inherited else []
        return [*before, *stage.values(instruction)]

    def last(self, target: str, instruction: str) -> str:
        """Return the value that holds."""
        return self.values(target, instruction)[-1]

    def environment(self, target: str) -> dict[str, str]:
        """Return the variables that a target sets."""
        pairs = re.findall(r"([A-Z0-9_]+)=(\S+)", " ".join(self.values(target, "ENV")))
        return dict(pairs)

    def command(self, target: str) -> list[str]:
        """Return what is started. Fails where a shell would be between."""
        return [*exec_form(self.last(target, "ENTRYPOINT")), *exec_form(self.last(target, "CMD"))]

    def health_check(self, target: str) -> list[str]:
        """Return what tells whether it is well. Fails where a shell would be between."""
        return exec_form(self.last(target, "HEALTHCHECK").partition("CMD")[2])


def exec_form(value: str) -> list[str]:
    """Return the words of a command in exec form."""
    words: Any = json.loads(value)
    assert all(isinstance(word, str) for word in words), value
    return list(words)
