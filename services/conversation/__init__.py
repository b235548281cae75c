"""Conversations, their calls, and the transcript log of everything said and done in them.

    app, assembly, servicer   the process, its parts, the gRPC contract
    model/    records, entries, drafts, cursors, log chunks
    log/      appends to the log: group commit, writer fence, commit plans
    calls/    conversations and calls, leases, supervision, LiveKit rooms, grants
    record/   the `Record` stream          watch/    the `Watch` stream
    search/   full-text search             export/   transcripts as files
    deletion, retention                    store/    the database
    client/   the kit for programs that record or watch

The core (`model`, `log`, `calls`, `watch`) takes its clock, store and bus as arguments.
"""
