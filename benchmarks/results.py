"""The tables of docs/results.md: benchmarks/results.py TABLE --comic DIR --film FILE.

Builds the datasets that a table is about, trains its runs and measures them, all by commands that a
user could type, which are printed. A second call keeps all that is there and goes on from it.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from provenance import provenance

DATASETS = {
    "unseen": ("{comic}", "--test", "ep16", "ep17", "ep18"),
    "choosing": (*(f"{{comic}}/ep{number:02}" for number in range(1, 16)),
                 "--test", "ep14", "ep15"),
    "film": ("{film}", "--every", "5"),
    "film_frames": ("{film}", "--every", "5", "--split-by", "frame"),
    "drawn": ("{drawn}", "--every", "6"),
}
GAN_EPOCHS = {"unseen": 40, "choosing": 40, "film": 20, "film_frames": 20, "drawn": 16}
CONVNET_EPOCHS = 1.5  # times as many take the same time: a step has one network less
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Run:
    """A training: a shipped configuration on a dataset, changed by `settings`."""

    name: str
    data: str
    config: str
    settings: tuple[str, ...] = ()
    init_from: "Run | None" = None

    @property
    def place(self) -> str:
        """Where it goes, within a folder of runs."""
        return f"{self.data}/{self.name}"


@dataclass(frozen=True)
class Table:
    """Runs that are measured on a dataset, and how."""

    data: str
    runs: tuple[Run, ...]
    options: tuple[str, ...] = ("--study",)
    splits: tuple[str, ...] = ("test",)


def step(data: str, model: str, name: str, *settings: str, seed: int = 0,
         init_from: Run | None = None) -> Run:
    """Returns a run of `cpu/MODEL`, changed by settings, for as long as the GAN's epochs take."""
    epochs = round(GAN_EPOCHS[data] * (CONVNET_EPOCHS if model.startswith("convnet") else 1))
    return Run(f"{name}_{seed}", data, f"cpu/{model}",
               (f"train.epochs={epochs}", f"train.seed={seed}", *settings), init_from)


def seeded(data: str, *models: str) -> tuple[Run, ...]:
    """Returns runs of shipped configurations with each seed."""
    return tuple(step(data, model, model, seed=seed) for model in models for seed in SEEDS)


GRAY, EDGE = ("gan_gray", "convnet_gray"), ("gan_edge", "convnet_edge")
L1 = "loss.objective=absolute"
CHROMA = (L1, "model.output=chroma")
COSINE = "optimizer.schedule=cosine"
VARIED = ("augment.gamma=0.5", "augment.crop=0.4")
AVERAGED = "optimizer.ema=0.998"
PAIRS = ("train.batch_size=2", "train.epochs=55")  # a third more time than the others
SHORT_PAIRS = ("train.batch_size=2", "train.epochs=40")  # in the time of the others
FROM_FILM = step("film", "convnet_gray", "chroma", *CHROMA, "train.epochs=26")


def steps(model: str, **settings: tuple[str, ...]) -> tuple[Run, ...]:
    """Returns runs of a shipped configuration, each changed by the settings under its name."""
    return tuple(step("choosing", model, name, *changed) for name, changed in settings.items())


