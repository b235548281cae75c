"""Authentication and access: access tokens, access rules, workload identity, and the secrets behind them."""
