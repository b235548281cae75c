"""Bugs planted on purpose, each of which the tests must catch: a test that can't fail proves nothing.

A `.patch` file beside this one is a bug: what it is, the tests that must catch it, and what to replace by what in which file. Unlike
line-numbered patches they survive changes elsewhere in a file, and fail loudly when what they replace isn't there once.
"""
