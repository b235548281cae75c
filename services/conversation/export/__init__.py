"""Export of transcripts as files. The formats are `plain_text`, `webvtt` and `json_document`."""
