#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Run by tools/package_room.sh on a bare Debian whose process 1 is systemd:
# /debs/old and /debs/new hold the packages.  Each step says what holds; the
# first that does not ends it.
set -euo pipefail

gate=http://127.0.0.1:8481
api=http://127.0.0.1:8480/postern/api/v1
say() { printf '\n==> %s\n' "$*"; }
holds() { printf '  ok  %s\n' "$*"; }
die()
{
    printf 'FAILED: %s\n' "$*" >&2
    journalctl --no-pager -n 30 -u posternd -u nginx >&2 || true
    exit 1
}

# expect WHAT COMMAND...: it works.
expect()
{
    local what=$1

    shift
    "$@" >/tmp/said 2>&1 || { cat /tmp/said >&2; die "$what"; }
    holds "$what"
}

# refuse WHAT COMMAND...: it does not.
refuse()
{
    local what=$1

    shift
    ! "$@" >/tmp/said 2>&1 || { cat /tmp/said >&2; die "$what"; }
    holds "$what"
}

# eventually WHAT COMMAND...: it works within 20 seconds.
eventually()
{
    local what=$1

    shift
    for _ in $(seq 200); do
        if "$@" >/tmp/said 2>&1; then
            holds "$what"
            return 0
        fi
        sleep 0.1
    done
    cat /tmp/said >&2
    die "$what"
}

