"""A run's generator and the pixel maths around it, as files that need none of this code."""

from keras_colorize.export.graph import Colorizer, working_scale
from keras_colorize.export.write import CARD, FORMATS, PATTERNS, export, plain_path

__all__ = ["CARD", "FORMATS", "PATTERNS", "Colorizer", "export", "plain_path", "working_scale"]
