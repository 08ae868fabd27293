"""``python -m tilesim``."""

from tilesim.cli import main

main()
