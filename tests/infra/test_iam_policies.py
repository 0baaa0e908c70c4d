"""The policies of the Terraform module `identity` let the product do its work, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.iam_lab import REGION, ROLES, IamLab, StackWithRoles, iam_lab, rendered
from support.iam_policy import Policy
from support.iam_story import Story
from support.product import Product

from sleap_rtc.local.stack import External

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, small_package: Path) -> Iterator[IamLab]:
    """Return a lab in which everything was done that the product does."""
    folder = tmp_path_factory.mktemp("iam")
    (folder / "engine").mkdir()
    with iam_lab(folder / "engine") as lab:
        product = Product(folder)
        stack = StackWithRoles(folder / "stack", External(lab.witness.url), job_lease_s=4)
        stack.lab = lab
        product.stack = stack
        with stack:
            Story(lab, product, small_package, folder).tell()
        yield lab


def test_nothing_is_denied_to_the_product(lab: IamLab) -> None:
    assert lab.witness.denied == []


def test_the_engine_and_our_reading_of_the_policies_agree(lab: IamLab) -> None:
    assert [seen for seen in lab.witness.seen if seen.allowed != seen.foreseen] == []


@pytest.mark.parametrize("role", ROLES)
def test_no_action_and_no_resource_can_be_taken_from_a_policy(lab: IamLab, role: str) -> None:
    policy, needed = Policy.parse(rendered(role)), lab.witness.of(role)
    unused = {gone for gone, less in policy.without_one() if all(less.allows(each) for each in needed)}
    assert unused == set()
