"""The `readback` command: starts the product, calls its services, and manages its data."""
