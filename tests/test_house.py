"""The house rules that a machine can check: sizes, names, fakes, what a clone may contain.

Each failure names the place and the budget. The reasons are in CONTRIBUTING.md; the layers are held by import-linter.
"""

import ast
import graphlib
import re
import statistics
import subprocess
import sys
import tomllib

from tests import house

MODULE_LINES = 500
MODULE_LINES_MEDIAN = 150
FUNCTION_LINES = 80
FUNCTION_LINES_OFTEN = 30
PARAMETERS = 5
MOCKS_PER_TEST = 0.1

VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
VALUES = ("vipool/model/", "vipool/core/")
# What a kind of attribute has (vipool.model.types.Kind).
KIND = {"parse", "schema", "storage"}
KINDS = "added|changed|fixed|removed|security"


def listed(found: list[str]) -> str:
    """Findings as a message, one on each line."""
    return "\n  ".join(["", *found])


def test_no_module_is_too_long():
    found = [f"{m.name}: {m.lines} lines, at most {MODULE_LINES}" for m in house.everything() if m.lines > MODULE_LINES]
    assert not found, listed(found)


def test_half_of_the_modules_are_short():
    median = statistics.median(module.lines for module in house.product())
    assert median <= MODULE_LINES_MEDIAN, f"the median module has {median} lines, at most {MODULE_LINES_MEDIAN}"


def test_no_function_is_too_long():
    found = [
        f"{module.at(function)}: {function.name} has {house.length(function)} lines, at most {FUNCTION_LINES}"
        for module in house.everything()
        for function, _ in module.functions()
        if house.length(function) > FUNCTION_LINES
    ]
    assert not found, listed(found)


def test_nine_of_ten_functions_are_short():
    lengths = {
        f"{module.at(function)}: {function.name} has {house.length(function)} lines": house.length(function)
        for module in house.product()
        for function, _ in module.functions()
    }
    longer = sorted(
        (name for name, lines in lengths.items() if lines > FUNCTION_LINES_OFTEN), key=lambda n: -lengths[n]
    )
    assert len(longer) * 10 <= len(lengths), (
        f"{len(longer)} of {len(lengths)} functions exceed {FUNCTION_LINES_OFTEN} lines:" + listed(longer)
    )


def parameters(function: house.Function, method: bool) -> int:
    """How many parameters a caller may give: keyword-only ones count, `self` and `cls` do not."""
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    static = any(house.dotted(decorator) == "staticmethod" for decorator in function.decorator_list)
    return len(given) - (1 if method and given and not static else 0)


def test_no_function_asks_for_too_much():
    found = [
        f"{module.at(function)}: {function.name} has {parameters(function, method)} parameters, at most {PARAMETERS}"
        for module in house.product()
        for function, method in module.functions()
        if parameters(function, method) > PARAMETERS
    ]
    assert not found, listed(found)


def test_fakes_are_written_not_mocked():
    tests = sum(
        1
        for module in house.modules("tests")
        for function, _ in module.functions()
        if function.name.startswith("test_")
    )
    mocks = [
        module.at(call)
        for module in house.modules("tests")
        for call, name in module.calls()
        if re.search(r"(^|\.)(mock|mocker|patch|Mock|MagicMock|AsyncMock)(\.|$)|^monkeypatch\.setattr$", name)
    ]
    assert len(mocks) <= MOCKS_PER_TEST * tests, f"{len(mocks)} mock calls in {tests} tests:" + listed(mocks)


def test_every_module_says_what_it_is():
    found = [f"{m.name}: no docstring" for m in house.everything() if m.text.strip() and not ast.get_docstring(m.tree)]
    assert not found, listed(found)


def test_no_module_has_a_vague_name():
    found = [m.name for m in house.everything() if VAGUE & {*m.path.relative_to(house.ROOT).with_suffix("").parts}]
    assert not found, "say what it is for:" + listed(found)


def decorations(node: ast.ClassDef) -> dict[str, set[str]]:
    """The decorators of a class: their last names, with the keywords that are True."""
    found: dict[str, set[str]] = {}
    for decorator in node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        name = house.dotted(call.func if call else decorator).rpartition(".")[2]
        true = (
            (k.arg for k in call.keywords if isinstance(k.value, ast.Constant) and k.value.value is True)
            if call
            else ()
        )
        found[name] = {arg for arg in true if arg}
    return found


def due(node: ast.ClassDef) -> set[str]:
    """What a value's decorator must say. Kinds are a notation inside declarations, as in String(255): no keywords."""
    functions = {child.name for child in node.body if isinstance(child, house.Function)}
    fields = {house.dotted(child.target) for child in node.body if isinstance(child, ast.AnnAssign)}
    return {"frozen", "slots"} if functions | fields >= KIND else {"frozen", "slots", "kw_only"}


def test_values_are_frozen():
    found = [
        f"{module.at(node)}: {node.name} wants @dataclass({', '.join(f'{each}=True' for each in sorted(due(node)))})"
        for module in house.product()
        if module.name.startswith(VALUES)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and due(node) - decorations(node).get("dataclass", due(node))
    ]
    assert not found, listed(found)


def is_interface(node: ast.ClassDef) -> bool:
    """Whether the bodies of this class are meant to be empty."""
    return any(
        house.dotted(base.value if isinstance(base, ast.Subscript) else base).endswith("Protocol")
        for base in node.bases
    )


