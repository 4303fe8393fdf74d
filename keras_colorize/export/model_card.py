"""The card of an exported model: what it learned from, how good it is, how to call it."""

import csv
from pathlib import Path
from typing import NotRequired, TypedDict

from keras_colorize.errors import UsageError, one_line
from keras_colorize.files import read_json
from keras_colorize.training import checkpoints, run_directory

LEVELS = 127.5  # of 0..255 in one of [-1, 1], in which training measures
MOST_SOURCES = 20  # that the card names
CONTENT = {"gray": "gray pictures", "edge": "edge pictures, white lines on black"}

CALLS = {
    "saved_model": """\
    import tensorflow as tf
    model = tf.saved_model.load("{name}")
    page = open("page.png", "rb").read()
    colored = model.signatures["serving_default"](image_bytes=[page])["colored_bytes"][0].numpy()
    open("colored.png", "wb").write(colored)

Needs TensorFlow 2.20 or newer, or TensorFlow Serving 2.20 or newer, and none of the code that made
it. Signatures:

| name | in | out |
|---|---|---|
| `serving_default` | `image_bytes`: PNG, JPEG or WebP files, string [batch], of any sizes | \
`colored_bytes`: PNG files |
{page}| `pixels` | `pixels`: uint8 [batch, height, width, 1 or 3] | `pixels`: uint8 \
[batch, height, width, 3] |
| `network` | `pixels`: uint8 [batch, height, width, 1] | `pixels`: the network's own picture |

{lock}
A PNG of 16 bits a channel is answered with one, and transparency is kept. An animation, another
format or a damaged file fails the request, with a line that says why.
""",
    "onnx": """\
    import onnxruntime
    session = onnxruntime.InferenceSession("{name}/network.onnx")
    colored, = session.run(None, {{"pixels": gray}})  # uint8 [batch, h, w, 1] to [batch, h, w, 3]

{taken}
""",
    "litert": """\
    from ai_edge_litert.interpreter import Interpreter
    interpreter = Interpreter("{name}/network.tflite")
    colored = interpreter.get_signature_runner("network")(pixels=gray)["colored_pixels"]

`gray` is uint8 [batch, h, w, 1], `colored_pixels` [batch, h, w, 3].
{taken}
"""}
PAGE = """\
| `page` | the same | the same, the picture seen by the network no larger than the {size} that it \
learned, which gives large pages better colours |
"""
LOCK = {"gray": "All but `network` keep the luminance that they are given (line lock).",
        "edge": "No luminance is kept, for lines have none to give."}

LIMITS = """\
- It knows the colours of the series that it learned. Of others it makes something up.
- Pictures are taken as they are stored: TensorFlow cannot read EXIF, so turn photographs upright
  first. Colour profiles and resolution are not carried over. `keras-colorize colorize` does both.
- It colours whatever it is given. Leaving colour pages alone, smoothing the dots of screentone,
  finding the lines of a page for an edge model, comics and films are the work of
  `keras-colorize colorize`, which takes this folder as its model.
- Known failures of the method: hair and clothes that swap colours, large plain surfaces, captions,
  frames that are nearly black.
"""
LICENCE = """\
The code that made it is under the Apache License 2.0. The weights were learned from pictures, whose
owners this card does not know: whether model and coloured pictures may be passed on is for the
licence of those pictures to say.
"""


