"""Adapter: which proxy the environment asks for.

`HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`; on Windows and macOS also the system's settings.
"""

from __future__ import annotations

import base64
import urllib.request
from urllib.parse import SplitResult, unquote, urlsplit


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
