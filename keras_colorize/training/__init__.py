"""A run: a configuration and a dataset to a trained model."""
