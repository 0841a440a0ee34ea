#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: sudo tools/package_room.sh
# Do the packages of build-package/ (script/package) install, work, upgrade and
# purge on a bare Debian 12?  Makes one with debootstrap, starts its systemd as
# process 1 of namespaces of its own, without a network, and runs
# tools/package_room_inside.sh there.
#
# Needs root, debootstrap, iproute2, and the mirror this machine uses.
# PACKAGE_ROOM=DIR keeps the bare system in DIR and copies it the next time.
set -euo pipefail

tree=$(cd "$(dirname "$0")/.." && pwd)
debs=$tree/build-package
base=${PACKAGE_ROOM:-}
room=$(mktemp -d /var/tmp/postern-package-XXXXXX)
group=postern-package-$$
init=

die()
{
    echo "package_room: $*" >&2
    exit 1
}

# shellcheck disable=SC2317  # called by the trap
leave()
{
    [ -z "$init" ] || kill -9 "$init" 2>/dev/null || true
    wait || true
    if [ -n "${cgroups:-}" ]; then
        find "$cgroups/$group" -depth -type d -exec rmdir {} \; 2>/dev/null \
            || true
    fi
    if [ -n "${KEEP_ROOM:-}" ]; then
        echo "kept: $room"
    else
        rm -rf --one-file-system "$room"
    fi
}
trap leave EXIT

[ "$(id -u)" = 0 ] || die "must be root"
ls "$debs"/postern_*.deb >/dev/null 2>&1 || die "no packages; script/package"
cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$cgroups" ] || die "no cgroup2 is mounted"

# --- a bare system -----------------------------------------------------------

# make_bare DIR: with systemd, and apt as this machine has it.
make_bare()
{
    local to=$1 mirror

    # apt, not the shell, fills in $(REPO_URI).
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' \
        'Created-By: Packages' 'Codename: bookworm' | head -n 1)
    echo "==> debootstrap"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus bookworm \
        "$to" "$mirror" >"$room.log" 2>&1 || { tail "$room.log"; exit 1; }
    rm -f "$room.log"
    cp -r /etc/apt/sources.list.d /etc/apt/apt.conf.d "$to/etc/apt/"
    rm -f "$to/etc/apt/sources.list"
    [ ! -s /etc/apt/sources.list ] || cp /etc/apt/sources.list "$to/etc/apt/"
    cp -rL /usr/share/keyrings "$to/usr/share/" 2>/dev/null || true
    if [ -d /usr/local/share/ca-certificates ]; then
        cp -r /usr/local/share/ca-certificates "$to/usr/local/share/"
    fi
}

if [ -n "$base" ]; then
    [ -e "$base/bin/bash" ] || make_bare "$base"
    cp -a "$base/." "$room/"
else
    make_bare "$room"
fi
chmod 755 "$room" # apt and nginx drop privileges in there
cp -L /etc/resolv.conf /etc/hosts "$room/etc/"

# --- what is installed there --------------------------------------------------

# The same packages twice: as they are, and as a version that came before.
mkdir -p "$room/debs/new" "$room/debs/old"
for deb in "$debs"/*.deb; do
    case $deb in *-dbgsym_*) continue ;; esac
    cp "$deb" "$room/debs/new/"
    dpkg-deb -R "$deb" "$room/debs/open"
    sed -i -E "/^Version|^Recommends/s/$(dpkg-deb -f "$deb" Version |
        sed 's/[.+]/\\&/g')/&~old/" "$room/debs/open/DEBIAN/control"
    dpkg-deb --root-owner-group -b "$room/debs/open" "$room/debs/old/" >/dev/null
    rm -rf "$room/debs/open"
done
cp "$tree/tools/package_room_inside.sh" "$room/inside.sh"

# in_room COMMAND...: with the network of this machine, without systemd.
in_room()
{
    unshare --mount --pid --fork --kill-child chroot "$room" /usr/bin/env -i \
        HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        ${http_proxy:+http_proxy="$http_proxy"} \
        ${https_proxy:+https_proxy="$https_proxy"} \
        DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}

echo "==> fetching what the packages need"
in_room apt-get -qq update
in_room apt-get -qq -y install curl >/dev/null 2>&1
in_room bash -c 'apt-get -qq -y --download-only install /debs/old/*.deb' \
    >/dev/null

# --- process 1 ----------------------------------------------------------------

# What a container manager does for systemd.
# shellcheck disable=SC2016  # the inner shell expands it
boot='
set -e
room=$1
mount --bind "$room" "$room"
mount -t proc -o nosuid,nodev,noexec proc "$room/proc"
mount -t sysfs -o ro sysfs "$room/sys"
mount -t cgroup2 cgroup2 "$room/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$room/run"
mount -t tmpfs tmpfs "$room/tmp"
mount -t tmpfs -o mode=755 tmpfs "$room/dev"
for name in null zero full random urandom tty; do
    touch "$room/dev/$name"
    mount --bind "/dev/$name" "$room/dev/$name"
done
mkdir "$room/dev/pts" "$room/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$room/dev/pts"
mount -t tmpfs tmpfs "$room/dev/shm"
ln -s pts/ptmx "$room/dev/ptmx"
ln -s /proc/self/fd "$room/dev/fd"
ip link set lo up
cd "$room"
mkdir -p old-root
pivot_root . old-root
umount -l /old-root
exec env -i container=postern-test /lib/systemd/systemd --show-status=false
'
echo "==> starting systemd"
mkdir "$cgroups/$group"
(
    echo "$BASHPID" >"$cgroups/$group/cgroup.procs"
    exec unshare --mount --propagation private --pid --uts --ipc --net --cgroup \
        --fork --kill-child bash -c "$boot" boot "$room" </dev/null \
        >"$room.boot" 2>&1
) &
outer=$!
for _ in $(seq 100); do
    init=$(cat "/proc/$outer/task/$outer/children" 2>/dev/null || true)
    init=${init// /}
    [ -z "$init" ] || [ "$(cat "/proc/$init/comm")" != systemd ] || break
    sleep 0.1
done
rm -f "$room.boot"
[ -n "$init" ] || die "systemd did not start"

status=0
nsenter -t "$init" -a /usr/bin/env -i HOME=/root LANG=C.UTF-8 \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
    bash /inside.sh </dev/null || status=$?
echo "==> package room: status $status"
exit $status
