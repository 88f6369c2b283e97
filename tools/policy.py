"""The reference page of who may do what in the load-balancer API, from the table of actions and the sets of rules."""

from vipool.core.policy import actions, sets

HEAD = """# Who may do what

Each route of the load-balancer API belongs to an action, and each action has a rule. The rules that they refer to come
in five sets, Octavia's own; `vipool.toml` chooses one:

    [policy]
    set = "advanced-rbac"

A `policy.yaml` beside it, or another file that `policy.file` names, replaces single rules, those of actions or those
they refer to, in the language of oslo.policy:

    "os_load-balancer_api:loadbalancer:post": "role:creator and project_id:%(project_id)s"

What cannot be read, does not exist or leads back to itself is refused at the start, in words.

## The actions

| action | rule |
|---|---|
"""


def page() -> str:
    """The text of the page."""
    rows = [f"| `{name}` | `{rule}` |" for name, rule in actions.ACTIONS.items()]
    parts = [HEAD + "\n".join(rows)]
    for chosen in sets.Name:
        inner = "\n".join(f"| `{name}` | `{rule}` |" for name, rule in sets.SETS[chosen].items())
        parts.append(f"## The set `{chosen}`\n\n| rule | is met by |\n|---|---|\n{inner}")
    return "\n\n".join(parts) + "\n"
