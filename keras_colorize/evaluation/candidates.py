"""What is measured: trained runs, and the baselines beside them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from keras_colorize.data.dataset import Dataset
from keras_colorize.evaluation import baselines
from keras_colorize.image import pixels
from keras_colorize.training import run_directory

TITLES = {"convnet": "ConvNet", "gan": "GAN", "input": "return the input",
          "mean_colour": "mean colour", "transfer": "colour transfer",
          "scribbles": f"scribbles, {baselines.HINTS} hints"}
SLOW = {"scribbles": 256}  # models that are measured on so many evenly spaced pictures at most


@dataclass(frozen=True)
class Candidate:
    """Something that colours: a trained run, or a baseline, whose `run` is None."""

    run: str | None
    model: str
    input: str
    colorize: baselines.Baseline
    """Conditions, uint8 [n, h, w, 1], and their truth to pictures, uint8 [n, h, w, 3]."""

    @property
    def label(self) -> str:
        """How figures name it."""
        return TITLES.get(self.model, self.model) if self.run is None else self.run

    @property
    def most(self) -> int | None:
        """On how many pictures it is measured at the most."""
        return SLOW.get(self.model)


def candidates(data: Dataset, runs: dict[str, Path]) -> list[Candidate]:
    """The baselines on the dataset's condition, and the runs, which are on the same, by name.

    Raises:
        RunError: a run is missing, damaged, or has finished no epoch.
    """
    condition = data.condition

    def training(what: str):
        return tqdm(data.pictures("train").as_numpy_iterator(), what, unit="batch", delay=2)

    learned = {"input": baselines.return_input,
               "mean_colour": baselines.mean_colour(training("mean colour"), condition),
               "transfer": baselines.nearest_transfer(training("references"), condition),
               "scribbles": baselines.scribble(condition)}
    return [*(Candidate(None, model, condition, colorize) for model, colorize in learned.items()),
            *(of_run(name, run_dir) for name, run_dir in runs.items())]


def of_run(name: str, run_dir: Path) -> Candidate:
    """A trained run; RunError as in `candidates`."""
    config = run_directory.read_config(run_dir)
    colorize = colorizer_of(run_directory.load_generator(run_dir))
    return Candidate(name, config.model.kind, config.model.input,
                     lambda condition, truth: colorize(condition))  # which sees no truth


def colorizer_of(generator: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """A function from uint8 conditions [n, h, w, 1] to the generator's uint8 [n, h, w, 3]."""
    def colorize(condition: np.ndarray) -> np.ndarray:
        signed = pixels.to_signed(condition.astype(np.float32))
        return pixels.to_uint8(generator.predict_on_batch(signed))

    return colorize
