"""Pure: how much the benchmark does: in full, and what `--quick` samples of it."""

from __future__ import annotations

from dataclasses import dataclass

MB = 1_000_000


@dataclass(frozen=True)
class Scale:
    """Sizes and counts of every section."""

    speed_mib: int
    speed_rounds: int
    tls_uploads: bool
    bare_loop: bool
    memory_mib: tuple[int, ...]
    resume_mib: int
    kills: int
    peer_kills: int
    fault_uploads: int
    fault_mib: int
    blackholes: bool
    outage_uploads: int
    outage_mib: int
    outage_s: float
    outage_beside: bool
    links: int
    links_mib: int
    connection_bytes_s: int
    shared_bytes_s: int
    fixed_counts: tuple[int, ...]
    limit_bytes_s: int
    limit_s: int


FULL = Scale(
    speed_mib=1024,
    speed_rounds=3,
    tls_uploads=True,
    bare_loop=True,
    memory_mib=(1024, 8192),
    resume_mib=512,
    kills=20,
    peer_kills=5,
    fault_uploads=100,
    fault_mib=64,
    blackholes=True,
    outage_uploads=8,
    outage_mib=64,
    outage_s=10,
    outage_beside=True,
    links=3,
    links_mib=256,
    connection_bytes_s=6 * MB,
    shared_bytes_s=24 * MB,
    fixed_counts=(1, 2, 4, 10),
    limit_bytes_s=8 * MB,
    limit_s=30,
)
QUICK = Scale(
    speed_mib=64,
    speed_rounds=1,
    tls_uploads=False,
    bare_loop=False,
    memory_mib=(64,),
    resume_mib=48,
    kills=1,
    peer_kills=1,
    fault_uploads=5,
    fault_mib=12,
    blackholes=False,  # a client waits half a minute before it gives one up
    outage_uploads=1,
    outage_mib=16,
    outage_s=1.5,
    outage_beside=False,
    links=1,
    links_mib=64,
    connection_bytes_s=12 * MB,
    shared_bytes_s=40 * MB,
    fixed_counts=(4,),
    limit_bytes_s=8 * MB,
    limit_s=2,
)
