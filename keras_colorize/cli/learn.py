"""The command `learn`: from episodes to a model of their series, step by step.

Beside MODEL lies `MODEL.learn/`, with a folder for each round: plan, dataset, runs and report.
Every step finds what it had finished, so the same command goes on from there. More minutes lengthen
the runs of the round; other sources begin another round, from the networks of the last one.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from keras_colorize import export
from keras_colorize.cli import learning_plan
from keras_colorize.cli.learning_plan import Lesson, Plan
from keras_colorize.colorize import series
from keras_colorize.config import SHIPPED_MODEL, Config
from keras_colorize.data import build, sources
from keras_colorize.data.dataset import Dataset
from keras_colorize.data.records import Manifest
from keras_colorize.errors import DatasetError, SettingsMismatch, UsageError, one_line, shell_line
from keras_colorize.evaluation import evaluate, measure
from keras_colorize.files import check_apart, locked, read_json, whole_file
from keras_colorize.image import figures
from keras_colorize.training import checkpoints, run_directory, train

PREVIEW = "preview.png"
UNSEEN, SHOWN = "unseen.png", 8
BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}, {remaining} to go"


def learn(places: list[Path], out: Path, minutes: int, epochs: int | None = None,
          workers: int = 1, test: tuple[str, ...] = ()) -> dict[str, str]:
    """Learns the colours of a series, and writes a model of them for `colorize`.

    Args:
        places: videos, comics, and folders of them and of pictures.
        out: the folder of the model.
        minutes: how long all of it may take, about.
        epochs: of every network, in place of as many as the minutes have room for.
        workers: how many processes read the sources.
        test: names or paths of the sources on which the model is measured, and from which it does
            not learn; none: as before, and at first those shots, pages or sources that chance
            takes.

    Returns:
        By name why sources and pictures were left out.

    Raises:
        ColorizeError: of any step; there are too few pictures or minutes, or no room on the disk.
    """
    began, work = time.monotonic(), _work_of(out)
    _check(out, work, places)
    if not work.exists():
        sources.find(places, skip_bad=True)  # what is missing is named before a folder is made
    work.mkdir(parents=True, exist_ok=True)
    with locked(work / ".lock", out):
        if _before(out).exists() and not out.exists():  # killed while a better model took its place
            _before(out).rename(out)
        project = series.read(out)  # one with a fault is named now, and not when all is learned
        named = tuple(one_line(str(place.absolute())) for place in places)
        if not test and project.learned.sources == named:
            test = project.learned.test
        folder, plan, data, left_out = _gather(work, places, test, minutes, workers)
        learned = series.Learned(named, tuple(data.manifest.values["test"]))
        earlier = work / str(int(folder.name) - 1)
        plan = _settle(folder, plan, data, earlier, (began, minutes, epochs))
        if plan.is_done and out.exists():
            if learned != project.learned:  # the sources have moved
                series.write(out, replace(project, learned=learned))
            print(f"{out}: was learned already; more --minutes or other sources go on from it")
            return left_out
        print(_described(folder, plan, data, earlier), flush=True)
        with _progress(folder, plan, data) as watch:
            for lesson in learning_plan.LESSONS:
                wanted, batches = _lesson_of(lesson, plan, data)
                source = lesson.begin(wanted, earlier)
                if wanted.model.normalization_frozen and source is None:
                    raise SettingsMismatch(folder, "began with a network that is gone, or has "
                                           "another shape now", "name another --out")
                watch.begin(lesson, batches.batches_per_epoch * wanted.train.epochs)
                train.train(wanted, batches, folder / "runs" / lesson.name, source, watch)
        run_directory.keep_moods(folder / "runs" / "gray", data)
        run = _best(folder / "runs" / "gray")
        print(f"{out}: measuring on pictures that it has not seen", flush=True)
        report = evaluate.evaluate([run, SHIPPED_MODEL], data.manifest.directory,
                                   folder / "report")
        _write_model(out, folder, run, data, learned)
        replace(plan, is_done=True).write(folder)
    goes_on = _begun(plan, earlier) not in (None, SHIPPED_MODEL)
    print(_summary(out, report, data.manifest, plan, goes_on))
    return left_out


def _work_of(out: Path) -> Path:
    """Names the folder beside a model in which it is learned."""
    return out.with_name(f"{out.name}.learn")


def _before(out: Path) -> Path:
    """Names the place of the model that was there, while a better one takes its place."""
    return _work_of(out) / "before"


def known_sources(out: Path) -> list[Path]:
    """Returns what a model was learned from; raises UsageError where its project does not say."""
    sources = series.read(out if out.exists() else _before(out)).learned.sources
    if not sources:
        raise UsageError(out / series.FILE, "names no episodes", "name them after learn")
    return [Path(each) for each in sources]


def _check(out: Path, work: Path, places: list[Path]) -> None:
    """Raises UsageError where the model's place is taken by something else."""
    for place in (out, work):
        check_apart(place, places)
    if out.exists() and not work.is_dir() and not (out.is_dir() and not any(out.iterdir())):
        raise UsageError(out, f"exists, and {work.name}, where it was learned, does not",
                         "name another --out")


