"""The transcript of a call: recording of new entries, and reading of entries that earlier agents recorded."""
