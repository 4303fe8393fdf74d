"""Pictures as arrays: numpy in, numpy out."""
