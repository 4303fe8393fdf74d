"""A trained model and gray pictures, comics and films to coloured files."""

from keras_colorize.colorize.batch import colorize, settings_for, unused_hints
from keras_colorize.colorize.inputs import beside, is_file_output
from keras_colorize.colorize.page import colored_file
from keras_colorize.colorize.predictor import Model, Models, Settings, is_model
from keras_colorize.colorize.printed_page import PageMemory
from keras_colorize.colorize.report import Report
from keras_colorize.colorize.series import LOCKS, PAPERS, TONES

__all__ = ["LOCKS", "PAPERS", "TONES", "Model", "Models", "PageMemory", "Report", "Settings",
           "beside", "colored_file", "colorize", "is_file_output", "is_model", "settings_for",
           "unused_hints"]
