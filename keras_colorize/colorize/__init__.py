"""A trained model and gray pictures, comics and films to coloured files."""

from keras_colorize.colorize.inputs import is_file_output
from keras_colorize.colorize.page import Models
from keras_colorize.colorize.predictor import Model
from keras_colorize.colorize.report import Report
from keras_colorize.colorize.settings import LOCKS, Settings
from keras_colorize.colorize.work import colorize

__all__ = ["LOCKS", "Model", "Models", "Report", "Settings", "colorize", "is_file_output"]
