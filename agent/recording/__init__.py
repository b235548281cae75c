"""The transcript of a call: recording it as it happens, and reading what earlier agents recorded."""
