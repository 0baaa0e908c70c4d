"""Adapter: tells of every request that a client of boto3 or aiobotocore makes, the retries among them.

botocore emits, for one call:

    before-parameter-build          once, with the parameters and a context that all of its tries share
    request-created                 for each try, before it is sent
    response-received               for each try, with its answer or the error

(botocore.endpoint: `create_request`, `_get_response`; aiobotocore emits the same and takes plain handlers.)
Signing a URL emits the first alone: what is asked with the URL is told by who uses it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sleap_rtc.storage.traffic import Called, TrafficHook, outcome_of, unheard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sleap_rtc.storage.traffic import Service

_ABOUT = "sleap_rtc_about"
_BEGAN = "sleap_rtc_began"


def tell_calls(
    client: Any,
    service: Service,
    hook: TrafficHook,
    about: Callable[[Mapping[str, Any]], str] | None = None,
) -> None:
    """Have every request of a client told to a hook.

    Args:
        client: of boto3 or aiobotocore.
        service: which it speaks to.
        hook: is told.
        about: returns what the parameters of a call are about.
    """
    if hook is unheard:
        return
    of = about or _ABOUT_OF[service]

    def asked(params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context[_ABOUT] = of(params)

    def begun(request: Any, **_: Any) -> None:
        request.context[_BEGAN] = time.monotonic()

    def answered(
        context: Mapping[str, Any],
        response_dict: Mapping[str, Any] | None = None,
        parsed_response: Mapping[str, Any] | None = None,
        **rest: Any,
    ) -> None:
        now = time.monotonic()
        status = int((response_dict or {}).get("status_code", 0))
        code = str((parsed_response or {}).get("Error", {}).get("Code", ""))
        operation = rest["event_name"].rpartition(".")[2]
        seconds = now - context.get(_BEGAN, now)
        hook(Called(service, operation, outcome_of(status, code), seconds, context.get(_ABOUT, "")))

    events = client.meta.events
    events.register(f"before-parameter-build.{service}", asked)
    events.register(f"request-created.{service}", begun)
    events.register(f"response-received.{service}", answered)


def _object(params: Mapping[str, Any]) -> str:
    for name in ("Key", "Prefix"):
        if name in params:
            return str(params[name])
    return str(next((each["Key"] for each in params.get("Delete", {}).get("Objects", ())), ""))


def _queue(params: Mapping[str, Any]) -> str:
    return str(params.get("QueueName") or params.get("QueueUrl", "")).rpartition("/")[2]


_ABOUT_OF: Mapping[Service, Callable[[Mapping[str, Any]], str]] = {
    "s3": _object,
    "sqs": _queue,
    "sns": lambda _: "",
}