def is_empty(function: house.Function) -> bool:
    """Whether the body, docstring aside, does nothing or refuses to be written."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    match body:
        case [ast.Expr(value=ast.Constant(value=value))]:
            return value is ...
        case [ast.Raise(exc=ast.Call(func=ast.Name(id="NotImplementedError")) | ast.Name(id="NotImplementedError"))]:
            return True
        case [ast.Pass()]:  # a private one may be a callback that is asked for
            return not function.name.startswith("_") and ast.get_docstring(function) is None
        case _:
            return False


def test_nothing_is_a_stub():
    found = []
    for module in house.product():
        interfaces = [n for n in ast.walk(module.tree) if isinstance(n, ast.ClassDef) and is_interface(n)]
        promised = {id(child) for interface in interfaces for child in interface.body}
        found += [
            f"{module.at(function)}: {function.name} does nothing"
            for function, _ in module.functions()
            if id(function) not in promised
            and is_empty(function)
            and "overload" not in {house.dotted(d).rpartition(".")[2] for d in function.decorator_list}
        ]
    assert not found, listed(found)


def test_a_sleep_says_why_nothing_can_be_awaited():
    found = [
        f"{module.at(call)}: await the condition, or say on this line why there is none"
        for module in house.everything()
        if not module.name.startswith("benchmarks/")  # there, waiting is part of what is measured
        for call, name in module.calls()
        if name in {"time.sleep", "asyncio.sleep", "anyio.sleep"}
        and "#" not in module.text.splitlines()[call.lineno - 1]
    ]
    assert not found, listed(found)


def imported(module: house.Module, known: set[str]) -> set[str]:
    """The modules of `known` that this one imports while it is itself being imported, by dotted name."""
    later = {
        id(inner)
        for node in ast.walk(module.tree)
        if isinstance(node, house.Function | ast.If)
        and (isinstance(node, house.Function) or house.dotted(node.test) == "TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(module.tree):
        if id(node) in later:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else str(node.module) for name in whole}
    return found & known


def test_no_import_is_circular():
    # A circular import shows only to whoever imports the wrong module first.
    by_name = {house.importable(module): module for module in house.product()}
    graph = {name: imported(module, set(by_name)) for name, module in by_name.items()}
    graphlib.TopologicalSorter(graph).prepare()


def test_importing_a_module_does_nothing():
    names = [house.importable(module) for module in house.product() if "migrations" not in module.path.parts]
    script = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *names],
        cwd=house.ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert not run.stdout + run.stderr, f"importing prints: {run.stdout}{run.stderr}"


def test_no_file_names_a_machine_or_a_registry():
    # Written apart, so that this file does not find itself.
    hosts = ("pypi" + ".org", "python" + "hosted.org", "registry" + ".npmjs", "index" + "-url =")
    # A home stands at the start of a path: /proc/PID/root/ is none. Examples have people called a, me, you, user.
    words = [
        *map(re.escape, (*hosts, f"{house.ROOT}/", ".py" + "env/")),
        r"(?<![\w}*])/(root/|(home|Users)/(?!(a|me|you|user)\b))",
    ]
    telling = re.compile("|".join(words))
    found = []
    for path in house.published():
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(house.ROOT)}:{number}: {match[0]}"
            for number, line in enumerate(lines, 1)
            if (match := telling.search(line))
        ]
    assert not found, listed(found)


def pinned(lock: str) -> dict[str, list[str]]:
    """Each requirement of a lock, by name, with its lines."""
    blocks = re.split(r"\n(?=[a-z0-9])", (house.ROOT / "requirements" / lock).read_text().strip())
    return {re.split(r"[=\[ ]", block)[0]: block.splitlines() for block in blocks}


def test_the_locks_hold_every_dependency_with_a_hash():
    project = tomllib.loads((house.ROOT / "pyproject.toml").read_text())
    named = {re.split(r"[<>=\[]", requirement)[0] for requirement in project["project"]["dependencies"]}
    for lock in ("dev.txt", "runtime.txt"):
        requirements = pinned(lock)
        assert named <= requirements.keys(), f"{lock} lacks {named - requirements.keys()}: run make lock"
        bare = [
            name for name, lines in requirements.items() if "==" not in lines[0] or "--hash=sha256:" not in lines[1]
        ]
        assert not bare, f"{lock}: not pinned with a hash: {bare}"


def test_both_locks_agree():
    runtime, dev = pinned("runtime.txt"), pinned("dev.txt")
    assert {name: lines[0] for name, lines in runtime.items()} == {name: dev[name][0] for name in runtime}


def menu() -> dict[str, str]:
    """The targets that the bare `make` shows, with what is said of them."""
    text = (house.ROOT / "Makefile").read_text()
    return dict(re.findall(r"^([a-z-]+):[^#\n]*## (.+)$", text, flags=re.MULTILINE))


def test_the_menu_explains_every_target():
    text = (house.ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", text, flags=re.MULTILINE)
    targets = set(re.findall(r"^([a-z-]+):", text, flags=re.MULTILINE))
    assert phony
    assert set(phony[1].split()) == targets == set(menu())


def test_the_readme_sets_up_with_two_commands():
    section = (house.ROOT / "README.md").read_text().split("\n## Set up\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```\w*\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert commands == ["make demo", "make test"]


def test_continuous_integration_runs_the_command_of_the_readme():
    assert "\nmake test " in (house.ROOT / ".ci/run").read_text()


def test_a_fragment_of_the_change_log_says_its_kind():
    names = [path.name for path in (house.ROOT / "changes").iterdir() if path.name != "README.md"]
    assert names
    wrong = [name for name in names if not re.fullmatch(rf"[a-z0-9-]+\.({KINDS})\.md", name)]
    assert not wrong, f"changes/<slug>.<{KINDS}>.md:" + listed(wrong)
