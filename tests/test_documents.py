"""Claims about the documents: their commands, links and settings are those of this version."""

import ast
import re
import shlex
from pathlib import Path

import pytest

from keras_colorize import cli, config

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md",
             ROOT / "tfrecords" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONFIGURATIONS = sorted((ROOT / "configs").rglob("*.toml"))


def name_of(path):
    return str(path.relative_to(ROOT))


def commands_in(path):
    """The arguments of every whole `bin/` command that a file shows on lines of its own."""
    lines = path.read_text().replace("\\\n", " ").splitlines()
    for line in lines:
        shown = re.match(r"(?:    |# Command: )(?:.*\s)?bin/(\S+)(.*)", line)
        if shown and "..." not in line:
            name, rest = shown[1], shlex.split(shown[2].split("#")[0].rstrip(" '"))
            yield rest if name == "keras-colorize" else [name.replace("_", "-"), *rest]


@pytest.mark.parametrize("path", DOCUMENTS + CONFIGURATIONS, ids=name_of)
def test_every_command_that_a_document_shows_can_be_typed(path):
    for arguments in commands_in(path):
        cli._parser().parse_args(arguments)


def test_the_first_document_and_every_configuration_show_commands():
    shown = {arguments[0] for arguments in commands_in(ROOT / "README.md")}
    assert {"learn", "build-tfrecords", "train", "evaluate", "export", "colorize", "inspect",
            "serve", "draw-episode", "draw-manga", "demo"} == shown
    for path in CONFIGURATIONS:
        name = str(path.relative_to(ROOT / "configs").with_suffix(""))
        assert [arguments[:2] for arguments in commands_in(path)] == [["train", name]]


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(path):
    prose = re.sub(r"^ {4}.*$|^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if not target.startswith("http"):
            file, _, heading = target.partition("#")
            there = path.parent / file if file else path
            assert there.exists(), target
            assert not heading or heading in headings_of(there), target


def headings_of(path):
    """The names by which links lead to the headings of a document, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_setting_of_the_training_document_is_one():
    settings = re.findall(r"`((?:model|augment|data|loss|optimizer|train)\.\w+)=([^`]+)`",
                          (ROOT / "docs" / "training.md").read_text())
    assert len(settings) > 15
    for key, value in settings:
        kind = "gan" if re.search("discriminator|adversarial|variation", key) else "convnet"
        given = "edge" if re.search("canny|line|variation", key) else "gray"
        needed = ["model.input=manga"] if "classes" in value else []
        needed += ["train.adversarial_from=1"] if key == "optimizer.adversarial_rate" else []
        config.load(f"{kind}_{given}", [*needed, f"{key}={value}"])


def test_a_newcomer_reads_at_most_150_lines_before_the_documents():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_every_stop_on_the_ways_through_the_rooms_is_a_function_of_that_file():
    ways = re.findall(r"^    [ ^] ([a-z_/]+):([\w.]+(?:, [\w.]+)*)",
                      (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE)
    assert len(ways) > 30
    for file, functions in ways:
        known = definitions_of(ROOT / "keras_colorize" / f"{file}.py")
        assert set(functions.split(", ")) <= known, (file, functions)


def definitions_of(path):
    """The names of a file's functions and classes, and of their methods as `Class.method`."""
    defined = ast.parse(path.read_text()).body
    classes = [each for each in defined if isinstance(each, ast.ClassDef)]
    return {each.name for each in defined if hasattr(each, "name")} | {
        f"{each.name}.{method.name}" for each in classes for method in each.body
        if hasattr(method, "name")}
