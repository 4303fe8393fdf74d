"""A small cartoon, drawn frame by frame, that the demonstration and the tests learn from."""
