"""What the Terraform tells the parts of the product are settings that there are, with values they take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.terraform import OFFLINE, TFVARS, offline_live, planned_outputs

from sleap_rtc.client.environment_check import ENVIRONMENTS, alarm_prefix
from sleap_rtc.settings.model import PREFIX, Settings

INFRA = Path(__file__).parents[2] / "infra" / "terraform"
LIVE = ("dev", "staging", "prod")
KNOWN = {PREFIX + name.upper() for name in Settings.model_fields}


def test_every_setting_that_the_terraform_names_exists() -> None:
    named = {
        name
        for file in INFRA.rglob("*.tf")
        for name in re.findall(r"\bSLEAP_RTC_[A-Z0-9_]+[A-Z0-9]\b", file.read_text())
    }
    assert named
    assert named <= KNOWN


@pytest.mark.skipif(
    not OFFLINE.is_file(), reason="needs ../shared/tools/terraform-offline, a provider without AWS"
)
@pytest.mark.parametrize("environment", LIVE)
def test_what_the_service_clients_and_operators_are_told_parses(
    environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = offline_live(tmp_path, environment)
    outputs = planned_outputs(root)
    told = {**outputs["service_settings"], **outputs["operator_settings"], **outputs["client_settings"]}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.environment == ENVIRONMENTS[environment]
    assert settings.backend_api_url == f"https://{TFVARS['hostname']}"
    assert settings.s3_upload_bucket == outputs["buckets"]["uploads"]
    assert settings.anonymous_signin is False
    assert alarm_prefix(settings.environment) == f"{outputs['name']}-"


def test_the_environments_differ_in_their_values_alone() -> None:
    for file in ("outputs.tf",):
        assert len({(INFRA / "live" / name / file).read_text() for name in LIVE}) == 1
    variables = {
        re.sub(r"default     = (true|false)", "default", (INFRA / "live" / name / "variables.tf").read_text())
        for name in LIVE
    }
    assert len(variables) == 1


def test_the_example_of_each_environment_says_all_that_has_no_default() -> None:
    for name in LIVE:
        variables = (INFRA / "live" / name / "variables.tf").read_text()
        needed = {
            block.split('"')[1]
            for block in variables.split("\nvariable ")
            if "default" not in block and '"' in block
        }
        example = (INFRA / "live" / name / "terraform.tfvars.example").read_text()
        assert needed == {each for each in needed if re.search(rf"^{each}\s+=", example, re.MULTILINE)}, name
