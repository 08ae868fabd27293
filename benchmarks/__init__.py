"""Figures about tilesim itself, as ratios taken in one run: machines are noisy."""
