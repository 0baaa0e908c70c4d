"""The job queue of a room as a worker without credentials sees it: SQS's rules, through the service."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from support.desktop import COLLEAGUE, OWNER, ServiceLab
from support.loop import in_loop, until

from sleap_rtc.events.consumer import Consumer
from sleap_rtc.events.memory_queue import MemoryQueue
from sleap_rtc.events.messages import JobMessage
from sleap_rtc.events.outcome import Poison
from sleap_rtc.events.queue import HandleDead, Message
from sleap_rtc.events.worker_api import ReceiveWakeUps
from sleap_rtc.service.wakeups import WakeUps
from sleap_rtc.storage.errors import InputError, Refused, SleapRtcError
from sleap_rtc.worker.service_queue import ServiceQueue

if TYPE_CHECKING:
    from support.product import Product


@pytest.fixture
def lab(product: Product) -> ServiceLab:
    return ServiceLab(product)


@pytest.fixture
def queue(lab: ServiceLab) -> ServiceQueue:
    return ServiceQueue(lab.http(), lab.room_id)


def wake_up(lab: ServiceLab, **changed: Any) -> str:
    """Return the message that wakes a worker for a job of the room."""
    return JobMessage.of(lab.queued()).model_copy(update=changed).model_dump_json()


async def take_one(queue: ServiceQueue) -> Message:
    [found] = await queue.receive(1, 5, 600)
    return found


async def nothing_comes(queue: ServiceQueue) -> bool:
    return await queue.receive(10, 0, 600) == []


@in_loop
async def test_what_was_sent_is_received_word_for_word(lab: ServiceLab, queue: ServiceQueue) -> None:
    body = wake_up(lab)
    await queue.send(body)
    found = await take_one(queue)
    assert (found.body, found.receive_count) == (body, 1)


@in_loop
async def test_a_received_message_is_hidden_and_comes_back_when_given_back(
    lab: ServiceLab, queue: ServiceQueue
) -> None:
    await queue.send(wake_up(lab))
    first = await take_one(queue)
    assert await nothing_comes(queue)
    await queue.extend(first, 0)
    second = await take_one(queue)
    assert (second.message_id, second.receive_count) == (first.message_id, 2)


@in_loop
async def test_no_more_messages_come_than_were_asked_for(lab: ServiceLab, queue: ServiceQueue) -> None:
    for _ in range(3):
        await queue.send(wake_up(lab))
    assert len(await queue.receive(1, 0, 600)) == 1
    assert len(await queue.receive(50, 0, 600)) == 2


@in_loop
async def test_an_extended_message_stays_hidden_and_ours(lab: ServiceLab, queue: ServiceQueue) -> None:
    await queue.send(wake_up(lab))
    [held] = await queue.receive(1, 5, 30)
    await queue.extend(held, 600)
    assert await nothing_comes(queue)
    await queue.delete(held)
    assert await nothing_comes(queue)


@in_loop
async def test_a_waiting_receive_is_woken_by_a_message_that_comes(
    lab: ServiceLab, queue: ServiceQueue
) -> None:
    waiting = asyncio.create_task(queue.receive(1, 20, 600))
    await asyncio.sleep(0.05)
    await queue.send(wake_up(lab))
    assert len(await waiting) == 1


@in_loop
async def test_the_handle_of_a_deleted_message_is_dead(lab: ServiceLab, queue: ServiceQueue) -> None:
    await queue.send(wake_up(lab))
    held = await take_one(queue)
    await queue.delete(held)
    with pytest.raises(HandleDead):
        await queue.extend(held, 30)


@in_loop
async def test_the_handle_of_an_earlier_delivery_is_dead(lab: ServiceLab, queue: ServiceQueue) -> None:
    await queue.send(wake_up(lab))
    earlier = await take_one(queue)
    await queue.extend(earlier, 0)
    await take_one(queue)
    with pytest.raises(HandleDead):
        await queue.delete(earlier)


@in_loop
async def test_the_handle_of_another_room_settles_nothing_here(
    product: Product, lab: ServiceLab, queue: ServiceQueue
) -> None:
    await queue.send(wake_up(lab))
    held = await take_one(queue)
    other = ServiceLab(product)
    with pytest.raises(SleapRtcError):
        await ServiceQueue(other.http(), other.room_id).delete(held)
    await queue.extend(held, 30)


@in_loop
async def test_only_the_wake_up_of_a_job_of_this_room_is_sent(lab: ServiceLab, queue: ServiceQueue) -> None:
    for body in (
        wake_up(lab, room_id="00000000"),
        wake_up(lab, job_id="../../x"),
        "{}",
        "not json",
        "x" * 20_000,
    ):
        with pytest.raises(InputError):
            await queue.send(body)
    assert await nothing_comes(queue)


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("receive", {"wait_s": 21, "visibility_s": 30}),
        ("receive", {"wait_s": -1, "visibility_s": 30}),
        ("receive", {"wait_s": 0, "visibility_s": 0}),
        ("receive", {"wait_s": 0, "visibility_s": 43_201}),
        ("receive", {"wait_s": 0, "visibility_s": 30, "most": 11}),
        ("receive", {"wait_s": 0, "visibility_s": 30, "queue": "another"}),
        ("extend", {"receipt_handle": "x", "visibility_s": 43_201}),
        ("extend", {"receipt_handle": "x" * 4097, "visibility_s": 0}),
        ("delete", {"receipt_handle": ""}),
        ("send", {"body": "x" * 16_385}),
        ("send", {"body": "{}", "delay_s": 901}),
        ("send", {"body": "{}", "attributes": {"no blanks": "x"}}),
        ("bury", {"body": "x" * (1024 * 1024 + 1)}),
    ],
)
def test_what_is_out_of_bounds_is_refused_at_the_edge(
    lab: ServiceLab, what: str, body: dict[str, object]
) -> None:
    status, problem = lab.answer("POST", f"/wakeups/{what}", body)
    assert (status, problem["code"]) == (422, "invalid_request")


def test_strangers_and_readers_take_no_messages(lab: ServiceLab) -> None:
    lab.let_in("a reader", "reader")
    asked = {"wait_s": 0, "visibility_s": 30}
    assert lab.answer("POST", "/wakeups/receive", asked, "a stranger")[0] == 404
    assert lab.answer("POST", "/wakeups/receive", asked, "a reader")[0] == 403
    assert lab.answer("POST", "/wakeups/receive", asked, COLLEAGUE)[0] == 200


def letters(lab: ServiceLab) -> list[dict[str, Any]]:
    """Take what is on the room's dead-letter queue."""
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=lab.product.stack.engine_url)
    url = sqs.get_queue_url(QueueName=f"sleap-rtc-jobs-{lab.room_id}-dlq")["QueueUrl"]
    found = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]
    )
    return [dict(message) for message in found.get("Messages", [])]


