"""Makes the tables and the picture of docs/costs.md: `PYTHONPATH=tests python -m support.saving_picture`."""

from __future__ import annotations

import io
from pathlib import Path

from sleap_rtc.storage.price_table import LIST_PRICES
from sleap_rtc.storage.saving_table import (
    CASES,
    CLAIMED,
    DATASET_BYTES,
    MODEL_BYTES,
    WORKERS,
    savings,
    where_it_holds,
)
from sleap_rtc.storage.transfer_cost import Transfer, transfer_cost

DOCS = Path(__file__).parents[2] / "docs"
PICTURE = DOCS / "pictures" / "savings.svg"
PAGE = DOCS / "costs.md"
BEGIN, END = "<!-- savings -->\n", "<!-- end of savings -->"
_DEAREST = -1.0


def table() -> str:
    """Return the tables as the page has them."""
    found = {
        (each.relay_gb, each.relay_share, each.resent, each.worker): each for each in savings(LIST_PRICES)
    }
    lines = [
        f"| relay, USD/GB | relayed | sent per byte | {' | '.join(f'worker {name}' for name in WORKERS)} |",
        f"|---|---|---|{'---|' * len(WORKERS)}",
    ]
    for price, share, resent in CASES:
        cells = [found[price, share, resent, name] for name in WORKERS]
        told = " | ".join(f"{each.saving:.0%}, {each.verdict}" for each in cells)
        lines.append(f"| {price:.2f} | {share:.0%} | {resent:g} | {told} |")
    lines += [
        "",
        "| relay, USD/GB | sent per byte | worker | S3 costs more | 40 to 70% saved |",
        "|---|---|---|---|---|",
    ]
    for each in where_it_holds(LIST_PRICES):
        dearer = "always" if each.dearer_below > 1 else f"below {each.dearer_below:.0%} relayed"
        holds = (
            "never"
            if each.from_share > 1
            else f"{each.from_share:.0%} to {min(1, each.to_share):.0%} relayed"
        )
        lines.append(f"| {each.relay_gb:.2f} | {each.resent:g} | {each.worker} | {dearer} | {holds} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return the page with the tables in it."""
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def picture() -> str:
    """Return the picture: the saving over the relay share, a line for each price and worker."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    mpl.rcParams.update({"svg.hashsalt": "savings", "svg.fonttype": "none"})
    figure = Figure((9.0, 4.8), layout="constrained")
    axes = figure.subplots()
    shares = [step / 100 for step in range(2, 101)]
    for price, style in ((0.40, "-"), (0.05, "--")):
        for number, (name, (in_region, cached)) in enumerate(WORKERS.items()):
            saved = [
                transfer_cost(
                    Transfer(
                        DATASET_BYTES,
                        MODEL_BYTES,
                        share,
                        1.0,
                        in_region,
                        cached,
                        prices=LIST_PRICES.with_relay(price),
                    )
                ).saving
                for share in shares
            ]
            label = f"relay at {price:.2f} USD/GB, worker {name}"
            axes.plot(shares, saved, style, color=f"C{number}", label=label)
    axes.axhspan(*CLAIMED, color="0.9", zorder=0)
    axes.text(0.01, sum(CLAIMED) / 2, "40 to 70%", va="center")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_ylim(_DEAREST, 1)
    axes.set_xlim(0, 1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("share of bytes that go through a relay from peer to peer")
    axes.set_ylabel("what S3 saves")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    return drawn.getvalue()


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    PICTURE.write_text(picture(), "utf-8")
