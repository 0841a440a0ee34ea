/* SPDX-License-Identifier: Apache-2.0 */
/* What each key of the configuration may be.  No libconfuse here. */
#include "daemon/config_rules.h"

#include "base/log.h"
#include "base/str.h"
#include "daemon/syslog/receiver.h"

enum { SOCKET_PATH_MAX = 107, NAME_MAX_LEN = 32 };

static const char *
check_path(struct pn_str value)
{
    return value.len > 1 && value.ptr[0] == '/' && value.len <= SOCKET_PATH_MAX
               ? NULL
               : "an absolute path of at most 107 bytes";
}

static const char *
check_listen(struct pn_str value)
{
    static const char wanted[] =
        "unix:/PATH, 127.0.0.1:PORT or [::1]:PORT (nginx is what others reach)";
    const struct pn_str scheme = PN_STR("unix:");

    if (pn_str_starts(value, scheme)) {
        value.ptr += scheme.len;
        value.len -= scheme.len;
        return check_path(value) == NULL ? NULL : wanted;
    }
    return pn_str_starts(value, PN_STR("127."))
                   || pn_str_starts(value, PN_STR("[::1]:"))
               ? NULL
               : wanted;
}

bool
pn_config_is_postgres(struct pn_str url)
{
    return pn_str_starts(url, PN_STR("postgresql://"))
           || pn_str_starts(url, PN_STR("postgres://"));
}

static const char *
check_store(struct pn_str value)
{
    const struct pn_str file = PN_STR("sqlite:/");

    return (pn_str_starts(value, file) && value.len > file.len)
                   || pn_config_is_postgres(value)
               ? NULL
               : "sqlite:/ABSOLUTE/PATH or postgresql://USER@HOST/DATABASE";
}

static const char *
check_directory(struct pn_str value)
{
    return value.len > 1 && value.ptr[0] == '/' ? NULL : "an absolute path";
}

bool
pn_config_mode(struct pn_str value, unsigned *out)
{
    unsigned mode = 0;

    if (value.len < 3 || value.len > 4) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '7') {
            return false;
        }
        mode = mode * 8 + (unsigned) (value.ptr[i] - '0');
    }
    if ((mode & ~0666U) != 0 || (mode & 0600) != 0600) {
        return false;
    }
    *out = mode;
    return true;
}

static const char *
check_mode(struct pn_str value)
{
    unsigned mode;

    return pn_config_mode(value, &mode) ? NULL : "an octal mode as \"0660\"";
}

static const char *
check_name(struct pn_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'))
        {
            return "the name of a user or group";
        }
    }
    return value.len <= NAME_MAX_LEN ? NULL : "the name of a user or group";
}

static const char *const levels[] = {
    [PN_LOG_ERROR] = "error",
    [PN_LOG_WARNING] = "warning",
    [PN_LOG_INFO] = "info",
    [PN_LOG_DEBUG] = "debug",
};

bool
pn_config_level(struct pn_str value, enum pn_log_level *out)
{
    for (size_t i = 0; i < PN_LEN(levels); i++) {
        if (pn_str_eq(value, pn_str_from(levels[i]))) {
            *out = (enum pn_log_level) i;
            return true;
        }
    }
    return false;
}

static const char *
check_level(struct pn_str value)
{
    enum pn_log_level level;

    return pn_config_level(value, &level) ? NULL
                                          : "error, warning, info or debug";
}

/* --- sections ------------------------------------------------------------ */

static const char *
check_place(struct pn_str value)
{
    struct pn_syslog_place place;

    return pn_syslog_place_parse(value, &place) == PN_OK
               ? NULL
               : "unix:/PATH, udp://HOST:PORT, tcp://HOST:PORT or "
                 "tls://HOST:PORT";
}

static const char *
check_facility(struct pn_str value)
{
    return pn_syslog_facility(value) >= 0
               ? NULL
               : "a facility of syslog, as authpriv or local0";
}

static const char *
check_begin(struct pn_str value)
{
    return pn_str_eq(value, PN_STR("all")) || pn_str_eq(value, PN_STR("new"))
               ? NULL
               : "all or new";
}

static const char *
check_host(struct pn_str value)
{
    return value.len > 0 && value.len <= PN_SYSLOG_HOST_MAX
                   && pn_str_is_printable(value)
               ? NULL
               : "the name in a certificate";
}

/* --- the table ----------------------------------------------------------- */

const struct pn_config_rule pn_config_rules[] = {
    {"http_listen", check_listen, 0, 0, false},
    {"http_mode", check_mode, 0, 0, false},
    {"http_group", check_name, 0, 0, false},
    {"http_connections", NULL, 8, 4096, false},
    {"admin_socket", check_path, 0, 0, false},
    {"usage_socket", check_path, 0, 0, false},
    {"usage_mode", check_mode, 0, 0, false},
    {"usage_group", check_name, 0, 0, false},
    {"usage_users", check_name, 0, 0, false},
    {"usage_interval", NULL, 1, 60, false},
    {"store", check_store, 0, 0, false},
    {"index_dir", check_directory, 0, 0, false},
    {"index_group", check_name, 0, 0, false},
    {"stale_after", NULL, 0, 31536000, false},
    {"compare_interval", NULL, 0, 604800, false},
    {"audit_keep_days", NULL, 0, 36500, false},
    {"log_level", check_level, 0, 0, false},
    /* of a section syslog */
    {"to", check_place, 0, 0, true},
    {"facility", check_facility, 0, 0, true},
    {"begin", check_begin, 0, 0, true},
    {"max_bytes", NULL, PN_SYSLOG_MESSAGE_MIN, PN_SYSLOG_MESSAGE_MAX, true},
    {"enterprise", NULL, 0, 4294967295, true},
    {"ca", check_directory, 0, 0, true},
    {"certificate", check_directory, 0, 0, true},
    {"key", check_directory, 0, 0, true},
    {"tls_name", check_host, 0, 0, true},
};

const size_t pn_config_rule_count = PN_LEN(pn_config_rules);

const char *
pn_config_check_name(struct pn_str value)
{
    return value.len == 0 ? "a name" : check_name(value);
}