def _gather(work: Path, places: list[Path], test: tuple[str, ...], minutes: int, workers: int,
            ) -> tuple[Path, Plan, Dataset, dict[str, str]]:
    """Builds the dataset of the last round, or of a new one where the sources or tests are others.

    Returns the round's folder, its plan, the dataset, and why sources were left out.
    """
    rounds = sorted(int(path.parent.name) for path in work.glob(f"*/{learning_plan.PLAN}"))
    folder = work / str(rounds[-1] if rounds else 1)
    found, _ = sources.find(places, skip_bad=True)
    for _ in range(2):
        if (folder / learning_plan.PLAN).exists():
            plan = Plan.read(folder)
        else:
            plan = learning_plan.choose(found, minutes)
            learning_plan.check_room(work, found, plan)
            plan.write(folder)
        settings = build.Settings(sources.Sampling(plan.every, plan.size, drop=("black", "gray")),
                                  plan.split_by, test=test)
        try:
            manifest, left_out = build.build(places, folder / "dataset", settings, workers,
                                             skip_bad=True)
            break
        except SettingsMismatch:  # there are other sources now
            folder = work / str(int(folder.name) + 1)
        except DatasetError as error:
            if error.where != "the split":
                raise
            if test:
                raise DatasetError(
                    "--test", f"does not suit these sources (the split {error.what})",
                    "name fewer sources, and such as have pictures in colour") from error
            raise _too_few("give too few shots or pages to hold some out, and learning needs "
                           f"{learning_plan.NEEDED} pictures ({error.what})") from error
    pictures = sum(manifest.counts.values())
    if pictures < learning_plan.NEEDED:
        raise _too_few(f"give {pictures} pictures in colour, and learning needs "
                       f"{learning_plan.NEEDED}")
    return folder, plan, Dataset(manifest.directory, "gray", 1), left_out


def _too_few(what: str) -> DatasetError:
    return DatasetError("the sources", what, "add episodes, or pages in colour")


