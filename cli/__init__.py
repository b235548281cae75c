"""The `readback` command: it starts the product, talks to it, and looks after its data."""
