#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: sudo tools/clean_room.sh [COMMAND...]
# Does a fresh clone pass on a bare Debian 12?  Makes one with debootstrap,
# clones the committed state of this tree into it and runs COMMAND there, by
# default "script/run --check" and then "script/test".
#
# Needs root, the package debootstrap, and the mirror this machine uses.
# CLEAN_ROOM=DIR keeps the system in DIR and uses it again (no longer bare).
set -euo pipefail

tree=$(cd "$(dirname "$0")/.." && pwd)
room=${CLEAN_ROOM:-}
keep=$room

[ "$(id -u)" = 0 ] || { echo "clean_room: must be root" >&2; exit 1; }
if [ $# = 0 ]; then
    set -- bash -c 'script/run --check && script/test'
fi

if [ -z "$room" ]; then
    room=$(mktemp -d /var/tmp/postern-clean-XXXXXX)
    chmod 755 "$room" # apt and nginx drop privileges in there
fi
# shellcheck disable=SC2317  # called by the trap
leave()
{
    if [ -z "$keep" ]; then
        rm -rf --one-file-system "$room"
    fi
}
trap leave EXIT

# apt, not the shell, fills in $(REPO_URI).
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --format '$(REPO_URI)' \
    'Created-By: Packages' 'Codename: bookworm' | head -n 1)
if [ ! -e "$room/bin/bash" ]; then
    echo "==> debootstrap into $room"
    debootstrap --variant=minbase bookworm "$room" "$mirror" \
        >"$room.log" 2>&1 || { tail "$room.log"; exit 1; }
    rm -f "$room.log"
fi

# The network as this machine has it: mirrors, keys, proxy, name servers.
cp -r /etc/apt/sources.list.d /etc/apt/apt.conf.d "$room/etc/apt/"
rm -f "$room/etc/apt/sources.list"
[ ! -s /etc/apt/sources.list ] || cp /etc/apt/sources.list "$room/etc/apt/"
cp -rL /usr/share/keyrings "$room/usr/share/" 2>/dev/null || true
cp -L /etc/resolv.conf /etc/hosts "$room/etc/"
if [ -d /usr/local/share/ca-certificates ]; then
    cp -r /usr/local/share/ca-certificates "$room/usr/local/share/"
fi

rm -rf "$room/src"
git -c safe.directory="$tree" clone -q --no-hardlinks "file://$tree" \
    "$room/src"

echo "==> in the clean room: $*"
# Its own mounts and process ids: what it starts ends with it.
status=0
# shellcheck disable=SC2016  # the inner shell expands it
unshare --mount --pid --fork --kill-child bash -c '
    room=$1; shift
    # a mount point of its own, so that tests in there can make namespaces
    mount --bind "$room" "$room"
    cd "$room"
    mount -t proc proc "$room/proc"
    mount --rbind /dev "$room/dev"
    exec chroot "$room" /usr/bin/env -i HOME=/root LANG=C.UTF-8 \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin CI=true \
        ${http_proxy:+http_proxy="$http_proxy"} \
        ${https_proxy:+https_proxy="$https_proxy"} \
        bash -c "cd /src && \"\$@\"" run "$@"
' room "$room" "$@" </dev/null || status=$?
echo "==> clean room: status $status"
exit $status
