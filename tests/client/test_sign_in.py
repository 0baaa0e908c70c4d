"""Signing in, step by step: what the issuer says, what the browser brings, what is kept and renewed."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from sleap_rtc.client.bearer import LoginToken, bearer, signaling_bearer
from sleap_rtc.client.browser_return import NoPortFree, browser_return
from sleap_rtc.client.issuer_client import offers_of
from sleap_rtc.client.login_file import Login, LoginFile, service_address
from sleap_rtc.client.sign_in import Signer
from sleap_rtc.client.sign_in_errors import LoginEnded, SignInFailed
from sleap_rtc.client.sign_in_request import Declined, NotTheAnswer, SignInRequest
from sleap_rtc.events.sign_in_api import SignIn
from sleap_rtc.service.sign_in_routes import sign_in_of
from sleap_rtc.settings import Settings
from sleap_rtc.storage.errors import InputError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SERVICE = "https://sleap.example.org"


class Scripted:
    """A server that gives one answer after the other, and keeps what it was asked; the last answer stays."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = [(200, {})]
        self.asked: list[str] = []
        self.open_door = threading.Event()
        self.open_door.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(scripted: Scripted) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            scripted.asked.append(self.rfile.read(length).decode())
            scripted.open_door.wait(10)
            self._answer()

        def _answer(self) -> None:
            status, content = scripted.answers[0]
            if len(scripted.answers) > 1:
                del scripted.answers[0]
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            del format, args

    return Handler


@pytest.fixture
def issuer() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


@pytest.fixture
def request_() -> SignInRequest:
    return SignInRequest(
        "https://issuer", "client", ("openid", "profile"), "http://127.0.0.1:1/callback", "state", "v" * 43
    )


def test_the_request_is_that_of_the_rfc() -> None:
    # The example of RFC 7636, appendix B.
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    made = SignInRequest("i", "c", ("openid",), "http://127.0.0.1:1/callback", "s", verifier)
    address = made.address("https://issuer/authorize")
    assert "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256" in address
    assert verifier not in address
    assert made.address("https://issuer/a?x=1").startswith("https://issuer/a?x=1&response_type=code")
    assert SignInRequest("i", "c", (), "r").state != SignInRequest("i", "c", (), "r").state


def test_the_code_comes_back(request_: SignInRequest) -> None:
    assert request_.code_in("/callback?code=abc&state=state") == "abc"
    assert request_.code_in("/callback?code=abc&state=state&iss=https%3A%2F%2Fissuer") == "abc"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/favicon.ico",
        "/callback",
        "/callback?code=abc",
        "/callback?code=abc&state=other",
        "/callback?code=abc&state=state&state=state",
        "/other?code=abc&state=state",
    ],
)
def test_what_somebody_else_sends_is_no_answer(request_: SignInRequest, path: str) -> None:
    with pytest.raises(NotTheAnswer):
        request_.code_in(path)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("error=access_denied", "it was declined there"),
        ("code=abc&iss=https%3A%2F%2Fevil", "the answer came from another issuer"),
        ("error=x&error_description=No%1b[2J%0d%0agood.", "No[2Jgood"),
        ("", "no reason was given"),
    ],
)
def test_an_issuer_that_says_no_is_believed(request_: SignInRequest, query: str, why: str) -> None:
    with pytest.raises(Declined) as declined:
        request_.code_in(f"/callback?state=state&{query}")
    assert str(declined.value) == why


def test_the_browser_comes_back_once_with_the_right_answer(request_: SignInRequest) -> None:
    with browser_return(()) as back:
        made = SignInRequest("i", "c", (), back.redirect_uri, "state", "v")
        back.expect(made)
        for path, status in (
            ("?code=x&state=wrong", 404),
            ("?code=abc&state=state", 200),
            ("?state=state", 404),
        ):
            assert urllib3.request("GET", back.redirect_uri + path).status == status
        assert back.code(5) == "abc"


def test_the_first_port_that_is_free_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as other:
        busy, free = taken.getsockname()[1], other.getsockname()[1]
        with pytest.raises(NoPortFree), browser_return([busy, free]):
            pass
        other.close()
        with browser_return([busy, free]) as back:
            # As it is registered with an issuer that wants to know it beforehand.
            assert back.redirect_uri == f"http://localhost:{free}/callback"


