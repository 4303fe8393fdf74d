"""The one-way order of the package: a file imports only what stands above it."""

import ast
from pathlib import Path

import keras_colorize

PACKAGE = Path(keras_colorize.__file__).parent
ORDER = ["errors", "files", "quiet", "config", "pixels", "media", "episode", "figures", "sources",
         "splits", "records", "builder", "dataset", "models", "metrics", "baselines", "event_log",
         "checkpoints", "run_directory", "callbacks", "training", "evaluation", "export",
         "colorizer", "demo", "cli"]
MODELS = ["encoder", "unet", "discriminator", "raw_losses", "convnet", "gan"]


def imports_of(path: Path) -> set[str]:
    """The modules of the package that a file imports, `models.gan` say."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("keras_colorize"):
            base = node.module.removeprefix("keras_colorize").removeprefix(".")
            names = [alias.name for alias in node.names]
            found |= {base} if base else {name for name in names if not name.startswith("__")}
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("keras_colorize.") for alias in node.names
                      if alias.name.startswith("keras_colorize.")}
    return found


def test_every_module_has_its_place_in_the_order():
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert modules | folders == set(ORDER)


def test_a_file_imports_only_what_stands_above_it():
    for place, name in enumerate(ORDER):
        files = [PACKAGE / f"{name}.py"] if (PACKAGE / f"{name}.py").exists() else \
            sorted((PACKAGE / name).glob("*.py"))
        for path in files:
            outside = {each.split(".")[0] for each in imports_of(path)} - {name}
            assert outside <= set(ORDER[:place]), path


def test_within_models_too():
    for place, name in enumerate(MODELS):
        inside = {each.removeprefix("models.") for each in
                  imports_of(PACKAGE / "models" / f"{name}.py") if each.startswith("models.")}
        assert inside <= set(MODELS[:place]), name


def test_colouring_needs_neither_training_nor_the_gan():
    for name in ("colorizer", "export"):
        assert not imports_of(PACKAGE / f"{name}.py") & {"training", "callbacks", "models",
                                                         "models.gan"}


def test_light_modules_import_no_tensorflow():
    for name in ("errors", "config", "pixels", "media", "sources", "splits", "cli"):
        tree = ast.parse((PACKAGE / f"{name}.py").read_text())
        top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {alias.name for node in top for alias in node.names}
        assert not names & {"tensorflow", "keras"}, name
