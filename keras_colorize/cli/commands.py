"""The commands: what flags each takes, and what it does.

TensorFlow is imported only when a command runs, so that `--help` answers at once.
"""

import argparse
import importlib.util
import os
import sys
from pathlib import Path

from keras_colorize import import_tensorflow
from keras_colorize.cli import colorize_command
from keras_colorize.cli.arguments import above_0, named, place, public_host, size, whole
from keras_colorize.errors import ColorizeError, RunError, UsageError, shell_line

TOKEN = "KERAS_COLORIZE_TOKEN"
CACHE_GB = 4.0  # of the answers that a server keeps: some thousand pages
NEEDED = {"starlette": "starlette", "uvicorn": "uvicorn", "python_multipart": "python-multipart"}
"""Packages of the extra `serve`, by the names of their modules."""


def _declare_build_tfrecords(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("sources", metavar="SOURCE", nargs="+", type=Path,
        help="videos, comics (CBZ, EPUB, PDF), and folders, which are searched for them and for "
             "pictures")
    add("--out", required=True, type=place, help="the dataset directory to make")
    add("--every", type=whole(1), default=50, metavar="N",
        help="keep one frame in N of each video (%(default)s); all pictures are kept")
    add("--size", type=size, default="180x320", metavar="HEIGHTxWIDTH",
        help="the size of the pictures in the dataset (%(default)s)")
    add("--split-by", choices=("shot", "source", "frame"), default="shot",
        help="what stays together in one of train, validation and test (%(default)s); frame is the "
             "paper's rule, and lets near-identical frames stand on both sides")
    add("--test", action="extend", nargs="+", default=[], metavar="SOURCE",
        help="the sources of the test set, by name or path")
    add("--seed", type=int, default=0, help="the seed of shuffling and split (%(default)s)")
    add("--zoom", choices=("spline", "area"), default="spline",
        help="how pictures are shrunk (%(default)s): spline as in the paper, area without aliasing")
    for trait, meaning in (("held", "drawings that are repeated from the frame kept before"),
                           ("black", "near-black frames"), ("gray", "near-gray frames")):
        add(f"--drop-{trait}", dest="drop", action="append_const", const=trait,
            default=[], help=f"leave out {meaning}; they are counted in any case")
    add("--uncompressed", action="store_true",
        help="store PNGs without compression: at least half as many bytes again, and twice as fast "
             "to read in training")
    where = command.add_mutually_exclusive_group()
    where.add_argument("--workers", type=whole(1), default=os.cpu_count(), metavar="N",
        help="how many processes work, on a source each (all cores: %(default)s); the result does "
             "not depend on it")
    where.add_argument("--scheduler", metavar="ADDRESS",
        help="let the workers of a Dask cluster work; they must see the same files under the same "
             "paths")
    add("--skip-bad", action="store_true",
        help="leave out pictures, pages and sources that cannot be read (and still exit with 1)")


def _run_build_tfrecords(options: argparse.Namespace) -> int:
    import_tensorflow("tensorflow")
    from keras_colorize.data import build
    from keras_colorize.data.sources import Sampling

    sampling = Sampling(options.every, options.size, options.zoom,
                        tuple(sorted(set(options.drop))), options.uncompressed)
    settings = build.Settings(sampling, options.split_by, tuple(options.test), options.seed)
    try:
        manifest, failed = build.build(options.sources, options.out, settings, options.workers,
                                       options.scheduler, options.skip_bad)
    except ColorizeError as error:
        if error.exit_code == 1:
            _name_left_out(options, error.left_out)
        raise
    print(build.summary(manifest))
    _name_left_out(options, failed)
    return 1 if failed else 0


def _name_left_out(options: argparse.Namespace, failed: dict[str, str]) -> None:
    """Prints which files are no source, and why others could not be read."""
    from keras_colorize.data.sources import left_out, passed_over

    if names := passed_over(options.sources):
        print(f"{options.out}: {left_out(names)}")
    for reason in failed.values():
        print(f"error: {reason}", file=sys.stderr)


def _declare_inspect(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("data", metavar="DIR", type=named, help="a dataset directory")
    add("--out", type=place, metavar="REPORT_DIR",
        help="the folder for contact sheets and inspection.json (DIR/inspection)")


def _run_inspect(options: argparse.Namespace) -> None:
    import_tensorflow("tensorflow")
    from keras_colorize.data import inspect

    out = options.out or options.data / "inspection"
    print(inspect.summary(inspect.inspect(options.data, out)))
    print(f"look at {out}: inspection.json, and a contact sheet of each split")


def _declare_learn(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("sources", metavar="SOURCE", nargs="*", type=Path,
        help="episodes in colour: videos, comics (CBZ, EPUB, PDF), and folders of them and of "
             "pictures (those that MODEL was learned from before)")
    add("--out", required=True, type=place, metavar="MODEL",
        help="the folder of the model; MODEL.learn beside it holds all that is made on the way")
    add("--minutes", type=whole(1), default=60, metavar="N",
        help="how long all of it may take, about (%(default)s); with more, it goes on")
    add("--epochs", type=whole(1), metavar="N",
        help="train each network for so many epochs, however long that takes")
    add("--test", action="extend", nargs="+", default=[], metavar="SOURCE",
        help="measure the model on these of the sources, by name or path, and do not learn from "
             "them (as before, or those that chance takes); it comes after the sources")


def _run_learn(options: argparse.Namespace) -> int:
    import_tensorflow("tensorflow")
    from keras_colorize.cli import learn

    options.sources = options.sources or learn.known_sources(options.out)
    failed = learn.learn(options.sources, options.out, options.minutes, options.epochs,
                         os.cpu_count(), tuple(options.test))
    _name_left_out(options, failed)
    return 1 if failed else 0


def _declare_draw_episode(command: argparse.ArgumentParser) -> None:
    command.add_argument("out", metavar="OUT.mp4", type=place, help="the video file to write")


def _run_draw_episode(options: argparse.Namespace) -> None:
    from keras_colorize import media
    from keras_colorize.cartoon import episode

    if not media.is_video(options.out):
        raise UsageError(options.out, "is no video by its suffix", "name it OUT.mp4")
    if options.out.exists():
        print(f"{options.out} is there already")
        return
    episode.write_video(options.out)
    print(f"{options.out}: {episode.length()} frames; now build a dataset from it:\n"
          "  " + shell_line("keras-colorize", "build-tfrecords", options.out, "--every", 6,
                            "--size", "90x160", "--out", "DIR"))


def _declare_draw_manga(command: argparse.ArgumentParser) -> None:
    command.add_argument("out", metavar="OUT", type=place,
                         help="the folder for the pages, and for the colours that they mean")


def _run_draw_manga(options: argparse.Namespace) -> None:
    from keras_colorize import media
    from keras_colorize.cartoon import manga

    pages, truth = options.out / "pages", options.out / "truth"
    missing = [number for number in range(len(manga.PAGES))
               if not all((folder / f"{number}.png").exists() for folder in (pages, truth))]
    if not missing:
        print(f"{options.out} is there already")
        return
    for folder in (pages, truth):
        folder.mkdir(parents=True, exist_ok=True)
    for number in missing:
        page = manga.draw(number)
        media.write_picture(truth / f"{number}.png", page.truth)
        media.write_picture(pages / f"{number}.png", page.printed)
    print(f"{pages}: {len(manga.PAGES)} pages; now colour them:\n"
          "  " + shell_line("keras-colorize", "colorize", pages))


def _declare_train(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("config", metavar="CONFIG",
        help="a TOML file, or a shipped configuration by name (cpu/gan_gray)")
    add("--data", required=True, type=named, help="a dataset directory")
    add("--out", required=True, type=place, help="the run directory")
    add("--set", action="append", default=[], metavar="SECTION.KEY=VALUE",
        help="change a value of the configuration; may be given several times")
    add("--init-from", type=named, metavar="RUN_DIR",
        help="start a new run from the networks of another")


def _run_train(options: argparse.Namespace) -> None:
    from keras_colorize import config

    wanted = config.load(options.config, options.set)
    import_tensorflow()
    from keras_colorize.data import dataset
    from keras_colorize.training import devices, run_directory, train

    data = dataset.Dataset(options.data, wanted.model.input, wanted.train.batch_size,
                           wanted.train.seed, wanted.augment, wanted.data)
    trained = train.train(wanted, data, options.out, options.init_from)
    if not devices.connect().first:
        return
    run_directory.keep_moods(options.out, data)
    print(f"{options.out}: " + ("trained" if trained else "was trained already")
          + f", {wanted.train.epochs} epochs; look at the losses and measure the pictures:\n"
          "  " + shell_line("tensorboard", "--logdir", options.out / "tensorboard") + "\n"
          "  " + shell_line("keras-colorize", "evaluate", options.out, "--data", options.data,
                            "--out", "REPORT_DIR"))


def _declare_evaluate(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("runs", metavar="RUN_DIR", nargs="+", type=named, help="trained runs")
    add("--data", required=True, type=named, help="a dataset directory")
    add("--out", required=True, type=place, help="the report directory")
    add("--split", choices=("test", "validation", "train", "all"), default="test",
        help="the examples to measure on (%(default)s)")
    add("--screentone", action="store_true",
        help="redraw gray input as printed manga: dots, flat tones and ink lines")
    add("--points", nargs="+", type=whole(1), default=[], metavar="N",
        help="measure runs that take hints, and runs on edges, also with N true pixels a picture: "
             "at random places, and one by one where it is wrong most")
    add("--study", action="store_true",
        help="compare the runs as section 5 of the paper does: report.html")
    add("--unseen", action="extend", nargs="+", default=[], type=Path,
        metavar="SOURCE", help="other series for the study to colour")


def _run_evaluate(options: argparse.Namespace) -> None:
    if options.unseen and not options.study:
        raise UsageError("--unseen", "belongs to a study", "add --study, or leave it out")
    if options.points and options.study:
        raise UsageError("--points", "is not for a study", "leave --study out")
    import_tensorflow()
    if options.study:
        from keras_colorize.evaluation.study import study

        study(options.runs, options.data, options.out, options.split, options.unseen,
              options.screentone)
        print((options.out / "table1.md").read_text(encoding="utf-8"))
        print(f"look at {options.out / 'report.html'}")
        return
    from keras_colorize.evaluation import evaluate

    report = evaluate.evaluate(options.runs, options.data, options.out, options.split,
                               options.screentone, options.points)
    print(evaluate.tables.markdown(report["rows"]))
    print(f"look at {options.out}: metrics.json, table1.md, pictures and loss curves")


def _declare_export(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("run", metavar="RUN_DIR", type=named, help="a trained run")
    add("--out", required=True, type=place, help="the folder of the model")
    add("--format", choices=("saved_model", "onnx", "litert"), default="saved_model",
        help="%(default)s is for TensorFlow, TensorFlow Serving and colorize; onnx and litert hold "
             "the network alone")
    add("--size", type=size, metavar="HEIGHTxWIDTH",
        help="the only size of picture that onnx and litert take, one at a time, as many "
             "accelerators want it; LiteRT is faster so (any size and batch)")
    add("--report", type=named, metavar="REPORT_DIR",
        help="what evaluate wrote about this run, for the model's card")


def _run_export(options: argparse.Namespace) -> None:
    import_tensorflow("tensorflow")
    from keras_colorize import export

    written = export.export(options.run, options.out, options.format, options.report,
                            options.size)
    then = f"{options.out / 'README.md'} says how to call it"
    if options.format == "saved_model":
        then = "now colour pictures:\n  " + shell_line(
            "keras-colorize", "colorize", options.out, "PICTURE...", "--out", "DIR")
        if odd := sorted(export.PATTERNS & set(str(options.out.absolute()))):
            print(f"{options.out}: TensorFlow and TensorFlow Serving may take {' '.join(odd)} in "
                  "its path for a pattern and find no model there; rename it for them, or name "
                  "another --out (this program finds it)")
    print(f"{options.out}: {'exported' if written else 'was exported already'}; {then}")


def _declare_serve(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("model", metavar="MODEL", nargs="?", type=named,
        help="a SavedModel, or a run directory (the model that ships with this program)")
    add("--no-series", action="store_true",
        help="neither read nor change MODEL/series.toml, the settings and colours of the series")
    add("--name", help="what the studio and the log call the model (its directory's name)")
    add("--host", default="127.0.0.1",
        help="the address to listen on (%(default)s); 0.0.0.0 is every address of this machine")
    add("--port", type=whole(0, 65535), default=8501,
        help="the port to listen on (%(default)s); 0 takes a free one")
    add("--public-host", type=public_host, metavar="NAME[:PORT]",
        help="the name under which a proxy offers the server")
    add("--token-file", type=Path, metavar="FILE",
        help=f"a file with the token that clients must send; the variable {TOKEN} can hold it too")
    add("--queue", type=whole(1), default=16, metavar="N",
        help="how many requests may wait (%(default)s); the next is answered 503")
    add("--timeout", type=above_0(86400), default=60.0, metavar="SECONDS",
        help="how long a request may wait and run (%(default)g)")
    add("--body-timeout", type=above_0(86400), default=20.0, metavar="SECONDS",
        help="how long a request's body may take to arrive (%(default)g)")
    add("--max-bytes", type=whole(1), default=32 * 2**20, metavar="N",
        help="the most bytes of a request's body (%(default)s)")
    add("--max-pixels", type=whole(1), default=40_000_000, metavar="N",
        help="the most pixels of a picture sent to /colorize, known before it is decoded "
             "(%(default)s)")
    add("--cache", type=place, metavar="FOLDER",
        help="a folder that keeps what POST /colorize answered: the same page with the same model "
             "and options is answered from there, after a restart too")
    add("--cache-gb", type=above_0(1e6), metavar="N",
        help=f"the most GB of --cache ({CACHE_GB:g}); the pages that were asked for longest ago go "
             "first")


def _run_serve(options: argparse.Namespace) -> None:
    for module, package in NEEDED.items():
        if importlib.util.find_spec(module) is None:
            raise ColorizeError("serve", f"{package} is not installed",
                                "run pip install 'keras_colorize[serve]'")
    from keras_colorize.config import SHIPPED_MODEL

    model = options.model or SHIPPED_MODEL
    if not model.is_dir():
        raise RunError(model, "is neither a SavedModel nor a run directory",
                       "export a run, or name one")
    if options.cache_gb is not None and options.cache is None:
        raise UsageError("--cache-gb", "is the size of a cache, and there is none",
                         "give --cache FOLDER too")
    from keras_colorize.serving.answer_cache import AnswerCache
    from keras_colorize.serving.limits import Limits
    from keras_colorize.serving.server import serve
    from keras_colorize.serving.service import Service

    limits = Limits(options.queue, options.timeout, options.max_bytes, options.body_timeout,
                    options.max_pixels)
    name = options.name or os.path.basename(os.path.realpath(model))
    cache = options.cache and AnswerCache(options.cache,
                                          round((options.cache_gb or CACHE_GB) * 1e9))
    service = Service(model, name, limits, cache, not options.no_series)
    serve(service, options.host, options.port, _token(options), options.public_host)


def _token(options: argparse.Namespace) -> str | None:
    file = options.token_file
    token = os.environ.get(TOKEN) if file is None else file.read_text(encoding="utf-8")
    if token is not None and not token.strip():
        raise UsageError(file or TOKEN, "holds no token",
                         "write one there, such as of: openssl rand -hex 32")
    return token and token.strip()


def _declare_demo(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", type=place, default=Path("demo"), metavar="DIR",
                         help="the folder for all that it makes (%(default)s)")


def _run_demo(options: argparse.Namespace) -> None:
    import_tensorflow("tensorflow")
    from keras_colorize.cli import demo

    demo.demonstrate(options.out, options.main)


COMMANDS = (
    ("learn", "Learn the colours of a series from its episodes: all steps to a model.",
     _declare_learn, _run_learn),
    ("build-tfrecords", "Make a dataset from videos and folders of pictures.",
     _declare_build_tfrecords, _run_build_tfrecords),
    ("inspect", "Check every record of a dataset, and show what is in it.",
     _declare_inspect, _run_inspect),
    ("train", "Train a ConvNet or a GAN on a dataset, or continue a run.",
     _declare_train, _run_train),
    ("evaluate", "Measure trained runs beside baselines: table 1, curves and pictures.",
     _declare_evaluate, _run_evaluate),
    ("export", "Write a run's generator as a SavedModel, ONNX or LiteRT.",
     _declare_export, _run_export),
    ("colorize", "Colour pictures, comics, videos and folders of them.",
     colorize_command.declare, colorize_command.run),
    ("serve", "Serve a model: the studio in the browser, and POST /colorize for programs.",
     _declare_serve, _run_serve),
    ("draw-episode", "Draw the cartoon that the demo learns from.",
     _declare_draw_episode, _run_draw_episode),
    ("draw-manga", "Draw six printed manga pages of the cartoon's cast to try the colouring on.",
     _declare_draw_manga, _run_draw_manga),
    ("demo", "Do all of it, small, on the drawn cartoon.",
     _declare_demo, _run_demo),
)
