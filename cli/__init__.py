"""The `readback` command: starts the product, talks to it, and manages its data."""
