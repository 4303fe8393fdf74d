"""The command `colorize`: its flags, its defaults, and what it prints."""

import argparse
import difflib
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from keras_colorize import import_tensorflow
from keras_colorize.cli.arguments import above_0, named, place, whole
from keras_colorize.errors import ColorizeError, SourceError, UsageError, one_line, shell_line

FORMATS = ("png", "jpeg", "webp")
"""The formats that pages can be given."""


def declare(command: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    add = command.add_argument
    add("inputs", metavar="INPUT", nargs="+", type=Path,
        help="pictures, comics (CBZ, EPUB, PDF), videos, and folders of them; the first may be the "
             "MODEL")
    add("--model", type=named, metavar="MODEL",
        help="a SavedModel, or a run directory (the model that ships with this program, which "
             "knows no series)")
    add("--out", type=place,
        help="the folder for coloured files; for one picture, comic or video also a file "
             "(page_colored.png beside page.png, and so on)")
    add("--edge-model", type=named, metavar="MODEL",
        help="colours the pages that are pure line art, without gray tones; a model of manga input "
             "colours those with dots too (MODEL/printed, if it is there)")
    add("--lock", choices=("luminance", "ink", "none"),
        help="what every page keeps, in place of what suits its kind (printed pages get flat "
             "colour under their ink, others keep their luminance): its luminance, so that nothing "
             "is lost; its ink, laid over colours; or none of it")
    add("--no-line-lock", dest="lock", action="store_const", const="none",
        help="give the network's own picture, as --lock none does")
    add("--tones", choices=("keep", "smooth"),
        help="keep the dots of a printed page over its colours, or smooth them to the shade that "
             "they mean (keep)")
    add("--paper", choices=("keep", "white"),
        help="keep the tint of old paper as it is, or take it off (keep)")
    add("--treat-as", choices=("color", "gray", "screentone", "line_art"),
        help="treat all pages as this kind, instead of judging each")
    add("--scale", type=above_0(1), metavar="FACTOR",
        help="the factor by which the network sees pages smaller, above 0, up to 1 (as small as "
             "the pictures that it learned)")
    add("--hints", type=Path, metavar="FILE.png",
        help="a transparent picture with dots and strokes of colour, which fill what they lie "
             "on; or a folder of such pictures, with the names and folders of the pages")
    add("--keyframes", type=Path, metavar="FOLDER",
        help="a folder of frames of a film that you have coloured, whole or by strokes on a "
             "transparent layer, named by number from 0 or by time (000123.png, 62.5s.png, "
             "0-01-02.500.png); or a folder of such folders, with the names of the films; for a "
             "model that takes hints")
    add("--mood", metavar="N|PICTURE",
        help="the light of all pages, gray and printed: one of the series' own, from 1 to 8, or "
             "that of a coloured picture; for a model that takes hints, which come first")
    add("--reference", type=Path, metavar="PICTURE|FOLDER",
        help="coloured pages or frames of the series, which tell gray pages and films the colours "
             "of what is on them: a picture, a comic, a film, or a folder of them; for a model "
             "that takes hints, which come first; printed pages take its mood")
    add("--saturation", type=above_0(10), metavar="FACTOR",
        help="multiply the network's own chroma by this: 1 as it was learned, more for vivid "
             "colours (what training chose on its validation pictures)")
    add("--no-series", action="store_true",
        help="leave out MODEL/series.toml, whose settings count where no option names another")
    add("--format", choices=FORMATS,
        help="the format of all pages (each its own, or that of a picture's --out; a page of a PDF "
             "is JPEG if it is so there, else PNG)")
    add("--quality", type=whole(1, 100), metavar="N",
        help="the quality of JPEG and WebP with --format, 1 to 100")
    add("--layers", action="store_true",
        help="also write each page as OpenRaster (.ora), ink and colour apart")
    add("--codec", help="the codec of videos, as FFmpeg names it (H.264, or VP9 in .webm)")
    add("--crf", type=whole(0, 63), metavar="N",
        help="the quality of videos, 0 to 63: a smaller number gives a better and larger file")
    add("--scheduler", metavar="ADDRESS",
        help="let the workers of a Dask cluster colour pages and the frames of videos; they must "
             "see the same models, hints, references and mood picture under the same paths")


def run(options: argparse.Namespace) -> int:
    """Colours what the options name, and prints what became of it."""
    _check(options)
    import_tensorflow("tensorflow")
    from keras_colorize import colorize
    from keras_colorize.colorize import series
    from keras_colorize.config import SHIPPED_MODEL
    from keras_colorize.data.cluster import connect

    path, inputs = options.model, options.inputs
    if path is None and colorize.is_model(inputs[0]):
        path, *inputs = inputs
        if not inputs:
            raise UsageError(path, "is a model, and nothing to colour is named",
                             "name pictures, comics, videos or folders after it")
    for each in inputs:
        if colorize.is_model(each):
            raise UsageError(each, "is a model, and stands among what is to be coloured",
                             "name one model, before all else or by --model")
    said = {name: getattr(options, name) for name in (
        "lock", "tones", "paper", "treat_as", "scale", "hints", "keyframes", "mood",
        "saturation", "format", "quality", "layers", "codec", "crf",
        ) if getattr(options, name) is not None}
    if options.reference is not None:
        said["reference"] = (options.reference,)
    jobs = [(inputs, options.out)] if options.out else [
        ([each], colorize.beside(each, colorize.Settings(**said).suffix)) for each in inputs]
    if len(jobs) > 1 and options.hints is not None and options.hints.is_file():
        raise UsageError(options.hints, f"is the hints of one page, and there are {len(jobs)} "
                         "inputs", "give a folder of hints, named as the pages")
    if len(jobs) > 1 and options.keyframes is not None:
        raise UsageError(options.keyframes, f"holds keyframes, and there are {len(jobs)} inputs "
                         "without --out", "name --out, a folder for all of them")
    unused = colorize.unused_hints(options.hints, jobs, colorize.Settings(**said).suffix)
    with nullcontext() if options.scheduler is None else connect(options.scheduler) as cluster:
        models = colorize.Models.load(path or SHIPPED_MODEL, options.edge_model,
                                      with_series=not options.no_series)

        def color(some: list[Path], out: Path) -> "colorize.Report":
            settings = models.settings(said) if options.no_series else \
                colorize.settings_for(models, said, out)
            if settings.of_series:
                print(f"{out}: " + ", ".join(
                    f"{name} {getattr(settings, name)}" for name in settings.of_series)
                    + f", of {series.FILE}" + ("" if settings == models.settings(said) else
                                               " as it was when this began"))
            return colorize.colorize(models, some, out, settings, cluster)

        failed = _color(jobs, color)
    if unused:
        print(f"{options.hints}: not used, since no page is named so: "
              + ", ".join(map(one_line, unused)))
    if path is None and not failed:
        print("this model knows no series; one of yours learns its colours from your episodes:\n  "
              + shell_line("keras-colorize", "learn", "EPISODES", "--out", "MODEL"))
    return 1 if failed else 0


def _color(jobs: list[tuple[list[Path], Path]], colorize: Callable) -> bool:
    """Colours jobs, and prints what became of each; returns whether any failed.

    Of several jobs, one that fails does not stop the others; it raises what the only one raises.
    """
    failed = False
    for some, out in jobs:
        try:
            report = colorize(some, out)
        except ColorizeError as error:
            if len(jobs) == 1:
                raise
            print(f"error: {error}", file=sys.stderr)
            failed = True
            continue
        for reason in report.failed:
            print(f"error: {reason}", file=sys.stderr)
        for line in report.lines(out):
            print(line)
        failed |= bool(report.failed)
    return failed


def _check(options: argparse.Namespace) -> None:
    """Raises UsageError for options that cannot be, before TensorFlow is imported.

    What is not named is taken from what is: the format from `--out`.
    """
    from keras_colorize import media

    if options.hints is not None and not options.hints.exists():
        raise UsageError(options.hints, "does not exist", "check --hints")
    if options.keyframes is not None and not options.keyframes.is_dir():
        raise UsageError(options.keyframes, "is no folder", "give the folder of the keyframes")
    if options.reference is not None and options.mood is not None:
        raise UsageError("--reference", "tells pages their light, and so does --mood",
                         "leave out one of them")
    if options.out and options.format is None:
        options.format = _format_named(options.inputs[-1], options.out)
    if options.quality is not None and options.format not in ("jpeg", "webp"):
        raise UsageError("--quality", "is of JPEG and WebP", "give --format jpeg or webp with it")
    if options.tones == "smooth" and options.lock is not None:
        raise UsageError("--tones", "is for flat colour, and --lock chooses another rule",
                         "leave out one of them")
    if options.out and options.out.suffix.lower() in media.ARCHIVE_SUFFIXES - {".cbz"}:
        raise UsageError(options.out, "names an archive that is not written",
                         "name it .cbz, or name a folder")
    for each in options.inputs:
        if not os.path.lexists(each):
            beside = os.listdir(each.parent) if each.parent.is_dir() else []
            near = difflib.get_close_matches(each.name, beside, n=1)
            raise SourceError(each, "does not exist", f"did you mean {each.with_name(near[0])}?"
                              if near else "give pictures, comics, videos or folders, after the "
                              "model if you name one")


def _format_named(source: Path, out: Path) -> str | None:
    """Finds the format that the name of a picture to write asks for, if its source has another."""
    from keras_colorize import media

    wanted, own = (media.SAME_SUFFIX.get(suffix, suffix) for suffix in
                   (place.suffix.lower() for place in (out, source)))
    if wanted == own or not media.is_picture(source):
        return None
    return next((name for name in FORMATS if media.FORMATS[name.upper()] == wanted), None)
