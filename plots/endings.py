"""Endings of the files that are drawn or exported from a run."""

__all__ = ["CHROME_ENDINGS", "PERFETTO_ENDINGS", "PICTURE_ENDINGS", "TRACE_ENDINGS"]

PICTURE_ENDINGS = (".png", ".svg", ".pdf")
"""Endings of the files that pictures are written to."""

CHROME_ENDINGS = (".json", ".json.gz")
"""Endings of the files that `write_chrome_trace` writes."""

PERFETTO_ENDINGS = (".pftrace", ".pftrace.gz", ".perfetto-trace", ".perfetto-trace.gz")
"""Endings of the files that `write_perfetto_trace` writes."""

TRACE_ENDINGS = (*CHROME_ENDINGS, *PERFETTO_ENDINGS)
"""Endings of the files that `write_trace` writes."""
