"""Transcripts as files, written in pieces as the log is read: `plain_text`, `webvtt`, `json_document`."""