def text(run_dir: Path, card: dict, name: str, parameters: int) -> str:
    """Writes the card in Markdown.

    Args:
        card: what `keras_colorize.json` says.
        name: of the exported folder.
        parameters: how many the generator has.
    """
    config = run_directory.read_config(run_dir)
    dataset = card["dataset"]
    kind = {"gan": "generator of a GAN", "convnet": "ConvNet"}[config.model.kind]
    size = "x".join(map(str, dataset["size"])) if dataset.get("size") else "unknown size"
    page = PAGE.format(size=size) if "page" in card["signatures"] else ""
    fixed = card["fixed_size"]
    taken = f"One picture at a time, of {fixed[0]}x{fixed[1]} (height, width)." if fixed else \
        "Any batch, height and width."
    taken += " It is the network's own picture:\nwhat `colorize` and the SavedModel do around it " \
             "(line lock, scale) is not in it."
    call = CALLS[card["format"]].format(name=name, page=page, lock=LOCK[card["input"]], taken=taken)
    versions = run_directory.describe(run_dir).get("versions", {})
    return "\n".join([
        f"# {card['run']}: colours for {CONTENT[card['input']]}\n",
        f"The {kind} of keras_colorize (*Colorization Using ConvNet and GAN*, Fu, Hsu, Yang), a "
        f"U-Net of {parameters:,} parameters.\n",
        f"- Learned from: pictures of {size} (height, width), dataset `{dataset.get('digest')}`",
        *_data(dataset),
        f"- Training: begun {card['started']}, {_history(run_dir)}",
        f"- Averaged weights (EMA): {config.optimizer.ema or 'no'}; normalisation: "
        f"{config.model.normalization}, in inference",
        f"- Made with: {', '.join(f'{name} {version}' for name, version in versions.items())}",
        f"- SHA-256 of `generator.keras`: `{card['generator_sha256']}`\n",
        "## How good it is\n", _figures(card["metrics"]),
        "## How to call it\n", call, "## What it does not do\n", LIMITS,
        "## Licence\n", LICENCE])


class _Report(TypedDict):
    """The parts of `metrics.json` that the card needs."""

    split: str
    generators: dict[str, str]
    rows: list[dict]
    screentone: NotRequired[bool]
    trained_elsewhere: NotRequired[list[str]]


def measured(report_dir: Path, digest: str) -> list[dict]:
    """Reads the rows of a report on a generator, and on the baselines of its input.

    Raises:
        UsageError: it is no report, or on other generators.
    """
    report = read_json(report_dir / "metrics.json", _Report, UsageError,
                       "give --report a folder that evaluate wrote")
    runs = [run for run, sha256 in report["generators"].items() if sha256 == digest]
    if not runs:
        raise UsageError(report_dir, "is not on this generator, as it is now",
                         "evaluate the run again, or leave --report out")
    elsewhere = not set(runs).isdisjoint(report.get("trained_elsewhere", ()))
    made_of = {"split": report["split"], "screentone": report.get("screentone", False),
               "elsewhere": elsewhere}
    inputs = {row["input"] for row in report["rows"] if row["run"] in runs}
    return [{**made_of, **row} for row in report["rows"]
            if row["run"] in runs or (row["run"] is None and row["input"] in inputs)]


def _data(dataset: dict) -> list[str]:
    """Lists what the dataset was made of, as far as the run has noted it."""
    lines = []
    if names := dataset.get("sources"):
        more = f" and {len(names) - MOST_SOURCES} more" if len(names) > MOST_SOURCES else ""
        named = ", ".join(f"`{one_line(name)}`" for name in names[:MOST_SOURCES])
        lines.append(f"- Sources: {named}{more}")
    if counts := dataset.get("counts"):
        split = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        rule = dataset.get("split_by") or "an unknown rule"
        lines.append(f"- Pictures: {split}; split by {rule}")
    return lines


def _history(run_dir: Path) -> str:
    """Says how long it was trained, and its error on pictures that it had not seen."""
    try:
        run = run_directory.of(run_dir)
        with open(run / "history.csv", newline="", encoding="utf-8") as file:
            epochs = list(csv.DictReader(file))
        last = epochs[-1 if run == run_dir else checkpoints.best(run)["epoch"] - 1]
        error = LEVELS * float(last["validation/epoch/l1"])
    except (OSError, ValueError, IndexError, KeyError, TypeError):
        return "of which no history is left"  # killed before it was written, say
    return f"{last['epoch']} epochs; L1 on the validation split {error:.2f} of 255 levels"


def _figures(rows: list[dict]) -> str:
    if not rows:
        return "Measured in training alone; `export --report` puts the table of a report here.\n"
    from keras_colorize.evaluation import tables  # colouring needs the rest of this package alone

    split, pictures = rows[0]["split"], max(row["pictures"] for row in rows)
    of = f"the {split} split of another dataset" if rows[0]["elsewhere"] else f"its {split} split"
    printed = ", redrawn as printed manga" if rows[0]["screentone"] else ""
    return (f"On {pictures} pictures of {of}{printed}, beside what any model must beat:\n\n"
            f"{tables.markdown(rows)}")
