/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What "postern up" writes: the data directory with its modes, and the two
 * configurations.  The texts in struct pn_up were checked to be quotable.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/files.h"
#include "cli/up.h"

enum { CONF_MAX = 32 << 10 };

/* --- directories --------------------------------------------------------- */

/* Somebody's directory with other things in it must not get our modes. */
static bool
is_foreign(const char *dir)
{
    DIR *open_dir = opendir(dir);
    const struct dirent *entry;
    bool others = false, ours = false;

    if (open_dir == NULL) {
        return false;
    }
    while ((entry = readdir(open_dir)) != NULL) { /* NOLINT: one thread */
        if (strcmp(entry->d_name, "postern.conf") == 0) {
            ours = true;
        } else if (strcmp(entry->d_name, ".") != 0
                   && strcmp(entry->d_name, "..") != 0
                   && strcmp(entry->d_name, "lock") != 0)
        {
            others = true;
        }
    }
    (void) closedir(open_dir);
    return others && !ours;
}

static enum pn_exit
cannot(const char *what, const char *path)
{
    pn_say("cannot %s '%s': %s", what, path, strerrordesc_np(errno));
    return PN_EXIT_ERROR;
}

/* A directory of ours with that mode, and the workers' group when they are
 * somebody else. */
static enum pn_exit
make_dir(const struct pn_up *up, const char *path, mode_t mode)
{
    struct stat st;

    if (pn_dir_make(path, mode) != PN_OK || stat(path, &st) != 0) {
        return cannot("make", path);
    }
    if (st.st_uid != geteuid()) {
        pn_say("'%s' belongs to another user; choose another with --data",
               path);
        return PN_EXIT_ERROR;
    }
    if (up->users == SEPARATED && chown(path, 0, up->worker_gid) != 0) {
        return cannot("change the group of", path);
    }
    if (chmod(path, mode) != 0) {
        return cannot("change the mode of", path);
    }
    return PN_EXIT_OK;
}

/* Workers must be able to pass through every directory above DATA. */
static enum pn_exit
check_way(const struct pn_up *up, struct pn_arena *arena)
{
    char *path = pn_arena_dup(arena, pn_str_from(up->data));

    if (path == NULL) {
        return pn_cli_nomem();
    }
    for (char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/'))
    {
        struct stat st;
        bool passes;

        *at = '\0';
        if (stat(path, &st) != 0) {
            return cannot("see", path);
        }
        passes = (st.st_mode & S_IXOTH) != 0
                 || (st.st_gid == up->worker_gid && (st.st_mode & S_IXGRP));
        if (!passes) {
            pn_say("the nginx workers run as '%s' and cannot pass through "
                   "'%s'; choose another directory with --data",
                   up->worker, path);
            return PN_EXIT_ERROR;
        }
        *at = '/';
    }
    return PN_EXIT_OK;
}

enum pn_exit
pn_up_lock(struct pn_cli *cli, const struct pn_up *up, int *fd)
{
    const char *path = pn_arena_printf(cli->arena, "%s/lock", up->data);
    bool fresh = !pn_file_there(up->data);
    int lock;

    if (path == NULL) {
        return pn_cli_nomem();
    }
    if (is_foreign(up->data)) {
        pn_say("'%s' has files that are not postern's; choose a new or empty "
               "directory with --data",
               up->data);
        return PN_EXIT_ERROR;
    }
    if (fresh && pn_dir_make(up->data, 0700) != PN_OK) {
        return cannot("make", up->data);
    }
    lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) {
        return cannot("open", path);
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        (void) close(lock);
        pn_say("'postern up' is running already with the data in '%s'",
               up->data);
        return PN_EXIT_ERROR;
    }
    *fd = lock;
    return PN_EXIT_OK;
}

/* --- nginx.conf ---------------------------------------------------------- */

static void
put_tls(const struct pn_up *up, struct pn_buf *conf)
{
    if (up->tls_cert == NULL) {
        return;
    }
    pn_buf_addf(conf,
                "        ssl_certificate \"%s\";\n"
                "        ssl_certificate_key \"%s\";\n"
                "        ssl_protocols TLSv1.2 TLSv1.3;\n"
                "        ssl_session_cache shared:tls:2m;\n",
                up->tls_cert, up->tls_key);
}

static void
put_listen(const struct pn_up *up, const struct pn_up_listen *listen_on,
           struct pn_buf *conf)
{
    pn_buf_addf(conf,
                "    server {\n"
                "        listen %s%s;\n"
                "        server_name _;\n",
                listen_on->text, up->tls_cert != NULL ? " ssl http2" : "");
    put_tls(up, conf);
}

