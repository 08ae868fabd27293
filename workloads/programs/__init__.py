"""Programs written in the language; what their annotations hold is shapes, not types."""
