/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file.  The only file that sees confuse.h.
 *
 * libconfuse takes the last of two equal keys and accepts any text as value;
 * both are made errors here, by a validating function that runs after each
 * assignment, while the line number is still known.
 */
#include "daemon/config.h"

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "daemon/config_rules.h"

enum {
    TEXT_MAX = 400,
    MESSAGE_MAX = 300,
    STALE_BY_STORE = -1,
    STALE_SHARED_S = 900,
    MAX_BY_KIND = 0,
    MAX_OF_STREAM = 8192,
    NO_ENTERPRISE = 32473 /* kept for examples (RFC 5612) */
};

/* What the callbacks of the one running parse write to: libconfuse hands no
 * argument of ours through. */
static struct run {
    const char *name;
    char *why; /* PN_CONFIG_WHY_MAX bytes */
    bool failed;
    uint64_t seen; /* bit per row of pn_config_rules[] */
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

/* --- judging a value ------------------------------------------------------ */

static int
wrong_text(cfg_t *cfg, const struct pn_config_rule *rule, const char *value)
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

    while (strcmp(pn_config_rules[row].key, opt->name) != 0) {
        row++;
    }
    const struct pn_config_rule *rule = &pn_config_rules[row];
    const bool is_list = (opt->flags & CFGF_LIST) != 0;

    if ((running->seen & UINT64_C(1) << row) != 0 && !is_list) {
        cfg_error(cfg, "key '%s' was given before", rule->key);
        return -1;
    }
    running->seen |= UINT64_C(1) << row;
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

/* The keys of one section may come again in the next. */
static void
forget_section(void)
{
    for (size_t row = 0; row < pn_config_rule_count; row++) {
        if (pn_config_rules[row].in_section) {
            running->seen &= ~(UINT64_C(1) << row);
        }
    }
}

static bool
has(cfg_t *cfg, const char *key)
{
    return cfg_getstr(cfg, key)[0] != '\0';
}

/* What keys of a section need of each other; NULL = it is fine. */
static const char *
syslog_lacks(cfg_t *section)
{
    const bool tls =
        pn_str_starts(pn_str_from(cfg_getstr(section, "to")), PN_STR("tls://"));

    if (pn_config_check_name(pn_str_from(cfg_title(section))) != NULL) {
        return "its name is not letters, digits, '_', '-' and '.', at most 32";
    }
    if (!has(section, "to")) {
        return "key 'to' is missing";
    }
    if (!tls
        && (has(section, "ca") || has(section, "certificate")
            || has(section, "tls_name")))
    {
        return "'ca', 'certificate' and 'tls_name' need a 'to' of tls://";
    }
    return has(section, "certificate") == has(section, "key")
               ? NULL
               : "'certificate' and 'key' go together";
}

/* Runs at the end of a section. */
static int
validate_syslog(cfg_t *cfg, cfg_opt_t *opt)
{
    const unsigned count = cfg_opt_size(opt);
    cfg_t *section = cfg_opt_getnsec(opt, count - 1);
    const char *lacks = syslog_lacks(section);

    forget_section();
    if (lacks != NULL) {
        cfg_error(cfg, "section 'syslog %.64s': %s", cfg_title(section), lacks);
        return -1;
    }
    if (count > PN_SYSLOG_RECEIVERS_MAX) {
        cfg_error(cfg, "more than %d sections 'syslog'",
                  PN_SYSLOG_RECEIVERS_MAX);
        return -1;
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

    return pn_config_mode(pn_str_from(cfg_getstr(cfg, key)), &mode) ? mode
                                                                    : 0600;
}

/* One SQLite file cannot go on without us; other nodes of a PostgreSQL can. */
static uint32_t
stale_after(cfg_t *cfg)
{
    const long value = cfg_getint(cfg, "stale_after");

    if (value != STALE_BY_STORE) {
        return (uint32_t) value;
    }
    return pn_config_is_postgres(pn_str_from(cfg_getstr(cfg, "store")))
               ? STALE_SHARED_S
               : 0;
}

/* RFC 5426 asks receivers for 2048 bytes a datagram; 8192 is what rsyslog takes
 * unless told otherwise. */
static uint32_t
max_bytes(cfg_t *section, enum pn_syslog_kind kind)
{
    const long value = cfg_getint(section, "max_bytes");

    if (value != MAX_BY_KIND) {
        return (uint32_t) value;
    }
    return kind == PN_SYSLOG_UDP ? PN_SYSLOG_MESSAGE_MIN : MAX_OF_STREAM;
}

static bool
take_syslog(cfg_t *section, struct pn_arena *arena,
            struct pn_syslog_receiver *out)
{
    struct pn_syslog_receiver receiver = {
        .name = pn_arena_dup(arena, pn_str_from(cfg_title(section))),
        .facility = (uint8_t) pn_syslog_facility(
            pn_str_from(cfg_getstr(section, "facility"))),
        .enterprise = (uint32_t) cfg_getint(section, "enterprise"),
        .begin = strcmp(cfg_getstr(section, "begin"), "new") == 0
                     ? PN_SYSLOG_NEW
                     : PN_SYSLOG_ALL,
    };

    if (receiver.name == NULL
        || pn_syslog_place_parse(pn_str_from(cfg_getstr(section, "to")),
                                 &receiver.place)
               != PN_OK
        || !take(section, "ca", arena, &receiver.ca)
        || !take(section, "certificate", arena, &receiver.certificate)
        || !take(section, "key", arena, &receiver.key)
        || !take(section, "tls_name", arena, &receiver.tls_name))
    {
        return false;
    }
    receiver.max_bytes = max_bytes(section, receiver.place.kind);
    *out = receiver;
    return true;
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
        .compare_s = (uint32_t) cfg_getint(cfg, "compare_interval"),
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
    config.syslog_count = cfg_size(cfg, "syslog");
    for (unsigned i = 0; good && i < config.syslog_count; i++) {
        good = take_syslog(cfg_getnsec(cfg, "syslog", i), arena,
                           &config.syslog[i]);
    }
    if (!good) {
        return PN_E_NOMEM;
    }
    (void) pn_config_level(pn_str_from(cfg_getstr(cfg, "log_level")),
                           &config.log_level);
    *out = config;
    return PN_OK;
}

/* FNV-1a of what libconfuse would write for it, sections included. */
static bool
sum_of(cfg_opt_t *opt, uint64_t *out)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);
    bool good = file != NULL && cfg_opt_print(opt, file) == CFG_SUCCESS;

