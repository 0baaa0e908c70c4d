"""Adapter: how this machine comes by AWS credentials, as boto3's own chain finds them.

The chain is botocore's, which boto3 only wraps; asked directly, a worker that has none never loads boto3. No
key leaves this module: what is told is the method.
"""

from __future__ import annotations

from sleap_rtc.storage.errors import Refused

# The methods of botocore.credentials.
_WORDS = {
    "env": "the keys in the environment (AWS_ACCESS_KEY_ID)",
    "assume-role": "the IAM role that the AWS profile names",
    "assume-role-with-web-identity": "an IAM role by web identity (AWS_ROLE_ARN)",
    "sso": "AWS single sign-on (IAM Identity Center)",
    "shared-credentials-file": "the AWS credentials file",
    "login": "the session of `aws login`",
    "custom-process": "the credential process that the AWS profile names",
    "config-file": "the AWS configuration file",
    "ec2-credentials-file": "the file that AWS_CREDENTIAL_FILE names",
    "boto-config": "the configuration file of boto",
    "container-role": "the IAM role of this container",
    "iam-role": "the IAM role of this machine (instance profile)",
}


def credentials_method() -> str | None:
    """Return the first method of the chain that has credentials, such as `iam-role`; None if none has.

    A role is not assumed before its credentials are used. Where nothing else has any, this asks the metadata
    service of EC2, which takes a second or two on a machine that is not there (AWS_EC2_METADATA_DISABLED).

    Raises:
        Refused: there are credentials, but half of them or from a profile that does not exist.
    """
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        found = Session().get_credentials()
    except BotoCoreError as error:
        raise Refused(where="This worker", why=f"its AWS credentials cannot be used ({error})") from error
    return str(found.method) if found else None


def in_words(method: str) -> str:
    """Return what a method of the chain means to whoever reads the log."""
    return _WORDS.get(method, f"AWS credentials of the kind {method}")


def way_of(method: str | None, service_url: str) -> str:
    """Return how this worker reaches its room, for its log."""
    if method is None:
        return f"no AWS credentials; jobs, datasets and models go through the service at {service_url}"
    return f"jobs, datasets and models with {in_words(method)}"
