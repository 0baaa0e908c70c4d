"""Orchestration: the local stack: an engine for S3, SQS and SNS, the service, and workers as wanted.

<folder>/
├── lock                held while a stack runs here
├── cache/              datasets that the workers keep
├── identity/           the issuer's key and its published part
├── engine/             objects, queues and messages of the embedded engine
└── log/                what each process says
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from filelock import FileLock, Timeout

from sleap_rtc.local.child import Child
from sleap_rtc.local.engine import LOOPBACK, StackFailed, answers, await_ready, free_port, start_engine
from sleap_rtc.local.issuer import AUDIENCE, ISSUER, LocalIssuer
from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class External:
    """Engines that run already, such as LocalStack, and perhaps another store for S3."""

    endpoint_url: str
    s3_endpoint_url: str | None = None
    access_key: str = "test"
    secret_key: str = "test"  # noqa: S105 - what local engines accept


class LocalStack:
    """Runs everything on loopback, on ports that are free.

    Args:
        folder: where data and logs lie; used again, it finds its objects again.
        external: engines to use instead of the embedded one.
        user: whom the tokens are made for.
        job_lease_s: how long a worker that fell silent keeps its job, in seconds.
    """

    def __init__(
        self,
        folder: Path,
        external: External | None = None,
        *,
        user: str = "local-user",
        job_lease_s: int = 15,
    ) -> None:
        self.folder = folder
        self._external = external
        self._user = user
        self._job_lease_s = job_lease_s
        self.children: list[Child] = []
        self._lock = FileLock(folder / "lock", timeout=0)
        self._issuer: LocalIssuer | None = None
        self.engine_url = ""
        self.s3_url = ""
        self.service_url = ""

    def __enter__(self) -> Self:
        """Start the engine and the service.

        Raises:
            InputError: another stack runs in this folder.
            StackFailed: a part did not start; its last words say why.
        """
        for part in ("log", "engine"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except Timeout:
            raise InputError(
                message=f"Another local stack runs in {self.folder}. Stop it, or choose another --data-dir."
            ) from None
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything, last started first."""
        while self.children:
            self.children.pop().stop()
        if self._issuer is not None:
            self._issuer.close()
            self._issuer = None
        self._lock.release()

    @property
    def issuer(self) -> LocalIssuer:
        """Whoever issues tokens for this stack while it runs."""
        if self._issuer is None:
            raise RuntimeError("the stack does not run")
        return self._issuer

    @property
    def client_environment(self) -> dict[str, str]:
        """What a client needs: an address and a token, no credentials of the store."""
        return {
            "SLEAP_RTC_BACKEND_API_URL": self.service_url,
            "SLEAP_RTC_TOKEN": self.issuer.token(self._user),
        }

    @property
    def cloud_environment(self) -> dict[str, str]:
        """What the service and a worker with a role need."""
        engine = self._external or External(self.engine_url)
        return {
            "AWS_ACCESS_KEY_ID": engine.access_key,
            "AWS_SECRET_ACCESS_KEY": engine.secret_key,
            "AWS_REGION": "us-east-1",
            "SLEAP_RTC_S3_ENDPOINT_URL": self.s3_url,
            "SLEAP_RTC_SQS_ENDPOINT_URL": self.engine_url,
            "SLEAP_RTC_CACHE_DIR": str(self.folder / "cache"),
            "SLEAP_RTC_POLL_WAIT_S": "2",
            # No balancer looks at it.
            "SLEAP_RTC_DRAIN_NOTICE_S": "0",
            "SLEAP_RTC_JOB_LEASE_S": str(self._job_lease_s),
            # Where the store cannot send notices, the sweep is all there is.
            "SLEAP_RTC_RECONCILE_INTERVAL_S": "5" if self.s3_url == self.engine_url else "1",
        }

    def worker(self, room_id: str, trainer: str = "reference", name: str = "worker", **more: str) -> Child:
        """Start a worker for a room, as a process of its own, with more in its environment."""
        command = self._command("worker", "--room-id", room_id, "--trainer", trainer)
        # It works with its role; the token lets it be watched by live peers.
        return self._run(name, command, {**self.client_environment, **self.cloud_environment, **more})

    def service(self, name: str = "service", port: int = 0, **more: str) -> tuple[Child, str]:
        """Start an instance of the service, a process of its own; return it and its address when it is ready.

        Args:
            name: names the process and its log.
            port: where it listens; 0 for one that is free.
            more: stands in its environment besides.

        Raises:
            StackFailed: it did not start.
        """
        port = port or free_port()
        url = f"http://{LOOPBACK}:{port}"
        environment = {
            **self.cloud_environment,
            "SLEAP_RTC_JWKS_URL": self.issuer.jwks_url,
            "SLEAP_RTC_ISSUER": ISSUER,
            "SLEAP_RTC_AUDIENCE": AUDIENCE,
            "SLEAP_RTC_DISCOVERY_URL": self.issuer.discovery_url,
            **more,
        }
        service = self._run(name, self._command("service", "--port", str(port)), environment)
        await_ready(service, lambda: answers(f"{url}/readyz"))
        return service, url

    def _start(self) -> None:
        if self._external:
            self.engine_url = self._external.endpoint_url
            self.s3_url = self._external.s3_endpoint_url or self.engine_url
        else:
            engine, self.engine_url = start_engine(self.folder / "engine", self.folder / "log" / "engine.log")
            self.children.append(engine)
            self.s3_url = self.engine_url
        self._issuer = LocalIssuer(self.folder / "identity", self._user)
        self._provision()
        _, self.service_url = self.service()

    def _provision(self) -> None:
        """Make buckets, queues, notifications and topic with the credentials of this stack alone."""
        command = self._command("provision")
        done = self._run("provision", command, self.cloud_environment)
        self.children.remove(done)
        if done.wait() != 0:
            raise StackFailed(part="provisioning", why=done.last_words())

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "sleap_rtc.client", *arguments]

    def _run(self, name: str, command: list[str], environment: Mapping[str, str]) -> Child:
        child = Child(name, command, environment, self.folder / "log" / f"{name}.log")
        self.children.append(child)
        return child
