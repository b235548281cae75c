"""The contracts at run time: validation of requests, page tokens, and tools for models."""
