"""Fixtures of the service's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sleap_rtc.local.issuer import LocalIssuer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def token_issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalIssuer]:
    """Return whoever issues tokens, for tests that run a part of the service in their own process."""
    issuer = LocalIssuer(tmp_path_factory.mktemp("identity"))
    yield issuer
    issuer.close()
