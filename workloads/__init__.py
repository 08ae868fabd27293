"""Floor 3: programs by name."""
