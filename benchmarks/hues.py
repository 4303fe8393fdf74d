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

SPLIT, RESAMPLES = "test", 1000


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
    from keras_colorize.evaluation.measure import Examples, of_run
    from keras_colorize.image import line_lock, metrics, pixels
    from keras_colorize.training import run_directory

    for run in (*options.game, *options.alone):
        if run_directory.read_config(run).model.input != "gray":
            parser.error(f"{run} does not take gray input")
    examples = Examples(Dataset(options.data, "gray", 16), SPLIT)
    _, conditions, truths = zip(*examples.batches(), strict=True)
    truth, groups = np.concatenate(truths), [place[:2] for place in examples.places()]
    members = [np.flatnonzero([each == group for each in groups])
               for group in dict.fromkeys(groups)]

    def painted(run: Path) -> np.ndarray:
        colorize = of_run(run.name, run).colorize
        return np.concatenate([colorize(*pair) for pair in zip(conditions, truths, strict=True)])

    def as_vivid(pictures: np.ndarray, beside: np.ndarray) -> np.ndarray:
        luminances, chromas = ([plane(each) for each in pictures]
                               for plane in (pixels.gray, pixels.chroma))
        gain = metrics.vivid_gain(luminances, chromas, metrics.colourfulness(beside).mean(),
                                  (0.0, 4.0), 9)
        return np.stack([line_lock.join(luminance, np.float32(gain) * chroma)
                         for luminance, chroma in zip(luminances, chromas, strict=True)])

    def overlap(hues: np.ndarray, rows: np.ndarray) -> float:
        return np.minimum(hues[rows].mean(0), true[rows].mean(0)).sum()

    true = np.stack([metrics.hues(each) for each in truth])
    everything, hues = np.arange(len(truth)), {}
    print(provenance() + f"\n| {SPLIT} pictures: {len(truth)} | L1 | CIEDE2000 | hues together |\n"
          "|---|---:|---:|---:|")
    for game, alone in zip(options.game, options.alone, strict=True):
        vivid = painted(game)
        for kind, name, pictures in (("game", game, vivid),
                                     ("alone", f"{alone}, as vivid",
                                      as_vivid(painted(alone), vivid))):
            own = np.stack([metrics.hues(each) for each in pictures])
            hues.setdefault(kind, []).append(own)
            print(f"| {name} | {metrics.l1(pictures, truth).mean():.2f} | "
                  f"{metrics.ciede2000(pictures, truth).mean():.2f} | "
                  f"{overlap(own, everything):.3f} |", flush=True)

    def difference(rows: np.ndarray) -> float:
        return np.mean([overlap(game, rows) - overlap(alone, rows)
                        for game, alone in zip(hues["game"], hues["alone"], strict=True)])

    generator = np.random.default_rng(0)
    resampled = [difference(np.concatenate([members[group] for group in generator.integers(
        len(members), size=len(members))])) for _ in range(RESAMPLES)]
    low, high = np.percentile(resampled, [2.5, 97.5])
    print(f"\ndifference: {difference(everything):.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
