/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file.  The only file that sees confuse.h.
 *
 * libconfuse takes the last of two equal keys and accepts any text as value;
 * both are made errors here, by a validating function that runs after each
 * assignment, while the line number is still known.
 */
#include "daemon/config.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

enum {
    TEXT_MAX = 400,
    SOCKET_PATH_MAX = 107,
    MESSAGE_MAX = 300,
    STALE_BY_STORE = -1,
    STALE_SHARED_S = 900
};

/* What the callbacks of the one running parse write to: libconfuse hands no
 * argument of ours through. */
static struct run {
    const char *name;
    char *why; /* PN_CONFIG_WHY_MAX bytes */
    bool failed;
    unsigned seen; /* bit per row of rules[] */
} * running;

static void PN_PRINTF(2, 0) complain(cfg_t *cfg, const char *format, va_list ap)
{
    char text[MESSAGE_MAX];

    if (running->failed) {
        return; /* the first error is the cause */
    }
    running->failed = true;
    (void) vsnprintf(text, sizeof(text), format, ap);
    /* A string may go on over a line's end; the message is one line. */
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char) *c < ' ' || *c == 0x7f) {
            *c = '?';
        }
    }
    (void) snprintf(running->why, PN_CONFIG_WHY_MAX, "%s:%d: %s", running->name,
                    cfg->line, text);
}

/* --- what a value may be ------------------------------------------------- */

/* NULL when the value is fine, else what it should be. */
typedef const char *check_fn(struct pn_str value);

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

static bool
is_postgres(struct pn_str url)
{
    return pn_str_starts(url, PN_STR("postgresql://"))
           || pn_str_starts(url, PN_STR("postgres://"));
}

static const char *
check_store(struct pn_str value)
{
    const struct pn_str file = PN_STR("sqlite:/");

    return (pn_str_starts(value, file) && value.len > file.len)
                   || is_postgres(value)
               ? NULL
               : "sqlite:/ABSOLUTE/PATH or postgresql://USER@HOST/DATABASE";
}

static const char *
check_directory(struct pn_str value)
{
    return value.len > 1 && value.ptr[0] == '/' ? NULL : "an absolute path";
}

static bool
parse_mode(struct pn_str value, unsigned *out)
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

    return parse_mode(value, &mode) ? NULL : "an octal mode as \"0660\"";
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
    return value.len <= 32 ? NULL : "the name of a user or group";
}

static const char *const levels[] = {
    [PN_LOG_ERROR] = "error",
    [PN_LOG_WARNING] = "warning",
    [PN_LOG_INFO] = "info",
    [PN_LOG_DEBUG] = "debug",
};

static const char *
check_level(struct pn_str value)
{
    for (size_t i = 0; i < PN_LEN(levels); i++) {
        if (pn_str_eq(value, pn_str_from(levels[i]))) {
            return NULL;
        }
    }
    return "error, warning, info or debug";
}

static const struct rule {
    const char *key;
    check_fn *text; /* NULL = a number between min and max */
    long min, max;
} rules[] = {
    {"http_listen", check_listen, 0, 0}, {"http_mode", check_mode, 0, 0},
    {"http_group", check_name, 0, 0},    {"http_connections", NULL, 8, 4096},
    {"admin_socket", check_path, 0, 0},  {"usage_socket", check_path, 0, 0},
    {"usage_mode", check_mode, 0, 0},    {"usage_group", check_name, 0, 0},
    {"usage_users", check_name, 0, 0},   {"usage_interval", NULL, 1, 60},
    {"store", check_store, 0, 0},        {"index_dir", check_directory, 0, 0},
    {"index_group", check_name, 0, 0},   {"stale_after", NULL, 0, 31536000},
    {"audit_keep_days", NULL, 0, 36500}, {"log_level", check_level, 0, 0},
};

static int
wrong_text(cfg_t *cfg, const struct rule *rule, const char *value)
{
    struct pn_str text = pn_str_from(value);
    const char *wanted;

    if (text.len > TEXT_MAX) {
        cfg_error(cfg, "key '%s': longer than %d bytes", rule->key, TEXT_MAX);
        return -1;
    }
    wanted = rule->text(text);
    if (wanted != NULL) {
        cfg_error(cfg, "key '%s': '%.64s' is not %s", rule->key, value, wanted);
        return -1;
    }
    return 0;
}

