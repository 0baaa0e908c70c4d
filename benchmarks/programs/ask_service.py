"""Adapter: asks a service for what stands on standard input, over so many connections at once.

Reads one JSON object (`url`, `token`, `connections`, `requests`: method, path, body) and prints another one:
`took_s` for all of them, and `ms` for each. Whatever is not answered well ends it.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import urllib3


def main() -> None:
    """Ask, and tell how long it took."""
    order = json.load(sys.stdin)
    connections = order["connections"]
    pool = urllib3.PoolManager(maxsize=connections, block=True, retries=False)
    headers = {"Authorization": f"Bearer {order['token']}", "Content-Type": "application/json"}

    def ask(request: tuple[str, str, Any]) -> float:
        method, path, body = request
        content = None if body is None else json.dumps(body).encode()
        begun = time.perf_counter()
        reply = pool.request(method, order["url"] + path, body=content, headers=headers)
        if reply.status >= 300:  # noqa: PLR2004
            raise SystemExit(f"{method} {path}: {reply.status} {reply.data[:300]!r}")
        return (time.perf_counter() - begun) * 1000

    with ThreadPoolExecutor(connections) as threads:
        list(threads.map(ask, [("GET", "/healthz", None)] * connections))
        begun = time.perf_counter()
        ms = list(threads.map(ask, order["requests"]))
        took_s = time.perf_counter() - begun
    json.dump({"took_s": took_s, "ms": ms}, sys.stdout)


if __name__ == "__main__":
    main()