/* People's pages and the API: posternd authorises each call itself. */
static void
put_portal(struct pn_buf *conf)
{
    static const char *const places[] = {"/postern/", "/.well-known/postern/"};

    pn_buf_add_cstr(conf, "        location = /postern {\n"
                          "            postern off;\n"
                          "            return 302 /postern/;\n"
                          "        }\n");
    for (size_t i = 0; i < PN_LEN(places); i++) {
        pn_buf_addf(conf,
                    "        location %s {\n"
                    "            postern off;\n"
                    "            client_max_body_size 1m;\n"
                    "            proxy_pass http://posternd;\n"
                    "            proxy_http_version 1.1;\n"
                    "            proxy_set_header Connection \"\";\n"
                    "            proxy_set_header Host $http_host;\n"
                    "            proxy_set_header X-Real-IP $remote_addr;\n"
                    "            proxy_set_header X-Forwarded-For "
                    "$remote_addr;\n"
                    "            proxy_set_header X-Forwarded-Proto $scheme;\n"
                    "        }\n",
                    places[i]);
    }
}

static void
put_application(const struct pn_up *up, struct pn_buf *conf)
{
    pn_buf_addf(conf,
                "        location / {\n"
                "            postern %s;\n"
                "            proxy_pass %s://application;\n"
                "            proxy_http_version 1.1;\n"
                "            proxy_set_header Host $http_host;\n"
                "            proxy_set_header Upgrade $up_upgrade;\n"
                "            proxy_set_header Connection $up_connection;\n"
                "            proxy_set_header X-Real-IP $remote_addr;\n"
                "            proxy_set_header X-Forwarded-For $remote_addr;\n"
                "            proxy_set_header X-Forwarded-Host $http_host;\n"
                "            proxy_set_header X-Forwarded-Proto $scheme;\n"
                "            proxy_request_buffering off;\n"
                "            proxy_max_temp_file_size 0;\n"
                "            proxy_read_timeout 10m;\n"
                "            proxy_send_timeout 10m;\n",
                up->gate == GATE_REQUIRED ? "required" : "optional",
                up->scheme == UPSTREAM_HTTPS ? "https" : "http");
    if (up->scheme == UPSTREAM_HTTPS) {
        pn_buf_addf(conf,
                    "            proxy_ssl_server_name on;\n"
                    "            proxy_ssl_name %s;\n"
                    "            proxy_ssl_verify on;\n"
                    "            proxy_ssl_verify_depth 5;\n"
                    "            proxy_ssl_trusted_certificate \"%s\";\n",
                    up->upstream_name,
                    up->upstream_ca != NULL
                        ? up->upstream_ca
                        : "/etc/ssl/certs/ca-certificates.crt");
    }
    pn_buf_add_cstr(conf, "        }\n");
}

static void
put_http(const struct pn_up *up, struct pn_buf *conf)
{
    static const char *const temps[] = {"client_body", "proxy", "fastcgi",
                                        "uwsgi", "scgi"};

    /* $remote_user is never logged: it is what the client typed. */
    pn_buf_addf(conf,
                "http {\n"
                "    log_format postern '$remote_addr - $postern_user "
                "[$time_local] \"$request\" '\n"
                "                       '$status $body_bytes_sent "
                "token=$postern_token_id '\n"
                "                       'reason=$postern_reason';\n"
                "    access_log \"%s/nginx/access.log\" postern;\n"
                "    server_tokens off;\n"
                "    client_max_body_size 0;\n"
                "    keepalive_timeout 75s;\n"
                /* room for the identity without a second block */
                "    request_pool_size 12k;\n"
                "    map $http_upgrade $up_upgrade { default ''; "
                "~*^websocket$ websocket; }\n"
                "    map $up_upgrade $up_connection { default upgrade; '' "
                "''; }\n",
                up->data);
    for (size_t i = 0; i < PN_LEN(temps); i++) {
        pn_buf_addf(conf, "    %s_temp_path \"%s/nginx/temp_%s\";\n", temps[i],
                    up->data, temps[i]);
    }
    pn_buf_addf(conf,
                "\n"
                "    postern_index \"%s/index\";\n"
                "    postern_usage \"unix:%s/usage.sock\";\n"
                "\n"
                "    upstream application { server %s; keepalive 16; }\n"
                "    upstream posternd { server \"unix:%s/http.sock\"; }\n"
                "\n",
                up->data, up->data, up->upstream, up->data);
}