/* Runs after each assignment. */
static int
validate(cfg_t *cfg, cfg_opt_t *opt)
{
    size_t row = 0;

    while (strcmp(rules[row].key, opt->name) != 0) {
        row++;
    }
    const struct rule *rule = &rules[row];
    const bool is_list = (opt->flags & CFGF_LIST) != 0;

    if ((running->seen & 1U << row) != 0 && !is_list) {
        cfg_error(cfg, "key '%s' was given before", rule->key);
        return -1;
    }
    running->seen |= 1U << row;
    if (rule->text == NULL) {
        const long value = cfg_opt_getnint(opt, 0);

        if (value < rule->min || value > rule->max) {
            cfg_error(cfg, "key '%s': %ld is not between %ld and %ld",
                      rule->key, value, rule->min, rule->max);
            return -1;
        }
        return 0;
    }
    if (cfg_opt_size(opt) > PN_CONFIG_SENDERS_MAX) {
        cfg_error(cfg, "key '%s': more than %d names", rule->key,
                  PN_CONFIG_SENDERS_MAX);
        return -1;
    }
    for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
        const char *value = cfg_opt_getnstr(opt, i);

        if (wrong_text(cfg, rule, value != NULL ? value : "") != 0) {
            return -1;
        }
    }
    return 0;
}

/* --- reading ------------------------------------------------------------- */

/* "" is "none given". */
static bool
take(cfg_t *cfg, const char *key, struct pn_arena *arena, const char **out)
{
    struct pn_str value = pn_str_from(cfg_getstr(cfg, key));

    if (value.len == 0) {
        *out = NULL;
        return true;
    }
    *out = pn_arena_dup(arena, value);
    return *out != NULL;
}

static unsigned
mode_of(cfg_t *cfg, const char *key)
{
    unsigned mode = 0600;

    return parse_mode(pn_str_from(cfg_getstr(cfg, key)), &mode) ? mode : 0600;
}

/* One SQLite file cannot go on without us; other nodes of a PostgreSQL can. */
static uint32_t
stale_after(cfg_t *cfg)
{
    const long value = cfg_getint(cfg, "stale_after");

    if (value != STALE_BY_STORE) {
        return (uint32_t) value;
    }
    return is_postgres(pn_str_from(cfg_getstr(cfg, "store"))) ? STALE_SHARED_S
                                                              : 0;
}

static enum pn_err
take_all(cfg_t *cfg, struct pn_arena *arena, struct pn_config *out)
{
    struct pn_config config = {
        .http_mode = mode_of(cfg, "http_mode"),
        .http_connections = (unsigned) cfg_getint(cfg, "http_connections"),
        .usage_mode = mode_of(cfg, "usage_mode"),
        .usage_user_count = cfg_size(cfg, "usage_users"),
        .usage_interval_s = (uint32_t) cfg_getint(cfg, "usage_interval"),
        .stale_after_s = stale_after(cfg),
        .audit_keep_days = (uint32_t) cfg_getint(cfg, "audit_keep_days"),
    };
    bool good = take(cfg, "http_listen", arena, &config.http_listen)
                && take(cfg, "http_group", arena, &config.http_group)
                && take(cfg, "admin_socket", arena, &config.admin_socket)
                && take(cfg, "usage_socket", arena, &config.usage_socket)
                && take(cfg, "usage_group", arena, &config.usage_group)
                && take(cfg, "store", arena, &config.store)
                && take(cfg, "index_dir", arena, &config.index_dir)
                && take(cfg, "index_group", arena, &config.index_group);

    for (unsigned i = 0; good && i < config.usage_user_count; i++) {
        config.usage_user[i] = pn_arena_dup(
            arena, pn_str_from(cfg_getnstr(cfg, "usage_users", i)));
        good = config.usage_user[i] != NULL;
    }
    if (!good) {
        return PN_E_NOMEM;
    }
    for (size_t i = 0; i < PN_LEN(levels); i++) {
        if (strcmp(cfg_getstr(cfg, "log_level"), levels[i]) == 0) {
            config.log_level = (enum pn_log_level) i;
        }
    }
    *out = config;
    return PN_OK;
}

/* libconfuse's scanner swallows control bytes; nobody types them. */
static bool
has_stray_bytes(struct pn_str text, unsigned *line)
{
    *line = 1;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t) text.ptr[i];

        if (c == '\n') {
            ++*line;
        } else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f) {
            return true;
        }
    }
    return false;
}

/*
 * libconfuse counts the line of a comment three times, so "#" comments are
 * blanked before it sees them.  Forms that the reference does not name (other
 * comments, "${…}") are left to it, with all that follows: there a quote may
 * not be a quote, and only the line number is at stake.
 */
static void
blank_comments(char *text)
{
    char quote = '\0';

    for (char *c = text; *c != '\0'; c++) {
        if (quote != '\0') {
            if (*c == '\\' && c[1] != '\0') {
                c++;
            } else if (*c == quote) {
                quote = '\0';
            }
        } else if (*c == '"' || *c == '\'') {
            quote = *c;
        } else if (*c == '#') {
            size_t len = strcspn(c, "\n");

            memset(c, ' ', len);
            c += len - 1;
        } else if (*c == '$' || (*c == '/' && (c[1] == '/' || c[1] == '*'))) {
            return;
        }
    }
}

