"""Two homes and a hub on this machine, each in a network namespace of its own, and what can go wrong.

    home (10.201.1.2) ──── (10.201.1.1) hub (10.201.2.1) ──── (10.201.2.2) other home

Both homes reach the hub. Whether they reach each other is for the hub to say: it forwards their packets or
does not. Nothing of it is to be seen outside, and nothing stays.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HUB_ADDRESS = "10.201.1.1"
"""Where either home reaches the hub."""
_NETS = ("10.201.1", "10.201.2")


def why_no_namespaces() -> str:
    """Return why there can be no namespaces here; empty if there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [name for name in ("ip", "iptables", "tc") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed (apt-get install iproute2 iptables)"
    probe = f"srtc{uuid.uuid4().hex[:6]}"
    tried = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"this machine makes no network namespaces ({tried.stderr.strip()})"
    _run("ip", "netns", "del", probe)
    return ""


@dataclass(frozen=True)
class Namespace:
    """One host on the network."""

    name: str

    def run(self, *command: str) -> None:
        """Run a command to its end."""
        _run("ip", "netns", "exec", self.name, *command)

    def start(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a process that is talked to over its standard input and output."""
        return subprocess.Popen(
            ["ip", "netns", "exec", self.name, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def listens(self, port: int) -> bool:
        """Tell whether something here takes connections at a port."""
        look = ["ip", "netns", "exec", self.name, "grep", "-q", f":{port:04X} .* 0A ", "/proc/net/tcp"]
        return subprocess.run(look, check=False).returncode == 0

    def lose(self, share: float) -> None:
        """Lose a share of what arrives from now on, each packet by chance."""
        drop = ["-m", "statistic", "--mode", "random", "--probability", f"{share:g}", "-j", "DROP"]
        self.run("iptables", "-A", "INPUT", "!", "-i", "lo", *drop)

    @property
    def lost_packets(self) -> int:
        """How many packets `lose` has lost."""
        shown = _run("ip", "netns", "exec", self.name, "iptables", "-nvxL", "INPUT")
        return sum(int(line.split()[0]) for line in shown.splitlines() if "statistic" in line)

    def cut(self) -> None:
        """Let nothing in and nothing out, without a word to anybody, until `mend`."""
        for chain, way in (("INPUT", "-i"), ("OUTPUT", "-o")):
            self.run("iptables", "-I", chain, "!", way, "lo", "-j", "DROP")

    def mend(self) -> None:
        """Undo `cut`."""
        for chain in ("INPUT", "OUTPUT"):
            self.run("iptables", "-D", chain, "1")

    @contextmanager
    def without_udp(self) -> Iterator[None]:
        """Let no UDP out while the block runs, as some networks of hospitals and companies do."""
        rule = ["OUTPUT", "-p", "udp", "!", "-o", "lo", "-j", "DROP"]
        self.run("iptables", "-A", *rule)
        try:
            yield
        finally:
            self.run("iptables", "-D", *rule)

    def limit(self, bits_per_s: int) -> None:
        """Send no faster than this."""
        rate = ["rate", f"{bits_per_s}bit", "burst", "32kb", "latency", "200ms"]
        self.run("tc", "qdisc", "add", "dev", "uplink", "root", "tbf", *rate)


@dataclass(frozen=True)
class Town:
    """The hosts there are."""

    hub: Namespace
    homes: tuple[Namespace, Namespace]


@contextmanager
def town(*, forwards: bool) -> Iterator[Town]:
    """Have a hub and two homes while the block runs.

    Args:
        forwards: whether the homes reach each other.
    """
    mark = uuid.uuid4().hex[:6]
    with ExitStack() as stack:
        hub, *homes = (stack.enter_context(_namespace(f"srtc{mark}{part}")) for part in ("hub", "a", "b"))
        for net, home in zip(_NETS, homes, strict=True):
            port = f"to-{home.name[-1]}"
            _run(
                "ip",
                "-n",
                hub.name,
                "link",
                "add",
                port,
                "type",
                "veth",
                "peer",
                "uplink",
                "netns",
                home.name,
            )
            for where, device, host in ((hub, port, 1), (home, "uplink", 2)):
                _run("ip", "-n", where.name, "address", "add", f"{net}.{host}/24", "dev", device)
                _run("ip", "-n", where.name, "link", "set", device, "up")
            _run("ip", "-n", home.name, "route", "add", "default", "via", f"{net}.1")
        hub.run("sh", "-c", f"echo {int(forwards)} > /proc/sys/net/ipv4/ip_forward")
        yield Town(hub, (homes[0], homes[1]))


@contextmanager
def _namespace(name: str) -> Iterator[Namespace]:
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "-n", name, "link", "set", "lo", "up")
        yield Namespace(name)
    finally:
        _run("ip", "netns", "del", name)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
