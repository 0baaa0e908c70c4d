"""Settings: defaults, then the file, then the environment; a mistake is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sleap_rtc.settings import Settings, SettingsError, load_settings
from sleap_rtc.settings.settings_file import settings_file
from sleap_rtc.storage.errors import ExitCode


def write(text: str, path: Path = Path("sleap-rtc.toml")) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path.absolute()


def users_file() -> Path:
    return Path(os.environ["XDG_CONFIG_HOME"]) / "sleap-rtc" / "sleap-rtc.toml"


def refusal() -> SettingsError:
    with pytest.raises(SettingsError) as refused:
        load_settings()
    return refused.value


def test_without_a_file_the_defaults_hold() -> None:
    settings = load_settings()
    assert (settings.environment, settings.s3_region) == ("development", "us-east-1")
    assert settings.large_file_threshold == settings.multipart_chunk_size == 100_000_000
    assert settings.max_concurrent_parts == 10


def test_the_data_lies_in_the_users_home() -> None:
    assert load_settings().data_dir == Path(os.environ["HOME"]) / ".sleap-rtc"


def test_the_file_wins_over_the_defaults() -> None:
    write('s3_room_bucket = "lab-rooms"')
    assert load_settings().s3_room_bucket == "lab-rooms"


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write('s3_room_bucket = "lab-rooms"\ns3_region = "eu-central-1"')
    monkeypatch.setenv("SLEAP_RTC_S3_ROOM_BUCKET", "other-rooms")
    settings = load_settings()
    assert (settings.s3_room_bucket, settings.s3_region) == ("other-rooms", "eu-central-1")


def test_the_file_is_looked_for_here_before_the_users_folder() -> None:
    theirs, here = write("", users_file()), None
    assert settings_file() == theirs
    here = write("")
    found = settings_file()
    assert found is not None
    assert found.absolute() == here


def test_a_named_file_wins_over_those_that_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    write('issuer = "here"')
    monkeypatch.setenv("SLEAP_RTC_CONFIG", str(write('issuer = "named"', Path("etc/mine.toml"))))
    assert load_settings().issuer == "named"


def test_a_named_file_that_is_missing_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEAP_RTC_CONFIG", "nowhere.toml")
    assert str(refusal()) == "The setting SLEAP_RTC_CONFIG is wrong: there is no file nowhere.toml."


def test_an_unknown_key_of_the_file_is_an_error_that_names_the_nearest() -> None:
    file = write('\n"S3_rooom_bucket" = "lab-rooms"')
    assert str(refusal()) == (
        f"There is no setting S3_rooom_bucket ({file}, line 2); the nearest is s3_room_bucket."
    )


def test_an_unknown_key_that_is_near_to_none_leads_to_the_list() -> None:
    write("colour = 1")
    assert str(refusal()).endswith("line 1); `sleap-rtc config show` lists what there is.")


def test_a_section_that_nobody_knows_is_an_error_that_names_it() -> None:
    write('[storage]\nregion = "us-east-1"')
    assert refusal().name == "storage"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_concurrent_parts", "0"),
        ("max_concurrent_parts", "many"),
        ("poll_wait_s", "21"),
        ("job_lease_s", "1"),
        ("environment", "prod"),
        ("reconcile_interval_s", "0"),
        ("reconcile_interval_s", "inf"),
        ("multipart_chunk_size", "1000"),
    ],
)
def test_a_wrong_value_of_the_environment_is_an_error_that_names_the_setting(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"SLEAP_RTC_{name.upper()}", value)
    assert refusal().name == name


def test_a_wrong_value_of_the_file_is_an_error_that_says_why() -> None:
    write("poll_wait_s = 21")
    assert str(refusal()).startswith(
        "The setting poll_wait_s is wrong: it should be less than or equal to 20 ("
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("= 1", "line 1, column 1"),
        ("a = 1\r\nb = ", "line 2, column 5"),
        ("a = 1\n\n[", "line 3, column 2"),
        ("\0", "line 1, column 1"),
        ('a = "ä', "line 1, column 7"),
    ],
)
def test_a_file_that_is_not_toml_is_an_error_that_says_where(text: str, where: str) -> None:
    file = write(text)
    assert str(refusal()).startswith(f"The settings file {file} is wrong: {where} is not valid TOML (")


@pytest.mark.parametrize("text", ["a = " + "9" * 5000, "a = " + "[" * 100_000])
def test_a_file_that_is_too_much_for_the_parser_is_an_error_that_names_it(text: str) -> None:
    file = write(text)
    assert str(refusal()).startswith(f"The settings file {file} is wrong: it is not valid TOML (")


def test_a_file_that_is_not_utf_8_is_an_error_that_says_where() -> None:
    Path("sleap-rtc.toml").write_bytes('\naudience = "ä'.encode() + b'\xfc"')
    assert str(refusal()).endswith("sleap-rtc.toml is wrong: line 2, column 14 is not UTF-8.")


@pytest.mark.skipif(not Path("/proc/self/mem").is_file(), reason="needs a file that nobody can read")
def test_a_file_that_cannot_be_read_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEAP_RTC_CONFIG", "/proc/self/mem")
    assert "The settings file /proc/self/mem is wrong: it cannot be read (" in str(refusal())


def test_a_mistake_in_the_settings_exits_as_bad_input() -> None:
    write("unknown = 1")
    assert refusal().exit_code == ExitCode.BAD_INPUT


def test_the_token_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEAP_RTC_TOKEN", "s3cret")
    settings = load_settings()
    assert settings.token.get_secret_value() == "s3cret"
    assert "s3cret" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_a_wrong_token_is_not_shown_in_the_error() -> None:
    write("token = 73573")
    assert "73573" not in str(refusal())


def test_settings_do_not_change_while_a_process_runs() -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(load_settings(), "issuer", "other")  # noqa: B010 # mypy refuses it as well


def test_a_dotenv_file_is_not_read() -> None:
    write("SLEAP_RTC_ISSUER=dotenv", Path(".env"))
    assert load_settings().issuer == ""


def test_settings_can_be_made_by_hand() -> None:
    assert Settings(s3_region="eu-central-1").s3_region == "eu-central-1"


@pytest.mark.parametrize(
    "text", ["stun:a,stuns:b:5349", " stun:a , stuns:b:5349,", '["stun:a", "stuns:b:5349"]']
)
def test_a_list_is_one_in_the_file_and_has_commas_in_a_variable(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text.startswith("["):
        write(f"stun_urls = {text}")
    else:
        monkeypatch.setenv("SLEAP_RTC_STUN_URLS", text)
    assert load_settings().stun_urls == ("stun:a", "stuns:b:5349")


@pytest.mark.parametrize("text", ["turn:a", "http://a", "a", "stun:", "stun:a b"])
def test_what_is_no_stun_server_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEAP_RTC_STUN_URLS", text)
    assert "stun_urls" in str(refusal())
