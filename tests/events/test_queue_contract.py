"""One contract, every queue: the one in memory and SQS as a real engine speaks it."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from support.engines import ENGINES
from support.loop import in_loop
from support.queues import engine_queue

from sleap_rtc.events.bookkeeping import Bookkeeping
from sleap_rtc.events.delivery import VISIBILITY_CAP_S
from sleap_rtc.events.memory_queue import MemoryQueue
from sleap_rtc.events.queue import HandleDead, Message, MessageTooLarge, Queue
from sleap_rtc.events.sqs_queue import SqsQueue, sqs_client
from sleap_rtc.local.engine import free_port
from sleap_rtc.service.topology import LARGEST_MESSAGE_BYTES
from sleap_rtc.storage.errors import NotFound, Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    Opened = Callable[[], AbstractAsyncContextManager[Queue]]


# Where an engine does not keep the contract as SQS does, and why that is no matter. Such a test has to fail,
# so that a line goes when the engine has learnt it.
OLD_HANDLE = (
    "deletes by the handle of an earlier delivery too; the consumer never uses one that it knows is dead"
)
BODY_ONLY = (
    "weighs the body alone; the largest letter still fits, since dead letters may be four times as large"
)
NO_CAP = "knows no 12-hour cap; the consumer keeps to it by itself, see test_long_jobs"
DIFFERENCES: dict[tuple[str, str], str] = {
    ("moto", "test_the_handle_of_an_earlier_delivery_is_dead"): OLD_HANDLE,
    ("moto", "test_deletes_that_come_together_are_answered_one_by_one"): OLD_HANDLE,
    ("moto", "test_attributes_count_towards_the_size"): BODY_ONLY,
    ("ministack", "test_attributes_count_towards_the_size"): BODY_ONLY,
    ("ministack", "test_a_message_cannot_be_hidden_beyond_twelve_hours"): NO_CAP,
    ("localstack", "test_a_message_cannot_be_hidden_beyond_twelve_hours"): NO_CAP,
    ("localstack", "test_the_handle_of_an_earlier_delivery_is_dead"): OLD_HANDLE,
    ("localstack", "test_deletes_that_come_together_are_answered_one_by_one"): OLD_HANDLE,
}
LARGEST = LARGEST_MESSAGE_BYTES


@pytest.fixture(params=["memory", *ENGINES])
def opened(request: pytest.FixtureRequest) -> Opened:
    test = getattr(request.function, "__name__", "")
    if difference := DIFFERENCES.get((request.param, test)):
        request.applymarker(pytest.mark.xfail(reason=difference, strict=True))
    if request.param == "memory":
        return memory
    url: str = request.getfixturevalue(f"{request.param}_url")
    return lambda: engine_queue(url)


@asynccontextmanager
async def memory() -> AsyncIterator[Queue]:
    yield MemoryQueue()


async def take(queue: Queue, most: int = 10) -> list[Message]:
    """Take what is visible now and hide it for long."""
    return await queue.receive(most, 0, 600)


async def take_one(queue: Queue) -> Message:
    [found] = await take(queue)
    return found


@in_loop
async def test_an_empty_queue_gives_nothing(opened: Opened) -> None:
    async with opened() as queue:
        assert await take(queue) == []


@in_loop
async def test_what_was_sent_is_received_word_for_word(opened: Opened) -> None:
    async with opened() as queue:
        await queue.send('{"Mäuse": "日本 🐁 & <x>"}')
        assert (await take_one(queue)).body == '{"Mäuse": "日本 🐁 & <x>"}'


@in_loop
async def test_a_received_message_is_hidden_from_others(opened: Opened) -> None:
    async with opened() as queue:
        await queue.send("wake")
        await take_one(queue)
        assert await take(queue) == []


@in_loop
async def test_no_more_messages_come_than_were_asked_for(opened: Opened) -> None:
    async with opened() as queue:
        for number in range(3):
            await queue.send(str(number))
        assert len(await take(queue, most=1)) == 1
        assert len(await take(queue, most=10)) == 2


@in_loop
async def test_asking_for_more_than_sqs_allows_brings_ten(opened: Opened) -> None:
    async with opened() as queue:
        for number in range(12):
            await queue.send(str(number))
        assert len(await take(queue, most=50)) == 10


@in_loop
async def test_a_message_whose_visibility_was_set_to_zero_comes_back(opened: Opened) -> None:
    async with opened() as queue:
        await queue.send("wake")
        await queue.extend(await take_one(queue), 0)
        assert (await take_one(queue)).body == "wake"


@in_loop
async def test_each_delivery_is_counted_and_keeps_the_message_id(opened: Opened) -> None:
    async with opened() as queue:
        await queue.send("wake")
        first = await take_one(queue)
        await queue.extend(first, 0)
        second = await take_one(queue)
    assert (first.receive_count, second.receive_count) == (1, 2)
    assert first.message_id == second.message_id


@in_loop
async def test_an_extended_message_stays_hidden_and_ours(opened: Opened) -> None:
    async with opened() as queue:
        await queue.send("wake")
        [held] = await queue.receive(1, 0, 30)
        await queue.extend(held, 600)
        assert await take(queue) == []
        await queue.delete(held)


@in_loop
async def test_a_message_that_nobody_settled_comes_back_after_its_visibility(opened: Opened) -> None:
    async with opened() as queue:
        await queue.send("wake")
        await queue.receive(1, 0, 1)
        assert [again.receive_count for again in await queue.receive(1, 10, 600)] == [2]


@in_loop
async def test_a_waiting_receive_is_woken_by_a_message_that_comes(opened: Opened) -> None:
    async with opened() as queue:
        waiting = asyncio.create_task(queue.receive(1, 10, 600))
        await asyncio.sleep(0.05)
        await queue.send("wake")
        assert [found.body for found in await waiting] == ["wake"]


@in_loop
async def test_a_deleted_message_never_comes_back(opened: Opened) -> None:
    async with opened() as queue:
        await queue.send("wake")
        await queue.delete(await take_one(queue))
        assert await take(queue) == []


@in_loop
async def test_the_handle_of_a_deleted_message_is_dead(opened: Opened) -> None:
    async with opened() as queue:
        await queue.send("wake")
        held = await take_one(queue)
        await queue.delete(held)
        with pytest.raises(HandleDead):
            await queue.extend(held, 30)


@in_loop
async def test_the_handle_of_an_earlier_delivery_is_dead(opened: Opened) -> None:
    async with opened() as queue:
        await queue.send("wake")
        earlier = await take_one(queue)
        await queue.extend(earlier, 0)
        await take_one(queue)
        with pytest.raises(HandleDead):
            await queue.delete(earlier)


@in_loop
async def test_attributes_come_back_as_they_were_sent(opened: Opened) -> None:
    noted = Bookkeeping(3, frozenset({"b/ü 1@v", "b/2@v"}), traceparent="00-a-b-01").attributes()
    async with opened() as queue:
        await queue.send("wake", attributes={**noted, "reason": "Mäuse 🐁 <&>"})
        found = await take_one(queue)
    assert found.attributes == {**noted, "reason": "Mäuse 🐁 <&>"}
    assert (found.attempts, found.done) == (3, frozenset({"b/ü 1@v", "b/2@v"}))
    assert found.traceparent == "00-a-b-01"


@in_loop
async def test_a_message_without_attributes_has_failed_never(opened: Opened) -> None:
    async with opened() as queue:
        await queue.send("wake")
        found = await take_one(queue)
    assert (found.attributes, found.attempts, found.done, found.traceparent) == ({}, 0, frozenset(), "")


@in_loop
async def test_ten_attributes_are_taken(opened: Opened) -> None:
    noted = {f"name_{number}": str(number) for number in range(10)}
    async with opened() as queue:
        await queue.send("wake", attributes=noted)
        assert (await take_one(queue)).attributes == noted


@in_loop
async def test_a_message_sent_with_a_delay_comes_after_it(opened: Opened) -> None:
    async with opened() as queue:
        await queue.send("wake", delay_s=1)
        assert await take(queue) == []
        assert [found.receive_count for found in await queue.receive(1, 10, 600)] == [1]


@in_loop
async def test_the_time_at_which_it_was_sent_stays_the_same(opened: Opened) -> None:
    async with opened() as queue:
        await queue.send("wake")
        first = await take_one(queue)
        await queue.extend(first, 0)
        assert first.sent_at is not None
        assert (await take_one(queue)).sent_at == first.sent_at


@in_loop
async def test_a_body_as_large_as_the_queue_takes_is_taken(opened: Opened) -> None:
    async with opened() as queue:
        await queue.send("x" * LARGEST)
        assert len((await take_one(queue)).body) == LARGEST


@in_loop
async def test_a_body_larger_than_the_queue_takes_is_refused(opened: Opened) -> None:
    async with opened() as queue:
        with pytest.raises(MessageTooLarge):
            await queue.send("x" * (LARGEST + 1))


@in_loop
async def test_attributes_count_towards_the_size(opened: Opened) -> None:
    async with opened() as queue:
        with pytest.raises(MessageTooLarge):
            await queue.send("x" * LARGEST, attributes={"attempts": "1"})


@in_loop
async def test_a_message_cannot_be_hidden_beyond_twelve_hours(opened: Opened) -> None:
    async with opened() as queue:
        await queue.send("wake")
        held = await take_one(queue)
        await asyncio.sleep(1.1)
        with pytest.raises(HandleDead):
            await queue.extend(held, VISIBILITY_CAP_S)


@in_loop
async def test_deletes_that_come_together_are_answered_one_by_one(opened: Opened) -> None:
    async with opened() as queue:
        for number in range(12):
            await queue.send(str(number))
        held = [*await take(queue), *await take(queue)]
        await queue.extend(held[3], 0)
        [again] = await take(queue)  # so that the handle of its first delivery is dead
        answers = await asyncio.gather(*map(queue.delete, held), return_exceptions=True)
        dead = [number for number, answer in enumerate(answers) if isinstance(answer, HandleDead)]
        assert (len(held), dead) == (12, [3])
        await queue.delete(again)


@in_loop
async def test_a_letter_fits_even_where_its_message_was_the_largest(engine_url: str) -> None:
    async with engine_queue(engine_url) as queue:
        dead_letters = await queue.dead_letters()
        assert dead_letters is not None
        await dead_letters.send("ü" * (LARGEST // 2), attributes={"reason": "x" * 1000})
        assert (await take_one(dead_letters)).attributes == {"reason": "x" * 1000}


@in_loop
async def test_a_queue_that_nobody_made_is_not_found(engine_url: str) -> None:
    async with sqs_client("us-east-1", engine_url) as client:
        with pytest.raises(NotFound, match="queue nobody-made-it"):
            await SqsQueue.open(client, "nobody-made-it")


@in_loop
async def test_poison_has_a_queue_of_its_own(engine_url: str) -> None:
    async with engine_queue(engine_url) as queue:
        dead_letters = await queue.dead_letters()
        assert dead_letters is not None
        assert dead_letters.name == f"{queue.name}-dlq"
        assert await dead_letters.dead_letters() is None


@in_loop
async def test_a_queue_without_redrive_has_no_dead_letters(engine_url: str) -> None:
    async with sqs_client("us-east-1", engine_url) as client:
        name = f"q-{uuid.uuid4().hex[:12]}"
        await client.create_queue(QueueName=name)
        assert await (await SqsQueue.open(client, name)).dead_letters() is None


@in_loop
async def test_a_queue_that_was_deleted_is_not_found_any_more(engine_url: str) -> None:
    async with sqs_client("us-east-1", engine_url) as client:
        name = f"q-{uuid.uuid4().hex[:12]}"
        url = (await client.create_queue(QueueName=name))["QueueUrl"]
        queue = await SqsQueue.open(client, name)
        await client.delete_queue(QueueUrl=url)
        with pytest.raises(NotFound):
            await queue.send("wake")


@in_loop
async def test_an_address_where_nobody_listens_is_unreachable() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    once = AioConfig(retries={"total_max_attempts": 1})
    async with get_session().create_client("sqs", "us-east-1", endpoint_url=nowhere, config=once) as client:
        with pytest.raises(Unreachable, match="SQS"):
            await SqsQueue.open(client, "any")
