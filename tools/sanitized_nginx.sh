#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: tools/sanitized_nginx.sh
# Build Debian's nginx and, through src/nginx/config, the module as other
# people would (--add-dynamic-module), both with AddressSanitizer and
# UndefinedBehaviourSanitizer, and with one malloc for each allocation from a
# pool, so that running past one is seen.  Prints the directory that holds
# nginx and ngx_http_postern_module.so.
#
# The source comes through apt, with a list of its own: neither the machine's
# sources nor its package lists are changed.  All is kept in .cache/nginx/.
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

# Upstream's tarball, without Debian's patches; apt checks it against the signed
# list.
fetch()
{
    local deb=/etc/apt/sources.list.d/debian.sources

    mkdir -p "$cache/apt/lists/partial" "$cache/apt/sources" "$tree.part"
    [ -e "$deb" ] || die "$deb is missing: where is Debian's source?"
    sed 's/^Types:.*/Types: deb-src/' "$deb" >"$cache/apt/sources/debian.sources"
    apt_alone update >&2
    (cd "$tree.part" && apt_alone --only-source --tar-only source nginx >&2)
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

[ -d "$tree" ] || fetch
build
echo "$tree/objs"