install_debs()
{
    # Nothing may be asked; there is no network, so nothing comes from elsewhere.
    apt-get -y -q install "$1"/*.deb </dev/null
}

status_of() { curl -s -o /tmp/body -w '%{http_code}' "$@"; }
is_status() { local want=$1; shift; [ "$(status_of "$@")" = "$want" ]; }
with_token() { is_status "$1" -u "alice:$token" "$gate/"; }
main_pid() { systemctl show -P MainPID "$1"; }
is_new() { [ "$(main_pid "$1")" != 0 ] && [ "$(main_pid "$1")" != "$2" ]; }
version_of() { dpkg-query -W -f '${Version}' "$1"; }
nginx_pid() { cat /run/nginx.pid; }

for _ in $(seq 300); do
    case $(systemctl is-system-running 2>/dev/null || true) in
    running | degraded) break ;;
    esac
    sleep 0.1
done

say "installed"
expect "apt installs both, and asks nothing" install_debs /debs/old
expect "posternd runs" systemctl is-active posternd.service
for unit in http admin usage; do
    expect "posternd-$unit.socket listens" \
        systemctl is-active posternd-$unit.socket
    expect "posternd-$unit.socket is switched on" \
        systemctl is-enabled posternd-$unit.socket
done
expect "posternd is switched on" systemctl is-enabled posternd.service
expect "nginx runs" systemctl is-active nginx.service
eventually "the API answers on 127.0.0.1" is_status 200 "$api/readyz"
expect "postern doctor finds nothing" postern doctor
cat /tmp/said
expect "the first administrator's password is in a private file" \
    test "$(stat -c '%a %U' /var/lib/postern/first-admin-password)" \
    = "600 postern"
expect "the administrator signs in with it" is_status 201 \
    -H 'Content-Type: application/json' -H 'Origin: http://127.0.0.1:8480' \
    -d "{\"username\":\"admin\",\"password\":\"$(
        cat /var/lib/postern/first-admin-password)\"}" "$api/session"

say "confined"
pid=$(main_pid posternd)
expect "it is not root" test "$(stat -c %U "/proc/$pid")" != root
expect "its system calls are filtered" grep -q "^Seccomp:.*2" "/proc/$pid/status"
expect "it gains no privileges" grep -q "^NoNewPrivs:.*1" "/proc/$pid/status"
expect "it has no capability" grep -q "^CapBnd:.0*$" "/proc/$pid/status"
expect "its exposure is at most 1.5" \
    systemd-analyze security --no-pager --threshold=15 posternd.service
tail -n 1 /tmp/said
refuse "nginx's workers cannot read the store" \
    setpriv --reuid=www-data --regid=www-data --init-groups \
    cat /var/lib/postern/postern.db
refuse "nor the first password" \
    setpriv --reuid=www-data --regid=www-data --init-groups \
    cat /var/lib/postern/first-admin-password
refuse "nor speak as administrator" \
    setpriv --reuid=www-data --regid=www-data --init-groups \
    curl -s --unix-socket /run/postern/admin.sock http://x/postern/api/v1/me

say "used"
cat >/etc/nginx/sites-enabled/app <<'SITE'
server {
    listen 127.0.0.1:8482;
    location / { return 200 "$http_remote_user"; }
}
server {
    listen 127.0.0.1:8481;
    postern required;
    postern_app app;
    location / { proxy_pass http://127.0.0.1:8482; }
}
SITE
expect "nginx takes a protected application" nginx -t
systemctl reload nginx
echo secret-of-alice-for-the-test >/tmp/alice
expect "an application" postern app create app --address "$gate" --path '/**'
expect "a person" postern user create alice --password-file /tmp/alice
expect "a policy" postern policy set --creation on --allow-everyone \
    --max-days 30 --tls-required off
token=$(postern token create t --days 7 --url "${api%/postern/*}" --as alice --as-password-file /tmp/alice)
eventually "her token opens the application" with_token 200
expect "which sees alice" test "$(cat /tmp/body)" = alice
expect "no token, no entry" is_status 401 "$gate/"
was_used() { postern token list --json | grep -q '"last_used": {'; }
eventually "its use was reported" was_used

say "reloaded and restarted"
expect "reload" systemctl reload posternd
echo 'colour = "red"' >>/etc/postern/postern.conf
refuse "reload of a wrong file fails" systemctl reload posternd
expect "and ends nothing" systemctl is-active posternd
sed -i '/colour/d' /etc/postern/postern.conf
expect "reload again" systemctl reload posternd

# storm FILE COMMAND...: until FILE is there; what did not hold goes to FILE.bad
storm()
{
    local until=$1 done=0

    shift
    : >"$until.bad"
    while [ ! -e "$until" ]; do
        "$@" || { date +%T.%N; cat /tmp/body; } >>"$until.bad" 2>&1
        done=$((done + 1))
    done
    echo $done >"$until.done"
}
calm()
{
    touch "$1"
    wait "$2"
    [ ! -s "$1.bad" ] || { head "$1.bad" >&2; die "$3"; }
    holds "$3 ($(cat "$1.done") requests)"
}
storm /tmp/restarted is_status 200 "$api/healthz" &
stormer=$!
for _ in 1 2 3; do
    systemctl restart posternd
done
calm /tmp/restarted $stormer "three restarts, and nobody was refused"

say "hung"
mkdir -p /etc/systemd/system/posternd.service.d
printf '[Service]\nWatchdogSec=4\n' >/etc/systemd/system/posternd.service.d/t.conf
systemctl daemon-reload
systemctl restart posternd
pid=$(main_pid posternd)
kill -STOP "$pid"
eventually "systemd starts another when it hangs" is_new posternd "$pid"
expect "tokens were accepted meanwhile" with_token 200
eventually "it answers again" is_status 200 "$api/readyz"
rm -r /etc/systemd/system/posternd.service.d
systemctl daemon-reload
systemctl restart posternd

say "upgraded"
echo '# mine' >>/etc/postern/postern.conf
expect "an older version is there" test "$(version_of postern)" \
    != "$(dpkg-deb -f /debs/new/postern_*.deb Version)"
pid=$(main_pid posternd)
before=$(nginx_pid)
storm /tmp/upgraded with_token 200 &
stormer=$!
expect "apt upgrades both, and asks nothing" install_debs /debs/new
calm /tmp/upgraded $stormer "the token was accepted all the time"
for package in postern libnginx-mod-http-postern; do
    expect "$package is of the new version" test "$(version_of $package)" \
        = "$(dpkg-deb -f /debs/new/${package}_*.deb Version)"
done
expect "another posternd runs" is_new posternd "$pid"
expect "another nginx runs" test "$(nginx_pid)" != "$before"
expect "what the administrator wrote is kept" \
    grep -q '^# mine' /etc/postern/postern.conf
expect "nothing was lost" postern user show alice
eventually "postern doctor finds nothing" postern doctor
expect "changes come into force" postern token revoke t --reason over
expect "the next request is refused" with_token 401

say "removed, and installed again"
token=$(postern token create t2 --days 7 --url "${api%/postern/*}" --as alice --as-password-file /tmp/alice)
expect "another token works" with_token 200
rm /etc/nginx/sites-enabled/app
expect "apt removes both" \
    apt-get -y -q remove postern libnginx-mod-http-postern
refuse "posternd is gone" systemctl is-active posternd
expect "nginx goes on" systemctl is-active nginx
expect "and understands its files" nginx -t
expect "the store stays" test -e /var/lib/postern/postern.db
expect "apt installs both again" install_debs /debs/new
cat >/etc/nginx/sites-enabled/app <<'SITE'
server {
    listen 127.0.0.1:8482;
    location / { return 200 "$http_remote_user"; }
}
server {
    listen 127.0.0.1:8481;
    postern required;
    postern_app app;
    location / { proxy_pass http://127.0.0.1:8482; }
}
SITE
systemctl reload nginx
eventually "the token works as before" with_token 200
eventually "the API answers" is_status 200 "$api/readyz"

say "purged"
rm /etc/nginx/sites-enabled/app
expect "apt purges both, and asks nothing" \
    apt-get -y -q purge postern libnginx-mod-http-postern
expect "nginx goes on" systemctl is-active nginx
expect "and understands its files" nginx -t
left=$(find / -xdev \( -path /proc -o -path /sys -o -path /debs \) -prune -o \
    -iname '*postern*' -print | grep -v -e '^/var/cache/apt' -e '^/tmp/' || true)
expect "no file of ours is left: ${left//$'\n'/ }" test -z "$left"
refuse "no unit is left" systemctl cat posternd.service
expect "no package is left" test -z "$(dpkg-query -W -f '${Package} ' \
    'postern*' 'libnginx-mod-http-postern*' 2>/dev/null)"
say "all of it holds"
