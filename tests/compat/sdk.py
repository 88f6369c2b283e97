"""The proxies of openstacksdk, with a note of each of their calls that worked."""

import contextlib

import openstack

SERVICES = ("identity", "network", "key_manager", "load_balancer")


class Noted:
    """A proxy of the SDK that notes which of its calls worked."""

    def __init__(self, proxy, name, noted):
        self._proxy, self._name, self._noted = proxy, name, noted

    def __getattr__(self, called):
        function = getattr(self._proxy, called)

        def call(*arguments, **options):
            answer = function(*arguments, **options)
            # Lists are generators: what they ask for is asked for when they are read.
            answer = list(answer) if hasattr(answer, "__next__") else answer
            self._noted.note(f"{self._name}.{called}")
            return answer

        return call


@contextlib.contextmanager
def connected(live, noted, **auth):
    """The services by name, for the administrator or whoever `auth` says."""
    who = {"username": "admin", "password": live.password, "project_name": "admin", **auth}
    if "application_credential_id" not in who:
        who |= {"user_domain_id": "default", "project_domain_id": "default"}
    auth = {name: value for name, value in who.items() if value is not None}
    auth["auth_url"] = f"{live.url}/identity/v3"
    kind = "v3applicationcredential" if "application_credential_id" in auth else "password"
    with openstack.connect(
        auth=auth, auth_type=kind, region_name="RegionOne", load_yaml_config=False, load_envvars=False
    ) as connection:
        yield {name: Noted(getattr(connection, name), name, noted) for name in SERVICES}
