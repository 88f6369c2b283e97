"""Packet rules of ours come and go as a whole; others' are never touched."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from tests.net import balanced
from tests.providers import trees
from vipool.host import errors, namespaces, nft
from vipool.host import wiring as host
from vipool.model import wiring
from vipool.providers.nftables import carried, render

NAME = "qlbaas-nft"
ONE = "table inet vipool_one {\n\tchain c {\n\t\ttype filter hook input priority 0; policy accept;\n\t}\n}\n"
MAP = "\tmap m {\n\t\ttype ipv4_addr : ipv4_addr\n\t\telements = { 10.0.0.1 : 10.0.0.2 }\n\t}\n"
TWO = "table ip vipool_two {\n" + MAP + "}\n"


@pytest.fixture(autouse=True)
def namespace(marks):
    host.perform([wiring.CreateNamespace(name=NAME)], marks=marks)
    yield NAME
    host.perform([wiring.DeleteNamespace(name=NAME)], marks=marks)


def nft_says(*command: str) -> str:
    """What nft(8) says inside: a second opinion."""
    done = subprocess.run(["ip", "netns", "exec", NAME, "nft", *command], check=True, capture_output=True, text=True)
    return done.stdout


def fingerprint() -> str:
    return namespaces.call(NAME, nft.fingerprint_here)


def chains(table: str) -> frozenset[str]:
    return namespaces.call(NAME, lambda: nft.chains_here(table))


def test_what_was_loaded_is_recognised():
    assert fingerprint() == ""
    nft.load(NAME, ONE + TWO)
    assert fingerprint() == wiring.fingerprint(ONE + TWO)
    assert nft.tables(NAME) == (("inet", "vipool_one"), ("ip", "vipool_two"))
    assert "policy accept" in nft_says("list", "table", "inet", "vipool_one")


def test_a_load_replaces_all_of_ours():
    nft.load(NAME, ONE)
    nft.load(NAME, TWO)
    assert nft.tables(NAME) == (("ip", "vipool_two"),)
    assert fingerprint() == wiring.fingerprint(TWO)


def test_loading_again_replaces_and_does_not_add():
    nft.load(NAME, TWO)
    nft.load(NAME, TWO)
    assert nft_says("list", "tables").count("table") == 2


def test_an_empty_text_takes_all_of_ours_away():
    nft.load(NAME, ONE)
    nft.load(NAME, "")
    nft.load(NAME, "")
    assert nft_says("list", "ruleset") == ""
    assert fingerprint() == ""


def test_tables_of_others_survive():
    nft_says("add", "table", "ip", "theirs")
    nft.load(NAME, ONE)
    nft.load(NAME, "")
    assert nft_says("list", "tables").strip() == "table ip theirs"


def test_a_refused_text_leaves_what_was_loaded():
    nft.load(NAME, ONE)
    with pytest.raises(errors.Failed, match=f"loading packet rules in the namespace {NAME}: .*[Ee]rror"):
        nft.load(NAME, "table inet vipool_two {\n chain c { type filter hook nowhere priority 0; }\n}\n")
    assert fingerprint() == wiring.fingerprint(ONE)


@pytest.mark.parametrize(
    "text",
    [
        "flush ruleset",
        "table inet theirs {\n}\n",
        "delete table inet theirs",
        ONE + "flush ruleset\n",
        ONE + "; flush ruleset\n",
        "table inet vipool_x {\n}; table inet theirs {\n}\n",
        'table inet vipool_x {\n chain c { ip saddr 10.0.0.1 accept comment "}" }\n}\nflush ruleset\n',
        "table inet vipool_x {\n # }\n}\nadd table ip theirs\n",
        "add rule inet vipool_x c accept",
        'include "/etc/passwd"\n',
        "table inet vipool_sha256_0 {\n}\n",
        "table inet vipool_x\nflush ruleset\n",
        'table inet vipool_x {\n chain c { accept comment "\n}\n"; }\n}\nflush ruleset\n',
    ],
)
def test_a_text_that_reaches_beyond_our_tables_is_refused_before_the_kernel_sees_it(text):
    nft_says("add", "table", "inet", "theirs")
    before = nft_says("list", "ruleset")
    for act in (lambda: nft.load(NAME, text), lambda: nft.check(text, reference=NAME)):
        with pytest.raises(errors.Failed, match="only table blocks whose name begins with vipool may be loaded"):
            act()
    assert nft_says("list", "ruleset") == before


def test_comments_and_one_line_blocks_are_understood():
    text = "# rules {\ntable inet vipool_a { chain c { }; } # end\n\n;table ip6 vipool_b {\n}\nadd table vipool_c { }\n"
    nft.load(NAME, text)
    assert nft.tables(NAME) == (("inet", "vipool_a"), ("ip6", "vipool_b"), ("ip", "vipool_c"))


def test_steps_change_what_is_loaded_in_place():
    nft.load(NAME, TWO)
    later = TWO.replace("10.0.0.2", "10.0.0.3")
    steps = (
        "delete element ip vipool_two m { 10.0.0.1 }\n"
        "add element ip vipool_two m { 10.0.0.1 : 10.0.0.3 }\n"
    )  # fmt: skip
    handle = nft_says("--handle", "list", "tables")
    nft.load(NAME, later, steps=steps)
    assert fingerprint() == wiring.fingerprint(later)
    assert "10.0.0.1 : 10.0.0.3" in nft_says("list", "table", "ip", "vipool_two")
    kept = [line for line in handle.splitlines() if "vipool_two" in line]
    assert kept[0] in nft_says("--handle", "list", "tables"), "the table was replaced"


MEMORY = "\tmap clients {\n\t\ttype ipv4_addr : mark\n\t\tsize 64\n\t\tflags dynamic,timeout\n\t}\n"
SEEN = "\tset seen {\n\t\ttype mark\n\t\tsize 64\n\t\tflags dynamic\n\t\tcounter\n\t}\n"


def remembering(chain: str, *memory: str) -> str:
    """A table with dynamic sets, a map that leads to a chain, and a base chain."""
    rest = (
        f"\tmap ways {{\n\t\ttype inet_service : verdict\n\t\telements = {{ 53 : jump {chain} }}\n\t}}\n"
        f"\tchain {chain} {{\n\t\tmeta mark != {{ 0x1, 0x2 }} accept\n\t}}\n"
        "\tchain input {\n\t\ttype filter hook input priority 0; policy accept;\n\t\tudp dport vmap @ways\n\t}\n"
    )
    return f"table inet vipool_mem {{\n{''.join(memory)}{rest}}}\n"


def remember() -> None:
    nft_says("add", "element", "inet", "vipool_mem", "clients", "{ 10.0.0.1 timeout 300s : 0x1 }")
    nft_says("add", "element", "inet", "vipool_mem", "seen", "{ 0x7 counter packets 5 bytes 500 }")


def test_what_packets_put_into_dynamic_sets_stays_and_nothing_else_does():
    nft.load(NAME, ONE + remembering("one", MEMORY, SEEN))
    remember()
    nft.load(NAME, TWO + remembering("two", MEMORY, SEEN))
    shown = nft_says("list", "table", "inet", "vipool_mem")
    assert "10.0.0.1 timeout 5m" in shown
    assert "0x00000007 counter packets 5 bytes 500" in shown
    assert chains("vipool_mem") == {"two", "input"}
    assert "jump one" not in shown
    assert nft.tables(NAME) == (("inet", "vipool_mem"), ("ip", "vipool_two"))
    assert fingerprint() == wiring.fingerprint(TWO + remembering("two", MEMORY, SEEN))


def test_a_dynamic_set_that_is_no_longer_declared_goes():
    nft.load(NAME, remembering("one", MEMORY, SEEN))
    remember()
    nft.load(NAME, remembering("one", SEEN))
    shown = nft_says("list", "table", "inet", "vipool_mem")
    assert "clients" not in shown
    assert "0x00000007" in shown


def test_a_dynamic_set_that_is_declared_otherwise_begins_afresh():
    nft.load(NAME, remembering("one", MEMORY))
    nft_says("add", "element", "inet", "vipool_mem", "clients", "{ 10.0.0.1 timeout 300s : 0x1 }")
    other = remembering("one", MEMORY.replace("ipv4_addr", "ipv6_addr"))
    nft.load(NAME, other)
    assert "10.0.0.1" not in nft_says("list", "table", "inet", "vipool_mem")
    assert fingerprint() == wiring.fingerprint(other)


def test_a_table_with_dynamic_sets_goes_when_it_is_not_wanted():
    nft.load(NAME, remembering("one", MEMORY))
    nft.load(NAME, "")
    assert nft_says("list", "ruleset") == ""
    assert chains("vipool_mem") == frozenset()


def test_an_element_is_found_where_it_is_and_nowhere_else():
    nft.load(NAME, remembering("one", MEMORY, SEEN))
    remember()

    def holds(name: str, key: bytes, table: str = "vipool_mem") -> bool:
        return key in namespaces.call(NAME, lambda: nft.keys_here(table, name))

    assert holds("clients", bytes([10, 0, 0, 1]))
    assert not holds("clients", bytes([10, 0, 0, 2]))
    assert not holds("nothing", bytes([10, 0, 0, 1]))
    assert not holds("clients", bytes([10, 0, 0, 1]), table="vipool_none")


def test_a_refused_text_leaves_what_was_remembered():
    nft.load(NAME, remembering("one", MEMORY, SEEN))
    remember()
    with pytest.raises(errors.Failed, match="loading packet rules"):
        nft.load(NAME, remembering("nowhere", MEMORY, SEEN).replace("hook input", "hook nothing"))
    assert "10.0.0.1 timeout 5m" in nft_says("list", "table", "inet", "vipool_mem")


@pytest.mark.parametrize(
    "steps",
    [
        "flush ruleset",
        "flush table ip theirs",
        "add element ip vipool_two m { 10.0.0.9 : 10.0.0.9 }; delete table ip theirs",
        "add element ip vipool_two m {\n 10.0.0.9 : 10.0.0.9 }\ndelete table ip theirs",
        "add rule ip theirs c accept",
        f"delete table inet vipool_sha256_{wiring.fingerprint(TWO)}_1",
    ],
)
def test_steps_that_reach_beyond_our_tables_are_refused(steps):
    nft_says("add", "table", "ip", "theirs")
    nft.load(NAME, TWO)
    before = nft_says("list", "ruleset")
    with pytest.raises(errors.Failed, match="only commands on tables whose name begins with vipool may be performed"):
        nft.load(NAME, ONE, steps=steps)
    assert nft_says("list", "ruleset") == before


def test_refused_steps_change_nothing():
    nft.load(NAME, TWO)
    with pytest.raises(errors.Failed, match="loading packet rules"):
        nft.load(NAME, ONE, steps="delete element ip vipool_two m { 10.9.9.9 }\n")
    assert fingerprint() == wiring.fingerprint(TWO)


@pytest.mark.parametrize(
    "damage",
    [
        ("delete", "table", "inet", "vipool_one"),
        ("add", "table", "inet", "vipool_more"),
    ],
    ids=["a table is gone", "a table was added"],
)
def test_tables_of_ours_that_came_or_went_are_noticed(damage):
    nft.load(NAME, ONE + TWO)
    nft_says(*damage)
    assert fingerprint() != wiring.fingerprint(ONE + TWO)
    nft.load(NAME, ONE + TWO)
    assert nft.tables(NAME) == (("inet", "vipool_one"), ("ip", "vipool_two"))


def test_a_check_loads_nothing():
    nft.check(ONE, reference=NAME)
    nft.check(ONE)
    assert nft_says("list", "ruleset") == ""
    with pytest.raises(errors.Failed, match=f"checking packet rules in {NAME}: .*rror"):
        nft.check("table inet vipool_a {\n chain c { nonsense }\n}\n", reference=NAME)


def test_listings_are_read_and_nothing_else_is():
    nft.load(NAME, TWO)
    assert "10.0.0.1 : 10.0.0.2" in nft.read(NAME, "list map ip vipool_two m")
    both = nft.read(NAME, "list map ip vipool_two m", "list tables")
    assert "10.0.0.1 : 10.0.0.2" in both
    assert "table ip vipool_two" in both
    assert "vipool_two" in nft.show(NAME)
    for command in ("flush ruleset", "list tables\nflush ruleset", "list tables; flush ruleset"):
        with pytest.raises(ValueError, match="is not a listing"):
            nft.read(NAME, command)


def test_many_threads_load_into_many_namespaces(marks):
    names = [f"qlbaas-{place}" for place in range(8)]
    host.perform([wiring.CreateNamespace(name=name) for name in names], marks=marks)
    threads = [threading.Thread(target=nft.load, args=(name, ONE.replace("one", name[-1]))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [nft.tables(name) for name in names] == [(("inet", f"vipool_{name[-1]}"),) for name in names]
    host.perform([wiring.DeleteNamespace(name=name) for name in names], marks=marks)


UNPRIVILEGED = """
import sys
from vipool.host import errors, nft
try:
    nft.load_here(sys.stdin.read())
