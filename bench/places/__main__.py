"""`python -m bench.places`."""

from bench.places.command import main

if __name__ == "__main__":
    main()
