"""What each command takes and does; TensorFlow is imported only by the one that is run."""

import argparse
import os
import sys
from pathlib import Path

from keras_colorize import import_tensorflow
from keras_colorize.cli import colorizing, serving
from keras_colorize.cli.arguments import place as _place
from keras_colorize.errors import UsageError

SMALLEST = 64  # the six halvings of the U-Net end at one pixel
LARGEST = 4096  # no film has more lines to learn from, and memory goes with the square


def _size(text: str) -> tuple[int, int]:
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not HEIGHTxWIDTH, such as 180x320") from None
    if min(height, width) < SMALLEST:
        raise argparse.ArgumentTypeError(
            f"{text!r} is too small; give at least {SMALLEST}x{SMALLEST}")
    if max(height, width) > LARGEST:
        raise argparse.ArgumentTypeError(
            f"{text!r} is too large; give at most {LARGEST}x{LARGEST}")
    return height, width


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def _declare_build_tfrecords(command: argparse.ArgumentParser) -> None:
    command.add_argument("sources", metavar="SOURCE", nargs="+", type=Path,
                         help="videos, comic archives (CBZ), and folders that are searched for "
                              "them and for pictures")
    command.add_argument("--out", required=True, type=_place, help="the dataset directory to make")
    command.add_argument("--every", type=_positive, default=50, metavar="N",
                         help="keep one frame in N of each video (%(default)s); pictures are all "
                              "kept")
    command.add_argument("--size", type=_size, default="180x320", metavar="HEIGHTxWIDTH",
                         help="of the pictures in the dataset (%(default)s)")
    command.add_argument("--split-by", choices=("shot", "source", "frame"), default="shot",
                         help="what stays together in one of train, validation and test "
                              "(%(default)s); frame is the paper's, and lets near-identical "
                              "frames be on both sides")
    command.add_argument("--test", action="extend", nargs="+", default=[], metavar="SOURCE",
                         help="hold these sources out as the test set (name or path)")
    command.add_argument("--seed", type=int, default=0,
                         help="of the shuffling and the split (%(default)s)")
    command.add_argument("--zoom", choices=("spline", "area"), default="spline",
                         help="how pictures are shrunk (%(default)s): spline is the paper's, area "
                              "never aliases")
    for trait, meaning in (("held", "drawings that are repeated from the frame kept before"),
                           ("black", "near-black frames"), ("gray", "near-gray frames")):
        command.add_argument(f"--drop-{trait}", dest="drop", action="append_const", const=trait,
                             default=[], help=f"leave {meaning} out; they are counted in any case")
    command.add_argument("--uncompressed", action="store_true",
                         help="store PNGs without compression: half as many bytes again or more, "
                              "read twice as fast in training")
    where = command.add_mutually_exclusive_group()
    where.add_argument("--workers", type=_positive, default=os.cpu_count(), metavar="N",
                       help="processes, with a source each (all cores: %(default)s); the result "
                            "does not depend on it")
    where.add_argument("--scheduler", metavar="ADDRESS",
                       help="let the workers of a Dask cluster do it, which see the same files "
                            "under the same paths")
    command.add_argument("--skip-bad", action="store_true",
                         help="leave unreadable sources out (and still exit with 1)")


def _run_build_tfrecords(options: argparse.Namespace) -> int:
    import_tensorflow()
    from keras_colorize.data import build
    from keras_colorize.data.sources import Sampling

    sampling = Sampling(options.every, options.size, options.zoom,
                        tuple(sorted(set(options.drop))), options.uncompressed)
    settings = build.Settings(sampling, options.split_by, tuple(options.test), options.seed)
    manifest, failed = build.build(options.sources, options.out, settings, options.workers,
                                     options.scheduler, options.skip_bad)
    print(build.summary(manifest))
    for reason in failed.values():
        print(f"error: {reason}", file=sys.stderr)
    return 1 if failed else 0


def _declare_inspect(command: argparse.ArgumentParser) -> None:
    command.add_argument("data", metavar="DIR", type=Path, help="a dataset directory")
    command.add_argument("--out", type=_place, metavar="REPORT_DIR",
                         help="the folder for contact sheets and inspect.json "
                              "(DIR/inspection)")


def _run_inspect(options: argparse.Namespace) -> None:
    import_tensorflow()
    from keras_colorize.data import inspect

    out = options.out or options.data / "inspection"
    print(inspect.summary(inspect.inspect(options.data, out)))
    print(f"look at {out}: inspect.json, and a contact sheet of each split")


