"""The data of conversations: records, entries, drafts, cursors, log chunks. No input or output."""
