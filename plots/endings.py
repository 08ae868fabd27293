"""Endings of the files that are drawn or exported from a run."""

__all__ = ["PICTURE_ENDINGS", "TRACE_ENDINGS"]

PICTURE_ENDINGS = (".png", ".svg", ".pdf")
"""Endings of the files that pictures are written to."""

TRACE_ENDINGS = (".json", ".json.gz")
"""Endings of the files that `write_chrome_trace` writes."""