def test_what_an_issuer_offers_is_looked_at(issuer: Scripted) -> None:
    good = {"issuer": "me", "token_endpoint": f"{issuer.url}/token"}
    place = SignIn(issuer="me", discovery_url=f"{issuer.url}/offers", client_id="c")
    issuer.answers = [(200, good)]
    assert offers_of(place).device_authorization_endpoint == ""
    for bad, why in (
        ({**good, "issuer": "another"}, "another issuer than the service believes"),
        ({**good, "token_endpoint": "http://10.0.0.1/token"}, "does not begin with https://"),
        ({**good, "revocation_endpoint": "file:///etc/passwd"}, "does not begin with https://"),
        ({"issuer": "me"}, "not as an issuer of tokens does"),
        (b"<html>", "not as an issuer of tokens does"),
    ):
        issuer.answers = [(200, bad)]
        with pytest.raises(SignInFailed, match=why):
            offers_of(place)
    issuer.answers = [(302, {})]
    with pytest.raises(Unreachable):
        offers_of(place)
    with pytest.raises(SignInFailed, match="does not begin with https://"):
        offers_of(SignIn(issuer="me", discovery_url="http://issuer.test/offers", client_id="c"))


def test_a_device_asks_as_often_as_it_is_told(issuer: Scripted, tmp_path: Path) -> None:
    place = {"issuer": "me", "discovery_url": f"{issuer.url}/offers", "client_id": "c", "scopes": ["openid"]}
    offers = {
        "issuer": "me",
        "token_endpoint": f"{issuer.url}/token",
        "device_authorization_endpoint": f"{issuer.url}/device",
    }
    codes = {
        "device_code": "d",
        "user_code": "AB\x1b[2J",
        "verification_uri": "https://page",
        "expires_in": 300,
        "interval": 2,
    }
    pending, slower = {"error": "authorization_pending"}, {"error": "slow_down"}
    who = {"subject": "ada", "name": "Ada"}
    issuer.answers = [
        *((200, place), (200, offers), (200, codes)),
        *((400, pending), (400, slower), (502, b""), (400, pending)),
        *((200, {"access_token": "a", "refresh_token": "r", "expires_in": 60}), (200, who)),
    ]
    told: list[str] = []
    waited: list[float] = []
    file = LoginFile(tmp_path, issuer.url, told.append)
    login = Signer(file, told.append, waited.append).sign_in(by_device=True, browser_here=True)
    assert (login.token, login.name, login.renewal) == ("a", "Ada", "r")
    assert waited == [2, 2, 7, 14, 14]
    assert "AB[2J" in "".join(told)
    assert file.read() == login


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([(400, {"error": "access_denied"})], "it was declined there"),
        ([(400, {"error": "expired_token"})], "nobody signed in in time"),
    ],
)
def test_a_device_that_is_declined_says_why(
    issuer: Scripted, tmp_path: Path, answers: list[tuple[int, Any]], why: str
) -> None:
    place = {"issuer": "me", "discovery_url": f"{issuer.url}/offers", "client_id": "c"}
    offers = {
        "issuer": "me",
        "token_endpoint": f"{issuer.url}/t",
        "device_authorization_endpoint": issuer.url,
    }
    codes = {"device_code": "d", "user_code": "A", "verification_uri": "https://page", "expires_in": 300}
    issuer.answers = [(200, place), (200, offers), (200, codes), *answers]
    file = LoginFile(tmp_path, issuer.url, print)
    with pytest.raises(SignInFailed, match=why):
        Signer(file, lambda _: None, lambda _: None).sign_in(by_device=True, browser_here=False)
    assert file.read() is None


def test_an_issuer_without_another_way_says_so(issuer: Scripted, tmp_path: Path) -> None:
    place = {"issuer": "me", "discovery_url": f"{issuer.url}/offers", "client_id": "c"}
    issuer.answers = [(200, place), (200, {"issuer": "me", "token_endpoint": f"{issuer.url}/t"})]
    signer = Signer(LoginFile(tmp_path, issuer.url, print), lambda _: None)
    with pytest.raises(SignInFailed, match="leave --device out"):
        signer.sign_in(by_device=True, browser_here=False)


@pytest.fixture
def kept(tmp_path: Path, issuer: Scripted) -> Callable[..., LoginFile]:
    """Return what keeps a login that ends in a while."""

    def make(ends_in: timedelta, **changed: Any) -> LoginFile:
        file = LoginFile(tmp_path, SERVICE, print)
        login = Login(
            service=SERVICE,
            issuer="me",
            client_id="c",
            token_endpoint=f"{issuer.url}/token",
            token="old",
            renewal="r1",
            expires_at=datetime.now(UTC) + ends_in,
            subject="ada",
            name="ada",
        )
        file.write(login.model_copy(update=changed))
        return file

    return make


