# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the scripts in this folder share.  Sourced, never run: it changes to
# the top of the source tree and defines functions.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# Debian's own: a python from pyenv or brew lacks the packages we install.
PYTHON=/usr/bin/python3
export PYTHON

# In a container the tree may belong to somebody else; git then wants a word.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory
export GIT_CONFIG_VALUE_0=$PWD

# No colours and no questions, whoever starts us.
export DEBIAN_FRONTEND=noninteractive

say()
{
    printf '\n==> %s\n' "$*"
}

die()
{
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# packages_of GROUP...: the package names of these groups, one a line.
# "npm?npm" is the package npm, unless a command npm is there already: other
# people's nodejs packages bring one, and conflict with Debian's.
packages_of()
{
    local group name

    for group; do
        # shellcheck disable=SC2013
        for name in $(sed -n "s/^$group: //p" script/packages.txt); do
            case $name in
            *\?*) command -v "${name%%\?*}" >/dev/null || echo "${name#*\?}" ;;
            *) echo "$name" ;;
            esac
        done
    done
}

# missing_packages GROUP...: those that are not installed, one a line.
missing_packages()
{
    local wanted

    wanted=$(packages_of "$@" | sort -u)
    # dpkg-query fails when it does not know a name; that name is then missing.
    # shellcheck disable=SC2086,SC2016
    comm -23 <(printf '%s\n' "$wanted") <(
        dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null \
            | sed -n 's/ installed$//p' | sort -u)
}

# as_root COMMAND...: run it as root, or say plainly why that is not possible.
as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -E "$@"
    else
        die "must be root (or have sudo) to run: $*"
    fi
}

# without_services COMMAND...: packages that it installs start nothing.
without_services()
{
    local policy=/usr/sbin/policy-rc.d status=0

    if [ -e $policy ]; then
        as_root "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
    as_root chmod 755 $policy
    as_root "$@" || status=$?
    as_root rm -f $policy
    return $status
}

# need_packages GROUP...: install what is missing of these groups.
# Asks the network for nothing when everything is there.
need_packages()
{
    local missing

    command -v dpkg-query >/dev/null || die "this is not Debian; install the" \
        "packages of script/packages.txt by hand and set POSTERN_NO_INSTALL=1"
    missing=$(missing_packages "$@")
    if [ -z "$missing" ]; then
        return 0
    fi
    if [ -n "${POSTERN_NO_INSTALL:-}" ]; then
        echo "not installing, as POSTERN_NO_INSTALL asks: ${missing//$'\n'/ }"
        return 0
    fi
    say "installing $(wc -w <<<"$missing") packages: ${missing//$'\n'/ }"
    as_root apt-get -qq update
    # shellcheck disable=SC2086
    without_services apt-get -qq -o Dpkg::Use-Pty=0 install \
        --no-install-recommends $missing >/dev/null
}

# configure DIR OPTION...: a meson build folder with these options, new or not.
configure()
{
    local dir=$1

    shift
    if [ -f "$dir/build.ninja" ]; then
        meson setup --reconfigure "$dir" "$@" >"$dir/configure.log"
    else
        mkdir -p "$dir"
        meson setup "$dir" "$@" >"$dir/configure.log" \
            || { cat "$dir/configure.log"; return 1; }
    fi
}

# need_openapi_tools: what reads docs/openapi.yaml in the tests, in a folder of
# its own (.cache/openapi-venv); made anew when the pinned versions change.
need_openapi_tools()
{
    local venv=.cache/openapi-venv wanted=tests/openapi/requirements.txt

    if cmp -s "$wanted" "$venv/requirements.txt"; then
        return 0
    fi
    if [ -n "${POSTERN_NO_INSTALL:-}" ]; then
        echo "not installing, as POSTERN_NO_INSTALL asks: $wanted"
        return 0
    fi
    say "installing the tools of $wanted in $venv"
    rm -rf "$venv"
    "$PYTHON" -m venv "$venv" && "$venv/bin/pip" install -q \
        --disable-pip-version-check --require-hashes -r "$wanted" \
        && cp "$wanted" "$venv/requirements.txt"
}
