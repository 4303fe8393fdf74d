"""Maths of pictures: arrays in, arrays out, without a file, a dataset or a network."""
