"""Pure: how the names in the local file and its models stay in step, and what to propose as a name.

What can be a name says `sleap_rtc.storage.model_name`. The file keeps to the existing tool's rule, so that
one written here can be used there; a room is a little stricter.

A model has one alias at most and an alias one model. It is written in two places, the model's entry and the
map of aliases; `assign_alias`, `release_alias` and `strip_alias` change both or neither.
"""

import re
from collections.abc import Container, Mapping
from typing import Any

from sleap_rtc.storage.model_name import MAX_NAME_CHARS, alias_problem

FALLBACK_ALIAS = "model"


def sanitize_alias(text: str) -> str:
    """Turn free text into something close to an alias: spaces become dashes, what is not allowed goes.

    Args:
        text: Any text, for example the name of a directory.

    Returns:
        At most 64 allowed characters. It may be empty or reserved; `alias_problem` tells.
    """
    allowed = re.sub(r"[^a-zA-Z0-9_-]", "", text.replace(" ", "-"))
    return allowed.strip("-_")[:MAX_NAME_CHARS].rstrip("-_")


def suggest_alias(text: str, model_type: str | None, taken: Container[str]) -> str:
    """Propose an alias that is valid and free.

    Args:
        text: What the alias should remind of, for example the name of a directory.
        model_type: Put in front, unless the text starts with it already.
        taken: The names that are in use.

    Returns:
        The text made fit, ``model`` where nothing of it can be used, with ``-v1``, ``-v2`` … if it is taken.
    """
    base = sanitize_alias(text)
    if model_type and base and not base.startswith(model_type):
        base = sanitize_alias(f"{model_type}-{base}")
    if alias_problem(base):
        base = FALLBACK_ALIAS
    suggestion, number = base, 0
    while suggestion in taken:
        number += 1
        suffix = f"-v{number}"
        suggestion = base[: MAX_NAME_CHARS - len(suffix)] + suffix
    return suggestion


def alias_owner(models: Mapping[str, Any], aliases: Mapping[str, str], alias: str) -> str | None:
    """Return the id of the model that an alias stands for, or None: an alias of a vanished model is free."""
    owner = aliases.get(alias)
    return owner if owner in models else None


def assign_alias(
    models: dict[str, dict[str, Any]], aliases: dict[str, str], model_id: str, alias: str
) -> None:
    """Give a model a valid alias, in place, taking it from its owner and the model's previous one away."""
    owner = alias_owner(models, aliases, alias)
    if owner is not None and owner != model_id and models[owner].get("alias") == alias:
        models[owner]["alias"] = None
    for name in [name for name, holder in aliases.items() if holder == model_id and name != alias]:
        del aliases[name]
    aliases[alias] = model_id
    models[model_id]["alias"] = alias


def release_alias(models: dict[str, dict[str, Any]], aliases: dict[str, str], alias: str) -> None:
    """Take an alias off the model that has it, in place. One that nobody has is fine."""
    owner = aliases.pop(alias, None)
    if owner in models and models[owner].get("alias") == alias:
        models[owner]["alias"] = None


def strip_alias(models: dict[str, dict[str, Any]], aliases: dict[str, str], model_id: str) -> None:
    """Take its alias off a model, in place, with all that the existing tool may have left in the map."""
    for alias in [name for name, owner in aliases.items() if owner == model_id]:
        del aliases[alias]
    models[model_id]["alias"] = None
