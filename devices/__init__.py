"""Floor 0: what the chip is, what a kernel is, and how long one takes on one core."""
