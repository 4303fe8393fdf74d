"""Measurements: every figure of every picture, for each run and baseline, in one pass."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from keras_colorize.config import ModelConfig
from keras_colorize.data.dataset import Dataset, Place
from keras_colorize.evaluation import baselines
from keras_colorize.image import line_lock, metrics, pixels, screentone, scribbles
from keras_colorize.image.figures import evenly
from keras_colorize.training import run_directory

TITLES = {"convnet": "ConvNet", "gan": "GAN", "input": "return the input",
          "mean_colour": "mean colour", "transfer": "colour transfer",
          "scribbles": f"scribbles, {baselines.HINTS} hints",
          "chroma_gain": "ConvNet, chroma x gain"}
SLOW = {"scribbles": 256}  # the most pictures that a slow model is measured on, evenly spaced
CORRECTED = 64  # the same of a run that is corrected point by point
JUDGED = 48  # pictures by which a gain is chosen, evenly spaced
MOST_GAIN, HALVINGS = 8.0, 10  # the range in which it is sought, and how often that is halved
PAIRS = 200  # the most pairs of successive frames that flicker is measured on
FIGURES = (*metrics.PICTURE_METRICS, "colourfulness", "flicker")
TRUE_COLOURFULNESS = "true_colourfulness"
KEPT = (*FIGURES, TRUE_COLOURFULNESS)

Values = dict[str, np.ndarray]
"""For each of `KEPT` float64 [pictures], NaN where there is none."""
Measured = dict[tuple[str, str, str], tuple[Values, list[Place]]]
"""By input, model and run ("" for a baseline) the figures of pictures, and where these are from."""


@dataclass(frozen=True)
class Candidate:
    """Something that colours: a trained run, or a baseline, whose `run` is None."""

    run: str | None
    model: str
    input: str
    colorize: baselines.Baseline
    """Conditions, uint8 [n, h, w, 1], and their truth to pictures, uint8 [n, h, w, 3]."""
    points: int | None = None
    """How many pixels of each picture it is told the true colour of, if that is asked."""
    corrected: bool = False
    """Whether each of these points is where the picture was wrong most, and not a random one."""
    gain: float | None = None
    """By what the chroma of another candidate is multiplied, for `chroma_gain`."""

    @property
    def told(self) -> str:
        """What it is told, in words: "5 points", "5 corrections" or ""."""
        return told(self.points, "corrections" if self.corrected else "points") \
            if self.points else ""


def told(count: int, what: str) -> str:
    """Says how many points or corrections: "1 point", "5 corrections"."""
    return f"{count} {what if count > 1 else what[:-1]}"


def takes_points(model: ModelConfig) -> bool:
    """Tells whether a run can be told true pixels: it takes hints, or lines, and is corrected."""
    return model.guidance == "hints" or model.input == "edge"


def candidates(data: Dataset, runs: dict[str, Path], points: Sequence[int] = ()) -> list[Candidate]:
    """Returns the baselines on the dataset's condition, then the runs on it, given by name.

    Args:
        points: for each of these numbers, scribbles and every run that `takes_points` come once
            more, given the true colours of so many pixels, the same for all; then every such run
            once more, given so many one by one, each where its picture is wrong most.

    Raises RunError where a run is missing, damaged, or has finished no epoch.
    """
    condition = data.condition
    trained = []  # first, as they may fail
    for name, run_dir in runs.items():
        trained.append(of_run(name, run_dir))
        if takes_points(run_directory.read_config(run_dir).model):
            trained += [of_run(name, run_dir, count) for count in points]
            trained += [of_run(name, run_dir, count, corrected=True) for count in points]

    def training(title: str):
        return tqdm(data.pictures("train").as_numpy_iterator(), title, unit="batch", delay=2)

    learned = {"input": baselines.return_input,
               "mean_colour": baselines.mean_colour(training("mean colour"), condition),
               "transfer": baselines.nearest_transfer(training("references"), condition),
               "scribbles": baselines.scribble(condition)}
    return [*(Candidate(None, model, condition, colorize) for model, colorize in learned.items()),
            *(Candidate(None, "scribbles", condition, baselines.scribble(condition, count), count)
              for count in points), *trained]


def of_run(name: str, run_dir: Path, points: int | None = None, corrected: bool = False,
           ) -> Candidate:
    """Returns a trained run as a candidate; raises RunError as `candidates` does.

    Args:
        points, corrected: as of the candidate, for a run that `takes_points`.
    """
    model = run_directory.read_config(run_dir).model
    generator = run_directory.load_generator(run_dir)

    def paint(condition: np.ndarray, truth: np.ndarray | None, told: Iterable[np.ndarray] = (),
              ) -> np.ndarray:
        given = pixels.to_signed(condition.astype(np.float32))
        guided = model.guidance == "hints"
        true = [pixels.chroma(color) for color in truth] if points and guided else []
        if guided:
            hints = [pixels.hint_channels(*each) for each in zip(true, told, strict=True)] \
                if points else np.zeros((*given.shape[:3], 3), np.float32)
            given = np.concatenate([given, hints], axis=-1)
        painted = pixels.to_uint8(generator.predict_on_batch(given))
        if not points:
            return painted
        if not guided:
            nearer = [scribbles.correct(picture, where, color) for picture, where, color in zip(
                painted.astype(np.float32), told, truth.astype(np.float32), strict=True)]
            return np.rint(np.clip(np.stack(nearer), 0, 255)).astype(np.uint8)
        return np.stack([  # as on a page, hints fill what is flat around them
            line_lock.join(level, scribbles.fill_flats(pixels.chroma(picture), level, where, color))
            for picture, level, where, color in zip(painted, condition[..., 0], told, true,
                                                    strict=True)])

    def colorize(condition: np.ndarray, truth: np.ndarray | None) -> np.ndarray:
        if not points:
            return paint(condition, truth)
        if not corrected:
            return paint(condition, truth, [baselines.true_pixels(level[..., 0], points)
                                            for level in condition])
        told = np.zeros(condition.shape[:3], bool)
        for _ in range(points):
            for where, painted, color in zip(told, paint(condition, truth, told), truth,
                                             strict=True):
                where[baselines.worst_pixel(painted, color, where)] = True
        return paint(condition, truth, told)

    return Candidate(name, model.kind, model.input, colorize, points, corrected)


def chroma_gain(candidates: list[Candidate], values: list[Values], examples: "Examples",
                ) -> list[Candidate]:
    """Returns the ConvNet that is nearest to the truth, made as colourful as the GANs are.

    Its chroma is multiplied by one number. A GAN that is worth its training gives truer or more
    varied colours than that. The list is empty where there is no GAN, or no ConvNet.

    Args:
        candidates, values: what is measured already, and its figures.
    """
    plain = [(each, own) for each, own in zip(candidates, values, strict=True) if not each.points]
    vivid = [np.nanmean(own["colourfulness"]) for each, own in plain if each.model == "gan"]
    convnets = [(each, own) for each, own in plain if each.model == "convnet"]
    if not (vivid and convnets):
        return []
    nearest, own = min(convnets, key=lambda pair: np.nanmean(pair[1]["l1"]))
    times = np.mean(vivid) / max(np.nanmean(own["colourfulness"]), 1e-9)
    pictures = examples.pick(evenly(len(examples), JUDGED)).values()
    painted = nearest.colorize(*(np.stack(each) for each in zip(*pictures, strict=True)))
    gain = gain_to(painted, times * metrics.colourfulness(painted).mean())
    return [Candidate(None, "chroma_gain", nearest.input, lambda condition, truth: multiplied(
        nearest.colorize(condition, truth), gain), gain=gain)]


def gain_to(pictures: np.ndarray, wanted: float) -> float:
    """Finds by what the chroma of pictures, uint8 [n, h, w, 3], is multiplied to be so colourful.

    Args:
        wanted: their mean `metrics.colourfulness`.
    """
    return metrics.vivid_gain(*zip(*map(_planes, pictures), strict=True), wanted, (0.0, MOST_GAIN),
                              HALVINGS)


def multiplied(pictures: np.ndarray, gain: float) -> np.ndarray:
    """Multiplies the chroma of pictures, uint8 [n, h, w, 3], and leaves their luminance."""
    return np.stack([line_lock.join(luminance, np.float32(gain) * chroma)
                     for luminance, chroma in map(_planes, pictures)])


def _planes(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the luminance and the chroma of a picture, uint8 [h, w] and float32 [h, w, 2]."""
    return pixels.gray(picture), pixels.chroma(picture)


