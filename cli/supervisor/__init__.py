"""Supervisor of `readback up`: one process per part, restarted after a crash."""
