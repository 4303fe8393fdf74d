"""What a coloured picture is worth: figures of each picture, and intervals of their means."""

import numpy as np

from keras_colorize.image.metrics.color import (
    ciede2000,
    ciede2000_p95,
    colourfulness,
    difference_maps,
)
from keras_colorize.image.metrics.distances import chroma_l1, l1, l2, psnr, ssim
from keras_colorize.image.metrics.intervals import Resampling
from keras_colorize.image.metrics.structure import edge_bleed, flicker

PICTURE_METRICS = {
    "l1": l1, "l2": l2, "psnr": psnr, "ssim": ssim, "chroma_l1": chroma_l1,
    "ciede2000": ciede2000, "ciede2000_p95": ciede2000_p95, "edge_bleed": edge_bleed,
}
"""Those of pictures and their truth, uint8 [n, h, w, 3] each, to float64 [n]."""



def of_pictures(pictures: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """All of `PICTURE_METRICS`, with the maps of CIEDE2000, which take longest, made once."""
    maps = difference_maps(pictures, truth)
    known = {"ciede2000": maps.mean(axis=(1, 2)),
             "ciede2000_p95": np.percentile(maps, 95, axis=(1, 2))}
    return {name: known[name] if name in known else metric(pictures, truth)
            for name, metric in PICTURE_METRICS.items()}


__all__ = ["PICTURE_METRICS", "Resampling", "chroma_l1", "ciede2000", "ciede2000_p95",
           "colourfulness", "edge_bleed", "flicker", "l1", "l2", "of_pictures", "psnr",
           "ssim"]
