"""The conversation service: conversations, their calls, and a transcript log of each conversation.

    app, assembly, servicer   the process, its parts, the gRPC contract
    model/    records, entries, drafts, cursors, log chunks
    log/      appends to the log: group commit, writer fence, commit plans
    calls/    conversations and calls, leases, supervision, LiveKit rooms, grants
    record/   the `Record` stream          watch/    the `Watch` stream
    search/   full-text search             export/   transcripts as files
    deletion, retention                    store/    the database
    client/   library for programs that record or watch

The core packages (`model`, `log`, `calls`, `watch`) get their clock, store and bus as arguments.
"""
