"""The first administrator's password, and the two files with which the `openstack` command finds this cloud.

Promises: files for their owner's eyes only; a password that exists is never replaced nor shown again. The server reads
the password when it makes the administrator.
"""

from __future__ import annotations

import json
import secrets
import shlex

from vipool import settings
from vipool.host import files

_PASSWORD_BYTES = 18


def ensure_password(chosen: settings.Settings) -> str | None:
    """Make the administrator's password if there is none yet and return it; return None if there was one."""
    if chosen.admin_password_file.exists():
        return None
    password = chosen.admin_password or secrets.token_urlsafe(_PASSWORD_BYTES)
    files.write(chosen.admin_password_file, password + "\n")
    return password


def write_clients(chosen: settings.Settings) -> None:
    """Write clouds.yaml and openrc for `chosen.listen`, whose port must be the real one; leave equal files alone."""
    password = chosen.admin_password_file.read_text(encoding="utf-8").removesuffix("\n")
    files.write_if_changed(chosen.clouds_file, clouds(chosen.listen.url, password))
    files.write_if_changed(chosen.openrc_file, openrc(chosen.listen.url, password))


def clouds(url: str, password: str) -> str:
    """Return a clouds.yaml (openstacksdk, "Configuring OpenStack SDK Applications") for the API at `url`."""
    # A JSON string is a YAML string, whatever is in it, as long as no surrogate pairs are written (YAML 1.2, 1.3).
    return f"""\
# Written by `vipool up`, and again whenever the address of the API changes: keep your own clouds in another file.
clouds:
  vipool:
    auth:
      auth_url: {json.dumps(url + "/identity/v3")}
      username: admin
      password: {json.dumps(password, ensure_ascii=False)}
      project_name: admin
      user_domain_id: default
      project_domain_id: default
    region_name: RegionOne
    identity_api_version: 3
"""


def openrc(url: str, password: str) -> str:
    """Return the same as a file for a shell to source."""
    variables = {
        "OS_AUTH_URL": url + "/identity/v3",
        "OS_USERNAME": "admin",
        "OS_PASSWORD": password,
        "OS_PROJECT_NAME": "admin",
        "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_DOMAIN_ID": "default",
        "OS_REGION_NAME": "RegionOne",
        "OS_IDENTITY_API_VERSION": "3",
        "OS_AUTH_TYPE": "password",
    }
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    return "# Written by `vipool up`, and again whenever the address of the API changes.\nunset OS_CLOUD\n" + "".join(
        lines
    )
