"""The `Record` stream, on which an agent holds its call and writes the transcript."""
