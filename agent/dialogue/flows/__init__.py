"""One conversation flow a file: each takes a turn and yields what is said and done."""
