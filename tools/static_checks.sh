#!/usr/bin/env bash
# Static checks. Prints one line per check, and the whole output of the first one that fails.
# usage: tools/static_checks.sh BIN   (BIN: the folder with the tools)
set -euo pipefail

bin=$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT

step() {
    local name=$1 began=$SECONDS
    shift
    if "$@" >"$log" 2>&1; then
        printf '  %-28s ok  %3d s\n' "$name" $((SECONDS - began))
    else
        printf '  %-28s failed\n' "$name"
        cat "$log"
        exit 1
    fi
}

step 'format (ruff)' "$bin/ruff" format --check .
step 'lint (ruff)' "$bin/ruff" check .
step 'types (mypy --strict)' "$bin/python" -m mypy .
step 'contracts: lint (buf)' "$bin/buf" lint
step 'contracts: format (buf)' "$bin/buf" format -d --exit-code protos
step 'contracts: breaking (buf)' "$bin/buf" breaking protos --against protos/baseline/v1.binpb
step 'gen/ is fresh' "$bin/python" -m tools.gen --check
step 'table of settings is fresh' "$bin/python" -m tools.settings_table --check
step 'reference of errors is fresh' "$bin/python" -m tools.error_reference --check
step 'plain English' "$bin/python" -m tools.plain_english
