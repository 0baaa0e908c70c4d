"""Adapter: looks at what an environment on AWS needs before anything is made of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent / "terraform"
ENVIRONMENTS = {"dev": "development", "staging": "staging", "prod": "production"}
TOOLS = {"terraform": "https://developer.hashicorp.com/terraform/install", "aws": "pip install awscli"}
OLDEST_TERRAFORM = (1, 11)
EXAMPLE_ACCOUNT = "123456789012"
_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<name>[^:@]+)(?P<rest>.+)"
)


class Stop(Exception):
    """Why it does not go on, in one sentence."""


@dataclass(frozen=True)
class Place:
    """What an environment's `terraform.tfvars` says of where it is."""

    environment: str
    account_id: str
    region: str
    hostname: str
    certificate_arn: str
    image: str

    @property
    def root(self) -> Path:
        """Its Terraform."""
        return HERE / "live" / self.environment

    @property
    def state_bucket(self) -> str:
        """Where its state is kept (see bootstrap)."""
        return f"sleap-rtc-state-{self.account_id}-{self.region}"


def say(text: str) -> None:
    """Tell the operator."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def place_of(environment: str) -> Place:
    """Read where an environment is. Raises Stop."""
    if environment not in ENVIRONMENTS:
        raise Stop(f"{environment!r} is no environment: name dev, staging or prod.")
    file = HERE / "live" / environment / "terraform.tfvars"
    if not file.is_file():
        raise Stop(f"{file} is missing: copy terraform.tfvars.example there and put your own values in.")
    found = dict(re.findall(r'^\s*(\w+)\s*=\s*"([^"]*)"', file.read_text(encoding="utf-8"), re.MULTILINE))
    names = ("account_id", "region", "hostname", "certificate_arn", "image")
    missing = [name for name in names if not found.get(name)]
    if missing:
        raise Stop(f"{file} does not say {' and '.join(missing)}.")
    if found["account_id"] == EXAMPLE_ACCOUNT:
        raise Stop(f"{file} still has the account of the example, {EXAMPLE_ACCOUNT}: put your own values in.")
    return Place(environment, *(found[name] for name in names))


def check_tools() -> None:
    """Look for what does the work. Raises Stop."""
    for tool, source in TOOLS.items():
        if shutil.which(tool) is None:
            raise Stop(f"{tool} is not installed here: {source}")
    version = json.loads(asked("terraform", "version", "-json"))["terraform_version"]
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_TERRAFORM:
        oldest = ".".join(map(str, OLDEST_TERRAFORM))
        raise Stop(f"Terraform {version} is too old: {oldest} or newer locks the state in S3 by itself.")


def check_account(place: Place) -> None:
    """See that the credentials here are of the environment's account. Raises Stop."""
    try:
        caller = json.loads(asked("aws", "sts", "get-caller-identity", "--output", "json"))
    except subprocess.CalledProcessError as error:
        why = last_line(error.stderr)
        raise Stop(
            f"AWS takes no credentials from here ({why}): set AWS_PROFILE, or `aws sso login`."
        ) from None
    if caller["Account"] != place.account_id:
        raise Stop(
            f"The AWS credentials here are of account {caller['Account']}, and {place.environment} is in "
            f"{place.account_id}: set AWS_PROFILE."
        )
    say(f"account      {place.account_id}, as {caller['Arn']}")


def check_certificate(place: Place) -> None:
    """See that the certificate is there and issued. Raises Stop."""
    arn = place.certificate_arn
    command = ("acm", "describe-certificate", "--region", place.region, "--certificate-arn", arn)
    try:
        found = json.loads(asked("aws", *command, "--output", "json"))["Certificate"]
    except subprocess.CalledProcessError as error:
        raise Stop(f"ACM does not know the certificate {arn} ({last_line(error.stderr)}).") from None
    if found["Status"] != "ISSUED":
        raise Stop(f"The certificate {arn} is {found['Status']}: make the record in DNS that ACM asks for.")
    names = {found.get("DomainName", ""), *found.get("SubjectAlternativeNames", [])}
    if place.hostname not in names and f"*.{place.hostname.partition('.')[2]}" not in names:
        raise Stop(f"The certificate {arn} is for {', '.join(sorted(names))}, not for {place.hostname}.")
    say(f"certificate  issued for {place.hostname}")


def check_image(place: Place) -> None:
    """See that the image was pushed, where its registry is ECR. Raises Stop."""
    found = _ECR.fullmatch(place.image)
    if found is None:
        say(f"image        {place.image}; not looked for, since its registry is not ECR")
        return
    rest = found["rest"]
    wanted = f"imageDigest={rest[rest.index('@') + 1 :]}" if "@" in rest else f"imageTag={rest[1:]}"
    command = ("ecr", "describe-images", "--region", found["region"], "--registry-id", found["account"])
    try:
        asked("aws", *command, "--repository-name", found["name"], "--image-ids", wanted)
    except subprocess.CalledProcessError as error:
        raise Stop(f"The image {place.image} was not pushed ({last_line(error.stderr)}).") from None
    say(f"image        {place.image}")


def run(*command: str) -> None:
    """Run a tool for all to see. Raises Stop where it fails."""
    if subprocess.run(command, check=False).returncode:
        raise Stop(f"`{' '.join(command[:3])} ...` failed; its last lines say why. Run this again to go on.")


def asked(*command: str) -> str:
    """Return what a tool says. Raises CalledProcessError."""
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout


def last_line(text: str) -> str:
    """Return the last line of what a tool said of its failure."""
    return (text.strip().splitlines() or ["it does not say why"])[-1].rstrip(".")