@dataclass(frozen=True)
class Examples:
    """The examples of a split, numbered from 0 on in the order of the dataset."""

    data: Dataset
    split: str
    """The name of a split, or "all" for each in turn."""
    screentone: bool = False
    """Whether gray conditions are redrawn as printed manga, each in the same way always."""

    def __len__(self) -> int:
        return sum(self.data.manifest.counts[split] for split in self._splits)

    def places(self) -> list[Place]:
        """Lists where they come from."""
        return [place for split in self._splits for place in self.data.places(split)]

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yields their numbers, uint8 conditions [n, h, w, 1] and truths [n, h, w, 3]."""
        start = 0
        for split in self._splits:
            for condition, truth in self.data.pictures(split).as_numpy_iterator():
                numbers = np.arange(start, start + len(truth))
                start += len(truth)
                if self.screentone and self.data.condition == "gray":
                    condition = np.stack([
                        screentone.draw(each[..., 0], np.random.default_rng(number))
                        for each, number in zip(condition, numbers, strict=True)])[..., None]
                yield numbers, condition, truth

    def pick(self, numbers: Iterable[int]) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Returns some of them by number: uint8 condition [h, w, 1] and truth [h, w, 3]."""
        wanted = set(numbers)
        return {number: (condition, truth) for batch in self.batches()
                for number, condition, truth in zip(*batch, strict=True) if number in wanted}

    @property
    def _splits(self) -> list[str]:
        return list(self.data.manifest.counts) if self.split == "all" else [self.split]


