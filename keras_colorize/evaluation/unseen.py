"""Pictures of other series (figure 15), most without a truth: coloured, and judged without one."""

import numpy as np
from tqdm import tqdm

from keras_colorize.data import screening
from keras_colorize.data.dataset import Dataset
from keras_colorize.data.sources import Counts, Sampling, Source
from keras_colorize.evaluation.baselines import Baseline
from keras_colorize.evaluation.statistics import Resampling
from keras_colorize.image import figures, metrics, pixels

MOST = 48  # pictures that are judged
BINS = 16  # of the histogram of chroma, each way
CHANGE = 8.0  # levels of chroma between neighbours: a visible change


def gather(sources: list[Source], data: Dataset) -> list[dict]:
    """Pictures of other sources, made as the dataset's were, at most `MOST` of them, evenly spaced.

    Returns:
        Of each its `name` and `shot`, what `pixels.example` gives, and `colored`: whether its own
        colours can serve as a truth, which those of ink drawings and gray films do not.

    Raises:
        SourceError: a place does not exist, holds no source, or cannot be read.
    """
    values = data.manifest.values
    sampling = Sampling(values["every"], data.size, values.get("zoom") or "spline")
    samples = ((source.name, sample) for source in sources
               for sample in source.samples(sampling, Counts()))
    found, stride = [], 1
    for number, (name, sample) in enumerate(tqdm(samples, "unseen", unit="picture", delay=2)):
        if number % stride:
            continue
        made = pixels.example(sample.picture, data.size, sampling.zoom)
        found.append({"name": f"{name}, {sample.frame}", "shot": (name, sample.shot), **made,
                      "colored": not screening.is_near_gray(made["color"])})
        if len(found) > 2 * MOST:  # so that a long film needs no more memory than a short one
            found, stride = found[::2], 2 * stride
    return [found[number] for number in figures.evenly(len(found), MOST)]


def palette(data: Dataset) -> np.ndarray:
    """The histogram of chroma of the training pictures, [`BINS`, `BINS`], its sum 1."""
    total = np.zeros((BINS, BINS))
    batches = data.pictures("train").as_numpy_iterator()
    for _, colors in tqdm(batches, "palette", unit="batch", delay=2):
        for color in colors:
            total += _histogram(color)
    return total / max(total.sum(), 1)


def judge(pictures: list[np.ndarray], examples: list[dict], trained_on: np.ndarray) -> dict:
    """Figures of coloured pictures that need no truth, means over them.

    Args:
        pictures: uint8 [h, w, 3].
        examples: as `gather` gives them.
        trained_on: the `palette` of the series that the model knows.

    Returns:
        `colourfulness`; `luminance_l1`, by how much the luminance is not the input's, 0..255;
        `stray`, the share of visible changes of chroma that lie further than
        `metrics.REACH` pixels from every edge of the input, so out of place (0..1);
        `off_palette`, the share of pixels in colours that are rare in training, 0..1; and of the
        pictures that have a truth `l1` and `l1_of_gray`, the error and its share of the gray
        picture's (None where none has). Of each the 95 % interval over shots as `NAME_ci`.
    """
    common = trained_on > 1e-4
    judged = [_judge(picture, each, common) for picture, each
              in zip(pictures, examples, strict=True)]
    values = {name: np.array([each[name] for each in judged]) for name in judged[0]}
    resampling = Resampling([each["shot"] for each in examples])
    found = {"pictures": len(pictures), "shots": resampling.groups}
    for name in ("colourfulness", "luminance_l1", "stray", "off_palette", "l1"):
        known = values[name][~np.isnan(values[name])]
        found |= {name: float(known.mean()) if len(known) else None,
                  f"{name}_ci": resampling.interval(values[name])}
    gray = np.nansum(values["gray_l1"])
    return found | {"l1_of_gray": float(np.nansum(values["l1"]) / gray) if gray else None,
                    "l1_of_gray_ci": resampling.interval(values["l1"], values["gray_l1"])}


def _judge(picture: np.ndarray, example: dict, common: np.ndarray) -> dict[str, float]:
    """The figures of one picture, as `judge`, and `gray_l1`; NaN where there is no truth."""
    gray, histogram = example["gray"], _histogram(picture)
    known = example["colored"]
    return {"colourfulness": metrics.colourfulness(picture[None])[0],
            "luminance_l1": np.abs(pixels.gray(picture).astype(float) - gray).mean(),
            "stray": _stray(picture, gray),
            "off_palette": histogram[~common].sum() / histogram.sum(),
            "l1": metrics.l1(picture[None], example["color"][None])[0] if known else np.nan,
            "gray_l1": metrics.l1(np.dstack([gray] * 3)[None], example["color"][None])[0]
                       if known else np.nan}


def colored_by(colorize: Baseline, condition: str, examples: list[dict]) -> list[np.ndarray]:
    """Pictures, uint8 [h, w, 3], that a candidate makes of examples."""
    return [colorize(each[condition][None, ..., None], each["color"][None])[0]
            for each in examples]


def _stray(picture: np.ndarray, luminance: np.ndarray) -> float:
    chroma = pixels.chroma(picture)
    changes = np.zeros(luminance.shape, bool)
    for axis in (0, 1):
        step = np.linalg.norm(np.diff(chroma, axis=axis), axis=2) > CHANGE
        changes[tuple(slice(0, size) for size in step.shape)] |= step
    return float(np.mean(~metrics.near_edges(luminance)[changes])) if changes.any() else 0.0


def _histogram(picture: np.ndarray) -> np.ndarray:
    red, blue = pixels.chroma(picture).reshape(-1, 2).T
    return np.histogram2d(red, blue, bins=BINS, range=((-255, 255), (-255, 255)))[0]