@in_loop
async def test_poison_is_buried_with_its_reason(lab: ServiceLab, queue: ServiceQueue) -> None:
    stop = asyncio.Event()

    async def handle(message: Message) -> Poison:
        stop.set()
        return Poison("foreign_room", "it is not ours")

    body = wake_up(lab)
    await queue.send(body)
    await Consumer(queue, handle, visibility_s=600, wait_s=5, dead_letters=queue.dead_letters()).run(stop)
    [letter] = await asyncio.to_thread(letters, lab)
    assert letter["Body"] == body
    noted = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert (noted["reason_code"], noted["reason"]) == ("foreign_room", "it is not ours")
    assert await nothing_comes(queue)


@in_loop
async def test_nothing_is_taken_from_the_dead_letters(queue: ServiceQueue) -> None:
    with pytest.raises(Refused, match="only put letters"):
        await queue.dead_letters().receive(1, 0, 30)


def poll_and_hang_up(lab: ServiceLab) -> None:
    """Ask for messages as a worker does that is killed while it waits."""
    stack = lab.product.stack
    host, _, port = stack.service_url.removeprefix("http://").partition(":")
    body = json.dumps({"wait_s": 20, "visibility_s": 600})
    with socket.create_connection((host, int(port))) as sock:
        sock.sendall(
            f"POST /api/rooms/{lab.room_id}/wakeups/receive HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {stack.issuer.token(OWNER)}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )


@in_loop
async def test_what_comes_for_a_worker_that_was_killed_goes_to_the_next(
    lab: ServiceLab, queue: ServiceQueue
) -> None:
    await asyncio.to_thread(poll_and_hang_up, lab)
    await queue.send(wake_up(lab))
    for _ in range(20):
        if await queue.receive(1, 1, 600):
            return
    pytest.fail("the message stays hidden")


class LocalQueue(MemoryQueue):
    async def dead_letters(self) -> None:
        return None


class House:
    """One instance's wake-ups over a queue in memory; `stopping` and `hung_up` are for the test to set."""

    def __init__(self) -> None:
        self.queue = LocalQueue()
        self.stopping = False
        self.hung_up = False
        self.wakeups = WakeUps(self._open, 20, lambda: self.stopping)

    async def _open(self, room_id: str) -> LocalQueue:
        return self.queue

    async def receive(self) -> list[Message]:
        async def hung_up() -> bool:
            return self.hung_up

        asked = ReceiveWakeUps(wait_s=20, visibility_s=600)
        return await self.wakeups.receive("room", asked, hung_up)

    @property
    def visible(self) -> list[str]:
        return [held.body for held in self.queue.held.values() if held.visible_at <= self.queue._clock()]


@in_loop
@pytest.mark.parametrize("why", ["stopping", "hung_up"])
async def test_a_poll_that_nobody_waits_for_is_left_and_what_it_brings_is_given_back(why: str) -> None:
    house = House()
    polling = asyncio.create_task(house.receive())
    await asyncio.sleep(0.05)
    setattr(house, why, True)
    assert await polling == []
    await house.queue.send("wake")
    await house.wakeups.close()
    assert house.visible == ["wake"]
    assert [held.receive_count for held in house.queue.held.values()] == [1]


@in_loop
async def test_a_poll_that_is_cut_gives_back_what_it_brings() -> None:
    house = House()
    polling = asyncio.create_task(house.receive())
    await asyncio.sleep(0.05)
    polling.cancel()
    await asyncio.wait({polling})
    await house.queue.send("wake")
    await house.wakeups.close()
    assert house.visible == ["wake"]


@in_loop
async def test_a_message_that_comes_as_the_caller_leaves_is_not_lost() -> None:
    house = House()
    await house.queue.send("wake")
    house.hung_up = True
    assert await house.receive() == []
    await house.wakeups.close()
    await until(lambda: house.visible == ["wake"])
