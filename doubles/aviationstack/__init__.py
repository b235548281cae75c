"""AviationStack as a local server."""
