"""Adapter: `sleap-rtc login`, `logout` and `whoami`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sleap_rtc.client.cli.options import JsonOption

if TYPE_CHECKING:
    from collections.abc import Mapping

login_app = typer.Typer(add_completion=False)
logout_app = typer.Typer(add_completion=False)
whoami_app = typer.Typer(add_completion=False)


@login_app.command()
def login(
    device: Annotated[
        bool, typer.Option("--device", help="Sign in with another device, by a code that is shown here.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Sign in at the service, with the browser of this machine or with another device."""
    import os
    import sys

    from sleap_rtc.client.bearer import login_file, warn
    from sleap_rtc.client.display import console, print_json
    from sleap_rtc.client.sign_in import Signer
    from sleap_rtc.client.sign_in_words import LoginShown
    from sleap_rtc.settings import load_settings

    settings = load_settings()
    signer = Signer(login_file(settings), _tell)
    made = signer.sign_in(by_device=device, browser_here=_browser_here(os.environ, sys.platform))
    if as_json:
        print_json(LoginShown.of(made))
    else:
        console.print(f"You are signed in at {made.service} as {made.name}.", markup=False)
    if settings.token.get_secret_value():
        warn("SLEAP_RTC_TOKEN is set, and comes before your login. Unset it to use your login.")


@logout_app.command()
def logout(as_json: JsonOption = False) -> None:
    """Forget the login at the service, here and at its issuer."""
    from sleap_rtc.client.bearer import login_file, warn
    from sleap_rtc.client.display import console, print_json
    from sleap_rtc.client.sign_in import Signer
    from sleap_rtc.client.sign_in_words import LogoutShown
    from sleap_rtc.settings import load_settings

    settings = load_settings()
    file = login_file(settings)
    there = Signer(file, _tell).sign_out()
    if as_json:
        print_json(LogoutShown(service=file.service, was_signed_in=there))
    elif there:
        console.print(f"You are signed out at {file.service}.", markup=False)
    else:
        console.print(f"You were not signed in at {file.service}.", markup=False)
    if settings.token.get_secret_value():
        warn("SLEAP_RTC_TOKEN is still set, so the service goes on to know you by it.")


@whoami_app.command()
def whoami(as_json: JsonOption = False) -> None:
    """Say who you are to the service, and by what it knows you."""
    from sleap_rtc.client.bearer import login_file
    from sleap_rtc.client.display import console, print_json
    from sleap_rtc.client.sign_in_errors import NotSignedIn
    from sleap_rtc.client.sign_in_words import WhoShown
    from sleap_rtc.client.wiring import service_client
    from sleap_rtc.settings import load_settings

    settings = load_settings()
    file = login_file(settings)
    by_token = bool(settings.token.get_secret_value())
    if not by_token and file.read() is None:
        raise NotSignedIn(where=file.service)
    who = service_client(settings).who_am_i()
    kept = None if by_token else file.read()
    shown = WhoShown(
        service=file.service,
        subject=who.subject,
        name=who.name,
        works_in=who.works_in,
        by="token" if by_token else "login",
        expires_at=kept.expires_at if kept else None,
    )
    if as_json:
        print_json(shown)
    else:
        console.print(shown.sentence, markup=False)


def _tell(text: str) -> None:
    import sys

    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _browser_here(environment: Mapping[str, str], platform: str) -> bool:
    """Tell whether a browser that is opened here is seen by whoever runs the command."""
    if environment.get("BROWSER"):
        return True
    if environment.get("SSH_CONNECTION"):
        return False
    if platform in {"win32", "darwin"}:
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
