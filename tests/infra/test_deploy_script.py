"""`infra/deploy.py` says in a sentence what is missing before it does anything, and plans what there is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.terraform import OFFLINE, ROOT, TFVARS, WITH_CACHE, tfvars

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = TFVARS["account_id"]
TERRAFORM = """#!/bin/sh
case "$*" in
  "version -json") echo '{"terraform_version": "VERSION"}' ;;
  *output*) cat "$OUTPUTS" ;;
  *) echo "terraform $*" >> "$CALLS" ;;
esac
"""
AWS = """#!/bin/sh
echo "aws $*" >> "$CALLS"
case "$1 $2" in
  "sts get-caller-identity") [ -n "$CALLER" ] || { echo "Unable to locate credentials" >&2; exit 253; }
    echo "{\\"Account\\": \\"$CALLER\\", \\"Arn\\": \\"arn:aws:iam::$CALLER:role/Admin\\"}" ;;
  "acm describe-certificate")
    echo "{\\"Certificate\\": {\\"Status\\": \\"$CERTIFICATE\\"," '"DomainName": "sleap.example.org"}}' ;;
  "ecr describe-images") [ -n "$PUSHED" ] || { echo "ImageNotFoundException" >&2; exit 254; } ;;
  "s3api head-bucket") [ -n "$STATE" ] ;;
  "sqs list-queues") echo '{"QueueUrls": ["https://sqs/1/sleap-rtc-prod-jobs-a1b2c3d4"]}' ;;