def measure(candidates: list[Candidate], examples: Examples) -> list[Values]:
    """Returns the figures of all pictures, for each candidate."""
    total = len(examples)
    pairs = [] if examples.screentone else _pairs(examples.places())  # each has dots of its own
    frames = {number: {} for pair in pairs for number in pair}
    values = [{name: np.full(total, np.nan) for name in KEPT} for _ in candidates]
    measured = [evenly(total, CORRECTED if each.corrected else SLOW.get(each.model, total))
                for each in candidates]
    title = f"{examples.data.condition} pictures"
    with tqdm(total=total, desc=title, unit="picture", delay=2) as progress:
        for numbers, condition, truth in examples.batches():
            for number in frames.keys() & numbers.tolist():
                frames[number]["luminance"] = pixels.gray(truth[number - numbers[0]])
            for place, candidate in enumerate(candidates):
                rows = np.flatnonzero(np.isin(numbers, measured[place]))
                if not len(rows):
                    continue
                pictures = candidate.colorize(condition[rows], truth[rows])
                figures = metrics.of_pictures(pictures, truth[rows]) | {
                    "colourfulness": metrics.colourfulness(pictures),
                    TRUE_COLOURFULNESS: metrics.colourfulness(truth[rows])}
                for name, each in figures.items():
                    values[place][name][numbers[rows]] = each
                for number, picture in zip(numbers[rows].tolist(), pictures, strict=True):
                    if number in frames:
                        frames[number][place] = picture.copy()  # not its batch
            progress.update(len(truth))
    for place, figures in enumerate(values):
        _measure_flicker(figures["flicker"], pairs, frames, place)
    return values


def _measure_flicker(values: np.ndarray, pairs: list[tuple[int, int]],
                     frames: dict[int, dict], place: int) -> None:
    """Puts the flicker of each pair at the number of its first frame.

    Args:
        frames: for each number the frame's `luminance`, and its picture by the candidate's `place`.
    """
    for pair in pairs:
        both = [frames[number] for number in pair]
        if all(place in each for each in both):
            change = metrics.flicker(np.stack([each[place] for each in both]),
                                     np.stack([each["luminance"] for each in both]))
            values[pair[0]] = np.nan if change is None else change


def _pairs(where: list[Place]) -> list[tuple[int, int]]:
    """Lists the numbers of examples that follow each other in a shot of a video."""
    order = sorted(range(len(where)), key=lambda number: where[number])
    pairs = [(one, other) for one, other in itertools.pairwise(order)
             if where[one][:2] == where[other][:2] and where[one].time < where[other].time]
    return [pairs[number] for number in evenly(len(pairs), PAIRS)] if pairs else []
