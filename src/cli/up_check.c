/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What "postern up" was told, checked before anything is written or started.
 * Nothing is repaired: a text that would have to be escaped in nginx.conf is
 * refused, because nginx has no way to write "$" or a newline literally.
 */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/place.h"
#include "cli/up.h"

enum {
    HOST_MAX = 253,
    NAME_MAX_LEN = 64,
    SOCKET_PATH_MAX = 107,
};

#define LONGEST_SOCKET "/usage.sock"

bool
pn_up_is_quotable(const char *text)
{
    struct pn_str whole = pn_str_from(text);

    return !pn_str_has_control(whole) && pn_str_is_utf8(whole)
           && strpbrk(text, "\"\\$';{}#`") == NULL;
}

static enum pn_exit
read_listens(struct pn_cli *cli, struct pn_up *up)
{
    const char *text = pn_cli_value(cli, "listen");
    enum pn_exit rc = pn_up_listen_read(
        cli, "listen", text ? text : "127.0.0.1:8080", &up->listen);

    text = pn_cli_value(cli, "portal");
    if (rc == PN_EXIT_OK && text != NULL) {
        rc = pn_up_listen_read(cli, "portal", text, &up->portal);
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    if (text != NULL && strcmp(up->listen.text, text) == 0) {
        return pn_cli_usage(cli, "--portal and --listen are the same address");
    }
    if (up->tls_cert == NULL && !pn_cli_has(cli, "allow-insecure-listen")
        && (!up->listen.loopback || (text != NULL && !up->portal.loopback)))
    {
        return pn_cli_usage(
            cli,
            "%s can be reached from other machines, and without TLS "
            "everybody on the way could read tokens and passwords. Give "
            "--tls-cert and --tls-key, listen on 127.0.0.1, or say "
            "--allow-insecure-listen",
            up->listen.loopback ? text : up->listen.text);
    }
    return PN_EXIT_OK;
}

/* --- the application ----------------------------------------------------- */

static bool
host_valid(const char *host)
{
    size_t len = strlen(host);

    if (len == 0 || len > HOST_MAX) {
        return false;
    }
    if (host[0] == '[') {
        return pn_up_is_v6(host);
    }
    for (size_t i = 0; i < len; i++) {
        char c = host[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'))
        {
            return false;
        }
    }
    return host[0] != '-' && host[0] != '.';
}

static enum pn_exit
read_upstream(struct pn_cli *cli, struct pn_up *up)
{
    const char *url = pn_cli_value(cli, "upstream"), *rest, *colon, *bracket;
    struct pn_str whole = pn_str_from(url);
    char host[HOST_MAX + 3];
    unsigned port;
    size_t len;

    if (url == NULL) {
        return pn_cli_usage(cli, "where is the application? --upstream "
                                 "http://127.0.0.1:3000");
    }
    up->scheme = pn_str_starts(whole, PN_STR("https://")) ? UPSTREAM_HTTPS
                                                          : UPSTREAM_HTTP;
    port = up->scheme == UPSTREAM_HTTPS ? 443 : 80;
    if (up->scheme == UPSTREAM_HTTP && !pn_str_starts(whole, PN_STR("http://")))
    {
        return pn_cli_usage(cli,
                            "option '--upstream' wants http://HOST:PORT "
                            "or https://HOST:PORT, not '%s'",
                            url);
    }
    rest = strstr(url, "//") + 2;
    len = strcspn(rest, "/?#");
    if (rest[len] != '\0' && strcmp(rest + len, "/") != 0) {
        return pn_cli_usage(cli,
                            "option '--upstream' takes no path: requests "
                            "keep the path that the client sent ('%s')",
                            url);
    }
    bracket = memchr(rest, ']', len);
    colon = memchr(bracket ? bracket : rest, ':',
                   len - (bracket ? (size_t) (bracket - rest) : 0));
    if (colon != NULL) {
        char digits[8] = "";

        if (len - (size_t) (colon - rest) - 1 < sizeof(digits)) {
            memcpy(digits, colon + 1, len - (size_t) (colon - rest) - 1);
        }
        if (!pn_up_port_read(digits, &port)) {
            return pn_cli_usage(cli,
                                "option '--upstream' has no valid port "
                                "(1 to 65535): '%s'",
                                url);
        }
        len = (size_t) (colon - rest);
    }
    (void) snprintf(host, sizeof(host), "%.*s", (int) len, rest);
    if (len >= sizeof(host) || !host_valid(host)) {
        return pn_cli_usage(cli,
                            "option '--upstream' has no valid host name "
                            "or address: '%s'",
                            url);
    }
    up->upstream_name = pn_arena_dup(cli->arena, pn_str_from(host));
    up->upstream = pn_arena_printf(cli->arena, "%s:%u", host, port);
    return up->upstream != NULL && up->upstream_name != NULL ? PN_EXIT_OK
                                                             : pn_cli_nomem();
}

static enum pn_exit
read_app(struct pn_cli *cli, struct pn_up *up)
{
    const char *preset = pn_cli_value(cli, "preset");
    size_t len;

    up->preset = pn_preset_find(preset != NULL ? preset : "generic");
    if (up->preset == NULL) {
        return pn_cli_usage(cli, "there is no preset '%s'; one of: %s", preset,
                            pn_preset_names(cli->arena));
    }
    up->name = pn_cli_value(cli, "name");
    if (up->name == NULL) {
        up->name = preset != NULL ? preset : "app";
    }
    len = strlen(up->name);
    if (len == 0 || len > NAME_MAX_LEN
        || strspn(up->name, "abcdefghijklmnopqrstuvwxyz"
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
               != len
        || up->name[0] == '.' || up->name[0] == '-')
    {
        return pn_cli_usage(cli,
                            "option '--name' wants 1 to 64 letters, "
                            "digits, '.', '_' or '-', not '%s'",
                            up->name);
    }
    up->gate = pn_cli_has(cli, "require") ? GATE_REQUIRED : GATE_OPTIONAL;
    return PN_EXIT_OK;
}

/* --- files --------------------------------------------------------------- */

/* An existing file by its absolute path. */
static enum pn_exit
read_file_option(struct pn_cli *cli, const char *option, const char **out)
{
    const char *text = pn_cli_value(cli, option);
    char *real;

    if (text == NULL) {
        return PN_EXIT_OK;
    }
    real = realpath(text, NULL);
    if (real == NULL || access(real, R_OK) != 0) {
        pn_say("cannot read the file of --%s, '%s': %s", option, text,
               strerrordesc_np(errno));
        free(real);
        return PN_EXIT_ERROR;
    }
    *out = pn_arena_dup(cli->arena, pn_str_from(real));
    free(real);
    if (*out == NULL) {
        return pn_cli_nomem();
    }
    if (!pn_up_is_quotable(*out)) {
        return pn_cli_usage(cli,
                            "option '--%s': quotes, $ and other signs of "
                            "nginx.conf cannot be in a path: '%s'",
                            option, *out);
    }
    return PN_EXIT_OK;
}

static enum pn_exit
read_tls(struct pn_cli *cli, struct pn_up *up)
{
    enum pn_exit rc = PN_EXIT_OK;

    if (pn_cli_has(cli, "tls-cert") != pn_cli_has(cli, "tls-key")) {
        return pn_cli_usage(cli, "--tls-cert and --tls-key go together");
    }
    if (pn_cli_has(cli, "upstream-ca") && up->scheme != UPSTREAM_HTTPS) {
        return pn_cli_usage(cli,
                            "--upstream-ca goes with an https:// upstream");
    }
    rc = read_file_option(cli, "tls-cert", &up->tls_cert);
    if (rc == PN_EXIT_OK) {
        rc = read_file_option(cli, "tls-key", &up->tls_key);
    }
    if (rc == PN_EXIT_OK) {
        rc = read_file_option(cli, "upstream-ca", &up->upstream_ca);
    }
    return rc;
}

static enum pn_exit
read_data(struct pn_cli *cli, struct pn_up *up)
{
    const char *text = pn_cli_value(cli, "data");

    if (text == NULL) {
        text = pn_place_data(cli->arena);
    }
    if (text == NULL) {
        return pn_cli_usage(cli, "there is no home directory to keep data in; "
                                 "use --data DIR");
    }
    if (text[0] != '/') {
        char here[PATH_MAX];

        if (getcwd(here, sizeof(here)) == NULL) {
            pn_say("cannot tell the present directory: %s",
                   strerrordesc_np(errno));
            return PN_EXIT_ERROR;
        }
        text = pn_arena_printf(cli->arena, "%s/%s", here, text);
        if (text == NULL) {
            return pn_cli_nomem();
        }
    }
    if (!pn_up_is_quotable(text) || strcmp(text, "/") == 0) {
        return pn_cli_usage(cli,
                            "option '--data': quotes, $ and other signs "
                            "of nginx.conf cannot be in a path: '%s'",
                            text);
    }
    if (strlen(text) + strlen(LONGEST_SOCKET) > SOCKET_PATH_MAX) {
        return pn_cli_usage(cli,
                            "option '--data': the path is too long for "
                            "the sockets in it (at most %zu bytes): '%s'",
                            SOCKET_PATH_MAX - strlen(LONGEST_SOCKET), text);
    }
    up->data = text;
    return PN_EXIT_OK;
}

static enum pn_exit
read_parts(struct pn_cli *cli, struct pn_up *up)
{
    up->posternd = pn_place_posternd(cli->arena);
    up->module = pn_place_module(cli->arena);
    up->nginx = pn_place_nginx(cli->arena);
    if (up->nginx == NULL) {
        pn_say("nginx is not installed: apt-get install nginx");
    } else if (up->posternd == NULL) {
        pn_say("posternd was not found beside this program or in /usr/sbin");
    } else if (up->module == NULL) {
        pn_say("the nginx module was not found beside this program or in "
               "/usr/lib/nginx/modules; build it, or install "
               "libnginx-mod-http-postern");
    } else if (!pn_up_is_quotable(up->module)) {
        pn_say("the nginx module's path cannot stand in nginx.conf: '%s'",
               up->module);
    } else {
        return PN_EXIT_OK;
    }
    return PN_EXIT_ERROR;
}

/* Who runs what.  An ordinary user cannot give the workers another uid. */
static enum pn_exit
read_users(struct pn_up *up, struct pn_cli *cli)
{
    struct passwd entry, *found = NULL;
    size_t size = 16 << 10;
    char *room = pn_arena_alloc(cli->arena, size);
    bool root = geteuid() == 0;

    if (room == NULL) {
        return pn_cli_nomem();
    }
    if (root) {
        (void) getpwnam_r(PN_UP_WORKER, &entry, room, size, &found);
    } else {
        (void) getpwuid_r(geteuid(), &entry, room, size, &found);
    }
    if (found == NULL) {
        pn_say(root ? "there is no user '%s' for the nginx workers"
                    : "the user who started '%s' has no name",
               root ? PN_UP_WORKER : "postern up");
        return PN_EXIT_ERROR;
    }
    up->users = root ? SEPARATED : ONE_USER;
    up->worker = entry.pw_name;
    up->worker_gid = entry.pw_gid;
    return PN_EXIT_OK;
}

/* What a browser on this machine would type. */
static const char *
url_of(struct pn_cli *cli, const struct pn_up *up,
       const struct pn_up_listen *listen_on)
{
    const char *text = listen_on->text;
    const char *port = strrchr(text, ':');
    const char *scheme = up->tls_cert != NULL ? "https" : "http";

    if (strncmp(text, "0.0.0.0:", 8) == 0) {
        return pn_arena_printf(cli->arena, "%s://127.0.0.1%s", scheme, port);
    }
    if (strncmp(text, "[::]:", 5) == 0) {
        return pn_arena_printf(cli->arena, "%s://[::1]%s", scheme, port);
    }
    return pn_arena_printf(cli->arena, "%s://%s", scheme, text);
}

enum pn_exit
pn_up_read(struct pn_cli *cli, struct pn_up *out)
{
    struct pn_up up = {0};
    enum pn_exit rc = read_upstream(cli, &up);

    if (rc == PN_EXIT_OK) {
        rc = read_app(cli, &up);
    }
    if (rc == PN_EXIT_OK) {
        rc = read_tls(cli, &up);
    }
    if (rc == PN_EXIT_OK) {
        rc = read_listens(cli, &up);
    }
    if (rc == PN_EXIT_OK) {
        rc = read_data(cli, &up);
    }
    if (rc == PN_EXIT_OK) {
        rc = read_parts(cli, &up);
    }
    if (rc == PN_EXIT_OK) {
        rc = read_users(&up, cli);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_up_listen_try(&up.listen);
    }
    if (rc == PN_EXIT_OK && up.portal.text != NULL) {
        rc = pn_up_listen_try(&up.portal);
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    up.url = url_of(cli, &up, &up.listen);
    up.portal_url =
        up.portal.text != NULL ? url_of(cli, &up, &up.portal) : up.url;
    if (up.url == NULL || up.portal_url == NULL) {
        return pn_cli_nomem();
    }
    *out = up;
    return PN_EXIT_OK;
}
