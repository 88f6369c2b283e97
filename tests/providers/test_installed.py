"""Providers of other packages are found by their entry points, and a bad one is left out in words.

Each package here is a real one as pip leaves it: a directory of modules, and one of metadata beside it.
"""

import sys

import pytest

from vipool import wiring
from vipool.providers import fake, installed

OWN = frozenset(wiring.providers())
CAPABILITIES = "from vipool.providers import fake\n\n\nclass Capabilities(fake.Capabilities):\n    name = 'theirs'\n"
ENGINE = "from vipool.providers import fake\n\n\nclass Engine(fake.Engine):\n    pass\n"


@pytest.fixture
def site(tmp_path):
    """A directory of packages that Python looks into for the time of a test."""
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))
    for name in [each for each in sys.modules if each.startswith("bearer_")]:
        del sys.modules[name]


def install(site, package, name="theirs", capabilities=CAPABILITIES, engine=ENGINE):
    """Put a package there that offers a provider under a name."""
    modules = site / package
    modules.mkdir()
    for module, text in (("__init__", ""), ("capabilities", capabilities), ("engine", engine)):
        (modules / f"{module}.py").write_text(text)
    information = site / f"{package}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[{installed.GROUP}]\n{name} = {package}\n")


def test_a_package_offers_what_it_can_do_to_the_server_and_its_hand_to_the_node(site):
    install(site, "bearer_one")
    server, node = wiring.providers(), wiring.engines()
    assert server["theirs"].name == "theirs"
    assert isinstance(node["theirs"], fake.Engine)
    assert server.keys() == node.keys() == {*OWN, "theirs"}


def test_the_server_loads_no_engine_and_a_node_no_capabilities(site):
    install(site, "bearer_one", engine="raise AssertionError('loaded')")
    assert installed.capabilities(()).left_out == ()
    install(site, "bearer_two", "others", capabilities="raise AssertionError('loaded')")
    assert installed.engines(()).usable.keys() == {"others"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nowhere_to_be_found", "loading bearer_one.capabilities ended in ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", "ended in SystemExit: 3"),
        ("def", "ended in SyntaxError"),
        ("Capability = None", "ended in AttributeError"),
        ("class Capabilities:\n    def __init__(self, needs): ...", "ended in TypeError"),
        ("class Capabilities:\n    name = 'x'", "Capabilities has no description, flavors, refuse, zones"),
    ],
)
def test_one_that_cannot_be_loaded_is_left_out_and_the_others_are_there(site, caplog, text, said):
    install(site, "bearer_one", capabilities=text)
    install(site, "bearer_two", "good")
    assert wiring.providers().keys() == {*OWN, "good"}
    (sentence,) = caplog.messages
    assert sentence.startswith("provider 'theirs' of the package bearer_one is left out: ")
    assert said in sentence


def test_an_engine_that_lacks_something_is_left_out(site, caplog):
    install(site, "bearer_one", engine="class Engine:\n    rules = converge = remove = watch = print")
    assert "theirs" not in wiring.engines()
    assert "bearer_one.engine.Engine has no observe" in caplog.text


def test_nobody_takes_a_name_of_vipools_own(site, caplog):
    install(site, "bearer_one", "amphora")
    assert wiring.providers()["amphora"].name == "haproxy"
    assert "'amphora' of the package bearer_one is left out: the name is that of a provider of vipool's" in caplog.text


def test_of_two_of_one_name_neither_is_used(site):
    install(site, "bearer_one")
    install(site, "bearer_two")
    found = installed.capabilities(())
    assert found.usable == {}
    assert [each.split(" is left out: ")[1] for each in sorted(found.left_out)] == [
        "bearer_two has one of that name too; uninstall one of them",
        "bearer_one has one of that name too; uninstall one of them",
    ]


@pytest.mark.parametrize("name", ["Upper", "a/b", "ä", "x" * 65, "-a"])
def test_a_name_that_the_api_cannot_show_is_refused(site, name):
    install(site, "bearer_one", name)
    found = installed.capabilities(())
    assert found.usable == {}
    assert "a name is up to 64 lower case letters" in found.left_out[0]


def test_metadata_that_cannot_be_read_leaves_vipool_its_own(site, caplog):
    install(site, "bearer_one")
    (site / "bearer_one-1.0.dist-info" / "entry_points.txt").write_text(f"[{installed.GROUP}]\nnothing\n")
    assert wiring.providers().keys() == OWN
    assert "no provider of another package can be used" in caplog.text
