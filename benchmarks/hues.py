"""The hues of all test pictures together: benchmarks/hues.py DATASET --game RUN... --alone RUN...

A network may paint each picture in wrong colours and yet use, over a whole series, as many colours
as the series does. This prints which share of the truth's colours a run paints over all pictures:
of runs with a game, and of as many without one whose chroma is multiplied until they are as
colourful. The interval of the mean difference is over pages or shots.
"""

import argparse
from pathlib import Path

import numpy as np
from provenance import provenance

from keras_colorize import import_tensorflow

SPLIT = "test"


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATASET")
    parser.add_argument("--game", type=Path, nargs="+", required=True, metavar="RUN_DIR",
                        help="runs on gray input")
    parser.add_argument("--alone", type=Path, nargs="+", required=True, metavar="RUN_DIR",
                        help="as many others")
    options = parser.parse_args()
    if len(options.game) != len(options.alone):
        parser.error("give as many runs with --alone as with --game")
    import_tensorflow()
    from keras_colorize.data.dataset import Dataset
    from keras_colorize.evaluation.measure import Examples, gain_to, multiplied, of_run
    from keras_colorize.evaluation.statistics import Resampling
    from keras_colorize.image import metrics
    from keras_colorize.training import run_directory

    for run in (*options.game, *options.alone):
        if run_directory.read_config(run).model.input != "gray":
            parser.error(f"{run} does not take gray input")
    examples = Examples(Dataset(options.data, "gray", 16), SPLIT)
    _, conditions, truths = zip(*examples.batches(), strict=True)
    truth = np.concatenate(truths)
    resampling = Resampling([place[:2] for place in examples.places()])

    def painted(run: Path) -> np.ndarray:
        colorize = of_run(run.name, run).colorize
        return np.concatenate([colorize(*pair) for pair in zip(conditions, truths, strict=True)])

    def hues_of(pictures: np.ndarray) -> np.ndarray:
        """How frequent each bin of hues is, first of all pictures, then of each resample."""
        bins = np.stack([metrics.hues(each).ravel() for each in pictures], axis=1)
        return np.stack([[each.mean(), *resampling.resample(each)] for each in bins], axis=1)

    true, differences = hues_of(truth), []
    print(provenance() + f"\n| {SPLIT} pictures: {len(truth)} | L1 | CIEDE2000 | hues together |\n"
          "|---|---:|---:|---:|")
    for game, alone in zip(options.game, options.alone, strict=True):
        vivid, plain = painted(game), painted(alone)
        plain = multiplied(plain, gain_to(plain, metrics.colourfulness(vivid).mean()))
        both = []
        for name, pictures in ((game, vivid), (f"{alone}, as vivid", plain)):
            both.append(np.minimum(hues_of(pictures), true).sum(axis=1))
            print(f"| {name} | {metrics.l1(pictures, truth).mean():.2f} | "
                  f"{metrics.ciede2000(pictures, truth).mean():.2f} | {both[-1][0]:.3f} |",
                  flush=True)
        differences.append(both[0] - both[1])
    difference, *resampled = np.mean(differences, axis=0)
    low, high = resampling.ends(np.array(resampled)) or (np.nan, np.nan)
    print(f"\ndifference: {difference:.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
