"""A trained model and gray pictures to coloured files."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_colorize import export, media, pixels, run_directory
from keras_colorize.errors import RunError, SettingsMismatch, SourceError, UsageError
from keras_colorize.files import check_apart, sha256_of, write_json
from keras_colorize.finding import walk

JOB = "colorize.json"


@dataclass(frozen=True)
class Model:
    """A generator ready to colour, from a SavedModel or a run directory."""

    name: str
    digest: str
    input: str
    zoom: str
    """How the edges that it learned were brought to their size, as in `pixels.edges`."""
    network: Callable[..., dict[str, tf.Tensor]]
    owner: object
    """What `network` belongs to: TensorFlow frees a model whose functions alone are kept."""

    @classmethod
    def load(cls, path: Path) -> "Model":
        """Loads a SavedModel that `export` wrote, or the generator of a run directory.

        Raises:
            RunError: it is neither, or it is damaged.
        """
        if (path / "saved_model.pb").is_file():
            try:
                card = json.loads((path / export.CARD).read_text(encoding="utf-8"))
                loaded = tf.saved_model.load(str(path))
                return cls(str(path), card["generator_sha256"], card["input"],
                           card["dataset"].get("zoom") or "spline",
                           loaded.signatures["network"], loaded)
            except (OSError, ValueError, KeyError, TypeError, AttributeError,
                    tf.errors.OpError) as error:
                raise RunError(path, "cannot be loaded as a SavedModel of ours",
                               "export it again") from error
        if not (path / run_directory.CONFIG).is_file():
            raise RunError(path, "is neither a SavedModel nor a run directory",
                           "export a run, or name one")
        config = run_directory.read_config(path)
        module = export.Colorizer(run_directory.load_generator(path))
        zoom = run_directory.describe(path).get("dataset", {}).get("zoom") or "spline"
        return cls(str(path), sha256_of(path / "generator.keras"), config.model.input, zoom,
                   module.network, module)

    def colorize(self, picture: np.ndarray) -> np.ndarray:
        """Colours one picture at its own size.

        Args:
            picture: uint8 [h, w, 3] RGB or [h, w] gray. A gray model sees its luminance, an edge
                model the white lines on black that are found in it.

        Returns:
            uint8 RGB [h, w, 3].
        """
        condition = pixels.gray(picture) if self.input == "gray" else \
            pixels.edges(picture, picture.shape[:2], self.zoom)
        batch = tf.constant(condition[np.newaxis, ..., np.newaxis])  # [1, h, w, 1]
        return self.network(pixels=batch)["pixels"][0].numpy()


@dataclass(frozen=True)
class Report:
    """What became of the pictures: which model coloured each, and why the failed ones did."""

    colored: dict[Path, str]
    found_done: int
    failed: list[str]


def colorize(model: Model, inputs: list[Path], out: Path, edge_model: Model | None = None,
             ) -> Report:
    """Colours pictures, and folders of them with their tree kept, into the folder `out`.

    A picture keeps its name and format. One that cannot be read is reported and the rest goes on;
    one that was coloured before by the same models is left alone.

    Args:
        edge_model: colours the pictures without gray tones (`pixels.is_line_art`) in place of
            `model`.

    Raises:
        SourceError: an input does not exist or holds no picture.
        SettingsMismatch: `out` was coloured by other models, or from other pictures.
        UsageError: `out` would overwrite an input, is no output of ours, or two inputs would be
            one file.
    """
    check_apart(out, inputs)
    jobs = _jobs(inputs, out)
    _claim(out, {"model": model.digest, "edge_model": edge_model and edge_model.digest}, jobs)
    left = {target: source for target, source in jobs.items() if not target.exists()}
    report = Report({}, len(jobs) - len(left), [])
    for target, source in tqdm(left.items(), unit="picture", delay=2):
        try:
            picture = media.read_picture(source)
            chosen = edge_model if edge_model and pixels.is_line_art(picture) else model
            media.write_picture(target, chosen.colorize(picture))
            report.colored[target] = chosen.name
        except SourceError as error:
            report.failed.append(str(error))
        except tf.errors.ResourceExhaustedError:
            report.failed.append(f"{source}: is too large for this machine's memory; scale it down")
    return report


def _claim(out: Path, models: dict, jobs: dict[Path, Path]) -> None:
    """Notes in `out` by what and from what it is coloured, or sees that it is as before."""
    note = out / JOB
    sources = {target.relative_to(out).as_posix(): str(source.resolve())
               for target, source in jobs.items()}
    if note.exists():
        try:
            before = json.loads(note.read_text(encoding="utf-8"))
            known = before["sources"]
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(note, "is damaged", "name another --out") from error
        if {**before, "sources": None} != {**models, "sources": None}:
            raise SettingsMismatch(out, "was coloured by another model", "name another --out")
        for name in sources.keys() & known.keys():
            if sources[name] != known[name]:
                raise SettingsMismatch(out / name, f"was coloured from {known[name]}",
                                       "name another --out")
        sources = known | sources
    elif out.exists() and any(out.iterdir()):
        raise UsageError(out, "exists and was not coloured by this command", "name another --out")
    write_json(note, {**models, "sources": sources})


def _jobs(inputs: list[Path], out: Path) -> dict[Path, Path]:
    """For each file to write the picture it is of, in order."""
    jobs: dict[Path, Path] = {}
    for place in inputs:
        for source, relative in _pictures(place):
            target = out / relative
            if jobs.setdefault(target, source) != source:
                raise UsageError(source, f"and {jobs[target]} are both to be {target}",
                                 "colour them one after the other into folders of their own")
            if target.resolve() == source.resolve():
                raise UsageError(out, f"would overwrite the input {source}", "name another --out")
    return jobs


def _pictures(place: Path) -> Iterator[tuple[Path, Path]]:
    if place.is_dir():
        found = [folder / name for folder, names in walk(place) for name in names
                 if media.is_picture(folder / name)]
        if not found:
            raise SourceError(place, "holds no picture", "give pictures, or folders of them")
        yield from ((path, path.relative_to(place)) for path in found)
    elif not place.is_file():
        raise SourceError(place, "does not exist", "give pictures, or folders of them")
    elif not media.is_picture(place):
        raise SourceError(place, "is no picture (by its suffix), or an animated one",
                          f"known are {' '.join(sorted(media.PICTURE_SUFFIXES))}")
    else:
        yield place, Path(place.name)
