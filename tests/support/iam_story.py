"""Everything that service, workers, clients and operators do in AWS, each once, with the roles they have.

The main job is done by processes as users start them. What takes hours or a mishap to come about is done by
the same code in this process, with the same role.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from ulid import ULID

from sleap_rtc.client.uploader import S3Uploader
from sleap_rtc.events.api import RequestUpload
from sleap_rtc.events.inference import FixedModel
from sleap_rtc.events.job_reports import Hold
from sleap_rtc.events.jobs import JobRequest
from sleap_rtc.events.messages import JobMessage
from sleap_rtc.events.sqs_queue import SqsQueue, sqs_client
from sleap_rtc.service import provision
from sleap_rtc.service.dead_letters import DeadLetters
from sleap_rtc.service.provision import Subscription, ensure_queue
from sleap_rtc.service.topology import QueueSpec, job_queue, may_send
from sleap_rtc.storage import keys
from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.errors import IntegrityError, NotFound
from sleap_rtc.storage.file_upload import send_file
from sleap_rtc.storage.manifest import ModelFile, ModelRecord, model_id_of
from sleap_rtc.storage.own_session import OwnSession
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore
from sleap_rtc.storage.s3_transfers import S3Transfers
from sleap_rtc.worker.room_connection import connected
from sleap_rtc.worker.service_queue import ServiceQueue
from support.iam_lab import NAMES, rendered
from support.product import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.iam_lab import IamLab
    from support.iam_witness import Seen
    from support.product import Product

FAST = ("--set", "trainer_config.max_epochs=1")
_A_WHILE_S = 30
_POISON = "nobody sends this {"


class Story:
    """One room of a product whose parts have roles.

    Args:
        lab: the roles.
        product: the service runs.
        package: a training package.
        folder: for files.
    """

    def __init__(self, lab: IamLab, product: Product, package: Path, folder: Path) -> None:
        self._lab = lab
        self._product = product
        self._package = package
        self._folder = folder
        self.room = product.new_room()
        self.denied: list[Seen] = []
        self._sqs = lab.root("sqs")

    def tell(self) -> None:
        """Do everything; the service is stopped near the end."""
        self.a_job_whose_dataset_is_gone_and_one_that_is_trained_and_pulled()
        self.poison_is_buried_and_the_operator_sends_it_back()
        self.the_operator_rings_an_alarm()
        self.an_upload_is_looked_at_and_given_up()
        self.a_worker_without_credentials_takes_messages()
        self.a_model_with_other_bytes_than_announced_is_thrown_away()
        self.a_damaged_manifest_is_repaired()
        asyncio.run(self.what_workers_do_seldom())
        self.the_scaler_looks()
        while self._product.stack.children:
            self._product.stack.children.pop().stop()
        asyncio.run(self.what_the_service_does_seldom())  # its queues are nobody else's now
        self.denied = self._lab.witness.denied

    def a_job_whose_dataset_is_gone_and_one_that_is_trained_and_pulled(self) -> None:
        """Send both, the second with a worker there, who tells of the first that its dataset is gone."""
        gone = self._folder / "gone.zip"
        gone.write_bytes(self._package.read_bytes() + b"\0")
        service = self._product.service
        sent = S3Uploader(service, 100_000_000, 2).upload(gone, self.room, JobRequest())
        bucket, _, key = sent.path.removeprefix("s3://").partition("/")
        self._lab.root("s3").delete_object(Bucket=bucket, Key=key)
        self._sqs.send_message(QueueUrl=self._queue(self._jobs), MessageBody=_POISON)
        self._lab.may("worker", rendered("worker", room=self.room))
        worker = self._product.worker(self.room, SLEAP_RTC_CHECKPOINT_EVERY_S="0")
        trained = self._product.run("client-train", "-p", str(self._package), "-r", self.room, *FAST)
        assert trained.status == 0, trained.err
        eventually(lambda: {job.state.value for job in service.jobs(self.room)} == {"failed", "published"})
        eventually(lambda: self._waiting(f"{self._jobs}-dlq") == 1)
        worker.stop()
        self._product.stack.children.remove(worker)

    def poison_is_buried_and_the_operator_sends_it_back(self) -> None:
        """The service buries what is no notice; the operator looks at the letters and sends them back."""
        settings = self._lab.settings
        queues = (settings.upload_events_queue, settings.model_events_queue)
        for queue in queues:
            self._sqs.send_message(QueueUrl=self._queue(queue), MessageBody=_POISON)
        eventually(lambda: all(self._waiting(f"{queue}-dlq") == 1 for queue in queues))
        letters = DeadLetters(self._lab.client("operator", "sqs"), settings)
        found = letters.letters()
        assert {letter.queue for letter in found} == {*queues, self._jobs}
        assert len(letters.redrive(None)) == len(found)

    def the_operator_rings_an_alarm(self) -> None:
        """Hear an alarm on its topic by a queue of one's own, as `doctor --environment` does."""
        sns, sqs = (self._lab.client("operator", service) for service in ("sns", "sqs"))
        topic = self._lab.root("sns").create_topic(Name=f"{NAMES['name']}-alarms")["TopicArn"]
        url = sqs.create_queue(QueueName="sleap-rtc-doctor-00")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": may_send("sns", topic, arn)})
        sqs.get_queue_url(QueueName="sleap-rtc-doctor-00")
        assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["TopicArn"] == topic
        heard = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
        sqs.receive_message(QueueUrl=url)
        sns.unsubscribe(SubscriptionArn=heard["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=url)
        events = self._lab.settings.upload_events_queue
        for name in (events, f"{events}-dlq", f"{self._jobs}-dlq"):
            sqs.get_queue_attributes(QueueUrl=self._queue(name), AttributeNames=["RedrivePolicy"])

    def an_upload_is_looked_at_and_given_up(self) -> None:
        """Open an upload, ask what arrived of it, and abort it."""
        request = RequestUpload(
            room_id=self.room, file_name="half.zip", size_bytes=9_000_000, part_size_bytes=9_000_000
        )
        opened = self._product.service.request_upload(request)
        assert self._product.service.upload_status(opened.upload_id).parts == {}
        assert self._product.service.abort_upload(opened.upload_id).state == "aborted"

    def a_worker_without_credentials_takes_messages(self) -> None:
        """Send, receive, extend, delete and bury through the service."""
        service = self._product.service
        job = max(service.jobs(self.room), key=lambda job: job.created_at)
        body = JobMessage.of(job).model_dump_json()

        async def take() -> None:
            queue = ServiceQueue(service._http, self.room)
            await queue.send(body)
            messages: list[Any] = []
            while not messages:
                messages = [each for each in await queue.receive(10, 1, 30) if each.body == body]
            await queue.extend(messages[0], 60)
            await queue.delete(messages[0])
            await queue.dead_letters().send(body)

        asyncio.run(take())

    def a_model_with_other_bytes_than_announced_is_thrown_away(self) -> None:
        """Bring a file whose checksum is another one than was said."""
        path = self._folder / "best.ckpt"
        path.write_bytes(b"w" * 1000)
        said = ModelFile(name="best.ckpt", size_bytes=1000, checksum=to_text(crc64nvme(b"v" * 1000)))
        really = said.model_copy(update={"checksum": to_text(crc64nvme(path.read_bytes()))})
        files = (said,)
        session = self._product.service.push_session(self.room, "centroid", model_id_of(files), files)
        given_up = session.open(said)
        assert given_up is not None
        given_up.abort()
        upload = session.open(said)
        assert upload is not None
        with pytest.raises(IntegrityError):
            send_file(path, really, upload)

    def a_damaged_manifest_is_repaired(self) -> None:
        """The service puts a damaged manifest aside and makes it anew from the log."""
        s3, bucket = self._lab.root("s3"), self._lab.settings.s3_room_bucket
        s3.put_object(Bucket=bucket, Key=keys.manifest_key(self.room), Body=b"{")
        self._product.service.repair(self.room)
        assert len(self._product.service.models(self.room, most=9).models) == 1

    async def what_workers_do_seldom(self) -> None:
        """A model for an inference is fetched, also where the manifest is behind; uploads are given up."""
        s3, bucket = self._lab.root("s3"), self._lab.settings.s3_room_bucket
        (model,) = self._product.service.models(self.room, most=9).models
        fixed = FixedModel(name=model.id, model_id=model.id, model_type=model.model_type)
        hold = Hold(self.room, str(ULID()), 1)
        file = ModelFile(name="x.bin", size_bytes=3, checksum=to_text(crc64nvme(b"abc")))
        record = ModelRecord.model_validate_json(
            s3.get_object(Bucket=bucket, Key=fixed.folder(self.room).record)["Body"].read()
        )
        with self._lab.in_role("worker") as settings:
            async with connected(settings, self.room) as room:
                await asyncio.to_thread(room.room_models.bring, self.room, fixed, self._folder / "brought")
                manifest = keys.manifest_key(self.room)
                kept = s3.get_object(Bucket=bucket, Key=manifest)["Body"].read()
                s3.delete_object(Bucket=bucket, Key=manifest)
                await asyncio.to_thread(room.room_models.bring, self.room, fixed, self._folder / "again")
                s3.put_object(Bucket=bucket, Key=manifest, Body=kept)
                other = record.model_copy(update={"model_id": "0" * 16})
                for upload in (room.models.open(other, file), room.results.open(hold, file)):
                    upload.abort()
                slot = keys.CheckpointFolder(hold.room_id, hold.job_id, hold.fencing, "a")
                (self._folder / file.name).write_bytes(b"abc")
                checkpoint = room.checkpoints.open(slot, file)
                await asyncio.to_thread(send_file, self._folder / file.name, file, checkpoint)
                await asyncio.to_thread(room.checkpoints.discard, hold)  # the job was cancelled meanwhile
                await room.queue.send(_POISON)  # as the continuation of a job of more than eleven hours is
                (message,) = await _received(room.queue)
                await room.queue.extend(message, 30)
                await room.queue.delete(message)
            self._other_things_with_files(settings.s3_room_bucket)

    async def what_the_service_does_seldom(self) -> None:
        """Queues get another lease, messages are kept hidden, uploads are given up for desktop workers."""
        with self._lab.in_role("service") as settings:
            spec = job_queue(settings, self.room)
            ensure_queue(provision.sqs_client(settings), QueueSpec(spec.name, spec.visibility_s + 60))
            self._other_things_with_files(settings.s3_room_bucket)
            s3 = s3_client(settings.s3_region, settings.s3_endpoint_url)
            with pytest.raises(NotFound):  # an upload that is completed twice, the first reply being lost
                S3ObjectStore(s3, settings.s3_upload_bucket).head(str(keys.UploadKey(self.room, "gone")))
            topic = provision.sns_client(settings).create_topic(Name=settings.room_events_topic)["TopicArn"]
            heard = Subscription(settings, topic, "seldom00")
            async with self._queues() as client:
                names = (
                    heard.queue_name,
                    settings.upload_events_queue,
                    settings.model_events_queue,
                    spec.name,
                )
                for name in names:
                    self._sqs.send_message(QueueUrl=self._queue(name), MessageBody=_POISON)
                    queue = await SqsQueue.open(client, name)
                    message, *_ = await _received(queue)
                    await queue.extend(message, 30)
                    await queue.delete(message)
            heard.close()

    def the_scaler_looks(self) -> None:
        """KEDA asks how many messages wait."""
        self._lab.client("scaler", "sqs").get_queue_attributes(
            QueueUrl=self._queue(self._jobs), AttributeNames=["ApproximateNumberOfMessages"]
        )

    def _other_things_with_files(self, bucket: str) -> None:
        """What is done in any folder of files when a part's reply was lost, or a job is given up."""
        s3 = s3_client(self._lab.settings.s3_region, self._lab.settings.s3_endpoint_url)
        objects, transfers = S3ObjectStore(s3, bucket), S3Transfers(s3, bucket)
        job_id = str(ULID())
        for key in (
            keys.ModelFolder(self.room, "centroid", "0" * 16).file("x.bin"),
            keys.CheckpointFolder(self.room, job_id, 1, "a").file("x.bin"),
            keys.ResultsFolder(self.room, job_id, 1).file("x.bin"),
        ):
            upload = OwnSession.open(objects, transfers, key, 3, to_text(crc64nvme(b"abc")))
            assert transfers.list_parts(key, upload.upload.s3_upload_id) == {}
            upload.abort()
        objects.delete(keys.ResultsFolder(self.room, job_id, 1).file("x.bin"))
        objects.delete(keys.checkpoint_key(self.room, job_id))

    @asynccontextmanager
    async def _queues(self) -> AsyncIterator[Any]:
        async with sqs_client(self._lab.settings.s3_region, self._lab.settings.sqs_endpoint_url) as client:
            yield client

    @property
    def _jobs(self) -> str:
        return job_queue(self._lab.settings, self.room).name

    def _queue(self, name: str) -> str:
        return str(self._sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def _waiting(self, name: str) -> int:
        attribute = "ApproximateNumberOfMessages"
        reply = self._sqs.get_queue_attributes(QueueUrl=self._queue(name), AttributeNames=[attribute])
        return int(reply["Attributes"][attribute])


async def _received(queue: Any) -> list[Any]:
    for _ in range(_A_WHILE_S):
        if messages := await queue.receive(1, 1, 30):
            return list(messages)
    raise AssertionError(f"nothing came from {queue.name}")
