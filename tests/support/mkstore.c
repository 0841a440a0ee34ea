/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills a store with owners and tokens by the million, for benches; usage[]
 * says how.  Not installed.
 *
 * The store library writes one owner and one token; every further row is a copy
 * of those, made by SQLite itself, with another id, name and hash.  So the rows
 * are what posternd would have written, whatever the schema has become.  The
 * index knows nothing of them: remove it, and posternd makes it anew.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "bulk.h"
#include "core/id.h"
#include "core/token.h"
#include "daemon/store/audit.h"
#include "daemon/store/store.h"
#include "spec.h"

enum {
    SQL_MAX = 8192,
    ARENA_MAX = 1 << 20,
    INDEXES_MAX = 32,
    GROUP_ID = 1,
    EVENTS_TOGETHER = 10000,
};

static const char usage[] =
    "usage: mkstore [--tokens N] [--owners M] [--seed S] [--sample K]\n"
    "               [--events E] FILE TOKENS_OUT\n"
    "\n"
    "Adds M owners user0, user1, ... (members of the group \"staff\") and N\n"
    "tokens to the SQLite store FILE, which is made if it is missing; a line\n"
    "\"OWNER TOKEN\" in TOKENS_OUT for each of K of them.  The tokens of a\n"
    "seed are those of mkindex --bulk.  Then E audit events, chained.\n";

struct options {
    uint64_t tokens, owners, seed, sample, events;
    const char *file, *out;
};

/* n.i counts from 1 to below the argument. */
#define NUMBERS                                                                \
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL"                              \
    " SELECT i + 1 FROM n WHERE i + 1 < %" PRIu64 ")"

/* A column whose value differs from the first row's, as SQL over n.i. */
struct swap {
    const char *column, *value;
};

static void
check(sqlite3 *db, int rc, const char *what)
{
    if (rc != SQLITE_OK && rc != SQLITE_ROW && rc != SQLITE_DONE) {
        die("%s: %s", what, sqlite3_errmsg(db));
    }
}

