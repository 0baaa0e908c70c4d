#!/usr/bin/env python3
"""Orchestration: one command from nothing to a working environment on AWS, and back.

    infra/deploy.py plan prod    say what `up` would make
    infra/deploy.py up prod      make it, or bring it up to date, and check it from outside
    infra/deploy.py down prod    take away what runs; what people keep in it stays, unless --delete-data

It asks Terraform and the AWS command line to do it, and looks at what they need before it does anything.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from preflight import (
    ENVIRONMENTS,
    HERE,
    Place,
    Stop,
    asked,
    check_account,
    check_certificate,
    check_image,
    check_tools,
    last_line,
    place_of,
    run,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

RUNS = ("workers", "alarms", "service", "eventing")


def prepare_state(place: Place, *, agreed: bool) -> None:
    """Make the bucket of the state, unless it is there. Raises Stop."""
    look = ("aws", "s3api", "head-bucket", "--bucket", place.state_bucket, "--region", place.region)
    if subprocess.run(look, capture_output=True, check=False).returncode == 0:
        say(f"state        s3://{place.state_bucket}")
        return
    say(f"state        s3://{place.state_bucket} is not there and is made first")
    root = HERE / "bootstrap"
    terraform(root, "init", "-input=false")
    values = (f"-var=account_id={place.account_id}", f"-var=region={place.region}")
    terraform(root, "apply", "-input=false", *values, *(["-auto-approve"] if agreed else []))


def plan(place: Place, *, agreed: bool) -> Path:
    """Say what has to be made, and keep the plan of it. Raises Stop."""
    prepare_state(place, agreed=agreed)
    bucket, region = f"bucket={place.state_bucket}", f"region={place.region}"
    terraform(place.root, "init", "-input=false", "-reconfigure", *backend(bucket, region))
    file = place.root / "up.tfplan"
    terraform(place.root, "plan", "-input=false", f"-out={file}")
    return file


def backend(*values: str) -> list[str]:
    """Return what tells Terraform where the state is."""
    return [f"-backend-config={value}" for value in values]


def up(place: Place, *, agreed: bool) -> None:
    """Make an environment, or bring it up to date, and check it. Raises Stop."""
    check_certificate(place)
    check_image(place)
    file = plan(place, agreed=agreed)
    if not agreed:
        confirm(f"Make this in account {place.account_id}?", "yes")
    try:
        terraform(place.root, "apply", "-input=false", str(file))
    finally:
        file.unlink(missing_ok=True)  # it may have secrets in it
    made = outputs(place)
    cluster = made["cluster"]
    say("\nWaiting until the service runs (a few minutes at first) ...")
    wait = ("ecs", "wait", "services-stable", "--cluster", cluster["name"], "--services", cluster["service"])
    run("aws", *wait, "--region", place.region)
    say(settings_of(place.environment, made))
    doctor(place, made)


def settings_of(environment: str, made: Mapping[str, Any]) -> str:
    """Return what belongs into the `sleap-rtc.toml` of clients, and of the operator."""

    def section(values: Mapping[str, str]) -> str:
        lines = (f'{name.removeprefix("SLEAP_RTC_").lower()} = "{value}"' for name, value in values.items())
        return "\n".join((f"[{ENVIRONMENTS[environment]}]", *lines))

    roles = "\n".join(f"  {name}: {arn}" for name, arn in made["roles"].items() if arn)
    return (
        f"\nFor sleap-rtc.toml of people and of desktops, who sign in with `sleap-rtc login`:\n\n"
        f"{section(made['client_settings'])}\n\nFor yours:\n\n{section(made['operator_settings'])}\n\n"
        f"Invite people in user pool {made['user_pool_id']}. Roles:\n{roles or '  none'}\n"
        f"Without hosted_zone_id, make a CNAME of the hostname to {made['load_balancer_dns_name']}.\n"
    )


def doctor(place: Place, made: Mapping[str, Any]) -> None:
    """Check the environment from outside, if the product is installed here. Raises Stop."""
    command = f"sleap-rtc doctor --environment {place.environment}"
    if shutil.which("sleap-rtc") is None:
        say(f"Where sleap-rtc is installed (pip install 'sleap-rtc[worker,live]'), check it now: {command}")
        return
    say(command)
    done = subprocess.run(command.split(), env={**os.environ, **made["operator_settings"]}, check=False)
    if done.returncode:
        raise Stop(
            "The environment is there, but not every check went well: the table says what to do now. With no "
            "token yet, invite yourself, sign in (`sleap-rtc login`), and check again."
        )


def down(place: Place, *, agreed: bool, delete_data: bool) -> None:
    """Take an environment away; what people keep in it only on purpose. Raises Stop."""
    bucket, region = f"bucket={place.state_bucket}", f"region={place.region}"
    terraform(place.root, "init", "-input=false", "-reconfigure", *backend(bucket, region))
    made = outputs(place)
    buckets = made["buckets"]
    if delete_data:
        say(
            f"Everything goes, also what people keep: s3://{buckets['uploads']}, s3://{buckets['rooms']} "
            f"with all models and jobs, and the accounts of user pool {made['user_pool_id']}."
        )
        word = made["name"]
    else:
        say(
            "What runs goes: service, balancer, network, queues, alarms. Kept are "
            f"s3://{buckets['uploads']} and s3://{buckets['rooms']}, the accounts of user pool "
            f"{made['user_pool_id']} and the roles, until `down` is told --delete-data; `up` brings the rest "
            "back."
        )
        word = "yes"
    if not agreed:
        confirm("Go on?", word)
    parts = [] if delete_data else [f"-target=module.environment.module.{part}" for part in RUNS]
    values = ["-var=protected=false", *(["-var=throwaway=true"] if delete_data else [])]
    # What refuses to be deleted has to be told first that it may be.
    first = [] if delete_data else ["-target=module.environment.module.service"]
    terraform(place.root, "apply", "-input=false", "-auto-approve", *values, *first)
    terraform(place.root, "destroy", "-input=false", "-auto-approve", *values, *parts)
    if delete_data:
        drop_job_queues(place, made["operator_settings"]["SLEAP_RTC_JOB_QUEUE_PREFIX"])
    say(f"{made['name']} is down. Its state stays in s3://{place.state_bucket}.")


def drop_job_queues(place: Place, prefix: str) -> None:
    """Remove the queues of rooms, which the service makes and Terraform does not know."""
    command = ("sqs", "list-queues", "--region", place.region, "--queue-name-prefix", f"{prefix}-")
    found = json.loads(asked("aws", *command, "--output", "json") or "{}")
    for url in found.get("QueueUrls", []):
        run("aws", "sqs", "delete-queue", "--region", place.region, "--queue-url", url)


def outputs(place: Place) -> dict[str, Any]:
    """Return what Terraform knows of the environment. Raises Stop."""
    try:
        found = json.loads(asked("terraform", f"-chdir={place.root}", "output", "-json"))
    except subprocess.CalledProcessError as error:
        raise Stop(f"Terraform does not say what there is ({last_line(error.stderr)}).") from None
    if "buckets" not in found:
        raise Stop(
            f"There is no {place.environment} environment in account {place.account_id}: `up` makes it."
        )
    return {name: output["value"] for name, output in found.items()}


def confirm(question: str, word: str) -> None:
    """Wait for a word. Raises Stop where it does not come."""
    sys.stdout.write(f"{question} Type {word}: ")
    sys.stdout.flush()
    if sys.stdin.readline().strip() != word:
        raise Stop("Nothing was changed.")


def terraform(root: Path, *arguments: str) -> None:
    """Let Terraform do something. Raises Stop where it fails; it has said why."""
    run("terraform", f"-chdir={root}", *arguments)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; return how it ended."""
    parser = argparse.ArgumentParser(
        prog="infra/deploy.py", description="An environment on AWS, up and down."
    )
    parser.add_argument("what", choices=("plan", "up", "down"))
    parser.add_argument("environment", metavar="dev|staging|prod")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--delete-data", action="store_true", help="down: also what people keep in it")
    given = parser.parse_args(arguments)
    try:
        place = place_of(given.environment)
        check_tools()
        check_account(place)
        if given.what == "plan":
            plan(place, agreed=given.yes).unlink(missing_ok=True)
        elif given.what == "up":
            up(place, agreed=given.yes)
        else:
            down(place, agreed=given.yes, delete_data=given.delete_data)
    except Stop as stop:
        sys.stderr.write(f"infra/deploy.py: {stop}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
