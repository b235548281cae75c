"""One call in a LiveKit room: taking it, talking to the caller, showing captions and cards, ending it."""