static enum pn_err
parse(FILE *file, struct pn_arena *arena, struct pn_config *out)
{
    char senders[] = "{www-data}"; /* libconfuse wants it writable */
    cfg_opt_t opts[] = {
        CFG_STR("http_listen", "unix:/run/postern/http.sock", CFGF_NONE),
        CFG_STR("http_mode", "0660", CFGF_NONE),
        CFG_STR("http_group", "", CFGF_NONE),
        CFG_INT("http_connections", 256, CFGF_NONE),
        CFG_STR("admin_socket", "/run/postern/admin.sock", CFGF_NONE),
        CFG_STR("usage_socket", "/run/postern/usage.sock", CFGF_NONE),
        CFG_STR("usage_mode", "0660", CFGF_NONE),
        CFG_STR("usage_group", "", CFGF_NONE),
        CFG_STR_LIST("usage_users", senders, CFGF_NONE),
        CFG_INT("usage_interval", 15, CFGF_NONE),
        CFG_STR("store", "sqlite:/var/lib/postern/postern.db", CFGF_NONE),
        CFG_STR("index_dir", "/var/lib/postern/index", CFGF_NONE),
        CFG_STR("index_group", "", CFGF_NONE),
        CFG_INT("stale_after", STALE_BY_STORE, CFGF_NONE),
        CFG_INT("audit_keep_days", 0, CFGF_NONE),
        CFG_STR("log_level", "info", CFGF_NONE),
        CFG_END(),
    };
    _Static_assert(PN_LEN(opts) == PN_LEN(rules) + 1, "a rule for each key");
    enum pn_err err = PN_E_NOMEM;
    cfg_t *cfg = cfg_init(opts, CFGF_NONE);

    if (cfg == NULL) {
        return PN_E_NOMEM;
    }
    (void) cfg_set_error_function(cfg, complain);
    for (size_t i = 0; i < PN_LEN(rules); i++) {
        (void) cfg_set_validate_func(cfg, rules[i].key, validate);
    }
    if (cfg_parse_fp(cfg, file) != CFG_SUCCESS || running->failed) {
        if (!running->failed) {
            (void) snprintf(running->why, PN_CONFIG_WHY_MAX,
                            "%s:%d: not understood", running->name, cfg->line);
        }
        err = PN_E_SYNTAX;
    } else {
        err = take_all(cfg, arena, out);
    }
    (void) cfg_free(cfg);
    return err;
}

enum pn_err
pn_config_parse(struct pn_str text, const char *name, struct pn_arena *arena,
                struct pn_config *out, char why[PN_CONFIG_WHY_MAX])
{
    struct run run = {.name = name, .why = why};
    unsigned line;
    enum pn_err err;
    char *copy;
    FILE *file;

    (void) snprintf(why, PN_CONFIG_WHY_MAX, "%s: out of memory", name);
    if (text.len > PN_CONFIG_MAX) {
        (void) snprintf(why, PN_CONFIG_WHY_MAX, "%s: longer than %d bytes",
                        name, PN_CONFIG_MAX);
        return PN_E_TOO_LONG;
    }
    if (has_stray_bytes(text, &line)) {
        (void) snprintf(why, PN_CONFIG_WHY_MAX, "%s:%u: a control character",
                        name, line);
        return PN_E_SYNTAX;
    }
    /* A last line without its end makes the scanner report one too few; and
     * fmemopen takes no empty buffer. */
    copy = pn_arena_printf(arena, "%.*s\n", (int) text.len,
                           text.len > 0 ? text.ptr : "");
    if (copy != NULL) {
        blank_comments(copy);
    }
    file = copy != NULL ? fmemopen(copy, strlen(copy), "r") : NULL;
    if (file == NULL) {
        return PN_E_NOMEM;
    }
    running = &run;
    err = parse(file, arena, out);
    running = NULL;
    (void) fclose(file);
    return err;
}

enum pn_err
pn_config_load(const char *path, struct pn_arena *arena, struct pn_config *out,
               char why[PN_CONFIG_WHY_MAX])
{
    enum { CHUNK = PN_CONFIG_MAX + 1 };
    char *bytes = pn_arena_alloc(arena, CHUNK);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    size_t len = 0;
    ssize_t got = -1;

    if (fd >= 0 && bytes != NULL) {
        do {
            got = read(fd, bytes + len, CHUNK - len);
            len += got > 0 ? (size_t) got : 0;
        } while ((got > 0 && len < CHUNK) || (got < 0 && errno == EINTR));
    }
    if (got < 0) {
        char text[128];

        (void) snprintf(why, PN_CONFIG_WHY_MAX, "cannot read '%.200s': %s",
                        path, strerror_r(errno, text, sizeof(text)));
    }
    if (fd >= 0) {
        (void) close(fd);
    }
    return got < 0 ? PN_E_IO
                   : pn_config_parse((struct pn_str){bytes, len}, path, arena,
                                     out, why);
}
