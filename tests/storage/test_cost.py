"""The arithmetic of costs: usage adds up, costs are linear in prices, and a bad price table says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.storage.cost import Cost, cost_of, gb_months, price_class
from sleap_rtc.storage.forecast import PlannedJob, forecast
from sleap_rtc.storage.part_plan import plan_parts
from sleap_rtc.storage.price_list import DAYS_A_MONTH, GB, PriceTableWrong
from sleap_rtc.storage.price_table import LIST_PRICES, PACKAGED, read_prices
from sleap_rtc.storage.relay_alternative import Assumptions, relay_cost
from sleap_rtc.storage.saving_table import CLAIMED, DATASET_BYTES, MODEL_BYTES, savings, where_it_holds
from sleap_rtc.storage.traffic import Called, Moved
from sleap_rtc.storage.transfer_cost import Transfer, transfer_cost
from sleap_rtc.storage.usage import Usage
from sleap_rtc.storage.usage_keys import OVERHEAD, Account, account_of_key
from sleap_rtc.storage.usage_tally import UsageTally

if TYPE_CHECKING:
    from pathlib import Path

COUNTS = st.integers(0, 10**9)
USAGES = st.builds(
    Usage,
    requests=st.dictionaries(
        st.sampled_from(
            ["s3.PutObject", "s3.GetObject", "s3.DeleteObject", "sqs.SendMessage", "sns.Publish"]
        ),
        COUNTS,
    ),
    bytes=st.dictionaries(
        st.sampled_from(["download.internet.dataset", "download.relay.model", "upload.internet.log"]), COUNTS
    ),
)


@given(USAGES, USAGES, USAGES)
def test_usages_add_up_in_any_order(one: Usage, two: Usage, three: Usage) -> None:
    assert one + two == two + one
    assert (one + two) + three == one + (two + three)


@given(USAGES, USAGES)
def test_what_two_cost_together_is_what_they_cost_each(one: Usage, two: Usage) -> None:
    together = cost_of(one + two, LIST_PRICES)
    each = cost_of(one, LIST_PRICES) + cost_of(two, LIST_PRICES)
    assert together.by_kind() == pytest.approx(each.by_kind())


@given(USAGES, st.floats(0, 10), st.floats(0, 100))
def test_costs_are_linear_in_prices(usage: Usage, times: float, stored: float) -> None:
    p = LIST_PRICES
    dearer = replace(
        p,
        s3_write=times * p.s3_write,
        s3_read=times * p.s3_read,
        s3_gb_month=times * p.s3_gb_month,
        egress_gb=times * p.egress_gb,
        sqs=times * p.sqs,
        sns=times * p.sns,
        relay_gb=times * p.relay_gb,
    )
    assert cost_of(usage, dearer, stored).total == pytest.approx(times * cost_of(usage, p, stored).total)


def test_one_job_by_hand() -> None:
    usage = Usage(
        requests={
            "s3.UploadPart": 1000,
            "s3.GetObject": 10_000,
            "s3.AbortMultipartUpload": 5,
            "sqs.X": 10**6,
        },
        bytes={
            "download.internet.dataset": 5 * GB,
            "download.in_region.dataset": GB,
            "download.relay.model": GB,
        },
    )
    cost = cost_of(usage, LIST_PRICES, stored_gb_months=2)
    assert cost.by_kind() == pytest.approx(
        {
            "s3_write": 0.005,
            "s3_read": 0.004,
            "storage": 0.046,
            "egress": 0.45,
            "sqs": 0.40,
            "sns": 0,
            "relay": 0.40,
        }
    )
    assert cost.total == pytest.approx(1.305)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("s3.CompleteMultipartUpload", "s3_write"),
        ("s3.ListParts", "s3_write"),
        ("s3.HeadBucket", "s3_read"),
        ("s3.DeleteObjects", ""),
        ("sqs.DeleteMessageBatch", "sqs"),
        ("sns.CreateTopic", ""),
        ("of another cloud", ""),
    ],
)
def test_each_request_is_of_one_class(kind: str, name: str) -> None:
    assert price_class(kind) == name


def test_a_gigabyte_for_a_month_is_one() -> None:
    assert gb_months(GB, timedelta(days=DAYS_A_MONTH)) == pytest.approx(1)
    assert gb_months(GB, timedelta(days=-1)) == 0


def test_what_is_counted_is_taken_once_and_can_be_given_back() -> None:
    tally: UsageTally[str] = UsageTally(lambda event: "told" if isinstance(event, Called) else "")
    tally(Called("s3", "GetObject", "ok", 0.1))
    tally(Called("s3", "GetObject", "throttled", 0.1))
    tally(Moved("download", "internet", "dataset", 7))
    counted = {
        "told": Usage(requests={"s3.GetObject": 2}),
        "": Usage(bytes={"download.internet.dataset": 7}),
    }
    assert tally.so_far() == counted
    assert tally.take() == counted
    assert tally.take() == {}
    tally.give_back(counted)
    assert tally.take_of("told") == counted["told"]
    assert tally.take() == {"": counted[""]}


@pytest.mark.parametrize(
    ("key", "account"),
    [
        ("uploads/lab/lab-01J/data", Account("lab", "upload", "lab-01J")),
        ("lab/jobs/01J/log/00000001.txt", Account("lab", "job", "01J")),
        ("lab/jobs/", Account("lab")),
        ("lab/jobs/01J/usage/client-1.json", Account("lab")),
        ("lab/usage/01J.json", OVERHEAD),
        ("lab/uploads/lab-01J.json", Account("lab", "upload", "lab-01J")),
        ("lab/models/single_instance_0f1e2d3c/model.json", Account("lab", "model", "0f1e2d3c")),
        ("lab/manifest.json", Account("lab")),
        (".open/jobs/lab/01J", Account("lab", "job", "01J")),
        (".open/uploads/lab/lab-01J", Account("lab", "upload", "lab-01J")),
        (".open/", OVERHEAD),
        (".quotas/rooms/lab/lab-01J/100", Account("lab", "upload", "lab-01J")),
        (".receipts/abc.json", OVERHEAD),
        ("", OVERHEAD),
    ],
)
def test_a_request_is_on_the_account_of_what_it_is_about(key: str, account: Account) -> None:
    assert account_of_key(key) == account


def test_the_packaged_prices_have_a_date_a_place_and_sources() -> None:
    assert LIST_PRICES.as_of == "2026-11-01"
    assert LIST_PRICES.place == "us-east-1"
    assert LIST_PRICES.currency == "USD"
    assert all(source.startswith("https://") for source in LIST_PRICES.sources)
    assert LIST_PRICES.s3_write == pytest.approx(0.000005)


def test_an_operators_table_takes_the_place_of_the_packaged_one(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(PACKAGED.read_text().replace('"USD"', '"EUR"').replace("= 0.09 ", "= 0.02 "))
    found = read_prices(path)
    assert found == replace(LIST_PRICES, currency="EUR", egress_gb=0.02)
    assert read_prices(None) is LIST_PRICES


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("per_gb_out = 0.09", ""), "s3.per_gb_out: Field required"),
        (
            ("per_gb_out = 0.09", "per_gb_out = -1.0"),
            "s3.per_gb_out: Input should be greater than or equal to 0",
        ),
        (("per_gb_out = 0.09", "per_gb_out = nan"), "s3.per_gb_out"),
        (("per_gb_out = 0.09", 'per_gb_out = "nine cents"'), "s3.per_gb_out"),
        (("per_gb_out", "per_gb_in"), "s3.per_gb_"),
        (('"2026-11-01"', '"yesterday"'), "as_of"),
        (('"USD"', '"dollars"'), "currency"),
        (("[turn]", "[relay]"), "turn"),
        (("[s3]", "[s3"), "it is no TOML"),
    ],
)
def test_a_table_that_is_none_says_what_is_wrong_in_one_sentence(
    tmp_path: Path, change: tuple[str, str], why: str
) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(PACKAGED.read_text().replace(*change))
    with pytest.raises(PriceTableWrong) as refused:
        read_prices(path)
    assert why in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value).strip()


def test_a_table_that_is_not_there_or_is_huge_says_so(tmp_path: Path) -> None:
    with pytest.raises(PriceTableWrong, match="No such file"):
        read_prices(tmp_path / "nothing.toml")
    (tmp_path / "huge.toml").write_bytes(b"#" * 100_000)
    with pytest.raises(PriceTableWrong, match="more than 65,536 bytes"):
        read_prices(tmp_path / "huge.toml")


@given(st.integers(0, 10**12), st.floats(0, 1), st.floats(1, 10))
def test_the_relay_alternative_is_the_transfer_models(size: int, share: float, resent: float) -> None:
    cost = transfer_cost(Transfer(size, relay_share=share, resent=resent)).webrtc_usd
    assert relay_cost(size, Assumptions(share, resent), LIST_PRICES) == pytest.approx(cost)


def test_every_assumption_is_said() -> None:
    said = " ".join(Assumptions(0.35, 1.5).words(LIST_PRICES.with_relay(0.05)))
    for figure in ("35%", "0.05 USD", "1.5 bytes", "2026-11-01", "us-east-1"):
        assert figure in said


def test_the_claim_holds_where_the_table_says_and_not_elsewhere() -> None:
    table = {
        (each.relay_gb, each.relay_share, each.resent, each.worker): each for each in savings(LIST_PRICES)
    }
    assert table[0.40, 0.5, 1.0, "elsewhere"].verdict == "as claimed"
    assert table[0.40, 1.0, 1.5, "elsewhere"].verdict == "more"
    assert table[0.40, 0.2, 1.5, "elsewhere"].verdict == "less"
    assert table[0.40, 0.2, 1.0, "elsewhere"].verdict == "S3 costs more"
    assert table[0.05, 0.2, 1.0, "in the buckets' region"].saving < 0


def test_at_the_bounds_of_where_it_holds_exactly_that_is_saved() -> None:
    for holds in where_it_holds(LIST_PRICES):
        for share, wanted in zip((holds.dearer_below, holds.from_share), (0.0, CLAIMED[0]), strict=True):
            if share <= 1 and holds.worker == "elsewhere":
                transfer = Transfer(
                    DATASET_BYTES,
                    MODEL_BYTES,
                    share,
                    holds.resent,
                    prices=LIST_PRICES.with_relay(holds.relay_gb),
                )
                assert transfer_cost(transfer).saving == pytest.approx(wanted)


def test_a_forecast_counts_parts_ranges_hours_and_what_is_kept() -> None:
    planned = PlannedJob(5 * GB, 0, hours=0)
    usage, stored = forecast(planned)
    assert usage.bytes == {"upload.internet.dataset": 5 * GB, "download.internet.dataset": 5 * GB}
    assert usage.requests["s3.CreateMultipartUpload"] == usage.requests["s3.CompleteMultipartUpload"] == 1
    assert stored == pytest.approx(5 * 30 / DAYS_A_MONTH)
    longer, _ = forecast(replace(planned, hours=2))
    assert longer.requests["s3.GetObject"] - usage.requests["s3.GetObject"] == 2 * (720 + 90)
    assert longer.requests["s3.PutObject"] - usage.requests["s3.PutObject"] == 2 * (240 + 90)


def test_a_forecast_counts_a_checkpoint_a_minute_of_what_is_made() -> None:
    short, long = (forecast(PlannedJob(GB, 250_000_000, hours=hours))[0] for hours in (0, 1))
    more = {name: long.requests[name] - short.requests.get(name, 0) for name in long.requests}
    assert more["s3.CreateMultipartUpload"] == more["s3.CompleteMultipartUpload"] == 3 * 60
    assert more["s3.UploadPart"] == (2 * plan_parts(250_000_000).count + 1) * 60
    assert long.bytes["upload.internet.checkpoint"] == 60 * 2 * 250_000_000


@pytest.mark.parametrize(
    ("changed", "egress"),
    [({}, 0.45), ({"in_region": True}, 0), ({"cached": True}, 0), ({"shared": True}, 0)],
)
def test_where_a_worker_is_decides_what_a_forecast_costs(changed: dict[str, Any], egress: float) -> None:
    usage, _ = forecast(replace(PlannedJob(5 * GB, 0), **changed))
    assert cost_of(usage, LIST_PRICES).egress == pytest.approx(egress)


def test_nothing_costs_nothing() -> None:
    assert cost_of(Usage(), LIST_PRICES) == Cost()