TABLES = {
    "unseen": Table("unseen", (
        *seeded("unseen", *GRAY, *EDGE, "best_gray"),
        *(step("unseen", "convnet_edge", "pairs_averaged_edge", L1, *SHORT_PAIRS, AVERAGED,
               seed=seed) for seed in SEEDS)), ("--study", "--unseen", "{film}")),
    "equal_epochs": Table("unseen", (  # as in the paper, which gives the ConvNet less time
        *seeded("unseen", "gan_gray"),
        *(step("unseen", "convnet_gray", "convnet_short_gray", "train.epochs=40", seed=seed)
          for seed in SEEDS))),
    "choosing": Table("choosing", (
        *steps("convnet_gray", convnet_gray=(), l1_gray=(L1,), chroma_gray=CHROMA,
               cosine_gray=(*CHROMA, COSINE), varied_gray=(*CHROMA, COSINE, *VARIED),
               averaged_gray=(*CHROMA, *VARIED, AVERAGED),
               pairs_gray=(*CHROMA, COSINE, *PAIRS),
               instance_gray=(*CHROMA, COSINE, *PAIRS, "model.normalization=instance"),
               pairs_varied_gray=(*CHROMA, COSINE, *PAIRS, *VARIED, AVERAGED),
               pairs_averaged_gray=(*CHROMA, *PAIRS, AVERAGED)),
        step("choosing", "convnet_gray", "from_film_gray", *CHROMA, "train.epochs=30",
             init_from=FROM_FILM),
        *steps("gan_gray", gan_gray=(), gan_chroma_gray=("model.output=chroma", COSINE)),
        *steps("convnet_edge", convnet_edge=(), pairs_edge=(L1, COSINE, *PAIRS),
               pairs_averaged_edge=(L1, *SHORT_PAIRS, AVERAGED)),
        *steps("gan_edge", gan_edge=()), step("choosing", "best_gray", "best_gray")),
        splits=("test", "validation")),
    "film": Table("film", (*seeded("film", *GRAY), *(step("film", model, model) for model in EDGE)),
                  ("--study", "--unseen", "{comic}/ep16", "{comic}/ep17", "{comic}/ep18")),
    "film_frames": Table("film_frames", tuple(step("film_frames", model, model)
                                              for model in GRAY)),
    "drawn": Table("drawn", tuple(step("drawn", model, model) for model in (*GRAY, *EDGE))),
    "printed": Table("unseen", (
        *(step("unseen", model, model) for model in ("gan_gray", "best_gray")),
        *(step("unseen", model, f"{model}_printed", "augment.screentone=0.5")
          for model in ("gan_gray", "best_gray"))), ("--study", "--screentone")),
}


def commands(table: Table, places: dict[str, str], out: Path, name: str) -> Iterator[list[str]]:
    """Yields the commands that make a table, in their order, as arguments of `keras-colorize`.

    Args:
        places: what "{comic}", "{film}" and "{drawn}" in arguments stand for.
        out: the folder of datasets, runs and reports.
        name: of its reports.
    """
    def place(kind: str, name: str) -> str:
        return str(out / kind / name)

    trained = [each for run in table.runs for each in (run.init_from, run) if each]
    for data in dict.fromkeys([table.data, *(run.data for run in trained)]):
        if data == "drawn":
            yield ["draw-episode", places["drawn"]]
        yield ["build-tfrecords", *(each.format(**places) for each in DATASETS[data]),
               "--size", "90x160", "--out", place("tfrecords", data)]
    for each in trained:
        yield ["train", each.config, "--data", place("tfrecords", each.data),
               "--out", place("runs", each.place),
               *(["--init-from", place("runs", each.init_from.place)] if each.init_from else []),
               *(part for setting in each.settings for part in ("--set", setting))]
    for split in table.splits:
        yield ["evaluate", *(place("runs", each.place) for each in table.runs),
               "--data", place("tfrecords", table.data), "--split", split,
               "--out", place("reports", f"{name}_{split}"),
               *(each.format(**places) for each in table.options)]


def main() -> None:
    """Makes a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--comic", required=True, type=Path, metavar="DIR",
                        help="Pepper&Carrot, a folder an episode: ep01 to ep18")
    parser.add_argument("--film", required=True, type=Path, metavar="FILE", help="Big Buck Bunny")
    parser.add_argument("--out", type=Path, default=Path("results"),
                        help="where datasets, runs and reports go (%(default)s)")
    parser.add_argument("--list", action="store_true", help="print the commands alone")
    options = parser.parse_args()
    places = {"comic": str(options.comic), "film": str(options.film),
              "drawn": str(options.out / "episode.mp4")}
    print(provenance())
    for arguments in commands(TABLES[options.table], places, options.out, options.table):
        print("$ keras-colorize", *arguments, flush=True)
        if not options.list:
            done = subprocess.run([sys.executable, "-m", "keras_colorize.cli", *arguments])
            if done.returncode:
                sys.exit(done.returncode)


if __name__ == "__main__":
    main()
