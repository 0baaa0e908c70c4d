"""A stranger learns nothing: each route of the API, called by whoever has no token, or no part in the room.

The routes come from the app's own OpenAPI, so a new one is tried as soon as it is there.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
import urllib3
from support.desktop import ServiceLab
from support.schema_example import example

from sleap_rtc.events.api import RequestUpload
from sleap_rtc.events.worker_token_api import GiveWorkerToken
from sleap_rtc.service.app import create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fastapi import FastAPI
    from support.product import Product

MADE_UP = {"room_id": "00000000", "upload_id": "00000000-01HZX3VQK8T0J9C5R2N6M4W7PA"}
GIVEN = {
    "job_id": "01HZX3VQK8T0J9C5R2N6M4W7PA",
    "model": "01HZX3VQK8T0J9C5R2N6M4W7PB",
    "folder": "centroid_0123abcd",
    "subject": "local-user",
}
OPEN = {
    "GET /api/sign-in",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /health",
    "POST /anonymous-signin",
}
# What the schema does not say is needed.
ALSO = {"POST /api/request-download": {"model": GIVEN["model"]}}
# In the words of the existing tool, or of an invitation, whatever is wrong.
OTHER_ANSWERS = {"POST /api/join": 400, "POST /delete-peer": 200, "POST /delete-peers-and-room": 200}


@asynccontextmanager
async def _nothing(app: FastAPI) -> AsyncIterator[None]:
    yield


API: dict[str, Any] = create_app(_nothing).openapi()
ROUTES = {
    f"{method.upper()} {path}": found
    for path, all_of in API["paths"].items()
    for method, found in all_of.items()
}


def ids_in(route: str) -> set[str]:
    """Return which of the ids of a room or an upload a route takes, in its path or its body."""
    body = json.dumps(example(body_of(route), API, {**GIVEN, **MADE_UP})) if body_of(route) else ""
    return {name for name in MADE_UP if f"{{{name}}}" in route or f'"{name}"' in body}


def body_of(route: str) -> Mapping[str, Any]:
    content = ROUTES[route].get("requestBody", {}).get("content", {})
    schema: Mapping[str, Any] = content.get("application/json", {}).get("schema", {})
    return schema


OF_A_ROOM = sorted(route for route in ROUTES if ids_in(route))


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    text: str

    def without(self, ids: Mapping[str, str]) -> str:
        """Return what was said, but for the ids that it was asked about."""
        text = self.text
        for name, value in sorted(ids.items(), key=lambda one: -len(one[1])):
            text = text.replace(value, name)
        return text


@dataclass(frozen=True)
class Scene:
    url: str
    ids: Mapping[str, str]
    stranger: str
    member: str
    reader: str
    worker_elsewhere: str

    def call(self, route: str, token: str, ids: Mapping[str, str]) -> Answer:
        """Call a route with everything that it wants."""
        given = {**GIVEN, **ids}
        method, _, path = route.partition(" ")
        query = {}
        for parameter in ROUTES[route].get("parameters", []):
            name = parameter["name"]
            if parameter["in"] == "path":
                value = str(example(parameter["schema"], API, given, name))
                path = path.replace(f"{{{name}}}", quote(value, safe=""))
            elif parameter["in"] == "query" and parameter.get("required"):
                query[name] = example(parameter["schema"], API, given, name)
        schema = body_of(route)
        reply = urllib3.request(
            method,
            f"{self.url}{path}?{urlencode(query)}",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            json={**example(schema, API, given), **ALSO.get(route, {})} if schema else None,
            retries=False,
            timeout=30,
        )
        return Answer(reply.status, reply.headers.get("Content-Type", ""), reply.data.decode())


@pytest.fixture(scope="module")
def scene(product: Product) -> Scene:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        lab = ServiceLab(product)
        lab.let_in("reader", "reader")
        lab.queued(job_id=GIVEN["job_id"])
    mine = lab.client("local-user")
    upload = mine.request_upload(
        RequestUpload(room_id=lab.room_id, file_name="d.zip", size_bytes=1, part_size_bytes=5 * 1024 * 1024)
    )
    elsewhere = lab.client("eve").create_room("Eve's").room_id
    token = lab.client("eve").give_worker_token(elsewhere, GiveWorkerToken(name="desk")).token
    return Scene(
        url=product.stack.service_url,
        ids={"room_id": lab.room_id, "upload_id": upload.upload_id},
        stranger=product.stack.issuer.token("eve"),
        member=product.stack.issuer.token("local-user"),
        reader=product.stack.issuer.token("reader"),
        worker_elsewhere=token,
    )


def test_the_walk_sees_the_whole_api() -> None:
    assert len(OF_A_ROOM) > 50
    assert set(ROUTES) | {"GET /health"} >= OPEN
    assert set(OTHER_ANSWERS) <= set(ROUTES)


@pytest.mark.parametrize("route", sorted(set(ROUTES) - OPEN))
def test_without_a_token_there_is_nothing_but_401(scene: Scene, route: str) -> None:
    answer = scene.call(route, "", scene.ids)
    assert (answer.status, answer.kind) == (401, "application/problem+json")
    assert answer.without(scene.ids) == scene.call(route, "", MADE_UP).without(MADE_UP)


@pytest.mark.parametrize("route", OF_A_ROOM)
def test_a_stranger_gets_the_answer_of_a_room_that_there_is_not(scene: Scene, route: str) -> None:
    real = scene.call(route, scene.stranger, scene.ids)
    made_up = scene.call(route, scene.stranger, MADE_UP)
    assert real.status == made_up.status == OTHER_ANSWERS.get(route, 404), real.text
    assert real.without(scene.ids) == made_up.without(MADE_UP)


@pytest.mark.parametrize("route", OF_A_ROOM)
def test_a_worker_of_another_room_learns_as_little(scene: Scene, route: str) -> None:
    real = scene.call(route, scene.worker_elsewhere, scene.ids)
    made_up = scene.call(route, scene.worker_elsewhere, MADE_UP)
    assert real.status == made_up.status in {403, 404}
    assert real.without(scene.ids) == made_up.without(MADE_UP)


@pytest.mark.parametrize("route", OF_A_ROOM)
def test_what_the_walk_sends_is_good_enough_to_be_looked_at(scene: Scene, route: str) -> None:
    """Otherwise a stranger would be refused for what he sends, whatever the room.

    A reader changes nothing, so that the walk leaves the room as it is.
    """
    if "events" in route or "live" in route:
        return  # streams, for those who may see them
    answer = scene.call(route, scene.reader, scene.ids)
    assert answer.status not in {401, 422}, answer.text