def _declare_draw_episode(command: argparse.ArgumentParser) -> None:
    command.add_argument("out", metavar="OUT.mp4", type=_place, help="the video file to write")


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
          f"  keras-colorize build-tfrecords {options.out} --every 6 --size 90x160 --out DIR")


def _declare_train(command: argparse.ArgumentParser) -> None:
    command.add_argument("config", metavar="CONFIG",
                         help="a TOML file, or a shipped configuration by name (cpu/gan_gray)")
    command.add_argument("--data", required=True, type=Path, help="a dataset directory")
    command.add_argument("--out", required=True, type=_place, help="the run directory")
    command.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE",
                         help="change the configuration (again and again)")
    command.add_argument("--init-from", type=Path, metavar="RUN_DIR",
                         help="start a new run from the networks of another")


def _run_train(options: argparse.Namespace) -> None:
    from keras_colorize import config

    wanted = config.load(options.config, options.set)
    import_tensorflow()
    from keras_colorize.data import dataset
    from keras_colorize.training import devices, train

    data = dataset.Dataset(options.data, wanted.model.input, wanted.train.batch_size,
                           wanted.train.seed, wanted.augment, wanted.data)
    trained = train.train(wanted, data, options.out, options.init_from)
    if not devices.connect().first:
        return
    print(f"{options.out}: " + ("trained" if trained else "was trained already")
          + f", {wanted.train.epochs} epochs; look at the losses and measure the pictures:\n"
          f"  tensorboard --logdir {options.out / 'tensorboard'}\n"
          f"  keras-colorize evaluate {options.out} --data {options.data} --out REPORT_DIR")


def _declare_evaluate(command: argparse.ArgumentParser) -> None:
    command.add_argument("runs", metavar="RUN_DIR", nargs="+", type=Path, help="trained runs")
    command.add_argument("--data", required=True, type=Path, help="a dataset directory")
    command.add_argument("--out", required=True, type=_place, help="the report directory")
    command.add_argument("--split", choices=("test", "validation", "train", "all"), default="test",
                         help="the examples to measure on (%(default)s)")
    command.add_argument("--screentone", action="store_true",
                         help="redraw gray input as printed manga: dots, flat tones and ink lines")
    command.add_argument("--points", nargs="+", type=_positive, default=[], metavar="N",
                         help="measure runs that take hints also with N true pixels a picture")
    command.add_argument("--study", action="store_true",
                         help="compare the runs as section 5 of the paper does: report.html")
    command.add_argument("--unseen", action="extend", nargs="+", default=[], type=Path,
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
    command.add_argument("run", metavar="RUN_DIR", type=Path, help="a trained run")
    command.add_argument("--out", required=True, type=_place, help="the folder of the model")
    command.add_argument("--format", choices=("saved_model", "onnx", "litert"),
                         default="saved_model",
                         help="%(default)s is for TensorFlow, TensorFlow Serving and colorize; "
                              "onnx and litert hold the network alone")
    command.add_argument("--size", type=_size, metavar="HEIGHTxWIDTH",
                         help="of onnx and litert: take one picture of this size alone, as many "
                              "accelerators want it and LiteRT is faster with (any size and batch)")
    command.add_argument("--report", type=Path, metavar="REPORT_DIR",
                         help="what evaluate wrote on this run, for the model's card")


def _run_export(options: argparse.Namespace) -> None:
    import_tensorflow("tensorflow")
    from keras_colorize import export

    written = export.export(options.run, options.out, options.format, options.report,
                            options.size)
    then = f"now colour pictures:\n  keras-colorize colorize {options.out} PICTURE... --out DIR" \
        if options.format == "saved_model" else f"{options.out / 'README.md'} says how to call it"
    print(f"{options.out}: {'exported' if written else 'was exported already'}; {then}")


def _declare_demo(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", type=Path, default=Path("demo"), metavar="DIR",
                         help="the folder for all that it makes (%(default)s)")


def _run_demo(options: argparse.Namespace) -> None:
    import_tensorflow("tensorflow")
    from keras_colorize.cli import demo

    demo.demonstrate(options.out, options.main)


COMMANDS = (
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
     colorizing.declare, colorizing.run),
    ("serve", "Serve a model over HTTP, as TensorFlow Serving does.",
     serving.declare, serving.run),
    ("draw-episode", "Draw the cartoon that the demo learns from.",
     _declare_draw_episode, _run_draw_episode),
    ("demo", "Do all of it, small, on the drawn cartoon.",
     _declare_demo, _run_demo),
)
