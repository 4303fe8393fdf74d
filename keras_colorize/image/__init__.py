"""Arrays in, arrays out: what is known of pictures without any file, dataset or network."""
