"""The reference page of the command line, from the commands as they are declared.

`page()` is the same text each time; `tools.reference` writes it and holds it to what is committed. The processes that
people do not start (`vipool.cli.resident`) are not in it.
"""

from collections.abc import Iterator
from typing import Any

import typer

from vipool.cli import line

HEAD = """# Command line

`-h` or `--help` after any command says the same. Exit codes, unless a command says otherwise: 0 for success, 1 for a
refusal (one sentence, on standard error), 2 for a command line that makes no sense, 130 after Ctrl-C.
"""


def page() -> str:
    """Every command with its arguments and options."""
    return "\n".join([HEAD, *section(typer.main.get_command(line.build([])), "vipool")])


def section(command: Any, name: str) -> Iterator[str]:
    """A command and the commands below it."""
    below = getattr(command, "commands", {})
    params = [each for each in command.params if not getattr(each, "hidden", False)]
    arguments = " ".join(each.metavar for each in params if each.param_type_name == "argument")
    if below:
        arguments = "COMMAND"
    yield f"## `{' '.join(filter(None, (name, arguments)))}`\n"
    yield f"{command.help}\n"
    if params:
        yield "| | |"
        yield "|---|---|"
        yield from (f"| `{spelled(each)}` | {said(each)} |" for each in params)
        yield ""
    for word, each in below.items():
        yield from section(each, f"{name} {word}")


def spelled(param: Any) -> str:
    """An argument, or an option with its other spelling and what it takes."""
    if param.param_type_name == "argument":
        return str(param.metavar)
    takes = "" if isinstance(param.default, bool) or param.secondary_opts else param.metavar or "N"
    return " ".join(filter(None, ("/".join((*param.opts, *param.secondary_opts)), takes))).replace("|", "\\|")


def said(param: Any) -> str:
    """What it means, with the default where there is one to know."""
    default = param.default
    known = param.show_default and default is not None and not isinstance(default, bool)
    sentence = str(param.help).replace("|", "\\|")
    return f"{sentence} [default: {default}]" if known else sentence