def test_of_many_at_once_one_renews(issuer: Scripted, kept: Callable[..., LoginFile]) -> None:
    file = kept(timedelta(minutes=-1))
    issuer.answers = [(200, {"access_token": "new", "refresh_token": "r2", "expires_in": 3600})]
    issuer.open_door.clear()  # the first one's answer takes until all of them are there
    arrived = threading.Barrier(7)

    def token(_: int) -> str:
        mine = LoginToken(LoginFile(file.path.parents[1], SERVICE, print))  # as another process has its own
        arrived.wait(10)
        return mine()

    with ThreadPoolExecutor(6) as pool:
        tokens = pool.map(token, range(6))
        arrived.wait(10)
        issuer.open_door.set()
        assert set(tokens) == {"new"}
    assert issuer.asked == ["grant_type=refresh_token&refresh_token=r1&client_id=c"]
    login = file.read()
    assert login is not None
    assert (login.renewal, login.token) == ("r2", "new")


def test_a_token_that_holds_for_long_is_left_alone(issuer: Scripted, kept: Callable[..., LoginFile]) -> None:
    assert LoginToken(kept(timedelta(minutes=3)))() == "old"
    assert issuer.asked == []


def test_an_issuer_that_gives_no_other_renewal_leaves_the_first(
    issuer: Scripted, kept: Callable[..., LoginFile]
) -> None:
    file = kept(timedelta(minutes=1))
    issuer.answers = [(200, {"access_token": "new", "expires_in": 3600})]
    assert LoginToken(file)() == "new"
    login = file.read()
    assert login is not None
    assert login.renewal == "r1"


@pytest.mark.parametrize("answer", [(503, b""), (400, {"error": "invalid_grant"})])
def test_while_a_token_holds_nobody_is_stopped_by_the_issuer(
    issuer: Scripted, kept: Callable[..., LoginFile], answer: tuple[int, Any]
) -> None:
    issuer.answers = [answer]
    assert LoginToken(kept(timedelta(minutes=1)))() == "old"
    with pytest.raises(Unreachable if answer[0] == 503 else LoginEnded):
        LoginToken(kept(timedelta(minutes=-1)))()


def test_nobody_who_signed_out_is_signed_in_again(issuer: Scripted, kept: Callable[..., LoginFile]) -> None:
    file = kept(timedelta(seconds=1))
    token = LoginToken(file)
    issuer.answers = [(400, {"error": "invalid_grant"})]
    token()
    file.delete()
    with pytest.raises(LoginEnded):
        token()
    assert LoginToken(file)() == ""


def test_a_login_is_not_shown_to_a_signaling_server_elsewhere(kept: Callable[..., LoginFile]) -> None:
    data_dir = kept(timedelta(hours=1)).path.parents[1]
    settings = Settings(backend_api_url=SERVICE, data_dir=data_dir)
    assert bearer(settings)() == signaling_bearer(settings)() == "old"
    elsewhere = settings.model_copy(update={"live_signaling_url": "wss://other.example.org/ws"})
    assert (bearer(elsewhere)(), signaling_bearer(elsewhere)()) == ("old", "")
    other = settings.model_copy(update={"backend_api_url": "https://sleap.example.com"})
    assert bearer(other)() == ""


def test_a_login_that_cannot_be_read_is_said_to_be(kept: Callable[..., LoginFile]) -> None:
    file = kept(timedelta(hours=1))
    file.path.write_text("{")
    with pytest.raises(InputError, match="Run `sleap-rtc login` again"):
        file.read()
    assert "old" not in repr(kept(timedelta(hours=1)).read())


@pytest.mark.parametrize(
    "url",
    [SERVICE, f"{SERVICE}/", "HTTPS://Sleap.Example.Org", f"{SERVICE}:443", f" {SERVICE}/ "],
)
def test_one_service_is_one_however_it_is_written(url: str) -> None:
    assert service_address(url) == SERVICE


@pytest.mark.parametrize(
    "url",
    ["http://sleap.example.org", f"{SERVICE}:8443", f"{SERVICE}/lab", "https://sleap.example.org.evil.test"],
)
def test_another_service_is_another_one(url: str) -> None:
    assert service_address(url) != SERVICE


def test_the_service_says_where_to_sign_in() -> None:
    pool = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_X"
    place = sign_in_of(Settings(issuer=pool, audience="app", sign_in_ports=(8765,)))
    assert place is not None
    assert (place.discovery_url, place.client_id, place.redirect_ports) == (
        f"{pool}/.well-known/openid-configuration",
        "app",
        (8765,),
    )
    assert sign_in_of(Settings(issuer="urn:mine")) is None
    assert sign_in_of(Settings()) is None
