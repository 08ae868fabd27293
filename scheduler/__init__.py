"""Floor 1: ready queues and scheduler threads; integers, arrays and times only."""
