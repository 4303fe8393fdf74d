"""Pictures of other series (figure 15), coloured and judged without a truth, for most have none."""

import numpy as np
from tqdm import tqdm

from keras_colorize.data import screening
from keras_colorize.data.dataset import Dataset
from keras_colorize.data.sources import Counts, Sampling, Source
from keras_colorize.evaluation.statistics import Resampling
from keras_colorize.image import figures, metrics, pixels, sheets

MOST = 48  # pictures that are judged
BINS = 16  # of the histogram of chroma, each way
CHANGE = 8.0  # levels of chroma between neighbours: a visible change


def gather(sources: list[Source], data: Dataset) -> list[dict]:
    """Reads at most `MOST` pictures of other sources, evenly spaced, made as the dataset's were.

    Raises SourceError where a source cannot be read.

    Returns:
        Of each its `name` and `shot`, what `pixels.example` gives, `manga` (a sheet of it), and
        `colored`: whether its own colours can serve as a truth, which those of ink drawings and
        gray films do not.
    """
    values = data.manifest.values
    sampling = Sampling(values["every"], data.size, values.get("zoom") or "spline")
    samples = ((source.name, sample) for source in sources
               for sample in source.samples(sampling, Counts()))
    pictures, stride = [], 1
    for number, (name, sample) in enumerate(tqdm(samples, "unseen", unit="picture", delay=2)):
        if number % stride:
            continue
        example = pixels.example(sample.picture, data.size, sampling.zoom)
        example["manga"] = sheets.draw_alike(example["color"])[0]
        pictures.append({"name": f"{name}, {sample.frame}", "shot": (name, sample.shot), **example,
                         "colored": not screening.is_near_gray(example["color"])})
        if len(pictures) > 2 * MOST:  # so that a long film needs no more memory than a short one
            pictures, stride = pictures[::2], 2 * stride
    return [pictures[number] for number in figures.evenly(len(pictures), MOST)]


def palette(data: Dataset) -> np.ndarray:
    """Returns the histogram of chroma of the training pictures, [`BINS`, `BINS`], its sum 1."""
    total = np.zeros((BINS, BINS))
    batches = data.pictures("train").as_numpy_iterator()
    for _, colors in tqdm(batches, "palette", unit="batch", delay=2):
        for color in colors:
            total += _histogram(color)
    return total / max(total.sum(), 1)


def judge(pictures: list[np.ndarray], examples: list[dict], trained_on: np.ndarray) -> dict:
    """Measures coloured pictures by figures that need no truth, and returns their means.

    Args:
        pictures: uint8 [h, w, 3].
        examples: as `gather` gives them.
        trained_on: the `palette` of the series that the model knows.

    Returns:
        `colourfulness`; `luminance_l1`, by how much the luminance is not the input's, 0..255;
        `stray`, the share of visible changes of chroma that lie further than `metrics.REACH` pixels
        from every edge of the input, so out of place (0..1); `off_palette`, the share of pixels in
        colours that are rare in training, 0..1; and of the pictures that have a truth `l1` and
        `l1_of_gray`, the error and its share of the gray picture's (None where none has). Of each
        the 95 % interval over shots as `NAME_ci`.
    """
    common = trained_on > 1e-4
    judgements = [_judge(picture, each, common) for picture, each
                  in zip(pictures, examples, strict=True)]
    values = {name: np.array([each[name] for each in judgements]) for name in judgements[0]}
    resampling = Resampling([each["shot"] for each in examples])
    gray_l1 = values.pop("gray_l1")
    gray = np.nansum(gray_l1)
    return {"pictures": len(pictures), "shots": resampling.groups, **resampling.means(values),
            "l1_of_gray": float(np.nansum(values["l1"]) / gray) if gray else None,
            "l1_of_gray_ci": resampling.interval(values["l1"], gray_l1)}


def _judge(picture: np.ndarray, example: dict, common: np.ndarray) -> dict[str, float]:
    """Measures one picture as `judge` does, with its `gray_l1`; NaN where there is no truth."""
    gray, histogram = example["gray"], _histogram(picture)
    l1, gray_l1 = (metrics.l1(each[None], example["color"][None])[0] if example["colored"]
                   else np.nan for each in (picture, np.dstack([gray] * 3)))
    return {"colourfulness": metrics.colourfulness(picture[None])[0],
            "luminance_l1": np.abs(pixels.gray(picture).astype(float) - gray).mean(),
            "stray": _stray(picture, gray), "l1": l1, "gray_l1": gray_l1,
            "off_palette": histogram[~common].sum() / histogram.sum()}


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
