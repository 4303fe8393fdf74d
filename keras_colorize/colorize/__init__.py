"""A trained model and gray pictures, comics and films to coloured files."""

from keras_colorize.colorize.batch import colorize
from keras_colorize.colorize.job import is_file_output
from keras_colorize.colorize.page import Models
from keras_colorize.colorize.predictor import LOCKS, Model, Settings
from keras_colorize.colorize.report import Report

__all__ = ["LOCKS", "Model", "Models", "Report", "Settings", "colorize", "is_file_output"]