    good = file != NULL && fclose(file) == 0 && good;
    for (size_t i = 0; good && i < len; i++) {
        sum = (sum ^ (uint8_t) text[i]) * UINT64_C(0x100000001b3);
    }
    free(text);
    *out = sum;
    return good;
}

static bool
take_sums(cfg_t *cfg, const cfg_opt_t *opts, struct pn_config *out)
{
    unsigned n = 0;

    for (; opts[n].name != NULL; n++) {
        assert(n < PN_CONFIG_KEYS_MAX);
        out->key[n].key = opts[n].name;
        if (!sum_of(cfg_getopt(cfg, opts[n].name), &out->key[n].sum)) {
            return false;
        }
    }
    out->key_count = n;
    return true;
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
 *
 * It also takes the end of the file for that of a section: returns how many
 * braces are open then.
 */
static int
blank_comments(char *text)
{
    char quote = '\0';
    int open = 0;

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
            return 0;
        } else {
            open += (*c == '{') - (*c == '}');
        }
    }
    return open;
}

/* A key without a rule would be taken as it is: the unit test has each. */
static void
set_rules(cfg_t *cfg)
{
    for (size_t i = 0; i < pn_config_rule_count; i++) {
        char path[64];

        (void) snprintf(path, sizeof(path), "%s%s",
                        pn_config_rules[i].in_section ? "syslog|" : "",
                        pn_config_rules[i].key);
        (void) cfg_set_validate_func(cfg, path, validate);
    }
    (void) cfg_set_validate_func(cfg, "syslog", validate_syslog);
}

static enum pn_err
parse(FILE *file, struct pn_arena *arena, struct pn_config *out)
{
    char senders[] = "{www-data}"; /* libconfuse wants it writable */
    cfg_opt_t syslog[] = {
        CFG_STR("to", "", CFGF_NONE),
        CFG_STR("facility", "authpriv", CFGF_NONE),
        CFG_STR("begin", "all", CFGF_NONE),
        CFG_INT("max_bytes", MAX_BY_KIND, CFGF_NONE),
        CFG_INT("enterprise", NO_ENTERPRISE, CFGF_NONE),
        CFG_STR("ca", "", CFGF_NONE),
        CFG_STR("certificate", "", CFGF_NONE),
        CFG_STR("key", "", CFGF_NONE),
        CFG_STR("tls_name", "", CFGF_NONE),
        CFG_END(),
    };
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
        CFG_INT("compare_interval", 900, CFGF_NONE),
        CFG_INT("audit_keep_days", 0, CFGF_NONE),
        CFG_SEC("syslog", syslog,
                CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
        CFG_STR("log_level", "info", CFGF_NONE),
        CFG_END(),
    };
    enum pn_err err = PN_E_NOMEM;
    cfg_t *cfg = cfg_init(opts, CFGF_NONE);

    if (cfg == NULL) {
        return PN_E_NOMEM;
    }
    (void) cfg_set_error_function(cfg, complain);
    set_rules(cfg);
    if (cfg_parse_fp(cfg, file) != CFG_SUCCESS || running->failed) {
        if (!running->failed) {
            (void) snprintf(running->why, PN_CONFIG_WHY_MAX,
                            "%s:%d: not understood", running->name, cfg->line);
        }
        err = PN_E_SYNTAX;
    } else {
        err = take_all(cfg, arena, out);
        if (err == PN_OK && !take_sums(cfg, opts, out)) {
            err = PN_E_NOMEM;
        }
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
    if (copy != NULL && blank_comments(copy) > 0) {
        (void) snprintf(why, PN_CONFIG_WHY_MAX,
                        "%s: a '{' has no '}' that belongs to it", name);
        return PN_E_SYNTAX;
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
