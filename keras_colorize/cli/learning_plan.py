"""A plan of learning: what is learned from which pictures, for how long, on this machine."""

import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import tensorflow as tf

from keras_colorize import config, models
from keras_colorize.config import SHIPPED_MODEL, Config
from keras_colorize.data.dataset import Dataset
from keras_colorize.data.sources import Source, VideoSource
from keras_colorize.errors import RunError, SettingsMismatch, UsageError
from keras_colorize.files import nearest_existing, read_json, write_json
from keras_colorize.training import run_directory

SCHEMA = 1
PLAN = "plan.json"
NEEDED = 40  # pictures
SIZE = 90, 160  # of a picture, twice that on a GPU; a page is cut into windows of this shape
LEAST_EPOCHS = 2  # of each network, which a film gained from; fewer leave it as it began
WANTED_EPOCHS = 20  # by which the frames of films are chosen
FINEST, COARSEST = 5, 50  # one frame of so many is kept; the second is the paper's
MANY_SOURCES = 10  # from which on whole ones are held out, else shots
WIDE = ("model.encoder=[64,128,256,512,512,512]", "model.decoder=[512,512,256,128,64,64]",
        "train.batch_size=16")  # the paper's widths, for a GPU
TRIED = 12  # batches, after two that build the step
OF_TRAINING = 0.8  # of the time that is left; the rest is for measuring and writing
BESIDE = 1.9  # times what its first batches take an epoch takes, with hints, validation and saving
WINDOWS = 4  # of a comic's page, about
VIVID = 0.5  # the best for validation pages of a comic and of picture books, of 0.5 to 0.8
BYTES = 8  # of a pixel of an example, with all that is made on the way
NETWORKS = 400_000_000  # bytes of runs and model, about


@dataclass(frozen=True)
class Lesson:
    """One network of a model, and how it is learned."""

    name: str
    config: str
    place: str
    """Within a model's folder."""
    share: float
    """Of the time of training."""
    changes: tuple[str, ...] = ()
    """Values of the configuration, as `--set` takes them."""

    def configured(self, plan: "Plan", epochs: int) -> Config:
        """Returns its configuration under a plan."""
        of_plan = [f"augment.first_hints={plan.first_hints}",
                   f"model.colourfulness={plan.colourfulness}",
                   f"model.normalization_frozen={str(plan.is_frozen).lower()}",
                   ] if self.name == "gray" else []
        return config.load(self.config, [*(WIDE if plan.is_wide else ()), *self.changes, *of_plan,
                                         f"train.epochs={epochs}"])

    def begin(self, wanted: Config, earlier: Path | None) -> Path | None:
        """Finds the run whose networks it starts from: of an earlier round, or the one that ships.

        Returns None where that has another shape.
        """
        for source in (earlier and earlier / "runs" / self.name, SHIPPED_MODEL / self.place):
            if source and (source / "generator.keras").is_file() \
                    and _shape(run_directory.read_config(source)) == _shape(wanted):
                return source
        return None


def _shape(of: Config) -> tuple:
    """Returns all of a configuration that decides which weights its generator has."""
    model = of.model
    upsampling = model.upsampling.replace("mirrored", "transposed")  # which have the same weights
    return (model.input, model.encoder, model.decoder, model.normalization, upsampling,
            model.output, model.lines, model.guidance, of.loss.objective == "classes")


LESSONS = (Lesson("gray", "cpu/guided_gray", "", 0.6),
           Lesson("printed", "cpu/manga", "printed", 0.4))


@dataclass(frozen=True)
class Plan:
    """What a round of learning does; on disk as `plan.json` of its folder."""

    size: tuple[int, int]
    """Height and width of the pictures."""
    every: int
    split_by: str
    minutes: int
    colourfulness: float = 0.8  # of a plan of an earlier version, which does not name it
    """The share of the truth's that the network of gray pages is brought to."""
    is_wide: bool = False
    """Whether the networks have the paper's widths."""
    first_hints: int = 0
    """How many epochs the network that takes hints learns to colour alone."""
    is_frozen: bool = False
    """Whether the network of gray pages keeps the BatchNorm that it begins with, which is that of
    the model that ships, with statistics of many series."""
    epochs: dict[str, int] = field(default_factory=dict)
    """By lesson; none before the trial."""
    is_done: bool = False
    schema: int = SCHEMA

    @classmethod
    def read(cls, folder: Path) -> "Plan":
        """Reads the plan of a round; raises SettingsMismatch where another version wrote it."""
        schema = read_json(folder / PLAN, dict, RunError, "remove it to begin anew").get("schema")
        if schema != SCHEMA:
            raise SettingsMismatch(folder, "was begun by another version of this program (schema "
                                   f"{schema}, not {SCHEMA})", "name another --out")
        return read_json(folder / PLAN, cls, RunError, "remove it to begin anew")

    def write(self, folder: Path) -> "Plan":
        """Writes the plan of a round, and returns it."""
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / PLAN, asdict(self))
        return self


def choose(sources: list[Source], minutes: int) -> Plan:
    """Chooses size, frames and widths by the sources, the time and the device."""
    is_wide = bool(tf.config.list_physical_devices("GPU"))
    films = [source.length() for source in sources if isinstance(source, VideoSource)]
    wanted = minutes * (600 if is_wide else 30) * 20 // WANTED_EPOCHS
    return Plan(tuple(side * (1 + is_wide) for side in SIZE),
                min(COARSEST, max(FINEST, sum(films) // max(1, wanted))),
                "source" if len(sources) >= MANY_SOURCES else "shot", minutes, VIVID, is_wide)


def check_room(out: Path, sources: list[Source], plan: Plan) -> None:
    """Raises RunError where the disk has no room for what is learned from."""
    pictures = sum(source.length() // plan.every + 1 if isinstance(source, VideoSource)
                   else WINDOWS * source.length() for source in sources)
    needed = NETWORKS + BYTES * pictures * plan.size[0] * plan.size[1]
    free = shutil.disk_usage(nearest_existing(out)).free
    if free < needed:
        raise RunError(out, f"needs about {needed / 1e9:.1f} GB of disk space, "
                       f"{free / 1e9:.1f} GB are free", "make room, or name another --out")


def seconds_an_epoch(wanted: Config, data: Dataset) -> float:
    """Tries some batches, and computes from them how long an epoch takes."""
    model = models.build(wanted, data.size, data.batches_per_epoch * wanted.train.epochs)
    tried = min(TRIED, data.batches_per_epoch)
    model.fit(data.training(0).take(min(2, tried)), shuffle=False, verbose=0)
    began = time.perf_counter()
    model.fit(data.training(0).take(tried), shuffle=False, verbose=0)
    return BESIDE * (time.perf_counter() - began) / tried * data.batches_per_epoch


def epochs_within(seconds: float, minutes: int, each: dict[str, float]) -> dict[str, int]:
    """Computes how many epochs of each lesson fit into the seconds that are left of `minutes`.

    Args:
        each: the seconds of an epoch, by lesson.

    Raises UsageError where they are fewer than `LEAST_EPOCHS`, with how many minutes it takes.
    """
    share = {lesson.name: lesson.share for lesson in LESSONS}
    fit = {name: int(OF_TRAINING * share[name] * seconds / took) for name, took in each.items()}
    if min(fit.values()) < LEAST_EPOCHS:
        needed = max(LEAST_EPOCHS * took / share[name] for name, took in each.items())
        spent = 60 * minutes - seconds
        raise UsageError("--minutes", f"is {minutes}, too few for these pictures on this machine",
                         f"give at least {int((needed / OF_TRAINING + spent) / 60) + 1}")
    return fit
