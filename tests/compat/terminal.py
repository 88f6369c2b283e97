"""The unmodified `openstack` command, as different people type it."""

import contextlib
import json
import multiprocessing

from tests.compat import console, passes

DOMAIN = {"OS_USER_DOMAIN_ID": "default", "OS_PROJECT_DOMAIN_ID": "default"}
PASSWORD = "secret sauce"
FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["openstackclient.shell", console.__name__])


class Console:
    """The `openstack` command of one user, whom the variables name; `noted` is told what worked."""

    def __init__(self, noted, variables):
        self._noted, self._variables = noted, variables
        self._line, there = FORKING.Pipe()
        self._process = FORKING.Process(target=console.serve, args=(there, variables), daemon=True)
        self._process.start()
        there.close()

    def another(self):
        """A second console of the same user, for somebody who types at the same time."""
        return Console(self._noted, self._variables)

    def close(self):
        """End the process."""
        self._line.close()
        self._process.join(10)
        self._process.close()

    def _call(self, command, words):
        self._line.send([*command.split(), *words])
        done = self._line.recv()
        assert "Traceback" not in done["err"], done["err"]
        return done

    def do(self, command, *words):
        """Run a command that shall work; return what it printed."""
        done = self._call(command, words)
        assert done["code"] == 0, f"openstack {command} {' '.join(words)}: {done['err']}{done['out']}"
        self._noted.typed(command, words)
        return done["out"]

    def get(self, command, *words):
        """The same, with its answer as a value."""
        return json.loads(self.do(command, *words, "-f", "json"))

    def works(self, command, *words):
        """Run a command; return whether it worked."""
        done = self._call(command, words)
        if done["code"] == 0:
            self._noted.typed(command, words)
        return done["code"] == 0

    def refused(self, command, *words):
        """Run a command that vipool shall refuse; return the reason."""
        done = self._call(command, words)
        assert done["code"] not in (0, 2), f"openstack {command} {' '.join(words)} was not refused: {done['out']}"
        return done["err"]


def administrator(live, noted=None):
    """The administrator's, by the clouds.yaml that `vipool up` wrote."""
    where = {"OS_CLIENT_CONFIG_FILE": str(live.clouds_file), "OS_CLOUD": "vipool"}
    return Console(noted or passes.Passes("nobody"), where)


@contextlib.contextmanager
def quick(live, console, noted):
    """A console that shows a token of this one's user instead of a password, whose check takes as long as a command."""
    got = console.get("token issue")
    place = {"OS_AUTH_URL": f"{live.url}/identity/v3", "OS_IDENTITY_API_VERSION": "3"}
    who = {"OS_AUTH_TYPE": "v3token", "OS_TOKEN": got["id"], "OS_PROJECT_ID": got["project_id"]}
    with contextlib.closing(Console(noted, {**place, **who})) as made:
        yield made


@contextlib.contextmanager
def member(live, noted, name):
    """The console of somebody new, a member of a new project of the same name; both are gone at the end."""
    place = {"OS_AUTH_URL": f"{live.url}/identity/v3", "OS_IDENTITY_API_VERSION": "3"}
    who = {"OS_USERNAME": name, "OS_PASSWORD": PASSWORD, "OS_PROJECT_NAME": name}
    with contextlib.closing(administrator(live)) as admin:
        admin.do("project create", name)
        admin.do("user create", "--project", name, "--password", PASSWORD, name)
        admin.do("role add", "--project", name, "--user", name, "member")
        with contextlib.closing(Console(noted, {**place, **DOMAIN, **who})) as made:
            yield made
        admin.do("user delete", name)
        admin.do("project delete", name)
