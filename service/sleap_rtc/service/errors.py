"""Pure: what the service refuses at its edge, whatever is asked for.

InputError
├── InvalidRequest       422  it is not of the form that the OpenAPI document says
└── KeyReused            422  one idempotency key for two things
Refused
├── TooManyRequests      429  more within a minute than the service takes
└── QuotaExceeded        403  more open uploads, or bytes of them, than somebody may have
"""

from __future__ import annotations

from sleap_rtc.storage.errors import InputError, Refused


class InvalidRequest(InputError):
    """{message}"""


class KeyReused(InputError):
    """The idempotency key of this request was used for another one before, so nothing was done. Send a new
    key (`Idempotency-Key`, or `submission_id` in the body) with what is new."""


class TooManyRequests(Refused):
    """There were more than {most:,} requests {whose} within a minute. Wait {retry_after_s} s and send it
    again."""

    most: int
    whose: str
    retry_after_s: int


class QuotaExceeded(Refused):
    """{whose} {uploads:,} uploads open already, of {size_bytes:,} bytes; the service allows {most_uploads:,}
    and {most_bytes:,} bytes. Go on with one of them, or abort it (`sleap-rtc uploads abort`): {oldest}."""

    whose: str
    uploads: int
    size_bytes: int
    most_uploads: int
    most_bytes: int
    oldest: str
