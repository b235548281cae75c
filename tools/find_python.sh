#!/usr/bin/env bash
# Print the interpreter for the virtual environment: $PYTHON, or the first that is new enough and has venv.
set -euo pipefail

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
too_old=''
without_venv=''

for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    "$candidate" -c '' >/dev/null 2>&1 || continue # a version manager's shim for a version that is not active
    if ! "$candidate" -c "$new_enough"; then
        too_old="$candidate"
    elif ! "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
        without_venv="$candidate"
    else
        echo "$candidate"
        exit 0
    fi
done

if [ -n "$without_venv" ]; then
    version=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "$without_venv can't make virtual environments; install its venv package" \
        "(Debian, Ubuntu: apt-get install python$version-venv)." >&2
elif [ -n "$too_old" ]; then
    echo "Readback needs Python 3.11 or newer and found only $("$too_old" --version);" \
        "install a newer one, or set it: make PYTHON=/path/to/python3.11" >&2
else
    echo "Readback needs Python 3.11 or newer and found none on PATH;" \
        "install it, or set it: make PYTHON=/path/to/python3.11" >&2
fi
exit 2
