/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "postern up": posternd and nginx with the module in front of one
 * application, configured and supervised.
 *
 *   DATA/            0710, the workers' group may pass, nobody may look
 *     lock           held while it runs
 *     run.json       for the other commands
 *     postern.conf   posternd's
 *     store/         0700: the database
 *     index/         posternd writes, workers read
 *     admin.sock     0600 · http.sock, usage.sock 0660, the workers' group
 *     nginx/         nginx.conf, logs, temporary files
 */
#ifndef PN_CLI_UP_H
#define PN_CLI_UP_H

#include <sys/socket.h>
#include <sys/types.h>

#include "cli/cli.h"
#include "cli/preset.h"

/* Who the workers run as when postern up is root. */
#define PN_UP_WORKER "www-data"

/* An address to listen on, checked: numbers only. */
struct pn_up_listen {
    const char *text; /* "127.0.0.1:8080", "[::1]:8080" */
    struct sockaddr_storage addr;
    socklen_t addr_len;
    bool loopback;
};

/* Everything "postern up" was told, checked; texts are safe to stand in
 * quotes in nginx.conf and postern.conf. */
struct pn_up {
    const char *upstream; /* "127.0.0.1:3000" */
    enum { UPSTREAM_HTTP = 0, UPSTREAM_HTTPS } scheme;
    const char *upstream_name; /* host alone, for TLS */
    const char *upstream_ca;   /* NULL = the system's */
    struct pn_up_listen listen;
    struct pn_up_listen portal; /* text NULL = on listen */
    const char *data;
    const char *name;
    const struct pn_preset *preset;
    enum { GATE_OPTIONAL = 0, GATE_REQUIRED } gate;
    const char *tls_cert, *tls_key; /* NULL = plain HTTP */
    const char *url, *portal_url;   /* "http://127.0.0.1:8080" */
    const char *posternd, *module, *nginx;
    const char *worker; /* user name of the nginx workers */
    gid_t worker_gid;
    enum { ONE_USER = 0, SEPARATED } users; /* SEPARATED: we are root */
};

/* up_check.c: options to *out; says what is wrong with each. */
PN_MUST_USE enum pn_exit pn_up_read(struct pn_cli *cli, struct pn_up *out);

/* up_listen.c: "127.0.0.1:8080" or "[::1]:8080", or PN_EXIT_USAGE. */
PN_MUST_USE enum pn_exit pn_up_listen_read(struct pn_cli *cli,
                                           const char *option, const char *text,
                                           struct pn_up_listen *out);

/* The port is tried before anything is started, so that the message names it
 * and not a line of nginx's log. */
PN_MUST_USE enum pn_exit pn_up_listen_try(const struct pn_up_listen *listen_on);

/* 1 to 65535 without sign, blanks or leading zero. */
PN_MUST_USE bool pn_up_port_read(const char *text, unsigned *out);

/* "[2001:db8::1]" */
bool pn_up_is_v6(const char *host);

/* False for text that could end a quoted string of nginx.conf or postern.conf,
 * or mean a variable in it. */
bool pn_up_is_quotable(const char *text);

/* up_files.c: directories, postern.conf and nginx.conf. */
PN_MUST_USE enum pn_exit pn_up_prepare(struct pn_cli *cli,
                                       const struct pn_up *up);
/* The lock on DATA; *fd is held until exit. */
PN_MUST_USE enum pn_exit pn_up_lock(struct pn_cli *cli, const struct pn_up *up,
                                    int *fd);

/* The two configurations as text, NULL when out of memory. */
const char *pn_up_nginx_conf(const struct pn_up *up, struct pn_arena *arena);
const char *pn_up_postern_conf(const struct pn_up *up, struct pn_arena *arena);

#endif