except errors.Failed as error:
    sys.exit(str(error))
"""


def loaded_without_privileges(text: str) -> str:
    """What stands against loading it in a namespace of a user who is root nowhere else; nothing where it is loaded."""
    words = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", UNPRIVILEGED]
    return subprocess.run(words, input=text, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("members", [12, 20, 64])
def test_a_pool_that_is_hashed_into_is_loaded_without_privileges_too(members):
    picture = [{"address": f"10.0.0.{each}"} for each in range(1, members + 1)]
    wanted = balanced.picture(
        [{"id": trees.identifier(2, 1), "protocol": "TCP", "protocol_port": 80}],
        "TCP",
        tuple(picture),
        lb_algorithm="SOURCE_IP",
    )
    assert loaded_without_privileges(render.render(wanted, part=carried.WHOLE)) == ""


def test_what_is_too_long_to_be_loaded_without_privileges_is_refused_with_the_way_out():
    slots = ", ".join(f"{each} : {each}" for each in range(8192))
    rule = f"\t\tmeta mark set numgen inc mod 8192 map {{ {slots} }}\n"
    said = loaded_without_privileges(f"table inet vipool_long {{\n\tchain c {{\n{rule}\t}}\n}}\n")
    assert "Message too long" in said
    assert "net.core.wmem_default" in said
