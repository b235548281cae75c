"""Mutants: bugs planted on purpose, each of which the tests must catch.

Each `.patch` file in this folder is one bug: a title, the tests that must catch it, and the lines to replace.
The lines are found by their text, not by line numbers, so a patch survives changes elsewhere in the file. It
fails if its text doesn't occur exactly once.
"""
