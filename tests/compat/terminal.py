"""The unmodified `openstack` command of one user, typed into one process (`console.py`)."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.compat import passes

DOMAIN = {"OS_USER_DOMAIN_ID": "default", "OS_PROJECT_DOMAIN_ID": "default"}
PASSWORD = "secret sauce"


class Console:
    """The `openstack` command of one user; `noted` is told what worked."""

    def __init__(self, noted, environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        self._noted, self._environment = noted, environment
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("console.py")],
            env={**clean, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._asks, self._answers = self._process.stdin, self._process.stdout

    def another(self):
        """A second console of the same user."""
        return Console(self._noted, self._environment)

    def _call(self, argv):
        self._asks.write(json.dumps(argv) + "\n")
        self._asks.flush()
        return json.loads(self._answers.readline())

    def do(self, command, *words):
        """Run a command that shall work; return what it printed."""
        done = self._call([*command.split(), *words])
        assert done["code"] == 0, f"openstack {command} {' '.join(words)}: {done['err']}{done['out']}"
        assert "Traceback" not in done["err"]
        self._noted.typed(command, words)
        return done["out"]

    def get(self, command, *words):
        """The same, with its answer as a value."""
        return json.loads(self.do(command, "-f", "json", *words))

    def refused(self, command, *words):
        """Run a command that vipool shall refuse; return the reason."""
        done = self._call([*command.split(), *words])
        assert done["code"] not in (0, 2), f"openstack {command} {' '.join(words)} was not refused: {done['out']}"
        assert "Traceback" not in done["err"]
        return done["err"]

    def works(self, command, *words):
        """Run a command; return whether it worked."""
        done = self._call([*command.split(), *words])
        assert "Traceback" not in done["err"]
        if done["code"] == 0:
            self._noted.typed(command, words)
        return done["code"] == 0

    def close(self):
        """End the process."""
        self._asks.close()
        self._answers.close()
        self._process.wait(10)


def administrator(live, noted=None):
    """The administrator's, by the clouds.yaml that `vipool up` wrote."""
    where = {"OS_CLIENT_CONFIG_FILE": str(live.clouds_file), "OS_CLOUD": "vipool"}
    return Console(noted or passes.Passes("nobody"), where)


@contextlib.contextmanager
def member(live, noted, name):
    """The console of somebody new, a member of a new project of the same name; both are gone at the end."""
    place = {"OS_AUTH_URL": f"{live.url}/identity/v3", "OS_IDENTITY_API_VERSION": "3"}
    who = {"OS_USERNAME": name, "OS_PASSWORD": PASSWORD, "OS_PROJECT_NAME": name}
    with contextlib.closing(administrator(live)) as admin:
        admin.do("project create", name)
        admin.do("user create", "--project", name, "--password", PASSWORD, name)
        admin.do("role add", "--project", name, "--user", name, "member")
        with contextlib.closing(Console(noted, {**place, **DOMAIN, **who})) as console:
            yield console
        admin.do("user delete", name)
        admin.do("project delete", name)
