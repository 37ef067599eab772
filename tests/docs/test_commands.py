"""README and the pages of docs/: commands print what the page shows, Python runs, YAML is valid."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer
import yaml

from mlipsse.campaign.config.campaign import CampaignConfig
from mlipsse.cli import app
from mlipsse.resources import resource_dir
from tests.support.pages.blocks import Block, Page, read_page
from tests.support.pages.inputs import INPUTS
from tests.support.pages.running import inside, matches, run_command, run_python

ROOT = Path(__file__).parents[2]
PAGES = [read_page(path) for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]
LANGUAGES = {"console", "python", "yaml", "text", "lammps", "bibtex"}
"""Of fenced blocks: a command in any other would not be tried."""
HOME = "/home/you"
"""What the pages call the folder that they work in."""


def names(pages: list[Page]) -> list[object]:
    """The pages as parameters; those about a finished campaign go where it is run."""
    return [
        pytest.param(
            page,
            id=page.path.name,
            marks=[pytest.mark.xdist_group("campaign")] if "tiny" in page.inputs else [],
        )
        for page in pages
    ]


@pytest.mark.parametrize("page", names([p for p in PAGES if any(b.runs for b in p.blocks)]))
def test_commands_print_what_the_page_shows(
    page: Page, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    for name in page.inputs:
        if name == "tiny":
            shutil.copytree(request.getfixturevalue("finished_campaign"), tmp_path / name)
        else:
            INPUTS[name](tmp_path)
    shared: dict[str, object] = {}
    with inside(tmp_path):
        for block, after in zip(page.blocks, [*page.blocks[1:], None], strict=True):
            if block.language == "console" and block.runs:
                try_commands(page, block)
            elif block.language == "python" and block.runs:
                printed = run_python(block.body, shared)
                expected = after.body if after and after.language == "text" else ""
                assert_matches(page, block, expected, printed)


def try_commands(page: Page, block: Block) -> None:
    commands = list(block.commands())
    assert commands, f"{page.path.name}:{block.line} has no line with `$ `"
    for number, (command, expected) in enumerate(commands, start=1):
        code, printed = run_command(command)
        printed = printed.replace(str(Path.cwd()), HOME)
        assert code == (block.exit_code if number == len(commands) else 0), printed
        assert_matches(page, block, expected, printed)


def assert_matches(page: Page, block: Block, expected: str, printed: str) -> None:
    assert matches(expected, printed), (
        f"{page.path.name}:{block.line} shows\n\n{expected}\n\nprinted is\n\n{printed}"
    )


@pytest.mark.parametrize("page", names(PAGES))
def test_blocks_are_of_a_language_that_is_tried(page: Page) -> None:
    assert {block.language for block in page.blocks} <= LANGUAGES


@pytest.mark.parametrize(
    "page", names([p for p in PAGES if any(b.language == "yaml" for b in p.blocks)])
)
def test_config_that_a_page_shows_is_valid(page: Page) -> None:
    text = (resource_dir("examples") / "li3incl6" / "campaign.yaml").read_text(encoding="utf-8")
    for block in page.blocks:
        if block.language != "yaml" or not block.runs:
            continue
        content, shown = yaml.safe_load(text), yaml.safe_load(block.body)
        if "potential" in shown.get("export", {}):  # which is not trained
            content = {
                key: content[key] for key in content.keys() - {"sample", "label", "finetune"}
            }
        for key, value in shown.items():
            content[key] = {**content.get(key, {}), **value}
        CampaignConfig.model_validate(content)


def shown_commands(page: Page) -> list[str]:
    """Commands of mlipsse in blocks that do not run, and in the text."""
    inline = re.findall(r"`(mlipsse [^`]+)`", page.path.read_text(encoding="utf-8"))
    blocks = [
        command
        for block in page.blocks
        if block.language == "console" and not block.runs
        for command, _ in block.commands()
    ]
    return [text for text in (*inline, *blocks) if text.startswith("mlipsse ")]


def unknown_words(text: str) -> list[str]:
    """Commands and options of mlipsse in a line that do not exist."""
    command = typer.main.get_command(app)
    words = shlex.split(text.split(" | ")[0].split(" > ")[0])[1:]
    while words and hasattr(command, "commands"):
        if words[0] not in {*command.commands, "--help"}:
            return words[:1]
        command = command.commands.get(words.pop(0), command)
    options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    return [word for word in words if word.startswith("--") and word not in options]


@pytest.mark.parametrize("page", names([p for p in PAGES if shown_commands(p)]))
def test_commands_that_are_not_run_exist(page: Page) -> None:
    for text in shown_commands(page):
        assert unknown_words(text) == [], text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mlipsse status DIR --json", []),
        ("mlipsse transport --help", []),
        ("mlipsse statuss DIR", ["statuss"]),
        ("mlipsse transport msdd FILE", ["msdd"]),
        ("mlipsse md render DIR --outt decks", ["--outt"]),
    ],
)
def test_unknown_words_are_found(text: str, found: list[str]) -> None:
    assert unknown_words(text) == found


def test_a_page_that_shows_another_output_fails(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(
        "```console\n$ echo one; echo two\none\n...\n```\n"
        "```console exit=3\n$ exit 3\n```\n"
        "```console\n$ echo one\ntwo\n```\n"
        "```console\n$ exit 3\n```\n"
    )
    page = read_page(path)
    right, code, other, failed = page.blocks
    with inside(tmp_path):
        try_commands(page, right)
        try_commands(page, code)
        for block in (other, failed):
            with pytest.raises(AssertionError):
                try_commands(page, block)
