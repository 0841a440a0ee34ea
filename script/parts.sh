# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The parts that script/test and script/sanitize are made of.  Sourced after
# lib.sh, never run.  Each part builds, tests and remembers where its results
# are; add_up reads them all.  What cannot be built is a failure, what cannot be
# had here is said to be skipped; neither counts as passed.

export POSTERN_TEST_SIZE=${POSTERN_TEST_SIZE:-normal}
case $POSTERN_TEST_SIZE in
small | normal | large | [1-9] | [1-9][0-9] | [1-9][0-9][0-9]) ;;
*) die "POSTERN_TEST_SIZE must be small, normal, large or 1 to 999," \
    "not '$POSTERN_TEST_SIZE'" ;;
esac
jobs=${POSTERN_TEST_JOBS:-2}
PART_MAX_S=3600 # for the tests of one part; longer means that one hangs
results=()      # arguments of tools/sum_tests.py

# Under a sanitizer everything takes several times as long.
case $POSTERN_TEST_SIZE in
small | normal) sanitized_size=small ;;
*) sanitized_size=normal ;;
esac

# broken NAME: what could not even be built counts as one failure.
broken()
{
    results+=(--broken "$1")
}

# build NAME DIR OPTION...: configure and build there, or count a failure.
build()
{
    local name=$1 dir=$2

    shift 2
    if ! configure "$dir" "$@"; then
        broken "$name: configure"
        return 1
    fi
    if ! ninja -k 0 -C "$dir" >"$dir/build.log"; then
        grep -A12 -E "^FAILED|error:" "$dir/build.log" | head -n 80
        broken "$name: build"
        return 1
    fi
}

# meson_tests NAME DIR OPTION...: of "meson test".
meson_tests()
{
    local name=$1 dir=$2

    shift 2
    rm -f "$dir/meson-logs/testlog.json"
    timeout -k 10 $PART_MAX_S meson test -C "$dir" --no-rebuild \
        --timeout-multiplier 4 "$@" >"$dir/test.log" 2>&1 || true
    tail -n 12 "$dir/test.log"
    results+=(--meson "$name=$dir/meson-logs/testlog.json")
}

# system_tests NAME DIR ARGUMENT...: of pytest.
system_tests()
{
    local name=$1 dir=$2 parallel=()

    shift 2
    rm -f "$dir/$name.xml"
    if [ "$jobs" != 1 ]; then
        parallel=(-n "$jobs" --dist loadfile)
    fi
    POSTERN_BUILD=$PWD/$dir timeout -k 10 $PART_MAX_S "$PYTHON" -m pytest \
        -q -ra -p no:cacheprovider --junit-xml "$dir/$name.xml" \
        ${parallel[@]+"${parallel[@]}"} "$@" </dev/null || true
    results+=(--junit "$name=$dir/$name.xml")
}

# Unit tests, fuzz seeds and the style rules of the tree.
part_unit()
{
    say "unit tests, seeds, style (gcc, build-test/)"
    build gcc build-test && meson_tests gcc build-test
}

# part_system ARGUMENT...: real nginx, posternd and Radicale.
part_system()
{
    say "system tests (size $POSTERN_TEST_SIZE, $jobs at a time)"
    system_tests system build-test "${@:-tests/system}"
}

# Unit tests and seeds again, under clang's sanitizers.
part_seeds()
{
    say "unit tests, seeds with ASan and UBSan (clang, build-asan/)"
    CC=clang build sanitizers build-asan -Db_sanitize=address,undefined \
        -Db_lundef=false || return 0
    ASAN_OPTIONS=detect_leaks=1 \
        UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
        meson_tests sanitizers build-asan --no-suite style
}

# For the next two: posternd, postern and the module with gcc's sanitizers.
build_asan_gcc()
{
    [ -z "${asan_gcc_built:-}" ] || return 0
    CC=gcc build address build-asan-gcc -Db_sanitize=address,undefined \
        -Db_lundef=false && asan_gcc_built=1
}

# The bench measures the product as it is built, and starts nginx itself.
no_bench="--ignore=tests/system/test_bench.py"

# part_address ARGUMENT...: Debian's nginx, with the sanitizer loaded before it.
part_address()
{
    say "system tests with ASan and UBSan (size $sanitized_size," \
        "build-asan-gcc/)"
    build_asan_gcc || return 0
    POSTERN_TEST_SIZE=$sanitized_size \
        ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1 \
        UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
        POSTERN_PRELOAD=$(gcc -print-file-name=libasan.so) \
        system_tests address build-asan-gcc $no_bench "${@:-tests/system}"
}

# System tests in which no nginx runs: they would be those of part_address.
without_nginx=(api_durability api_http api_rest cli_usage docs_examples
    harness manual packages posternd posternd_load size systemd)

# part_nginx ARGUMENT...: the same beside an nginx that, like the module, is
# built from source with ASan, UBSan and one malloc for each allocation from a
# pool.
part_nginx()
{
    local objs name without=()

    say "system tests on an nginx with ASan, UBSan and pool debugging" \
        "(size $sanitized_size, .cache/nginx/)"
    if ! tools/sanitized_nginx.sh >.cache/nginx.out; then
        if [ -s .cache/nginx/unavailable ]; then
            results+=(--skipped "nginx=$(cat .cache/nginx/unavailable)")
        else
            broken "nginx: build"
        fi
        return 0
    fi
    objs=$(tail -n 1 .cache/nginx.out)
    build_asan_gcc || return 0
    for name in "${without_nginx[@]}"; do
        without+=("--ignore=tests/system/test_$name.py")
    done
    # nginx and each dynamic module have a global ngx_module_names by design.
    POSTERN_TEST_SIZE=$sanitized_size PATH=$objs:$PATH \
        POSTERN_NGINX=$objs/nginx \
        POSTERN_MODULE=$objs/ngx_http_postern_module.so \
        ASAN_OPTIONS=detect_leaks=1:detect_odr_violation=0 \
        UBSAN_OPTIONS=print_stacktrace=1:suppressions=$PWD/tools/nginx_ubsan.supp \
        system_tests nginx build-asan-gcc $no_bench "${without[@]}" \
        "${@:-tests/system}"
}

# Threads: unit tests, and the system tests that load posternd.
part_thread()
{
    say "posternd's threads with TSan (size $sanitized_size, build-tsan/)"
    CC=gcc build thread build-tsan -Db_sanitize=thread -Db_lundef=false \
        || return 0
    # A finding must end the process: its test then fails whatever it asked.
    export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
    if ! build-tsan/tests/unit/test_err >build-tsan/can.log 2>&1; then
        results+=(--skipped "thread=$(tail -n 1 build-tsan/can.log)")
        return 0
    fi
    meson_tests thread-unit build-tsan --no-suite style
    POSTERN_TEST_SIZE=$sanitized_size \
        POSTERN_PRELOAD=$(gcc -print-file-name=libtsan.so) \
        system_tests thread build-tsan \
        "${@:-tests/system/test_posternd_load.py}" tests/system/test_api_*.py
    unset TSAN_OPTIONS
}

# timed PART ARGUMENT...: one of the above, and how long it took.
timed()
{
    local start=$SECONDS

    "$@"
    echo "$1: $((SECONDS - start)) seconds"
}

# add_up FILE: the last line of a script, "N passed, N failed"; also to FILE.
add_up()
{
    say "results"
    exec "$PYTHON" tools/sum_tests.py --total "$1" \
        ${results[@]+"${results[@]}"}
}