const char *
pn_up_nginx_conf(const struct pn_up *up, struct pn_arena *arena)
{
    struct pn_buf conf = {.ptr = pn_arena_alloc(arena, CONF_MAX),
                          .cap = CONF_MAX};

    if (conf.ptr == NULL) {
        return NULL;
    }
    pn_buf_addf(&conf,
                "# Written by \"postern up\" at each start.\n"
                "daemon off;\n"
                "%s%s%s"
                "worker_processes auto;\n"
                "worker_rlimit_core 0;\n"
                "pid \"%s/nginx/nginx.pid\";\n"
                "error_log \"%s/nginx/error.log\" notice;\n"
                "load_module \"%s\";\n"
                "events { worker_connections 1024; }\n",
                up->users == SEPARATED ? "user " : "",
                up->users == SEPARATED ? up->worker : "",
                up->users == SEPARATED ? ";\n" : "", up->data, up->data,
                up->module);
    put_http(up, &conf);
    put_listen(up, &up->listen, &conf);
    pn_buf_addf(&conf, "        postern_app \"%s\";\n", up->name);
    put_application(up, &conf);
    if (up->portal.text == NULL) {
        put_portal(&conf);
    } else {
        pn_buf_addf(&conf,
                    "        location /postern/ {\n"
                    "            postern off;\n"
                    "            return 302 %s$request_uri;\n"
                    "        }\n"
                    "    }\n",
                    up->portal_url);
        put_listen(up, &up->portal, &conf);
        put_portal(&conf);
        pn_buf_addf(&conf, "        location = / { postern off; return 302 "
                           "/postern/; }\n"
                           "        location / { postern off; return 404; }\n");
    }
    pn_buf_add_cstr(&conf, "    }\n}\n");
    return pn_buf_cstr(&conf);
}

/* --- postern.conf -------------------------------------------------------- */

const char *
pn_up_postern_conf(const struct pn_up *up, struct pn_arena *arena)
{
    const char *group = up->users == SEPARATED ? "www-data" : "";
    const char *mode = up->users == SEPARATED ? "0660" : "0600";

    return pn_arena_printf(arena,
                           "# Written by \"postern up\" at each start.\n"
                           "http_listen = \"unix:%s/http.sock\"\n"
                           "http_mode = \"%s\"\n"
                           "http_group = \"%s\"\n"
                           "admin_socket = \"%s/admin.sock\"\n"
                           "usage_socket = \"%s/usage.sock\"\n"
                           "usage_mode = \"%s\"\n"
                           "usage_group = \"%s\"\n"
                           "usage_users = {\"%s\"}\n"
                           "store = \"sqlite:%s/store/postern.db\"\n"
                           "index_dir = \"%s/index\"\n"
                           "index_group = \"%s\"\n",
                           up->data, mode, group, up->data, up->data, mode,
                           group, up->worker, up->data, up->data, group);
}

/* --- everything ---------------------------------------------------------- */

static enum pn_exit
write_conf(struct pn_cli *cli, const struct pn_up *up, const char *name,
           const char *text)
{
    const char *path = pn_arena_printf(cli->arena, "%s/%s", up->data, name);

    if (path == NULL || text == NULL) {
        return pn_cli_nomem();
    }
    return pn_file_write(path, 0600, pn_str_from(text)) == PN_OK
               ? PN_EXIT_OK
               : cannot("write", path);
}

enum pn_exit
pn_up_prepare(struct pn_cli *cli, const struct pn_up *up)
{
    static const struct {
        const char *tail;
        mode_t separated, alone;
    } dirs[] = {
        {"", 0710, 0700},
        {"/store", 0700, 0700},
        {"/index", 0750, 0700},
        {"/nginx", 0710, 0700},
    };
    enum pn_exit rc = PN_EXIT_OK;

    for (size_t i = 0; i < PN_LEN(dirs) && rc == PN_EXIT_OK; i++) {
        const char *path =
            pn_arena_printf(cli->arena, "%s%s", up->data, dirs[i].tail);

        rc = path == NULL ? pn_cli_nomem()
                          : make_dir(up, path,
                                     up->users == SEPARATED ? dirs[i].separated
                                                            : dirs[i].alone);
        if (i == 0 && rc == PN_EXIT_OK) { /* marks the directory as ours */
            rc = write_conf(cli, up, "postern.conf",
                            pn_up_postern_conf(up, cli->arena));
        }
    }
    if (rc == PN_EXIT_OK && up->users == SEPARATED) {
        rc = check_way(up, cli->arena);
    }
    if (rc == PN_EXIT_OK) {
        rc = write_conf(cli, up, "nginx/nginx.conf",
                        pn_up_nginx_conf(up, cli->arena));
    }
    return rc;
}
