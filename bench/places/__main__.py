"""`python -m bench.places`."""

from bench.places.measurement import main

if __name__ == "__main__":
    main()
