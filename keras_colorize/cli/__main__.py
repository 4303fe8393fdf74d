"""`python -m keras_colorize.cli` is the command `keras-colorize`."""

from keras_colorize.cli import main

raise SystemExit(main())