esac
"""
OUTPUTS = {
    "name": "sleap-rtc-prod",
    "cluster": {"name": "sleap-rtc-prod", "service": "sleap-rtc-prod-api"},
    "buckets": {"uploads": "the-uploads", "rooms": "the-rooms", "logs": "the-logs"},
    "client_settings": {"SLEAP_RTC_BACKEND_API_URL": "https://sleap.example.org"},
    "operator_settings": {
        "SLEAP_RTC_BACKEND_API_URL": "https://sleap.example.org",
        "SLEAP_RTC_JOB_QUEUE_PREFIX": "sleap-rtc-prod-jobs",
    },
    "roles": {"operator": "arn:aws:iam::210987654321:role/operator", "scaler": None},
    "user_pool_id": "us-west-2_pool",
    "load_balancer_dns_name": "balancer.elb.amazonaws.com",
}


class Operator:
    """Somebody at a machine with an AWS account, whose tools only write down what they are asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(
            ROOT / "infra",
            folder / "infra",
            ignore=shutil.ignore_patterns(".terraform*", "*.tfvars", "__pycache__"),
        )
        self.live = folder / "infra" / "terraform" / "live"
        self.calls = folder / "calls"
        self.calls.touch()
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.has("terraform", TERRAFORM.replace("VERSION", "1.11.4"))
        self.has("aws", AWS)
        (folder / "outputs").write_text(
            json.dumps({name: {"value": value} for name, value in OUTPUTS.items()})
        )
        (self.live / "prod" / "terraform.tfvars").write_text(tfvars())

    def has(self, tool: str, text: str) -> None:
        (self.bin / tool).write_text(text)
        (self.bin / tool).chmod(0o755)

    def deploys(
        self, *arguments: str, says: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        well = {"CALLER": ACCOUNT, "CERTIFICATE": "ISSUED", "PUSHED": "1", "STATE": "1"}
        return subprocess.run(
            [sys.executable, self.folder / "infra" / "deploy.py", *arguments],
            env={
                "PATH": f"{self.bin}:/usr/bin:/bin",
                "CALLS": str(self.calls),
                "OUTPUTS": str(self.folder / "outputs"),
                **well,
                **environment,
            },
            input=says,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def refused(self, *arguments: str, **environment: str) -> str:
        """Return the one sentence with which it stops, having made nothing."""
        done = self.deploys(*arguments, **environment)
        assert done.returncode == 1, done.stdout + done.stderr
        (sentence,) = done.stderr.splitlines()
        assert not [call for call in self.called() if " apply" in call or " destroy" in call]
        return sentence.removeprefix("infra/deploy.py: ")

    def called(self) -> list[str]:
        return [line.replace(str(self.folder), "") for line in self.calls.read_text().splitlines()]

    def terraform_called(self) -> list[str]:
        return [
            call.removeprefix("terraform -chdir=/infra/terraform/")
            for call in self.called()
            if call[0] == "t"
        ]


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def test_an_environment_that_does_not_exist(operator: Operator) -> None:
    assert (
        operator.refused("up", "production") == "'production' is no environment: name dev, staging or prod."
    )


def test_values_that_nobody_gave(operator: Operator) -> None:
    assert "dev/terraform.tfvars is missing: copy terraform.tfvars.example there" in operator.refused(
        "up", "dev"
    )
    values = operator.live / "dev" / "terraform.tfvars"
    values.write_text('account_id = "210987654321"\nregion = "us-west-2"\nimage = "a/b:1"\n')
    assert "does not say hostname and certificate_arn." in operator.refused("up", "dev")
    shutil.copy(operator.live / "dev" / "terraform.tfvars.example", values)
    assert "still has the account of the example" in operator.refused("up", "dev")


@pytest.mark.parametrize("tool", ["terraform", "aws"])
def test_a_tool_that_is_missing(operator: Operator, tool: str) -> None:
    (operator.bin / tool).unlink()
    if shutil.which(tool, path="/usr/bin:/bin"):
        pytest.skip(f"{tool} is installed where every tool is")
    assert operator.refused("up", "prod").startswith(f"{tool} is not installed here: ")


def test_a_terraform_that_cannot_lock_in_s3(operator: Operator) -> None:
    operator.has("terraform", TERRAFORM.replace("VERSION", "1.9.8"))
    assert operator.refused("up", "prod").startswith("Terraform 1.9.8 is too old: 1.11 or newer")


def test_no_credentials_or_those_of_another_account(operator: Operator) -> None:
    assert operator.refused("up", "prod", CALLER="").startswith(
        "AWS takes no credentials from here (Unable to locate credentials): set AWS_PROFILE"
    )
    assert operator.refused("up", "prod", CALLER="111111111111") == (
        "The AWS credentials here are of account 111111111111, and prod is in 210987654321: set AWS_PROFILE."
    )


def test_a_certificate_that_is_not_issued_or_for_another_name(operator: Operator) -> None:
    assert "is PENDING_VALIDATION: make the record in DNS" in operator.refused(
        "up", "prod", CERTIFICATE="PENDING_VALIDATION"
    )
    (operator.live / "prod" / "terraform.tfvars").write_text(tfvars(hostname="other.example.org"))
    assert operator.refused("up", "prod").endswith("is for sleap.example.org, not for other.example.org.")


def test_an_image_that_was_not_pushed(operator: Operator) -> None:
    assert operator.refused("up", "prod", PUSHED="").endswith("was not pushed (ImageNotFoundException).")


def test_up_makes_what_was_agreed_to_and_says_what_to_put_where(operator: Operator) -> None:
    done = operator.deploys("up", "prod", says="yes\n")
    assert done.returncode == 0, done.stderr
    init, plan, apply = operator.terraform_called()
    assert init == (
        "live/prod init -input=false -reconfigure "
        "-backend-config=bucket=sleap-rtc-state-210987654321-us-west-2 -backend-config=region=us-west-2"
    )
    assert plan == "live/prod plan -input=false -out=/infra/terraform/live/prod/up.tfplan"
    assert apply == "live/prod apply -input=false /infra/terraform/live/prod/up.tfplan"
    assert '[production]\nbackend_api_url = "https://sleap.example.org"' in done.stdout
    assert "operator: arn:aws:iam::210987654321:role/operator" in done.stdout
    assert "check it now: sleap-rtc doctor --environment prod" in done.stdout


def test_the_check_is_run_where_the_product_is_installed(operator: Operator) -> None:
    operator.has("sleap-rtc", '#!/bin/sh\necho "doctor: $* at $SLEAP_RTC_BACKEND_API_URL"\nexit 3\n')
    done = operator.deploys("up", "prod", "--yes")
    assert "doctor: doctor --environment prod at https://sleap.example.org" in done.stdout
    assert done.returncode == 1
    assert "The environment is there, but not every check went well" in done.stderr


def test_nothing_is_made_that_was_not_agreed_to(operator: Operator) -> None:
    done = operator.deploys("up", "prod", says="no\n")
    assert (done.returncode, done.stderr) == (1, "infra/deploy.py: Nothing was changed.\n")
    assert not [call for call in operator.terraform_called() if " apply" in call]


def test_the_bucket_of_the_state_is_made_first_where_there_is_none(operator: Operator) -> None:
    operator.deploys("plan", "prod", "--yes", STATE="")
    assert operator.terraform_called()[:2] == [
        "bootstrap init -input=false",
        "bootstrap apply -input=false -var=account_id=210987654321 -var=region=us-west-2 -auto-approve",
    ]


def test_down_keeps_what_people_keep(operator: Operator) -> None:
    done = operator.deploys("down", "prod", says="yes\n")
    assert done.returncode == 0, done.stderr
    assert "Kept are s3://the-uploads and s3://the-rooms" in done.stdout
    destroy = operator.terraform_called()[-1]
    assert "-target=module.environment.module.service" in destroy
    assert "module.storage" not in destroy
    assert "throwaway" not in destroy
    assert not [call for call in operator.called() if "delete-queue" in call]


def test_down_takes_data_away_on_purpose_alone(operator: Operator) -> None:
    assert operator.deploys("down", "prod", "--delete-data", says="yes\n").stderr == (
        "infra/deploy.py: Nothing was changed.\n"
    )
    done = operator.deploys("down", "prod", "--delete-data", says="sleap-rtc-prod\n")
    assert done.returncode == 0, done.stderr
    assert operator.terraform_called()[-1] == (
        "live/prod destroy -input=false -auto-approve -var=protected=false -var=throwaway=true"
    )
    assert operator.called()[-1].endswith(
        "delete-queue --region us-west-2 --queue-url https://sqs/1/sleap-rtc-prod-jobs-a1b2c3d4"
    )


def test_down_of_what_is_not_there(operator: Operator) -> None:
    (operator.folder / "outputs").write_text("{}")
    assert (
        operator.refused("down", "prod")
        == "There is no prod environment in account 210987654321: `up` makes it."
    )


@pytest.mark.skipif(
    not OFFLINE.is_file(), reason="needs ../shared/tools/terraform-offline, a provider without AWS"
)
def test_a_plan_of_production_goes_through(operator: Operator) -> None:
    (operator.live / "prod" / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    # A state beside it takes no bucket.
    operator.has(
        "terraform",
        f"""#!/bin/bash
for each; do [[ $each == -backend-config=* ]] || kept+=("$each"); done
PATH={os.environ["PATH"]} exec {OFFLINE} "${{kept[@]}}"
""",
    )
    done = operator.deploys(
        "plan", "prod", PATH=f"{operator.bin}:{os.environ['PATH']}", HOME=WITH_CACHE["HOME"]
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "module.environment.module.service.aws_ecs_service" in done.stdout
    assert " 0 to change, 0 to destroy" in done.stdout
