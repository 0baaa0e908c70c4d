"""Pure: what an identity policy of IAM allows, for the part of the language that ours are written in.

An element that this does not know is an error, so that no policy is judged by half of what it says.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ELEMENTS = {"Sid", "Effect", "Action", "Resource", "Condition"}


@dataclass(frozen=True)
class Asked:
    """One request as IAM sees it: an action, on a resource, with what conditions may look at."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Statement:
    """One statement that allows something."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Operator, key, values."""

    def allows(self, asked: Asked) -> bool:
        """Tell whether this statement allows a request."""
        return (
            any(_matches(action.lower(), asked.action.lower()) for action in self.actions)
            and any(_matches(resource, asked.resource) for resource in self.resources)
            and all(_holds(*condition, dict(asked.context)) for condition in self.conditions)
        )


@dataclass(frozen=True)
class Policy:
    """The statements of a policy; what none of them allows is denied."""

    statements: tuple[Statement, ...]

    @classmethod
    def parse(cls, text: str) -> Policy:
        """Read a policy of allowing statements. Raises ValueError where it says what this cannot judge."""
        return cls(tuple(_statement(found) for found in json.loads(text)["Statement"]))

    def allows(self, asked: Asked) -> bool:
        """Tell whether any statement allows a request."""
        return any(statement.allows(asked) for statement in self.statements)

    def without_one(self) -> Iterator[tuple[str, Policy]]:
        """Yield the policy with one action or one resource of a statement taken out, and which that was."""
        for number, statement in enumerate(self.statements):
            less = [
                *(
                    (each, replace(statement, actions=_but(statement.actions, each)))
                    for each in statement.actions
                ),
                *(
                    (each, replace(statement, resources=_but(statement.resources, each)))
                    for each in statement.resources
                ),
            ]
            for gone, left in less:
                rest = (*self.statements[:number], left, *self.statements[number + 1 :])
                yield f"{statement.sid}: {gone}", Policy(rest)


def _but(these: tuple[str, ...], gone: str) -> tuple[str, ...]:
    return tuple(each for each in these if each != gone)


def _statement(found: Mapping[str, Any]) -> Statement:
    if unknown := set(found) - _ELEMENTS:
        raise ValueError(f"a statement has {', '.join(sorted(unknown))}, which is not judged here")
    if found["Effect"] != "Allow":
        raise ValueError("a statement does not allow; only such are judged here")
    conditions = tuple(
        (operator, key, _listed(values))
        for operator, keys in found.get("Condition", {}).items()
        for key, values in keys.items()
    )
    for operator, _, _ in conditions:
        if operator not in {"StringEquals", "StringLike"}:
            raise ValueError(f"{operator} is not judged here")
    return Statement(found["Sid"], _listed(found["Action"]), _listed(found["Resource"]), conditions)


def _listed(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _holds(operator: str, key: str, values: tuple[str, ...], context: Mapping[str, str]) -> bool:
    if key not in context:
        return False
    if operator == "StringLike":
        return any(_matches(value, context[key]) for value in values)
    return context[key] in values


def _matches(pattern: str, text: str) -> bool:
    """Tell whether a text fits a pattern, in which * is any text, slashes included, and ? any character."""
    parts = ("." if each == "?" else ".*" if each == "*" else re.escape(each) for each in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None
