"""Every code that a dead letter can have stands in the operator's table."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Where a code is given to what is buried, and never to what a job fails with.
GIVEN = re.compile(
    r'(?:Poison\(|GiveUp\(|NoticeRefused\(code=|NoticeUnreadable\(code=|_bury\(held, )"([a-z_]+)"'
)


def test_every_code_of_a_dead_letter_is_explained() -> None:
    sources = [path.read_text("utf-8") for path in sorted(ROOT.glob("*/sleap_rtc/**/*.py"))]
    given = {code for source in sources for code in GIVEN.findall(source)}
    table = (ROOT / "docs" / "events.md").read_text("utf-8").partition("| code | meaning |")[2]
    explained = set(re.findall(r"`([a-z_]+)`", table))
    assert {"not_json", "gave_up", "foreign_room", "too_large"} <= given
    assert given <= explained, given - explained
