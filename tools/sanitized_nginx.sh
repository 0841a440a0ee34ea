#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: tools/sanitized_nginx.sh
# Build Debian's nginx and, through src/nginx/config, the module as other
# people would (--add-dynamic-module), both with AddressSanitizer and
# UndefinedBehaviourSanitizer, and with one malloc for each allocation from a
# pool, so that running past one is seen.  Prints the directory that holds
# nginx and ngx_http_postern_module.so, which are kept in .cache/nginx/.
#
# The source comes through apt, with a list of its own that is made of the
# machine's: it needs no deb-src there, installs nothing, and changes neither
# the machine's sources nor its package lists.  Where it cannot be had (no
# network, no list of Debian's, no make), .cache/nginx/unavailable says why.
set -euo pipefail
# shellcheck source=script/lib.sh
. "$(dirname "$0")/../script/lib.sh"

version=$(dpkg-query -W -f '${Version}' nginx)
top=$PWD
cache=$top/.cache/nginx
tree=$cache/${version//[^0-9a-z.+]/_}

# apt_alone COMMAND...: apt-get that sees deb-src of this Debian only.
apt_alone()
{
    apt-get -q -o Dir::State::lists="$cache/apt/lists" \
        -o Dir::Cache="$cache/apt" -o Dir::Etc::sourcelist=/dev/null \
        -o Dir::Etc::sourceparts="$cache/apt/sources" \
        -o APT::Sandbox::User="$(id -un)" "$@"
}

# Debian's entries of the machine's lists, in both their forms, for sources.
list_sources()
{
    local to=$cache/apt/sources file

    rm -rf "$to"
    mkdir -p "$cache/apt/lists/partial" "$to"
    for file in /etc/apt/sources.list.d/*.sources; do
        if grep -qs '^URIs:.*debian' "$file"; then
            sed 's/^Types:.*/Types: deb-src/' "$file" >"$to/${file##*/}"
        fi
    done
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null \
        | sed -n '/debian/s/^deb[[:blank:]]/deb-src /p' >"$to/lines.list"
    [ -s "$to/lines.list" ] || rm "$to/lines.list"
    [ -n "$(ls "$to")" ]
}

unavailable()
{
    echo "$*" >"$cache/unavailable"
    die "$*"
}

# Upstream's tarball, without Debian's patches; apt checks it against the signed
# list.
fetch()
{
    rm -rf "$tree.part"
    mkdir -p "$tree.part"
    list_sources || unavailable "apt has no list of Debian's to find the" \
        "source of nginx with"
    echo "fetching the source of nginx; nothing is installed" >&2
    apt_alone update >&2 || true # the next step tells whether it was enough
    (cd "$tree.part" && apt_alone --only-source --tar-only source nginx >&2) \
        || unavailable "the source of nginx could not be fetched"
    tar -C "$tree.part" --strip-components=1 -xf "$tree.part"/nginx_*.tar.*
    mv "$tree.part" "$tree"
}

# The parts of nginx that the tests use, and those that the module's binary
# signature depends on.
build()
{
    local sanitize="-fsanitize=address,undefined -fno-omit-frame-pointer"

    # An add-on whose file list changed needs configure again.
    if ! cmp -s src/nginx/config "$tree/postern.config"; then
        (cd "$tree" && ASAN_OPTIONS=detect_leaks=0 ./configure \
            --prefix="$tree/run" --with-compat --with-debug --with-pcre-jit \
            --with-threads --with-http_ssl_module --with-http_v2_module \
            --with-http_realip_module --with-http_auth_request_module \
            --with-http_sub_module --with-http_stub_status_module \
            --with-http_addition_module --with-http_dav_module \
            --with-http_slice_module --with-http_gunzip_module \
            --with-http_gzip_static_module --with-http_secure_link_module \
            --with-cc-opt="-g -O1 $sanitize -DNGX_DEBUG_PALLOC=1" \
            --with-ld-opt="$sanitize" \
            --add-dynamic-module="$top/src/nginx") >&2
        cp src/nginx/config "$tree/postern.config"
    fi
    # nginx's makefile does not know our headers.
    find "$tree/objs/addon" -name '*.o' -delete
    make -C "$tree" -j "$(nproc)" >"$tree/build.log" 2>&1 || {
        grep -B2 -A8 -E 'error:|undefined reference' "$tree/build.log" >&2
        die "nginx did not build; see $tree/build.log"
    }
}

mkdir -p "$cache"
rm -f "$cache/unavailable"
command -v make >/dev/null || unavailable "make is not installed"
[ -d "$tree" ] || fetch
build
echo "$tree/objs"
