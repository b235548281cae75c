"""The transcript log: appends, group commit, the writer fence, and the bus that announces commits."""
