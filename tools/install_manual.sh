#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Usage: install_manual.sh POSTERN FOLDER
# For meson: the manual page of each noun that the program POSTERN knows, into
# FOLDER below $DESTDIR.
set -eu

postern=$1
to=${DESTDIR:-}$2

mkdir -p "$to"
"$postern" help --manual | sed -n 's/^\.B postern \([a-z-]*\).*/\1/p' | sort -u |
    while read -r noun; do
        "$postern" help --manual "$noun" >"$to/postern-$noun.1"
        chmod 644 "$to/postern-$noun.1"
    done
