"""Ansible's unmodified modules of the collection `openstack.cloud`, applied by playbooks, and what they offer.

Promises a rehearsal: a vipool of its own, on which the playbooks beside this file were applied, again, with other
values, and undone; then the one of the how-to page. It takes longer than any test may, mostly waiting: begin it, do
something else, ask for what came of it. Needs what `tools/ansible` makes.
"""

import ast
import contextlib
import dataclasses
import json
import os
import re
import subprocess
from pathlib import Path

import yaml

from tests import certificates, house
from tests import live as lives
from tests.compat import passes, terminal

PLACE = house.ROOT / ".venv" / "ansible"
MISSING = "Ansible is not installed: run tools/ansible, as `make compat` and `make test` do"
INSTALLED = (PLACE / ".vipool-stamp").exists()
PLAYBOOKS = Path(__file__).with_name("playbooks")
PAGE = house.ROOT / "docs/howto/openstack-clients.md"
FIRST = {"says": "first", "patience": 50000, "secret": True, "algorithm": "ROUND_ROBIN", "weight": 1}
OTHER = {"says": "second", "patience": 60000, "secret": False, "algorithm": "LEAST_CONNECTIONS", "weight": 2}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of one playbook."""

    tasks: tuple[dict, ...]  # as the playbook has them, with the defaults of their play
    changed: tuple[str, ...]  # the tasks that changed something, by name
    unchanged: tuple[str, ...]
    failed: tuple[str, ...]  # in words
    told: dict[str, dict]  # by the name that a task registers its answer under


class Ansible:
    """Somebody with a `clouds.yaml` of two clouds, the administrator's and the tenant's, and with Ansible."""

    def __init__(self, live):
        self._live = live
        self._clouds = live.home / "clouds.yaml"
        known = yaml.safe_load(live.clouds_file.read_text())
        who = {"username": "ann", "password": terminal.PASSWORD, "project_name": "shop"}
        admin = known["clouds"]["vipool"]
        known["clouds"]["shop"] = {**admin, "auth": {**admin["auth"], **who}}
        self._clouds.write_text(yaml.safe_dump(known))

    def console(self, cloud):
        """The `openstack` command for one of the clouds."""
        where = {"OS_CLIENT_CONFIG_FILE": str(self._clouds), "OS_CLOUD": cloud}
        return contextlib.closing(terminal.Console(passes.Passes("nobody"), where))

    def apply(self, playbook, *words, **variables):
        """Apply a playbook on this machine; return what became of it."""
        given = {"ansible_python_interpreter": str(PLACE / "bin" / "python"), **variables}
        place = ("--inventory", "localhost,", "--connection", "local", "--extra-vars", json.dumps(given))
        done = subprocess.run(
            (PLACE / "bin" / "ansible-playbook", *place, *words, PLAYBOOKS / playbook),
            env={**_environment(), "HOME": str(self._live.home), "OS_CLIENT_CONFIG_FILE": str(self._clouds)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.stdout.startswith("{"), done.stderr or done.stdout
        return _read(tasks((PLAYBOOKS / playbook).read_text()), json.loads(done.stdout))


def _environment():
    """The variables of Ansible that make it quick, quiet and readable."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "OS_"))}
    return {**own, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_PIPELINING": "1"}


def _read(written, said):
    """What became of these tasks, from what Ansible says in JSON."""
    done = [(task["task"]["name"], task["hosts"]["localhost"]) for play in said["plays"] for task in play["tasks"]]
    registered = {task["name"]: task["register"] for task in written if "register" in task}
    return Applied(
        tasks=written,
        changed=tuple(name for name, answer in done if answer["changed"]),
        unchanged=tuple(name for name, answer in done if not answer["changed"]),
        failed=tuple(f"{name}: {answer}" for name, answer in done if answer.get("failed")),
        told={registered[name]: answer for name, answer in done if name in registered},
    )


def rehearse():
    """Apply all playbooks to a vipool of their own; return what became of them, in this order."""
    live = lives.Live()
    try:
        ansible = Ansible(live.up())
        made = [ansible.apply("room.yml", password=terminal.PASSWORD) for _ in range(2)]
        given = _given(ansible, live.home)
        return [
            *made,
            ansible.apply("shop.yml", **given, **FIRST),
            ansible.apply("shop.yml", "--skip-tags", "once", **given, **FIRST),
            ansible.apply("shop.yml", "--tags", "balancing", **given, **OTHER),
            ansible.apply("gone.yml"),
            ansible.apply("gone.yml", "--skip-tags", "once"),
            ansible.apply(_page(live.home)),
        ]
    finally:
        live.end()


def _page(folder):
    """The playbook of the how-to page, in a file."""
    (playbook,) = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    file = folder / "page.yml"
    file.write_text(playbook)
    return file


def _given(ansible, folder):
    """What there is before the shop: a flavor, a floating address, certificates."""
    with ansible.console("vipool") as admin:
        data = '{"loadbalancer_topology": "SINGLE"}'
        words = ("--provider", "haproxy", "--flavor-data", data)
        admin.do("loadbalancer flavorprofile create", "--name", "small", *words)
        flavor = admin.get("loadbalancer flavor create", "--name", "small", "--flavorprofile", "small")
    root, references = certificates.authority("Root"), []
    with ansible.console("shop") as ann:
        floating = ann.get("floating ip create", "outside")["floating_ip_address"]
        for name in ("www", "shop", "other"):
            file = folder / name
            file.write_bytes(root.issue(f"{name}.example", f"{name}.example").archive(root))
            references.append(ann.get("secret store", "--name", name, "--file", str(file))["Secret href"])
    return {"flavor": flavor["name"], "floating": floating, "certificates": references}


# --- what there is to apply -------------------------------------------------------------------------------------------


def tasks(playbook):
    """The tasks of a playbook, each with the defaults of its play; a task without a name is called by its module."""
    return tuple(
        {"name": _module(task), **task, "defaults": play["module_defaults"]["group/openstack.cloud.openstack"]}
        for play in yaml.safe_load(playbook)
        for task in play["tasks"]
    )


def _module(task):
    """The whole name of the module of a task."""
    (name,) = (key for key in task if key.startswith("openstack.cloud."))
    return name


def documented(module):
    """The options of a module, but for those of the connection, as the module documents them."""
    folder = next(PLACE.glob("lib/*/site-packages/ansible_collections/openstack/cloud/plugins/modules"))
    for node in ast.parse((folder / f"{module}.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOCUMENTATION":
            return yaml.safe_load(ast.literal_eval(node.value))["options"]
    raise AssertionError(f"{module} documents nothing")


def offered():
    """Every module on load balancing, every option, every choice."""
    folder = next(PLACE.glob("lib/*/site-packages/ansible_collections/openstack/cloud/plugins/modules"))
    found = set()
    for module in (file.stem for pattern in ("loadbalancer*.py", "lb_*.py") for file in folder.glob(pattern)):
        found.add(module)
        for option, what in documented(module).items():
            found |= {f"{module} {option}", *(f"{module} {option} {each}" for each in what.get("choices", ()))}
    return found


def exercised(applied):
    """What of it a playbook exercised, by the tasks that were done and did not fail."""
    for task in applied.tasks:
        if task["name"] in applied.changed + applied.unchanged:
            module = _module(task)
            yield from _options(module.rpartition(".")[2], {**task["defaults"], **task[module]})


def _options(module, given):
    """A module, its options that are given, the choices that were made, be it by saying nothing."""
    yield module
    for option, what in documented(module).items():
        names = {option, *what.get("aliases", ())}
        if names & given.keys():
            yield f"{module} {option}"
        chosen = next((given[name] for name in names if name in given), what.get("default"))
        yield from (f"{module} {option} {each}" for each in what.get("choices", ()) if each == chosen)
