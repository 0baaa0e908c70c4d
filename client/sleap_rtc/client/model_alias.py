"""Pure: which names a model may be given, and how names and models stay in step.

The rules are those of the existing tool's registry file, so that a file written here can be used there:

- 1 to 64 characters out of ``a-z A-Z 0-9 _ -``, with a letter or a digit at both ends;
- none of ``all``, ``latest``, ``none``, ``null``, in any case: commands give those a meaning;
- not eight hexadecimal digits, in any case: that is what a model id looks like.

A model has one alias at most and an alias one model. It is written in two places, the model's entry and the
map of aliases; `assign_alias`, `release_alias` and `strip_alias` change both or neither.
"""

import re
from collections.abc import Container, Mapping
from typing import Any

MAX_ALIAS_CHARS = 64
RESERVED_ALIASES = frozenset({"all", "latest", "none", "null"})
FALLBACK_ALIAS = "model"


def alias_problem(alias: str) -> str | None:
    """Say what keeps a text from being an alias.

    Args:
        alias: The text as the user gave it.

    Returns:
        The rest of the sentence "the alias cannot be used: …", or None for a good alias.
    """
    rules = (
        (not alias, "it is empty"),
        (len(alias) > MAX_ALIAS_CHARS, f"it has {len(alias)} characters and {MAX_ALIAS_CHARS} are allowed"),
        (not re.fullmatch(r"[a-zA-Z0-9_-]*", alias), "only letters (a to z), digits, - and _ are allowed"),
        (alias.strip("-_") != alias, "it must start and end with a letter or a digit"),
        (alias.lower() in RESERVED_ALIASES, "all, latest, none and null have a meaning of their own"),
        (re.fullmatch(r"[0-9a-fA-F]{8}", alias), "eight hexadecimal digits look like a model id"),
    )
    return next((reason for broken, reason in rules if broken), None)


def sanitize_alias(text: str) -> str:
    """Turn free text into something close to an alias: spaces become dashes, what is not allowed goes.

    Args:
        text: Any text, for example the name of a directory.

    Returns:
        At most 64 allowed characters. It may be empty or reserved; `alias_problem` tells.
    """
    allowed = re.sub(r"[^a-zA-Z0-9_-]", "", text.replace(" ", "-"))
    return allowed.strip("-_")[:MAX_ALIAS_CHARS].rstrip("-_")


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
        suggestion = base[: MAX_ALIAS_CHARS - len(suffix)] + suffix
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
