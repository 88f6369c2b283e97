"""The documentation holds together: every page can be reached, every link leads somewhere, decisions are whole.

It does not read the prose.
"""

import re
from pathlib import Path

from tests import house
from tools import reference
from vipool import settings

DECISIONS = house.ROOT / "docs/explanation/decisions"
ENTRANCES = [house.ROOT / name for name in ("README.md", "CONTRIBUTING.md")]


def pages() -> list[Path]:
    """Every Markdown page a reader may open."""
    return [*ENTRANCES, *sorted((house.ROOT / "docs").rglob("*.md")), *sorted((house.ROOT / "changes").glob("*.md"))]


def links(page: Path) -> list[tuple[str, Path]]:
    """The links of a page to other files, as written and as they resolve; code blocks do not count."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", prose) if not re.match(r"[a-z]+:|#", target)]
    return [(target, (page.parent / target.partition("#")[0]).resolve()) for target in targets]


def test_every_link_leads_somewhere():
    broken = [
        f"{page.relative_to(house.ROOT)}: {target}"
        for page in pages()
        for target, path in links(page)
        if not path.exists()
    ]
    assert not broken, broken


def test_every_module_on_the_way_of_a_request_is_there():
    guide = (house.ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`((?:[a-z]+/)+(?:[a-z_]+\.py)?)`", guide))
    assert "service/write.py" in named
    gone = sorted(name for name in named if not any((house.ROOT / top / name).exists() for top in ("", "vipool")))
    assert not gone, gone


def test_every_page_can_be_reached_from_the_readme():
    reached: set[Path] = set()
    waiting = [house.ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md" and page.is_file():
            reached.add(page)
            waiting += [path for _, path in links(page)]
    lost = [
        str(page.relative_to(house.ROOT))
        for page in pages()
        if page not in reached and house.ROOT / "docs" in page.parents
    ]
    assert not lost, f"link these from the index beside them: {lost}"


def test_a_decision_note_is_whole():
    for note in DECISIONS.glob("*.md"):
        text = note.read_text()
        assert re.match(rf"# {note.name[:4]} \S", text), f"{note.name}: the title begins with the number"
        missing = [part for part in ("Context", "Choice", "What would change our mind") if f"\n## {part}\n" not in text]
        assert not missing, f"{note.name} lacks {missing}"
        assert len(text.splitlines()) <= 60, f"{note.name}: one page"


def test_decisions_are_numbered_in_order():
    numbers = [note.name[:4] for note in sorted(DECISIONS.glob("*.md"))]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_the_reference_says_what_the_declarations_say():
    written = {
        str(path.relative_to(reference.HOME)): path.read_text()
        for path in reference.HOME.rglob("*.md")
        if path.name not in reference.BY_HAND
    }
    wanted = reference.pages()
    stale = sorted(name for name in written.keys() | wanted.keys() if written.get(name) != wanted.get(name))
    assert not stale, f"run make docs: {stale}"


def test_every_setting_is_in_the_reference():
    page = (reference.HOME / "configuration.md").read_text()
    module = (house.ROOT / "vipool/settings/__init__.py").read_text()
    environment = set(re.findall(r"VIPOOL_[A-Z_]*[A-Z]", module))
    keys = settings.KEYS
    assert environment
    assert not [name for name in environment | keys if f"`{name}`" not in page]


def test_every_path_of_the_state_directory_is_in_the_reference(tmp_path):
    page = (reference.HOME / "files.md").read_text()
    chosen = settings.Settings(state_dir=tmp_path, listen=settings.parse_address("127.0.0.1:0"), sandboxed=True)
    paths = [
        value.relative_to(tmp_path)
        for name, attribute in vars(settings.Settings).items()
        if isinstance(attribute, property) and isinstance(value := getattr(chosen, name), Path)
    ]
    assert len(paths) > 10
    assert not [str(path) for path in paths if f"`{path}" not in page]
