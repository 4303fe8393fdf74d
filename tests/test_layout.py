"""The one-way order of the rooms: a file imports only rooms that stand above its own."""

import ast
import subprocess
import sys
from pathlib import Path

import keras_colorize

PACKAGE = Path(keras_colorize.__file__).parent
ROOMS = ("errors", "files", "config", "image", "media", "cartoon", "models", "data", "training",
         "evaluation", "export", "colorize", "serving", "cli")
"""In the order of the work; `docs/architecture.md` says what is in each."""


def files_of(room: str) -> list[Path]:
    return [PACKAGE / f"{room}.py"] if (PACKAGE / f"{room}.py").exists() else \
        sorted((PACKAGE / room).rglob("*.py"))


def name_of(path: Path) -> str:
    """A file's name as it is imported, such as `models.networks`."""
    inside = path.relative_to(PACKAGE).with_suffix("")
    return ".".join(part for part in inside.parts if part != "__init__")


MODULES = {name_of(path) for room in ROOMS for path in files_of(room)}


def imports_of(path: Path) -> set[str]:
    """The files of the package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("keras_colorize"):
            base = node.module.removeprefix("keras_colorize").removeprefix(".")
            found |= {full if full in MODULES else base for full in
                      (f"{base}.{alias.name}".removeprefix(".") for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("keras_colorize.") for alias in node.names
                      if alias.name.startswith("keras_colorize.")}
    return found - {""}


def test_every_file_stands_in_a_room():
    entries = {path.name.removesuffix(".py") for path in PACKAGE.iterdir()
               if path.name not in ("__init__.py", "__pycache__")}
    assert entries == set(ROOMS)


def test_a_file_imports_only_rooms_that_stand_above_its_own():
    for place, room in enumerate(ROOMS):
        for path in files_of(room):
            outside = {each.split(".")[0] for each in imports_of(path)} - {room}
            assert outside <= set(ROOMS[:place]), path


def test_no_two_files_have_one_name():
    names = [path.stem for room in ROOMS for path in files_of(room)
             if path.stem not in ("__init__", "__main__")]
    assert sorted(names) == sorted(set(names))


def test_no_files_import_each_other_in_a_circle():
    waiting = {name_of(path): imports_of(path) - {name_of(path)}
               for room in ROOMS for path in files_of(room)}
    while free := [name for name, needed in waiting.items() if not needed & waiting.keys()]:
        for name in free:
            del waiting[name]
    assert not waiting


def test_a_test_stands_in_the_room_of_what_it_tests():
    tests = Path(__file__).parent
    assert {path.parent.name for path in tests.glob("*/test_*.py")} <= set(ROOMS)


def test_colouring_needs_neither_training_nor_the_gan():
    code = "import sys, keras_colorize.colorize; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert "keras_colorize.export" in loaded.split()
    for name in ("training.train", "training.callbacks", "models", "models.steps"):
        assert f"keras_colorize.{name}" not in loaded.split()


def test_light_modules_import_no_tensorflow():
    code = ("import sys\n"
            "from keras_colorize import cli, config, errors, files, image, media\n"
            "from keras_colorize.data import augment, build_workers, sources, splits\n"
            "from keras_colorize.image import line_lock, page_kind, screentone\n"
            "print({'tensorflow', 'keras'} & set(sys.modules))")
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert loaded.stdout == "set()\n", loaded.stderr
