"""What whoever is not reached is told."""

from __future__ import annotations

import itertools

import pytest

from sleap_rtc.live.no_path import RELAY, Attempt, why_no_path

HOST = ("host",)
DIRECT = "the two networks do not reach each other directly"
PORTS = "ask whoever runs the TURN server whether its relay ports are open"
TROUBLE = "turn:a.test does not answer within 4 s"


@pytest.mark.parametrize(
    ("attempt", "why"),
    [
        (
            Attempt(HOST, HOST),
            f"{DIRECT}, and no TURN server is configured; ask whoever runs the service for turn_urls",
        ),
        (
            Attempt(
                HOST, HOST, turn_known=True, troubles=(TROUBLE, "turn:b.test is no URL that can be used")
            ),
            f"{DIRECT}, and there is no relay: {TROUBLE}; turn:b.test is no URL that can be used. "
            "Ask whoever runs the service to mend that",
        ),
        (
            Attempt(HOST, HOST, turn_known=True),
            f"{DIRECT}, and the TURN server gave no relay address; ask whoever runs it",
        ),
        (
            Attempt((*HOST, RELAY), HOST, turn_known=True),
            f"{DIRECT}, and nothing came through the relay either; {PORTS}",
        ),
        (
            Attempt(HOST, (RELAY,), turn_known=True, troubles=(TROUBLE,)),
            f"{DIRECT}, and nothing came through the relay of the other side either; {PORTS}",
        ),
        (Attempt((), HOST), "this machine has no network address; connect it"),
        (
            Attempt(HOST, HOST, path_found=True),
            "packets reach it, but no session came about over them; try again",
        ),
    ],
)
def test_the_reason_names_the_way_that_failed_and_what_to_do(attempt: Attempt, why: str) -> None:
    assert why_no_path(attempt) == f"{why}, or leave it to the service, which is slower"


def test_a_peer_without_an_address_is_not_blamed_on_a_relay() -> None:
    assert (
        why_no_path(Attempt(HOST, ()))
        == "it has no network address; leave it to the service, which is slower"
    )


def test_every_attempt_has_a_reason_that_ends_a_sentence() -> None:
    kinds = ((), HOST, (RELAY,), (*HOST, RELAY))
    for ours, theirs, known, found in itertools.product(kinds, kinds, (False, True), (False, True)):
        why = why_no_path(Attempt(ours, theirs, turn_known=known, path_found=found))
        assert why.endswith("leave it to the service, which is slower")
        assert why[0].islower()
