"""Adapter: replies that are no JSON, with the media type that the OpenAPI document gives them."""

from __future__ import annotations

from fastapi import Response
from sse_starlette import EventSourceResponse


class EventStream(EventSourceResponse):
    """Server-sent events for as long as there are any."""

    media_type = "text/event-stream"


class Png(Response):
    """A picture."""

    media_type = "image/png"
