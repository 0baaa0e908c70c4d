"""Which peers a filter asks for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.live.peer_filters import matches
from sleap_rtc.live.signaling_messages import Metadata, PeerInfo

PROPERTIES = {"status": "available", "gpu_memory_mb": 8192, "shared": True, "models": ["base"]}
WORKER = PeerInfo(
    peer_id="w", role="worker", metadata=Metadata(tags=["sleap-rtc", "gpu"], properties=PROPERTIES)
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"role": "worker"},
        {"tags": ["gpu"]},
        {"tags": ["tpu", "gpu"]},
        {"properties": {}},
        {"properties": {"status": "available"}},
        {"properties": {"gpu_memory_mb": {"$gte": 8192}}},
        {"properties": {"gpu_memory_mb": {"$gte": 0, "$lte": 8192.0}}},
        {"properties": {"gpu_memory_mb": {"$eq": 8192}}},
        {"properties": {"shared": True, "models": ["base"]}},
        {"properties": {"absent": None}},
        {"properties": {"gpu_memory_mb": {"$near": 1}}},
        {"room_id": "another", "min_age": 3},
        {"role": "worker", "tags": ["sleap-rtc"], "properties": {"status": {"$gte": "a"}}},
    ],
    ids=str,
)
def test_the_worker_matches(filters: dict[str, Any]) -> None:
    assert matches(WORKER, filters)


@pytest.mark.parametrize(
    "filters",
    [
        {"role": "client"},
        {"role": None},
        {"role": "worker", "tags": ["tpu"]},
        {"tags": []},
        {"tags": "gpu"},
        {"tags": None},
        {"properties": {"status": "busy"}},
        {"properties": {"gpu_memory_mb": {"$gte": 8193}}},
        {"properties": {"gpu_memory_mb": {"$lte": 8191}}},
        {"properties": {"gpu_memory_mb": {"$gte": "0"}}},
        {"properties": {"gpu_memory_mb": {"$gte": None}}},
        {"properties": {"absent": {"$gte": 0}}},
        {"properties": {"shared": 1}},
        {"properties": {"shared": {"$gte": 0}}},
        {"properties": ["status"]},
        {"properties": None},
    ],
    ids=str,
)
def test_the_worker_does_not_match(filters: dict[str, Any]) -> None:
    assert not matches(WORKER, filters)


@given(st.dictionaries(st.sampled_from(["role", "tags", "properties", "x"]), JSON), JSON)
def test_no_filter_breaks_anything(filters: dict[str, Any], value: Any) -> None:
    peer = PeerInfo(peer_id="p", metadata=Metadata(properties={"status": value}))
    assert matches(peer, {**filters, "properties": {"status": {"$gte": value}}}) in (True, False)
    assert matches(peer, filters) in (True, False)
