"""Policies: the rules of suppliers as data, one file for each, and their checks."""
