"""Whether what a worker reads from S3 is paid for: only what leaves the region is."""

from __future__ import annotations

import pytest

from sleap_rtc.settings.model import Settings
from sleap_rtc.worker.s3_way import s3_way

HERE = {"s3_region": "eu-central-1"}


@pytest.mark.parametrize(
    ("settings", "environment", "amazons", "told", "way"),
    [
        (HERE, {}, True, "eu-central-1", "in_region"),
        (HERE, {}, True, "us-west-2", "internet"),
        (HERE, {"AWS_REGION": "eu-central-1"}, True, "", "in_region"),
        (HERE, {"AWS_REGION": "eu-central-1"}, False, "", "internet"),
        (
            HERE,
            {"AWS_EXECUTION_ENV": "AWS_ECS_FARGATE", "AWS_REGION": "eu-central-1"},
            False,
            "",
            "in_region",
        ),
        ({**HERE, "s3_endpoint_url": "http://127.0.0.1:9"}, {}, True, "eu-central-1", "internet"),
        ({**HERE, "in_region": True}, {}, False, "", "in_region"),
        ({**HERE, "in_region": False}, {}, True, "eu-central-1", "internet"),
    ],
)
def test_a_worker_is_in_the_region_if_its_machine_is_and_nobody_says_otherwise(
    settings: dict[str, object], environment: dict[str, str], amazons: bool, told: str, way: str
) -> None:
    found = s3_way(Settings.model_validate(settings), environment, lambda: amazons, lambda: told)
    assert found == way
