"""Pure: what people call models: aliases, names with versions, tags.

An alias points at one model and can be moved. A name has versions, counted from 1 in the order in which
models were put under it, and never renumbered: `flies@2`, or `flies@latest`.
"""

from __future__ import annotations

import re

from sleap_rtc.storage.errors import InputError

LATEST = "latest"
MAX_NAME_CHARS = 64
RESERVED_NAMES = frozenset({"all", LATEST, "none", "null"})
_MODEL_ID = re.compile(r"[0-9a-fA-F]{8,64}")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=/-]{0,63}")
_VERSION = re.compile(rf"(?P<name>[^@]+)@(?P<version>[1-9][0-9]{{0,8}}|{LATEST})")


class NameRefused(InputError):
    """{name!r} cannot be an alias or a name: {why}. Choose another one."""

    name: str
    why: str


class TagRefused(InputError):
    """{tag!r} cannot be a tag: a tag has 1 to 64 characters, starts with a letter or a digit, and goes on
    with letters, digits and . _ : = / -"""

    tag: str


def alias_problem(alias: str) -> str | None:
    """Say what keeps a text from being an alias by the rules of the existing tool.

    Returns:
        The rest of the sentence "it cannot be an alias: …", or None for a good one.
    """
    rules = (
        (not alias, "it is empty"),
        (len(alias) > MAX_NAME_CHARS, f"it has {len(alias)} characters and {MAX_NAME_CHARS} are allowed"),
        (not re.fullmatch(r"[a-zA-Z0-9_-]*", alias), "only letters (a to z), digits, - and _ are allowed"),
        (alias.strip("-_") != alias, "it must start and end with a letter or a digit"),
        (alias.lower() in RESERVED_NAMES, "all, latest, none and null have a meaning of their own"),
        (re.fullmatch(r"[0-9a-fA-F]{8}", alias), "eight hexadecimal digits look like a model id"),
    )
    return next((why for broken, why in rules if broken), None)


def checked_name(name: str) -> str:
    """Return `name` if it can be an alias or a name with versions in a room.

    That is what can be an alias, except that ids of any length are kept out: the existing tool's have eight
    digits, a room's may have more.

    Raises:
        NameRefused: it cannot.
    """
    why = alias_problem(name) or ("it looks like a model id" if _MODEL_ID.fullmatch(name) else None)
    if why:
        raise NameRefused(name=name[: MAX_NAME_CHARS + 1], why=why)
    return name


def checked_tag(tag: str) -> str:
    """Return `tag` if it can be one.

    Raises:
        TagRefused: it cannot.
    """
    if not _TAG.fullmatch(tag):
        raise TagRefused(tag=tag[: MAX_NAME_CHARS + 1])
    return tag


def parse_version(text: str) -> tuple[str, int | None] | None:
    """Return the name and the version that `text` asks for, None in place of a number for the latest.

    Returns:
        None if the text is no `name@version`.
    """
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    return found["name"], None if found["version"] == LATEST else int(found["version"])
