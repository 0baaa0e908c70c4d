"""The loss as a drawing of characters: within its frame, true at its ends, and readable without colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.client.loss_chart import LEAST_HEIGHT, LEAST_WIDTH, TRAIN, VAL, loss_chart
from sleap_rtc.client.loss_curve import LossCurve

if TYPE_CHECKING:
    from collections.abc import Sequence

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def curve_of(train: Sequence[float | None], val: Sequence[float | None] = ()) -> LossCurve:
    length = max(len(train), len(val))
    padded = [[*losses, *[None] * (length - len(losses))] for losses in (train, val)]
    return LossCurve(tuple(range(1, length + 1)), tuple(padded[0]), tuple(padded[1]))


def drawn(curve: LossCurve, width: int = 40, height: int = 8) -> list[str]:
    return ["".join(piece.text for piece in line) for line in loss_chart(curve, width, height)]


def first_dot(lines: Sequence[str], column: int) -> int:
    return next(row for row, line in enumerate(lines) if line[column] > "\u2800")


def test_what_falls_goes_down_from_left_to_right() -> None:
    lines = drawn(curve_of([], [4.0, 3.0, 2.0, 1.0]))
    margin = lines[0].index("┤")
    assert lines[0].startswith(f"{4:>{margin}}┤")
    assert lines[5].startswith(f"{1:>{margin}}┤")
    assert first_dot(lines, margin + 1) == 0
    assert first_dot(lines, 39) == 5
    assert lines[-1].split() == ["1", "epoch", "4"]


def test_what_spans_decades_is_drawn_on_a_log_scale_and_says_so() -> None:
    lines = drawn(curve_of([], [1000.0, 100.0, 10.0, 1.0]))
    assert "log scale" in lines[-1]
    rows = [first_dot(lines, column) for column in range(lines[0].index("┤") + 1, 40)]
    assert rows == sorted(rows)
    assert rows[len(rows) // 2] in {2, 3}


def plotted(curve: LossCurve) -> str:
    """Return the only row of a drawing in which there are dots."""
    (row,) = [line.partition("┤")[2] for line in drawn(curve) if any(char > "\u2800" for char in line)]
    return row


def test_training_is_dashed_and_validation_is_not() -> None:
    assert " " in plotted(curve_of([1.0] * 50)).strip()
    assert " " not in plotted(curve_of([], [1.0] * 50))


def test_a_gap_stays_a_gap() -> None:
    row = plotted(curve_of([], [1.0] * 10 + [None] * 10 + [1.0] * 10))
    assert (row[0] > " ", row[len(row) // 2] > " ", row[-1] > " ") == (True, False, True)


def test_pieces_say_what_they_are() -> None:
    kinds = {piece.kind for line in loss_chart(curve_of([2.0, 1.0], [2.5, 2.0]), 40, 8) for piece in line}
    assert {TRAIN, VAL} <= kinds


@given(
    st.lists(st.tuples(st.none() | NUMBERS, st.none() | NUMBERS), min_size=1, max_size=300),
    st.integers(LEAST_WIDTH, 120),
    st.integers(LEAST_HEIGHT, 30),
)
def test_whatever_was_measured_stays_within_its_frame(
    losses: list[tuple[float | None, float | None]], width: int, height: int
) -> None:
    curve = curve_of([train for train, _ in losses], [val for _, val in losses])
    if not curve.values():
        return
    lines = drawn(curve, width, height)
    assert len(lines) == height
    assert all(len(line) <= width for line in lines)
    assert any(character > "\u2800" for line in lines for character in line)


def test_thousands_of_epochs_share_the_columns() -> None:
    lines = drawn(curve_of([], [1 / (epoch + 1) for epoch in range(5000)]), 60, 10)
    assert lines[-1].endswith("5000")
