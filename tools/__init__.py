"""Scripts for developers of this repository. None of them runs in production."""
