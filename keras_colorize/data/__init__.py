"""Episodes to batches: what a network is trained and measured on."""
