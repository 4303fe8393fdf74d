"""The share of the error that is a picture's light: benchmarks/light.py DATASET RUN_DIR...

Prints the mean L1 of the gray picture and of each run on the test pictures: as they are, and when
each picture is given facts that nobody knows beforehand, its own median shift of colour (three
numbers) or its own median colour at each gray level.
"""

import argparse
from pathlib import Path

import numpy as np
from provenance import provenance

from keras_colorize import import_tensorflow

LEVELS = 8  # grays that count as one


def shifted(picture: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Moves a picture, float [h, w, 3], to its truth by one colour, the best one for L1."""
    return np.clip(picture + np.median(truth - picture, axis=(0, 1)), 0, 255)


def own_colours(gray: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the truth's median colour at each gray level, float [h, w, 3], gray uint8 [h, w]."""
    colored, levels = np.empty_like(truth), gray // LEVELS
    for level in np.unique(levels):
        colored[levels == level] = np.median(truth[levels == level], axis=0)
    return colored


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATASET")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN_DIR", help="runs on gray input")
    options = parser.parse_args()
    import_tensorflow()
    from keras_colorize.data.dataset import Dataset
    from keras_colorize.evaluation.baselines import return_input
    from keras_colorize.evaluation.evaluate import BATCH
    from keras_colorize.evaluation.measure import Examples, of_run

    examples = Examples(Dataset(options.data, "gray", BATCH), "test")
    colorings = {"return the input": return_input,
                 **{run.name: of_run(run.name, run).colorize for run in options.runs}}
    errors = {name: [] for name in colorings}
    errors_of_own = []
    for _, condition, truth in examples.batches():
        wanted = truth.astype(float)
        for name, colorize in colorings.items():
            pictures = colorize(condition, truth).astype(float)
            errors[name] += [(np.abs(picture - true).mean(),
                              np.abs(shifted(picture, true) - true).mean())
                             for picture, true in zip(pictures, wanted, strict=True)]
        errors_of_own += [np.abs(own_colours(gray[..., 0], true) - true).mean()
                          for gray, true in zip(condition, wanted, strict=True)]
    means = {name: np.mean(each, axis=0) for name, each in errors.items()}
    unit = means["return the input"][0]
    print(provenance())
    print("| | L1 | of the gray picture's | with its own light | of the gray picture's |\n"
          "|---|---:|---:|---:|---:|")
    for name, (plain, lit) in means.items():
        print(f"| {name} | {plain:.2f} | {plain / unit:.3f} | {lit:.2f} | {lit / unit:.3f} |")
    own = np.mean(errors_of_own)
    print(f"| its own median colour of each gray level | | | {own:.2f} | {own / unit:.3f} |")


if __name__ == "__main__":
    main()
