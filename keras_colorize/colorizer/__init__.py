"""A trained model and gray pictures, comics and films to coloured files."""

from keras_colorize.colorizer.inputs import is_file_output
from keras_colorize.colorizer.model import Model
from keras_colorize.colorizer.page import Models
from keras_colorize.colorizer.report import Report
from keras_colorize.colorizer.settings import LOCKS, Settings
from keras_colorize.colorizer.work import colorize

__all__ = ["LOCKS", "Model", "Models", "Report", "Settings", "colorize", "is_file_output"]