def _settle(folder: Path, plan: Plan, data: Dataset, earlier: Path,
            asked: tuple[float, int, int | None]) -> Plan:
    """Settles how many epochs each network is trained for, where that is not done, or grows.

    Args:
        asked: when the command began, its minutes, and its epochs.
    """
    (began, minutes, epochs), names = asked, [lesson.name for lesson in learning_plan.LESSONS]
    if plan.epochs and minutes <= plan.minutes and (epochs or 0) <= max(plan.epochs.values()):
        return plan
    if epochs:
        wanted = dict.fromkeys(names, epochs)
    else:
        each = {lesson.name: learning_plan.seconds_an_epoch(*_lesson_of(lesson, plan, data, 1))
                for lesson in learning_plan.LESSONS}
        left = 60 * (minutes - (plan.minutes if plan.epochs else 0)) - (time.monotonic() - began)
        wanted = learning_plan.epochs_within(left, minutes, each)
        wanted = {name: count + plan.epochs.get(name, 0) for name, count in wanted.items()}
    if not plan.epochs:
        source = _begun(plan, earlier)
        is_frozen = source == SHIPPED_MODEL or bool(source and Plan.read(earlier).is_frozen)
        plan = replace(plan, is_frozen=is_frozen,
                       first_hints=0 if source else wanted[names[0]] // 2)
    grown = {name: max(count, plan.epochs.get(name, 0)) for name, count in wanted.items()}
    return replace(plan, epochs=grown, minutes=max(minutes, plan.minutes), is_done=False,
                   ).write(folder)


def _begun(plan: Plan, earlier: Path) -> Path | None:
    """Finds the run from which the network of gray pages starts, if there is one."""
    first = learning_plan.LESSONS[0]
    return first.begin(first.configured(plan, 1), earlier)


def _described(folder: Path, plan: Plan, data: Dataset, earlier: Path) -> str:
    """Says in one line what is learned, from what, and where to look."""
    height, width = plan.size
    begun = _begun(plan, earlier)
    return (f"{folder.parent}: {sum(data.manifest.counts.values())} pictures of {height}x{width}, "
            + ", ".join(f"{count} epochs of {name} pages" for name, count in plan.epochs.items())
            + (f", from the networks of {begun.name}" if begun else "")
            + f"; look at {folder / PREVIEW}")


def _lesson_of(lesson: Lesson, plan: Plan, data: Dataset, epochs: int | None = None,
               ) -> tuple[Config, Dataset]:
    """Returns the configuration of a lesson, for the plan's epochs or others, and its batches."""
    wanted = lesson.configured(plan, epochs or plan.epochs[lesson.name])
    return wanted, Dataset(data.manifest.directory, wanted.model.input, wanted.train.batch_size,
                           wanted.train.seed, wanted.augment, wanted.data)


def _best(run_dir: Path) -> Path:
    best = run_dir / checkpoints.BEST
    return best if best.is_dir() else run_dir


class _Watch(keras.callbacks.Callback):
    """The bar of all training, and the picture that shows how far it is."""

    def __init__(self, bar: tqdm, folder: Path):
        super().__init__()
        self.bar, self.folder = bar, folder

    def begin(self, lesson: Lesson, steps: int) -> None:
        """Notes which network is trained from now on, and for how many batches in all."""
        self.lesson, self.steps = lesson, steps
        self.bar.set_description_str(f"learning {lesson.name} pages")

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update(min(self.lesson.share / self.steps, self.bar.total - self.bar.n))

    def on_epoch_begin(self, epoch, logs=None):
        samples = sorted((self.folder / "runs" / self.lesson.name / "samples").glob("*.png"))
        if samples:
            with whole_file(self.folder / PREVIEW) as temporary:
                shutil.copyfile(samples[-1], temporary)

    on_train_end = on_epoch_begin


@contextmanager
def _progress(folder: Path, plan: Plan, data: Dataset) -> Iterator[_Watch]:
    """Shows one bar for all networks; batches that an earlier call has done are done in it."""
    done = total = 0.0
    for lesson in learning_plan.LESSONS:
        wanted, batches = _lesson_of(lesson, plan, data)
        made = checkpoints.step_of(checkpoints.latest(folder / "runs" / lesson.name))
        done += lesson.share * made / (batches.batches_per_epoch * wanted.train.epochs)
        total += lesson.share
    with tqdm(total=total, initial=done, bar_format=BAR) as bar:
        yield _Watch(bar, folder)


def _write_model(out: Path, folder: Path, run: Path, data: Dataset,
                 learned: series.Learned) -> None:
    """Writes the model with all its networks, card and pictures, and puts it in its place."""
    made = folder / "model" / out.name
    shutil.rmtree(made.parent, ignore_errors=True)
    for lesson in learning_plan.LESSONS:
        is_first = lesson.name == "gray"
        export.export(run if is_first else folder / "runs" / lesson.name, made / lesson.place,
                      report_dir=folder / "report" if is_first else None)
    examples = measure.Examples(data, "test")
    pairs = examples.pick(figures.evenly(len(examples), SHOWN)).values()
    condition, truth = (np.stack(each) for each in zip(*pairs, strict=True))
    colored = measure.of_run("model", run).colorize(condition, truth)
    figures.picture_grid(made / UNSEEN, {"gray": list(condition[..., 0]), "coloured": list(colored),
                                         "truth": list(truth)})
    with open(made / "README.md", "a", encoding="utf-8") as card:
        card.write(f"\n## Pictures that it has not seen\n\nThey are evenly spaced over the test "
                   f"pictures; nobody chose them.\n\n![Gray, coloured, and the truth]({UNSEEN})\n")
    series.write(made, _project(out, run, learned))
    if out.exists():
        shutil.rmtree(_before(out), ignore_errors=True)
        out.rename(_before(out))
    made.rename(out)
    for each in (_before(out), made.parent):
        shutil.rmtree(each, ignore_errors=True)


def _project(out: Path, run: Path, learned: series.Learned) -> series.Series:
    """Returns the project of the model as it was before, with what is learned from today.

    A number names a mood of that model, so it goes where the moods are others now.
    """
    project = series.read(out)
    if project.settings.mood:
        card = read_json(out / export.CARD, dict, UsageError, "restore it")
        if not np.array_equal(card.get("moods", []), run_directory.read_moods(run)):
            print(f"{out / series.FILE}: its mood {project.settings.mood} is none of today's "
                  "moods; choose one of those")
            project = replace(project, settings=replace(project.settings, mood=None))
    return replace(project, learned=learned)


def _summary(out: Path, report: dict, manifest: Manifest, plan: Plan, goes_on: bool) -> str:
    """Says how good a model is, and what to do with it.

    Args:
        goes_on: whether it began with the networks of an earlier round.
    """
    rows = {row["run"] or row["model"]: row for row in report["rows"]}
    model = next(row for name, row in rows.items() if name.startswith("gray"))
    named = {"it": model, "the gray page": rows["input"], "the shipped model":
             rows.get(SHIPPED_MODEL.name)}
    unit = "source" if manifest.values["test"] else plan.split_by
    lines = [f"{out}: learned from {len(manifest.values['sources'])} sources; on unseen {unit}s "
             "(distance from the true colours, and as the eye sees it):"]
    lines += [f"  {name}: L1 {_with_interval(row, 'l1')}, "
              f"CIEDE2000 {_with_interval(row, 'ciede2000')}" for name, row in named.items() if row]
    is_poor = model["ciede2000"] >= rows["input"]["ciede2000"]
    if is_poor:
        lines.append("as the eye sees it, it is no better than the gray page; with more episodes, "
                     "or larger --minutes, the same command learns on")
    if goes_on:
        lines.append("an earlier round may have learned some of these pictures, so it may be worse "
                     "on others")
    advice = "to colour with it all the same" if is_poor else "then colour what has no colour"
    return "\n".join([*lines, f"look at {out / UNSEEN}; {advice}:",
                      "  " + shell_line("keras-colorize", "colorize", out, "VOLUME.cbz")])


def _with_interval(row: dict, name: str) -> str:
    interval = row.get(f"{name}_ci")  # none of a single shot
    return f"{row[name]:.2f}" + (f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "")
