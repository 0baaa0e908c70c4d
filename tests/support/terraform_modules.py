"""Every module of a folder, as one environment would have it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from support.hcl import Module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Modules = dict[str, Module]
ACCOUNT = "123456789012"
KEY_ARN = f"arn:aws:kms:us-west-2:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
ROLES = f"arn:aws:iam::{ACCOUNT}:role"
INPUTS = {
    "name": "sleap-rtc-test",
    "account_id": ACCOUNT,
    "region": "us-west-2",
    "uploads_bucket": "lab-uploads",
    "rooms_bucket": "lab-rooms",
    "logs_bucket": "lab-logs",
    "buckets": ["lab-uploads", "lab-rooms"],
    "cors_origins": ["https://app.example.org"],
    "trusted_role_arns": [f"{ROLES}/sleap-rtc-test-service"],
    "upload_events_queue": "lab-upload-events",
    "model_events_queue": "lab-model-events",
    "room_events_topic": "lab-room-events",
    "job_queue_prefix": "lab-jobs",
    "oidc_provider_arn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.example.org",
    "oidc_issuer": "oidc.example.org",
    "oidc_subjects": ["system:serviceaccount:runai:worker"],
    "scaler_oidc_subjects": ["system:serviceaccount:keda:keda-operator"],
    "operator_principal_arns": [f"{ROLES}/admin"],
    "desktop_worker_principal_arns": [f"{ROLES}/lab"],
    "ecr_repository": "sleap-rtc",
}
"""An environment that uses all that the modules can do; an input that a module does not know is not used."""


def modules_below(folder: Path, **inputs: Any) -> Modules:
    """Return every module below a folder."""
    folders = sorted({path.parent for path in folder.glob("*/*.tf")})
    return {each.name: Module(each, {**INPUTS, **inputs}) for each in folders}


def resources(modules: Modules, type_: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the resources of a type of all modules, with their addresses."""
    for module in modules.values():
        for (of, name), found in module.resources(type_).items():
            yield f"{of}.{name}", found


def statements(modules: Modules) -> Iterator[dict[str, Any]]:
    """Yield every statement of every policy, whoever it is attached to."""
    seen = set()
    for module in modules.values():
        for text in texts([*module.resources().values(), *module.locals.values()]):
            if text.startswith("{") and '"Statement"' in text and text not in seen:
                seen.add(text)
                yield from json.loads(text)["Statement"]


def texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for one in value:
                yield from texts(one)
        case dict():
            yield from texts(list(value.values()))
