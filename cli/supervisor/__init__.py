"""Behind `readback up`: one process a part, started in order, watched, restarted, and ended together."""
