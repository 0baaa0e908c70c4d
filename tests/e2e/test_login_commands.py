"""`sleap-rtc login`, `logout` and `whoami` against a running stack; the test plays the browser over HTTP."""

from __future__ import annotations

import json
import re
import shlex
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import urllib3
from support.product import Said

from sleap_rtc.local.issuer import AUDIENCE
from sleap_rtc.local.sign_in_desk import Declined, SignInDesk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.product import Product

# Opens the page, enters a name, and goes where it is sent.
BROWSER = """
import sys, urllib3
from urllib.parse import urlencode
page = urllib3.request("GET", sys.argv[2])
assert b"For development only" in page.data
sent = urllib3.request("POST", sys.argv[2], body=urlencode({"name": sys.argv[1]}), redirect=False)
assert sent.status == 303, sent.data
came = urllib3.request("GET", sent.headers["Location"])
assert came.status == 200 and b"You are signed in" in came.data
"""
WITHIN_S = 60


class User:
    """Somebody at a terminal who has no token."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.folder = product.home / ".sleap-rtc" / "logins"

    def run(self, *arguments: str, **environment: str) -> Said:
        return self.product.run(*arguments, **{"SLEAP_RTC_TOKEN": "", "SSH_CONNECTION": "", **environment})

    def signs_in(self, name: str, *arguments: str, **environment: str) -> Said:
        """Sign in with a browser on this machine."""
        script = self.product.home / "browser.py"
        script.write_text(BROWSER)
        browser = shlex.join([sys.executable, str(script), name])
        mine = {"SLEAP_RTC_TOKEN": "", "SSH_CONNECTION": "", "BROWSER": f"{browser} %s", **environment}
        process = self.product.start("login", *arguments, **mine)
        try:
            out, err = process.communicate(timeout=WITHIN_S)
        finally:
            process.kill()
        return Said(process.returncode, out, err)

    @property
    def file(self) -> Path:
        """Where the only login is kept."""
        (path,) = self.folder.glob("*.json")
        return path

    def kept(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text())
        return found

    def change(self, **changed: Any) -> None:
        """Change what is kept of the login."""
        self.file.write_text(json.dumps({**self.kept(), **changed}))

    def let_it_end(self, ago: timedelta = timedelta(hours=1)) -> None:
        """Have the token be of no more use."""
        self.change(expires_at=(datetime.now(UTC) - ago).isoformat())


@pytest.fixture
def user(product: Product) -> Iterator[User]:
    user = User(product)
    yield user
    for path in user.folder.glob("*.json"):
        path.unlink()


def secrets_of(user: User) -> list[str]:
    return [user.kept()["token"], user.kept()["renewal"]]


def test_somebody_signs_in_with_a_browser_works_and_signs_out(user: User) -> None:
    said = user.signs_in("Ada Lovelace")
    assert (said.status, said.out) == (
        0,
        f"You are signed in at {user.product.stack.service_url} as Ada Lovelace.\n",
    )
    who = user.run("whoami", "--json")
    assert who.json() == {
        "service": user.product.stack.service_url,
        "subject": "Ada Lovelace",
        "name": "Ada Lovelace",
        "works_in": "",
        "by": "login",
        "expires_at": user.kept()["expires_at"],
    }
    room = user.run("rooms", "create", "Mice", "--json").json()["room_id"]
    assert [one["room_id"] for one in user.run("rooms", "ls", "--json").json()] == [room]
    assert (
        user.run("whoami").out
        == f"You are Ada Lovelace at {user.product.stack.service_url}, by your login.\n"
    )
    secret, out = secrets_of(user), user.run("logout")
    assert (out.status, out.out) == (0, f"You are signed out at {user.product.stack.service_url}.\n")
    assert not list(user.folder.glob("*.json"))
    assert not any(text in one.out + one.err for text in secret for one in (said, who, out))
    logs = [path.read_bytes() for path in (user.product.stack.folder / "log").iterdir()]
    assert not any(text.encode() in log for text in secret for log in logs)
    # The issuer has forgotten it, too.
    with pytest.raises(Declined, match="invalid_grant"):
        user.product.stack.issuer.desk.redeem(
            {"grant_type": "refresh_token", "refresh_token": secret[1], "client_id": AUDIENCE}, 0
        )


def test_somebody_signs_in_with_another_device(user: User) -> None:
    process = user.product.start("login", "--device", "--json", SLEAP_RTC_TOKEN="")
    assert process.stderr is not None
    found = None
    while found is None:
        line = process.stderr.readline()
        assert line, "it ended"
        found = re.search(r"or open (\S+)", line)
    page = urllib3.request("GET", found[1])
    code = re.search(r'name="user_code" value="([A-Z-]+)"', page.data.decode())
    assert b"For development only" in page.data
    assert code
    entered = {"name": "bob", "user_code": code[1]}
    wrong = {**entered, "user_code": "BBBB-BBBB"}
    assert urllib3.request("POST", found[1], body=urlencode(wrong)).status == 400
    assert urllib3.request("POST", found[1], body=urlencode(entered)).status == 200
    out, _ = process.communicate(timeout=60)
    made = json.loads(out)
    assert (process.returncode, made["name"], made["renewed"]) == (0, "bob", True)
    assert user.run("whoami", "--json").json()["subject"] == "bob"


@pytest.mark.skipif(sys.platform == "win32", reason="files have no modes there")
def test_a_login_is_for_its_user_s_eyes_alone(user: User) -> None:
    user.signs_in("ada")
    assert (user.file.stat().st_mode & 0o777, user.folder.stat().st_mode & 0o777) == (0o600, 0o700)
    user.file.chmod(0o644)
    warned = user.run("whoami", "--json")
    assert warned.json()["name"] == "ada"
    assert "Other users of this machine could read your login" in warned.sentence
    assert user.file.stat().st_mode & 0o777 == 0o600
    assert user.run("whoami").err == ""


def test_a_token_that_is_set_comes_before_the_login(user: User) -> None:
    token = user.product.stack.issuer.token("carol")
    said = user.signs_in("ada", SLEAP_RTC_TOKEN=token)
    assert "SLEAP_RTC_TOKEN is set, and comes before your login" in said.err
    who = user.run("whoami", "--json", SLEAP_RTC_TOKEN=token).json()
    assert (who["name"], who["by"], who["expires_at"]) == ("carol", "token", None)
    assert user.run("whoami", "--json").json()["name"] == "ada"


def test_a_login_is_for_one_service_and_no_other(user: User) -> None:
    _, other = user.product.stack.service("service-of-others")
    user.signs_in("ada")
    said = user.run("whoami", SLEAP_RTC_BACKEND_API_URL=other)
    assert (said.status, said.sentence) == (
        9,
        f"sleap-rtc: You are not signed in at {other}."
        " Run `sleap-rtc login`, or set a token (SLEAP_RTC_TOKEN).",
    )
    assert "no token was sent" in user.run("rooms", "ls", SLEAP_RTC_BACKEND_API_URL=other).sentence
    # Not even where somebody has moved the file.
    user.change(service=other)
    assert user.run("whoami").status == 9


def test_of_several_commands_at_once_one_renews_the_login(user: User) -> None:
    user.signs_in("ada")
    before = user.kept()
    user.let_it_end()
    commands = [user.product.start("whoami", "--json", SLEAP_RTC_TOKEN="") for _ in range(3)]
    outs = [command.communicate(timeout=120) for command in commands]
    # The issuer takes each renewal once, so a second one would have been declined.
    assert [(command.returncode, err) for command, (_, err) in zip(commands, outs, strict=True)] == [
        (0, "")
    ] * 3
    assert {json.loads(out)["expires_at"] for out, _ in outs} == {user.kept()["expires_at"]}
    assert user.kept()["renewal"] != before["renewal"]
    assert datetime.fromisoformat(user.kept()["expires_at"]) > datetime.now(UTC)


def test_a_login_that_the_issuer_does_not_renew_has_ended(user: User) -> None:
    user.signs_in("ada")
    user.product.stack.issuer.desk = SignInDesk(AUDIENCE)  # it has forgotten everybody
    assert user.run("whoami").status == 0
    user.let_it_end()
    said = user.run("rooms", "ls")
    assert (said.status, said.sentence) == (
        9,
        f"sleap-rtc: Your login at {user.product.stack.service_url} has ended. Run `sleap-rtc login` again.",
    )
    assert user.signs_in("ada").status == 0
    assert user.run("rooms", "ls").status == 0


def test_whoever_is_not_signed_in_is_told_how(user: User) -> None:
    out = user.run("logout", "--json").json()
    assert out == {"service": user.product.stack.service_url, "was_signed_in": False}
    assert user.run("rooms", "ls").status == user.run("whoami").status == 9


def test_a_service_without_sign_in_says_so(user: User) -> None:
    _, url = user.product.stack.service("service-without-sign-in", SLEAP_RTC_DISCOVERY_URL="")
    said = user.run("login", SLEAP_RTC_BACKEND_API_URL=url)
    assert (said.status, "There is no sign-in at this service" in said.sentence) == (4, True)


def test_where_to_sign_in_is_no_secret(user: User) -> None:
    reply = urllib3.request("GET", f"{user.product.stack.service_url}/api/sign-in")
    assert (reply.status, set(reply.json())) == (
        200,
        {"issuer", "discovery_url", "client_id", "scopes", "redirect_ports"},
    )
