/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posternd's configuration file, in libconfuse's syntax.  Every key stands in
 * docs/reference/config.md.  Anything that is not understood (a key, a type, a
 * value, a key given twice) is an error that names file, line and key.
 */
#ifndef PN_DAEMON_CONFIG_H
#define PN_DAEMON_CONFIG_H

#include "base/arena.h"
#include "base/log.h"
#include "daemon/syslog/receiver.h"

enum {
    PN_CONFIG_MAX = 64 << 10, /* bytes of the file */
    PN_CONFIG_WHY_MAX = 512,
    PN_CONFIG_SENDERS_MAX = 8,
    PN_CONFIG_KEYS_MAX = 32,
};

/* Where it is unless said; the build knows what was configured. */
#ifndef PN_CONFIG_FILE
#define PN_CONFIG_FILE "/etc/postern/postern.conf"
#endif

struct pn_config {
    const char *http_listen; /* "unix:/path" or "127.0.0.1:8080" */
    unsigned http_mode;
    const char *http_group; /* NULL = unchanged */
    unsigned http_connections;
    const char *admin_socket;
    const char *usage_socket;
    unsigned usage_mode;
    const char *usage_group;                       /* NULL = unchanged */
    const char *usage_user[PN_CONFIG_SENDERS_MAX]; /* who may report use */
    unsigned usage_user_count;
    uint32_t usage_interval_s;
    const char *store;
    const char *index_dir;
    const char *index_group;
    uint32_t stale_after_s;
    uint32_t compare_s;       /* 0 = never */
    uint32_t audit_keep_days; /* 0 = for ever */
    struct pn_syslog_receiver syslog[PN_SYSLOG_RECEIVERS_MAX];
    unsigned syslog_count;
    enum pn_log_level log_level;
    /* Each key with a sum of its value, to see which differ between two files.
     */
    struct {
        const char *key;
        uint64_t sum;
    } key[PN_CONFIG_KEYS_MAX];
    unsigned key_count;
};

/*
 * Read text; name is what errors call it.  Everything in *out lives in the
 * arena.  On error why gets "NAME:LINE: key 'x': …" and *out is untouched:
 * PN_E_SYNTAX, PN_E_TOO_LONG or PN_E_NOMEM.  Not for two threads at once
 * (libconfuse's scanner has globals).
 */
PN_MUST_USE enum pn_err pn_config_parse(struct pn_str text, const char *name,
                                        struct pn_arena *arena,
                                        struct pn_config *out,
                                        char why[PN_CONFIG_WHY_MAX]);

/* The same from a file; PN_E_IO when it cannot be read. */
PN_MUST_USE enum pn_err pn_config_load(const char *path, struct pn_arena *arena,
                                       struct pn_config *out,
                                       char why[PN_CONFIG_WHY_MAX]);

#endif
