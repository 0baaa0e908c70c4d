"""Pure: the names that exist, and which of them somebody may have meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, get_args

from pydantic import SecretStr

from sleap_rtc.settings.model import PREFIX, Environment, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

SETTINGS = frozenset(Settings.model_fields)
SECRETS = frozenset(
    name
    for name, field in Settings.model_fields.items()
    if SecretStr in (field.annotation, *get_args(field.annotation))
)
ENVIRONMENTS: tuple[str, ...] = get_args(Environment)
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
# They have the prefix and are no settings: where the file is, whether tracebacks are shown, a command's room.
OTHER_VARIABLES = frozenset({CONFIG_VARIABLE, f"{PREFIX}DEBUG", f"{PREFIX}ROOM_ID"})


def variable(setting: str) -> str:
    """Return the environment variable that sets a setting."""
    return f"{PREFIX}{setting.upper()}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the half sentence that helps whoever wrote a name that does not exist."""
    # By their spelling in small letters, since S3_REGION and s3_region are as near as can be.
    spelt = {candidate.lower(): candidate for candidate in sorted(known)}
    close = get_close_matches(name.lower(), spelt, n=1)
    return f"the nearest is {spelt[close[0]]}" if close else "`sleap-rtc config show` lists what there is"


def printable(text: str) -> str:
    """Return a text that a terminal can show: control characters and bytes that are no text are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Return a sentence for each variable that has the prefix and that nothing reads."""
    known = OTHER_VARIABLES | {variable(setting) for setting in SETTINGS}
    return [
        f"No setting is read from {printable(name)}; {nearest(name, known)}."
        for name in sorted(environment)
        if name.upper().startswith(PREFIX) and name.upper() not in known
    ]
