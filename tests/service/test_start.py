"""What a service looks at before it serves anybody: one sentence where it cannot."""

from __future__ import annotations

from support.fault_proxy import FaultProxy, Reply
from support.starting import refused

from sleap_rtc.local.engine import LOOPBACK, free_port
from sleap_rtc.storage.errors import ExitCode


def test_a_service_does_not_start_on_a_store_that_ignores_conditions(engine_url: str, bucket: str) -> None:
    with FaultProxy(engine_url) as careless:
        careless.script(r"PUT .*/\.probe/", Reply(200, headers={"ETag": '"always"'}), times=9)
        assert f"bucket {bucket} ignores If-None-Match" in refused(careless.url, bucket).stderr
        assert careless.count(r"DELETE .*/\.probe/") == 1
        assert careless.count("sleap-rtc-uploads") == 0


def test_a_service_does_not_start_without_its_bucket(engine_url: str) -> None:
    ended = refused(engine_url, "nobody-made-it")
    assert (ended.returncode, "nobody-made-it" in ended.stderr) == (ExitCode.NOT_FOUND, True)


def test_a_service_does_not_start_where_no_store_answers() -> None:
    ended = refused(f"http://{LOOPBACK}:{free_port()}", "any")
    assert ended.returncode == ExitCode.UNREACHABLE
