"""Export of transcripts as files. The formats are `plain_text`, `webvtt`, and JSON (in `export`)."""
