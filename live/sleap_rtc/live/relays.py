"""Adapter: which of the TURN servers that a peer was told of has a relay address for it just now.

The engine takes the first TURN server that it is given, and says nothing where that one has no address to
give. So all are asked beforehand, at once; the first in their order that has one is used, so that a network
without UDP gets to the one that takes TCP. What is wrong with the others is kept, for whoever is not reached.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.live.ice_server import IceServer, is_turn, renew_in_s, turn_address

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from sleap_rtc.live.ice_server import TurnAddress

log = logging.getLogger(__name__)

ASKED_FOR_S = 4.0
"""RFC 8489 repeats a request after 0.5, 1.5 and 3.5 s: a few lost packets are no silence."""
_UNAUTHORIZED = 401


@dataclass(frozen=True)
class Relays:
    """What asking the TURN servers came to.

    Attributes:
        ice_servers: for the engine: the STUN servers, and the TURN server that has an address.
        troubles: what is wrong with the others, a line for each.
        known: whether there was a TURN server to ask.
    """

    ice_servers: Sequence[IceServer] = ()
    troubles: Sequence[str] = ()
    known: bool = False


async def find_relay(known: Sequence[IceServer], within_s: float = ASKED_FOR_S) -> Relays:
    """Ask every TURN server for a relay address.

    Args:
        known: the servers that the signaling told.
        within_s: how long one may take to answer.
    """
    stun = [url for server in known for url in server.each_url if not is_turn(url)]
    turn = [(url, server) for server in known for url in server.each_url if is_turn(url)]
    said = await asyncio.gather(*(_trouble(url, server, within_s) for url, server in turn))
    good = [
        server.model_copy(update={"urls": [url]})
        for (url, server), why in zip(turn, said, strict=True)
        if not why
    ]
    bad = [f"{url} {why}" for (url, _), why in zip(turn, said, strict=True) if why]
    return Relays([*([IceServer(urls=stun)] if stun else []), *good[:1]], bad, bool(turn))


@asynccontextmanager
async def renewed(
    known: Callable[[], Sequence[IceServer]], ask: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    """Have new credentials asked for before the others end, while the block runs.

    Args:
        known: returns the servers that there are now.
        ask: asks for new ones, which come when they come.
    """

    async def keep_asking() -> None:
        while (pause_s := renew_in_s(known(), datetime.now(UTC))) is not None:
            await asyncio.sleep(pause_s)
            try:
                await ask()
            except Exception as error:  # another connection, or a token that is had later, may do better
                log.warning("no new TURN credentials: %s", error)

    asking = asyncio.create_task(keep_asking())
    try:
        yield
    finally:
        asking.cancel()


async def _trouble(url: str, server: IceServer, within_s: float) -> str:
    """Have a relay address given and taken back; return what is wrong, in words that follow the URL."""
    from aioice.stun import TransactionError

    address = turn_address(url)
    if address is None:
        return "is no URL that can be used"
    try:
        async with asyncio.timeout(within_s):
            await _allocate(address, server)
    except TransactionError as error:
        return _refusal(error, server.ends_at)
    except TimeoutError:
        return f"does not answer within {within_s:g} s"
    except ssl.SSLError as error:
        return f"has no TLS that can be trusted ({error.reason or 'it ended'})"
    except OSError as error:
        return f"cannot be reached ({error.strerror or error})"
    return ""


async def _allocate(address: TurnAddress, server: IceServer) -> None:
    from aioice.turn import create_turn_endpoint

    # What is sent to the relay address meanwhile is nobody's.
    transport, _ = await create_turn_endpoint(
        asyncio.DatagramProtocol,
        server_addr=(address.host, address.port),
        username=server.username,
        password=server.credential,
        ssl=True if address.tls else None,
        transport=address.transport,
    )
    transport.close()


def _refusal(error: Exception, ends_at: datetime | None) -> str:
    response = getattr(error, "response", None)
    code, reason = response.attributes.get("ERROR-CODE", (0, "")) if response is not None else (0, "")
    if not code:
        return "does not answer"
    if code != _UNAUTHORIZED:
        return f"gives no address ({code} {reason})"
    if ends_at is not None and ends_at <= datetime.now(UTC):
        return f"does not take the credentials, which ended at {ends_at:%H:%M} UTC on {ends_at:%Y-%m-%d}"
    return "does not take the credentials: its secret is not the service's turn_secret, or its clock is wrong"
