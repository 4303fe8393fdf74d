"""Datasets: from episodes to the batches that a network is trained and measured on."""
