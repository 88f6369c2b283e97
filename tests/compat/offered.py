"""What the installed clients offer, asked of the clients themselves: the list of passes is held against it.

Promises the words of `passes.txt`: a command, each of its own options, each choice that an option leaves; each call of
a proxy of openstacksdk. Does not count the numbers an option chooses from, nor in which forms an answer is printed.
"""

import argparse
import functools
import importlib.metadata
import warnings

from openstack import proxy
from openstack.identity.v3 import _proxy as identity
from openstack.key_manager.v1 import _proxy as key_manager
from openstack.load_balancer.v2 import _proxy as load_balancer
from openstack.network.v2 import _proxy as network

from tests.compat import passes

COMMANDS = "openstack.load_balancer.v2"
PROXIES = {
    "identity": identity.Proxy,
    "key_manager": key_manager.Proxy,
    "load_balancer": load_balancer.Proxy,
    "network": network.Proxy,
}


@functools.cache
def _commands():
    """The options of each command of python-octaviaclient by their spellings, by command."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the client, about what it imports itself
        for point in importlib.metadata.entry_points(group=COMMANDS):
            parser = point.load()(None, None).get_parser(point.name)
            found[point.name.replace("_", " ")] = {
                spelling: action for action in _own(parser) for spelling in action.option_strings
            }
    return found


def _own(parser):
    """The options of a command itself. Those of its printing stand in groups; argparse tells of groups in private."""
    for group in parser._action_groups:
        if "formatter" not in (group.title or "").lower():
            yield from (each for each in group._group_actions if not isinstance(each, argparse._HelpAction))


def _choices(action):
    """What an option leaves to choose from, but for plain numbers: those are a range."""
    return [str(each) for each in action.choices or () if not isinstance(each, int)]


def octaviaclient():
    """Every command of `openstack loadbalancer`, every option, every choice."""
    found = set()
    for command, options in _commands().items():
        found.add(command)
        for action in options.values():
            option = f"{command} {action.option_strings[0]}"
            found |= {option, *(f"{option} {each}" for each in _choices(action))}
    return found


def typed(*line):
    """What of it a command line exercises."""
    known = _commands()
    command = next((name for end in range(len(line), 1, -1) if (name := " ".join(line[:end])) in known), None)
    if command is None:
        return
    yield command
    options, words = known[command], line[len(command.split()) :]
    for word, following in zip(words, (*words[1:], ""), strict=True):
        action = options.get(word)
        if action is not None:
            option = f"{command} {action.option_strings[0]}"
            yield option
            yield from (f"{option} {each}" for each in _choices(action) if each == following)


def sdk():
    """Every call of the proxies."""
    shared = set(dir(proxy.Proxy))
    return {
        f"{service}.{name}"
        for service, cls in PROXIES.items()
        for name in dir(cls)
        if not name.startswith("_") and name not in shared and callable(getattr(cls, name))
    }


class Walk(passes.Passes):
    """The passes of python-octaviaclient, option by option."""

    def typed(self, command, words):
        """This command line worked."""
        for each in typed(*command.split(), *words):
            self.note(each)
