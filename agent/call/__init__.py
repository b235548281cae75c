"""One call in a LiveKit room: taking it, hearing and answering the caller, showing captions and cards, ending it."""
