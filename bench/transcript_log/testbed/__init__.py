"""The servers that all measurements share, each in a process on a chosen core."""
