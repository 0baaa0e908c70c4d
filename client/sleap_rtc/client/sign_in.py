"""Orchestration: signs somebody in: with the browser of this machine, or with another device's."""

from __future__ import annotations

import time
import webbrowser
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.client.bearer import end_of, shown_token
from sleap_rtc.client.browser_return import NoPortFree, browser_return
from sleap_rtc.client.issuer_client import IssuerDeclined, device_codes, offers_of, revoke, tokens_for
from sleap_rtc.client.login_file import Login
from sleap_rtc.client.sign_in_errors import SignInFailed
from sleap_rtc.client.sign_in_request import Declined, SignInRequest, in_words
from sleap_rtc.events.service_http import ServiceHttp
from sleap_rtc.events.sign_in_api import CallerView, SignIn
from sleap_rtc.storage.errors import Refused, SleapRtcError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sleap_rtc.client.issuer_client import DeviceCodes, Offers, Tokens
    from sleap_rtc.client.login_file import LoginFile

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_BROWSER_WITHIN_S = 300.0
_SLOWER_BY_S = 5.0
_LONGEST_WAIT_S = 60.0


class Signer:
    """Signs people in at one service.

    Args:
        file: where the login is to be kept.
        say: tells people what to do; never a secret.
        sleep: waits, in seconds.
    """

    def __init__(
        self, file: LoginFile, say: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._file = file
        self._say = say
        self._sleep = sleep

    def sign_in(self, *, by_device: bool, browser_here: bool) -> Login:
        """Sign somebody in, and keep his login.

        Args:
            by_device: whether it has to be with another device.
            browser_here: whether a browser can be opened on this machine.

        Raises:
            SignInFailed: it came to nothing.
            NotFound: nobody can sign in at this service.
            Unreachable: the service or the issuer does not answer.
        """
        place = ServiceHttp(self._file.service, "").ask("GET", "/api/sign-in", SignIn)
        offers = offers_of(place)
        try:
            if by_device or (offers.device_authorization_endpoint and not browser_here):
                tokens = self._by_device(place, offers)
            else:
                tokens = self._by_browser(place, offers, open_it=browser_here)
        except IssuerDeclined as no:
            raise SignInFailed(where=self._file.service, why=in_words(no.error, no.description)) from None
        return self._keep(place, offers, tokens)

    def sign_out(self) -> bool:
        """Forget the login, and have the issuer forget it if it answers; tell whether there was one."""
        try:
            with self._file.locked(_LONGEST_WAIT_S):
                try:
                    login = self._file.read()
                except SleapRtcError:
                    login = None
                there = self._file.delete()
        except TimeoutError:
            raise Refused(where=str(self._file.path), why="another process is renewing it") from None
        if login and login.renewal and login.revocation_endpoint:
            try:
                revoke(login.revocation_endpoint, {"token": login.renewal, "client_id": login.client_id})
            except (IssuerDeclined, SleapRtcError):
                self._say("The issuer does not answer, so it keeps the login until that ends by itself.")
        return there

    def _by_browser(self, place: SignIn, offers: Offers, *, open_it: bool) -> Tokens:
        if not offers.authorization_endpoint:
            raise self._failed("its issuer has no page to sign in at")
        try:
            with browser_return(place.redirect_ports) as back:
                request = SignInRequest(offers.issuer, place.client_id, place.scopes, back.redirect_uri)
                back.expect(request)
                address = request.address(offers.authorization_endpoint)
                self._say(f"Sign in with a browser on this machine:\n\n  {_plain(address)}\n")
                if open_it:
                    webbrowser.open(address)
                code = back.code(_BROWSER_WITHIN_S)
        except NoPortFree:
            ports = ", ".join(map(str, place.redirect_ports))
            raise self._failed(f"every port that its issuer sends you back to is in use ({ports})") from None
        except TimeoutError:
            raise self._failed("nobody signed in within five minutes") from None
        except Declined as no:
            raise self._failed(str(no)) from None
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": request.redirect_uri,
            "client_id": place.client_id,
            "code_verifier": request.verifier,
        }
        return tokens_for(offers.token_endpoint, asked)

    def _by_device(self, place: SignIn, offers: Offers) -> Tokens:
        if not offers.device_authorization_endpoint:
            raise self._failed("its issuer signs nobody in by another device; leave --device out")
        asked = {"client_id": place.client_id, "scope": " ".join(place.scopes)}
        codes = device_codes(offers.device_authorization_endpoint, asked)
        page, code = _plain(codes.verification_uri), _plain(codes.user_code)
        self._say(f"On any device, open\n\n  {page}\n\nand enter the code  {code}")
        if codes.verification_uri_complete:
            self._say(f"\nor open {_plain(codes.verification_uri_complete)}")
        redeemed = {
            "grant_type": DEVICE_GRANT,
            "device_code": codes.device_code,
            "client_id": place.client_id,
        }
        return self._polled(offers.token_endpoint, redeemed, codes)

    def _polled(self, token_endpoint: str, asked: Mapping[str, str], codes: DeviceCodes) -> Tokens:
        pause_s = codes.interval
        until = time.monotonic() + codes.expires_in
        while time.monotonic() < until:
            self._sleep(pause_s)
            try:
                return tokens_for(token_endpoint, asked)
            except IssuerDeclined as no:
                if no.error == "slow_down":
                    pause_s += _SLOWER_BY_S
                elif no.error != "authorization_pending":
                    raise
            except Unreachable:
                pause_s = min(_LONGEST_WAIT_S, 2 * pause_s)
        raise self._failed("nobody signed in in time")

    def _keep(self, place: SignIn, offers: Offers, tokens: Tokens) -> Login:
        token = shown_token(tokens)
        who = ServiceHttp(self._file.service, token).ask("GET", "/api/who-am-i", CallerView)
        login = Login(
            service=self._file.service,
            issuer=offers.issuer,
            client_id=place.client_id,
            token_endpoint=offers.token_endpoint,
            revocation_endpoint=offers.revocation_endpoint,
            token=token,
            renewal=tokens.refresh_token,
            expires_at=end_of(tokens, datetime.now(UTC)),
            subject=who.subject,
            name=who.name,
        )
        try:
            with self._file.locked(_LONGEST_WAIT_S):
                self._file.write(login)
        except TimeoutError:
            raise self._failed("another process holds the login that is there") from None
        return login

    def _failed(self, why: str) -> SignInFailed:
        return SignInFailed(where=self._file.service, why=why)


def _plain(text: str) -> str:
    return "".join(char for char in text if char.isprintable())
