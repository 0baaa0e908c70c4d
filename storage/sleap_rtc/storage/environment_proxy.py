"""Adapter: which proxy the environment asks for, and connections through it.

`HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`; on Windows and macOS also the system's settings.
"""

from __future__ import annotations

import base64
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

if TYPE_CHECKING:
    import urllib3


def proxy_for(scheme: str, host: str) -> SplitResult | None:
    """Return the proxy's address for a host, None where it is reached directly."""
    address = urllib.request.getproxies().get(scheme)
    if not address or urllib.request.proxy_bypass(host):
        return None
    return urlsplit(address if "://" in address else f"http://{address}")


def proxy_authorization(proxy: SplitResult) -> dict[str, str]:
    """Return the header for the user name and password in a proxy's address, if it has them."""
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def connections_to(url: str, timeout: urllib3.Timeout, maxsize: int = 1) -> urllib3.PoolManager:
    """Return connections to the host of an address, straight or through the proxy that it takes.

    No request is tried again, and no redirection followed: it would carry a token to somebody else.

    Args:
        url: any address there.
        timeout: of each request.
        maxsize: how many connections are kept.
    """
    import urllib3

    address = urlsplit(url)
    proxy = proxy_for(address.scheme, address.hostname or "")
    if proxy is None:
        return urllib3.PoolManager(retries=False, timeout=timeout, maxsize=maxsize)
    return urllib3.ProxyManager(
        f"{proxy.scheme}://{proxy.netloc.rpartition('@')[2]}",
        proxy_headers=proxy_authorization(proxy),
        retries=False,
        timeout=timeout,
        maxsize=maxsize,
    )
