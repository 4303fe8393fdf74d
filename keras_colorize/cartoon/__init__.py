"""A small drawn cartoon that the demonstration and the tests learn from."""
