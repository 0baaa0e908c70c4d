"""What a service looks at before it serves anybody."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI
from support.fault_proxy import FaultProxy, Reply

from sleap_rtc.service.wiring import Lifespan
from sleap_rtc.settings import Settings
from sleap_rtc.storage.conditional_writes import ConditionsIgnored


def test_a_service_does_not_start_on_a_store_that_ignores_conditions(engine_url: str, bucket: str) -> None:
    with FaultProxy(engine_url) as careless:
        careless.script(r"PUT .*/\.probe/", Reply(200, headers={"ETag": '"always"'}), times=9)

        async def start() -> None:
            async with Lifespan(settings)(FastAPI()):
                pytest.fail("it serves")

        settings = Settings(s3_endpoint_url=careless.url, sqs_endpoint_url=engine_url, s3_room_bucket=bucket)
        with pytest.raises(ConditionsIgnored, match=f"bucket {bucket} ignores If-None-Match"):
            asyncio.run(start())
        assert careless.count(r"DELETE .*/\.probe/") == 1
        assert careless.count("sleap-rtc-uploads") == 0
