"""What a coloured picture is worth: figures of each picture, and intervals of their means."""

from keras_colorize.metrics.color import ciede2000, ciede2000_p95, colourfulness
from keras_colorize.metrics.distances import chroma_l1, l1, l2, psnr, ssim
from keras_colorize.metrics.intervals import Resampling
from keras_colorize.metrics.structure import edge_bleed, flicker

PICTURE_METRICS = {
    "l1": l1, "l2": l2, "psnr": psnr, "ssim": ssim, "chroma_l1": chroma_l1,
    "ciede2000": ciede2000, "ciede2000_p95": ciede2000_p95, "edge_bleed": edge_bleed,
}
"""Those of pictures and their truth, uint8 [n, h, w, 3] each, to float64 [n]."""

__all__ = ["PICTURE_METRICS", "Resampling", "chroma_l1", "ciede2000", "ciede2000_p95",
           "colourfulness", "edge_bleed", "flicker", "l1", "l2", "psnr", "ssim"]
