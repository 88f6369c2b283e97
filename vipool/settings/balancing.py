"""What an operator chose about load balancers: the tables `octavia` and `policy` of vipool.toml, and a policy.yaml."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from vipool.core import policy
from vipool.core.policy import sets
from vipool.model import deployment, quota
from vipool.settings import tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which set of policy rules holds, and which file has the operator's own."""

    set: sets.Name = sets.Name.DEFAULT
    file: str = "policy.yaml"


NOT_NEGATIVE = ("history_days", "look_milliseconds")


def allowed(table: Mapping[str, object]) -> deployment.Deployment:
    """What the table ``octavia`` allows.  Raises tables.Unfit."""
    found = tables.value(deployment.Deployment, table, "octavia")
    kinds = {field for field in quota.Quota.__dataclass_fields__ if field not in {"id", "project_id"}}
    for kind, limit in found.quotas.items():
        if kind not in kinds:
            raise tables.Unfit(f"octavia.quotas.{kind} does not exist: {', '.join(sorted(kinds))} do.")
        if limit < deployment.UNLIMITED:
            raise tables.Unfit(f"octavia.quotas.{kind} is {limit}: -1 (no limit) or more is needed.")
    for name in NOT_NEGATIVE:
        if getattr(found, name) < 0:
            raise tables.Unfit(f"octavia.{name} is {getattr(found, name)}: 0 or more is needed.")
    for each in found.reserved_ips:
        _check_address(each)
    least = found.minimum_tls_version
    if least is not None and least not in deployment.TLS_VERSIONS:
        raise tables.Unfit(
            f"octavia.minimum_tls_version is {least!r}: one of {', '.join(deployment.TLS_VERSIONS)} is needed."
        )
    return found


def _check_address(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        raise tables.Unfit(f"octavia.reserved_ips has {text!r}: addresses are needed.") from error


def rules(table: Mapping[str, object], home: Path) -> policy.Policy:
    """The policy that the table ``policy`` chooses; its file is looked for beside vipool.toml.

    A policy.yaml that nobody named need not be there.  Raises tables.Unfit.
    """
    chosen = tables.value(Chosen, table, "policy")
    path = home / chosen.file
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        if "file" in table:
            raise tables.Unfit(f"policy.file is {chosen.file!r}: there is no {path}.") from error
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise tables.Unfit(f"{path} cannot be read: {error}.") from error
    try:
        return policy.make(chosen.set, _overrides(text, path))
    except policy.Misruled as error:
        raise tables.Unfit(f"{path}: {error}") from error


def _overrides(text: str, path: Path) -> Mapping[str, str]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise tables.Unfit(f"{path} is not valid YAML: {str(error).splitlines()[0]}.") from error
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(each, str) for pair in found.items() for each in pair):
        raise tables.Unfit(f"{path} must be a mapping of rule names to rules, both strings.")
    return found
