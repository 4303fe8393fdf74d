"""The one-way order of the package: a file imports only what stands above it."""

import ast
import subprocess
import sys
from pathlib import Path

import keras_colorize

PACKAGE = Path(keras_colorize.__file__).parent
ORDER = ["errors", "files", "quiet", "config", "pixels", "line_lock", "augment", "screening",
         "shots", "routing", "leaks", "scribbles", "transfer", "metrics", "media", "episode",
         "figures", "sources", "finding", "staging", "executors", "splits", "records", "assembly",
         "builder", "devices", "processes", "memory", "dataset", "inspection", "models",
         "baselines", "event_log", "checkpoints", "run_directory", "run_summary", "keeping",
         "guards", "callbacks", "training", "evaluation", "study", "export", "colorizer", "serving",
         "demo", "flags", "colorize_command", "serve_command", "commands", "cli"]
MODELS = ["replicas", "normalization", "encoder", "upsampling", "chroma", "unet", "discriminator",
          "objectives", "raw_losses", "convnet", "gan", "jax_steps"]


def imports_of(path: Path) -> set[str]:
    """What a file imports from the package, such as `models.gan.GAN`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("keras_colorize"):
            base = node.module.removeprefix("keras_colorize").removeprefix(".")
            names = [alias.name for alias in node.names]
            found |= {f"{base}.{name}".removeprefix(".") for name in names
                      if not name.startswith("__")}
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
        inside = {each.split(".")[1] for each in imports_of(PACKAGE / "models" / f"{name}.py")
                  if each.startswith("models.")}
        assert inside <= set(MODELS[:place]), name


def test_colouring_needs_neither_training_nor_the_gan():
    code = "import sys, keras_colorize.colorize; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert "keras_colorize.export" in loaded.split()
    for name in ("training", "callbacks", "models", "models.gan"):
        assert f"keras_colorize.{name}" not in loaded.split()


def test_light_modules_import_no_tensorflow():
    names = ("augment", "cli", "config", "errors", "executors", "leaks", "line_lock", "media",
             "pixels", "routing", "sources", "splits", "staging")
    code = (f"import sys\nfrom keras_colorize import {', '.join(names)}\n"
            "print({'tensorflow', 'keras'} & set(sys.modules))")
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert loaded.stdout == "set()\n", loaded.stderr
