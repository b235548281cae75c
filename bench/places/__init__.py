"""Corpora and bench of place annotation."""
