#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: tools/lint.sh [BUILD]
#
# Checks the sources: our own rules, format, common mistakes. BUILD is a folder
# that CMake has configured, for its compile_commands.json. All checks run,
# then it fails if any found something.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build/release}
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}
status=0

echo 'lint: rules'
tools/rules.sh || status=1

echo 'lint: format'
find include src programs examples bench tests \( -name '*.[ch]' -o -name '*.cc' \) -print0 |
    xargs -0 clang-format --dry-run --Werror || status=1

if command -v shellcheck >/dev/null 2>&1; then
    echo 'lint: scripts'
    # shellcheck disable=SC2046 # no spaces in these names
    shellcheck $(find tools tests bench .ci -type f \( -name '*.sh' -o -path .ci/run \)) || status=1
fi

echo 'lint: common mistakes'
# What CMake compiles once for every program that links it need be looked at only once.
sed -n 's/^  "file": "\(.*\.c\)",*$/\1/p' "$build/compile_commands.json" | sort -u |
    xargs -P "$jobs" -n 1 clang-tidy -p "$build" --quiet 2>/dev/null || status=1

[ "$status" -eq 0 ] && echo 'lint: nothing found'
exit "$status"
