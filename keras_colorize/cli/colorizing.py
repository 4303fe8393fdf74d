"""The command `colorize`: its flags, and what it tells."""

import argparse
import sys
from pathlib import Path

from keras_colorize import import_tensorflow
from keras_colorize.cli import arguments
from keras_colorize.errors import UsageError


def declare(command: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    add = command.add_argument
    add("model", metavar="MODEL", type=Path, help="a SavedModel, or a run directory")
    add("inputs", metavar="INPUT", nargs="+", type=Path,
        help="pictures, comics (CBZ, PDF), videos, and folders of them")
    add("--out", required=True, type=arguments.place,
        help="the folder for what is coloured; or, of one comic or video, the file (.cbz, .mkv...)")
    add("--edge-model", type=Path, metavar="MODEL",
        help="colours the pages that are pure line art, without gray tones")
    add("--lock", choices=("luminance", "ink", "none"), default="luminance",
        help="what of a page stays (%(default)s): its luminance, so that nothing is lost; its ink, "
             "laid over colours, so that white paper takes colour too; or none of it")
    add("--no-line-lock", dest="lock", action="store_const", const="none",
        help="the network's own picture, as --lock none")
    add("--treat-as", choices=("color", "gray", "screentone", "line_art"),
        help="what all pages are, in place of judging each")
    add("--scale", type=arguments.share, metavar="FACTOR",
        help="how much smaller the network sees pages, above 0 to 1 (as large as it learned them)")
    add("--hints", type=Path, metavar="FILE.png",
        help="a transparent picture with strokes of colour, which fill what they lie on; or a "
             "folder of them, named as the pages, in the same folders")
    add("--format", choices=("png", "jpeg", "webp"), help="of all pages (each its own)")
    add("--quality", type=arguments.quality, metavar="N",
        help="of JPEG and WebP with --format, 1 to 100")
    add("--layers", action="store_true",
        help="also write each page as OpenRaster (.ora), ink and colour apart")
    add("--codec", help="of video, as FFmpeg names it (H.264, or VP9 in .webm)")
    add("--crf", type=arguments.crf, metavar="N",
        help="quality of video, 0 to 63: smaller is better and larger")


def run(options: argparse.Namespace) -> int:
    """Colours, tells what became of it, and returns the exit code."""
    from keras_colorize import media

    if options.hints is not None and not options.hints.exists():
        raise UsageError(options.hints, "does not exist", "check --hints")
    if options.quality is not None and options.format not in ("jpeg", "webp"):
        raise UsageError("--quality", "is of JPEG and WebP", "give --format jpeg or webp with it")
    if media.is_file_name(options.out) and not (
            media.is_video_name(options.out) or options.out.suffix.lower() == ".cbz"):
        raise UsageError(options.out, "names a file that is neither a comic (.cbz) nor a video",
                         "name a folder")
    import_tensorflow("tensorflow")
    from keras_colorize import colorize

    models = colorize.Models(colorize.Model.load(options.model), options.edge_model
                              and colorize.Model.load(options.edge_model))
    settings = colorize.Settings(**{name: getattr(options, name) for name in (
        "lock", "treat_as", "scale", "hints", "format", "quality", "layers", "codec", "crf")})
    report = colorize.colorize(models, options.inputs, options.out, settings)
    for reason in report.failed:
        print(f"error: {reason}", file=sys.stderr)
    for line in report.lines(options.out):
        print(line)
    return 1 if report.failed else 0