static void
run(sqlite3 *db, const char *sql)
{
    check(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

/* --- the first of each --------------------------------------------------- */

static struct pn_token_secret
first_secret(const struct options *options, int64_t now)
{
    struct pn_token_secret secret = {.id = 1, .created_at = now};
    struct pn_secret text;

    bulk_token(options->seed, 0, &text);
    pn_hash_of((struct pn_str){text.bytes, text.len}, &secret.hash);
    memcpy(secret.last_four, text.bytes + text.len - 4, 4);
    return secret;
}

static void
put_first(const struct options *options)
{
    char url[4096], owner[] = "user0", empty[] = "", local[] = "local";
    char prefix[] = PN_TOKEN_PREFIX_DEFAULT, name[] = "token 0";
    char group_name[] = "staff";
    const int64_t now = (int64_t) time(NULL);
    struct pn_group group = {
        .id = GROUP_ID, .name = group_name, .description = empty};
    struct pn_user user = {.id = spec_id("user", owner),
                           .username = owner,
                           .display_name = empty,
                           .email = empty,
                           .active = true,
                           .source = local,
                           .groups = &group,
                           .group_count = 1,
                           .created_at = now};
    struct pn_token token = {.id = 1,
                             .name = name,
                             .description = empty,
                             .owner_id = user.id,
                             .owner = owner,
                             .prefix = prefix,
                             .created_at = now,
                             .access = PN_ACCESS_READ_WRITE,
                             .secrets = {first_secret(options, now)},
                             .secret_count = 1};
    struct pn_store *store = NULL;

    (void) snprintf(url, sizeof(url), "sqlite:%s", options->file);
    must(pn_store_open(url, PN_STORE_WRITE, &store), options->file);
    must(pn_store_begin(store), "begin");
    must(pn_store_group_insert(store, &group), "group");
    must(pn_store_user_insert(store, &user), "user");
    must(pn_store_token_insert(store, &token), "token");
    must(pn_store_commit(store), "commit");
    pn_store_close(store);
}

/* --- what SQL asks us ---------------------------------------------------- */

static uint64_t
seed_of(sqlite3_context *context)
{
    return ((const struct options *) sqlite3_user_data(context))->seed;
}

static void
sql_hash(sqlite3_context *context, int count, sqlite3_value **value)
{
    struct pn_secret text;
    struct pn_hash hash;

    (void) count;
    bulk_token(seed_of(context), (uint64_t) sqlite3_value_int64(value[0]),
               &text);
    pn_hash_of((struct pn_str){text.bytes, text.len}, &hash);
    sqlite3_result_blob(context, hash.bytes, sizeof(hash.bytes),
                        SQLITE_TRANSIENT);
}

static void
sql_last_four(sqlite3_context *context, int count, sqlite3_value **value)
{
    struct pn_secret text;

    (void) count;
    bulk_token(seed_of(context), (uint64_t) sqlite3_value_int64(value[0]),
               &text);
    sqlite3_result_text(context, text.bytes + text.len - 4, 4,
                        SQLITE_TRANSIENT);
}

static void
sql_owner(sqlite3_context *context, int count, sqlite3_value **value)
{
    char name[BULK_OWNER_SIZE];

    (void) count;
    bulk_owner((uint64_t) sqlite3_value_int64(value[0]), name);
    sqlite3_result_int64(context, (sqlite3_int64) spec_id("user", name));
}

static void
teach(sqlite3 *db, struct options *options)
{
    static const struct {
        const char *name;
        void (*call)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {{"hash_of", sql_hash},
                     {"last_four_of", sql_last_four},
                     {"owner_of", sql_owner}};

    for (size_t i = 0; i < PN_LEN(functions); i++) {
        check(db,
              sqlite3_create_function(db, functions[i].name, 1,
                                      SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                      options, functions[i].call, NULL, NULL),
              functions[i].name);
    }
}

/* --- copies -------------------------------------------------------------- */

struct sql {
    char text[SQL_MAX];
    size_t len;
};

static void __attribute__((format(printf, 2, 3)))
add(struct sql *sql, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(sql->text + sql->len, SQL_MAX - sql->len, format, ap);
    va_end(ap);
    if (n < 0 || (size_t) n >= SQL_MAX - sql->len) {
        die("a statement is too long");
    }
    sql->len += (size_t) n;
}

/* The table's columns, separated by commas; with swaps, their new values. */
static void
add_columns(sqlite3 *db, struct sql *sql, const char *table,
            const struct swap *swaps)
{
    sqlite3_stmt *q = NULL;
    const char *comma = "";

    check(db,
          sqlite3_prepare_v2(db, "SELECT name FROM pragma_table_info(?1)", -1,
                             &q, NULL),
          table);
    check(db, sqlite3_bind_text(q, 1, table, -1, SQLITE_STATIC), table);
    while (sqlite3_step(q) == SQLITE_ROW) {
        const char *column = (const char *) sqlite3_column_text(q, 0);
        const struct swap *swap = swaps;

        while (swap != NULL && swap->column != NULL
               && strcmp(swap->column, column) != 0)
        {
            swap++;
        }
        add(sql, "%s%s%s", comma, swaps == NULL ? "" : "t.", column);
        if (swap != NULL && swap->column != NULL) {
            sql->len -= strlen(column) + 2;
            add(sql, "%s", swap->value);
        }
        comma = ", ";
    }
    check(db, sqlite3_finalize(q), table);
}

/* Takes the table's named indexes away; out gets the SQL that makes them. */
static size_t
drop_indexes(sqlite3 *db, const char *table, char *out[INDEXES_MAX])
{
    struct sql sql = {.len = 0};
    sqlite3_stmt *q = NULL;
    size_t count = 0;

    check(db,
          sqlite3_prepare_v2(db,
                             "SELECT sql, name FROM sqlite_master WHERE type ="
                             " 'index' AND tbl_name = ?1 AND sql NOT NULL",
                             -1, &q, NULL),
          table);
    check(db, sqlite3_bind_text(q, 1, table, -1, SQLITE_STATIC), table);
    while (sqlite3_step(q) == SQLITE_ROW && count < INDEXES_MAX) {
        add(&sql, "DROP INDEX %s;", sqlite3_column_text(q, 1));
        out[count++] = strdup((const char *) sqlite3_column_text(q, 0));
    }
    check(db, sqlite3_finalize(q), table);
    run(db, sql.text);
    return count;
}

/*
 * Rows 1 to count - 1 like the table's row first_id.  Indexes are made after
 * them, from sorted keys: several times faster.
 */
static void
copy_rows(sqlite3 *db, const char *table, uint64_t first_id, uint64_t count,
          const struct swap *swaps)
{
    char *index[INDEXES_MAX];
    struct sql sql = {.len = 0};
    size_t indexes;

    if (count < 2) {
        return;
    }
    indexes = drop_indexes(db, table, index);
    add(&sql, "INSERT INTO %s (", table);
    add_columns(db, &sql, table, NULL);
    add(&sql, ") " NUMBERS " SELECT ", count);
    add_columns(db, &sql, table, swaps);
    add(&sql, " FROM n, %s t WHERE t.id = %" PRIu64, table, first_id);
    run(db, sql.text);
    for (size_t i = 0; i < indexes; i++) {
        run(db, index[i]);
        free(index[i]);
    }
}

static void
copy_all(sqlite3 *db, const struct options *options)
{
    static const struct swap users[] = {{"id", "owner_of(n.i)"},
                                        {"username", "'user' || n.i"},
                                        {"username_key", "'user' || n.i"},
                                        {NULL, NULL}};
    static const struct swap secrets[] = {{"id", "n.i + 1"},
                                          {"token_id", "n.i + 1"},
                                          {"hash", "hash_of(n.i)"},
                                          {"last_four", "last_four_of(n.i)"},
                                          {NULL, NULL}};
    char owner_id[64], owner_name[64];
    struct sql sql = {.len = 0};

    (void) snprintf(owner_id, sizeof(owner_id), "owner_of(n.i %% %" PRIu64 ")",
                    options->owners);
    (void) snprintf(owner_name, sizeof(owner_name),
                    "'user' || (n.i %% %" PRIu64 ")", options->owners);
    const struct swap tokens[] = {{"id", "n.i + 1"},
                                  {"owner_id", owner_id},
                                  {"owner_name", owner_name},
                                  {"name", "'token ' || n.i"},
                                  {"name_key", "'token ' || n.i"},
                                  {"live_name", "'token ' || n.i"},
                                  {NULL, NULL}};

    copy_rows(db, "users", spec_id("user", "user0"), options->owners, users);
    add(&sql,
        "INSERT INTO memberships (user_id, group_id) " NUMBERS
        " SELECT owner_of(n.i), %d FROM n WHERE n.i < %" PRIu64,
        options->owners, GROUP_ID, options->owners);
    run(db, sql.text);
    copy_rows(db, "tokens", 1, options->tokens, tokens);
    copy_rows(db, "secrets", 1, options->tokens, secrets);
}

static void
fill(struct options *options)
{
    sqlite3 *db = NULL;

    if (sqlite3_open(options->file, &db) != SQLITE_OK) {
        die("cannot open '%s'", options->file);
    }
    /* A crash costs a run, so nothing is kept safe until the end. */
    run(db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "PRAGMA cache_size = -1000000; PRAGMA foreign_keys = OFF");
    teach(db, options);
    run(db, "BEGIN");
    copy_all(db, options);
    run(db, "COMMIT");
    run(db, "PRAGMA journal_mode = WAL");
    (void) sqlite3_close(db);
}

/* --- the audit ----------------------------------------------------------- */

/* As of somebody who edits a token. */
static void
put_event(struct pn_store *store, uint64_t i)
{
    char actor[BULK_OWNER_SIZE], subject[PN_ID_TEXT_LEN + 1], request[24];
    char kind[] = "session", action[] = "token.edit", address[] = "192.0.2.7";
    char detail[] = "{\"after\":{\"expires_at\":\"2027-03-01T00:00:00Z\"},"
                    "\"before\":{\"expires_at\":\"2027-02-01T00:00:00Z\"}}";
    char personal[] = "{\"after\":{\"description\":\"nightly backup of the wiki"
                      "\"},\"before\":{\"description\":\"\"}}";
    const struct pn_audit_event event = {.at = (int64_t) time(NULL),
                                         .actor = actor,
                                         .actor_kind = kind,
                                         .action = action,
                                         .subject = subject,
                                         .detail = detail,
                                         .personal = personal,
                                         .address = address,
                                         .request_id = request};

    bulk_owner(i % 1000, actor);
    pn_id_format(PN_ID_TOKEN, i + 1, subject);
    (void) snprintf(request, sizeof(request), "req_%016" PRIx64, i);
    must(pn_store_audit_add(store, &event), "event");
}

static void
put_events(const struct options *options)
{
    struct pn_store *store = NULL;
    char url[4096];

    (void) snprintf(url, sizeof(url), "sqlite:%s", options->file);
    must(pn_store_open(url, PN_STORE_WRITE, &store), options->file);
    for (uint64_t i = 0; i < options->events;) {
        must(pn_store_begin(store), "begin");
        do {
            put_event(store, i++);
        } while (i < options->events && i % EVENTS_TOGETHER != 0);
        must(pn_store_commit(store), "commit");
    }
    pn_store_close(store);
}

/* --- the rest ------------------------------------------------------------ */

static void
write_sample(const struct options *options)
{
    const uint64_t every =
        options->tokens > options->sample && options->sample > 0
            ? options->tokens / options->sample
            : 1;
    FILE *out = fopen(options->out, "w");

    if (out == NULL) {
        die("cannot open '%s'", options->out);
    }
    for (uint64_t i = 0; i < options->sample && i * every < options->tokens;
         i++) {
        char owner[BULK_OWNER_SIZE];
        struct pn_secret text;

        bulk_owner(i * every % options->owners, owner);
        bulk_token(options->seed, i * every, &text);
        (void) fprintf(out, "%s %s\n", owner, text.bytes);
    }
    if (fclose(out) != 0) {
        die("cannot write '%s'", options->out);
    }
}

int
main(int argc, char **argv)
{
    struct options options = {
        .tokens = 1000, .owners = 100, .seed = 1, .sample = 1000};
    const struct {
        const char *name;
        uint64_t *value;
    } numbers[] = {{"--tokens", &options.tokens},
                   {"--owners", &options.owners},
                   {"--seed", &options.seed},
                   {"--sample", &options.sample},
                   {"--events", &options.events}};
    int at = 1;

    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        uint64_t *value = NULL;

        for (size_t i = 0; i < PN_LEN(numbers); i++) {
            value = strcmp(argv[at], numbers[i].name) == 0 ? numbers[i].value
                                                           : value;
        }
        if (value == NULL) {
            break;
        }
        *value = strtoull(argv[at + 1], NULL, 10);
    }
    if (argc - at != 2 || options.tokens == 0 || options.owners == 0) {
        (void) fputs(usage, stderr);
        return 2;
    }
    options.file = argv[at];
    options.out = argv[at + 1];
    put_first(&options);
    fill(&options);
    put_events(&options);
    write_sample(&options);
    return EXIT_SUCCESS;
}
