"""Export of transcripts as files. Formats: `plain_text`, `webvtt`, and JSON in `export`."""
