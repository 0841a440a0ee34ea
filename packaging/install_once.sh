#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Usage: install_once.sh SOURCE TARGET
# For meson: SOURCE becomes TARGET below $DESTDIR, unless there is a file.
set -eu

to=${DESTDIR:-}$2
if [ -e "$to" ]; then
    echo "Keeping $to"
    exit 0
fi
echo "Installing $1 as $to"
mkdir -p "$(dirname "$to")"
install -m 644 "$1" "$to"
