/* SPDX-License-Identifier: Apache-2.0 */
/* How a database gets the schema. */
#include "daemon/store/migrations.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/buf.h"
#include "base/str.h"
#include "core/hash.h"
#include "core/token.h"
#include "daemon/store/schema.h"

enum { HEX_LEN = 2 * PN_HASH_LEN, STEP_MAX = 16384 };

/* What only the database at hand is told; "" = nothing. */
static const char *
own_sql(const struct pn_db *db, const struct pn_schema_step *step)
{
    for (size_t i = 0; i < pn_schema_own_step_count; i++) {
        if (strcmp(pn_schema_own_steps[i].name, step->name) == 0) {
            return pn_db_kind(db) == PN_DB_SQLITE
                       ? pn_schema_own_steps[i].sqlite
                       : pn_schema_own_steps[i].postgres;
        }
    }
    return "";
}

/* SHA-256 of the step's text for this database, in hexadecimal. */
static void
fingerprint(const struct pn_db *db, const struct pn_schema_step *step,
            char out[HEX_LEN + 1])
{
    char text[STEP_MAX];
    struct pn_buf buf = PN_BUF(text);
    struct pn_hash hash;

    pn_buf_add_cstr(&buf, step->sql);
    pn_buf_add_cstr(&buf, own_sql(db, step));
    pn_hash_of(pn_buf_str(&buf), &hash);
    pn_hex(hash.bytes, PN_HASH_LEN, out);
}

/* *applied gets how many of our steps the database has. */
static enum pn_err
check_applied(struct pn_db *db, size_t *applied)
{
    struct pn_stmt *q = pn_db_query(
        db, "SELECT version, sha256 FROM schema_migrations ORDER BY version");
    enum pn_err err;
    size_t count = 0;

    while ((err = pn_stmt_step(q)) == PN_OK) {
        char expected[HEX_LEN + 1];

        if (count == pn_schema_step_count) {
            err = PN_E_VERSION;
            break;
        }
        fingerprint(db, &pn_schema_steps[count], expected);
        count++;
        if (pn_stmt_col_int(q, 0) != (int64_t) count
            || !pn_str_eq(pn_stmt_col_str(q, 1), pn_str_from(expected)))
        {
            err = PN_E_DAMAGED;
            break;
        }
    }
    pn_stmt_done(q);
    if (err != PN_E_NOT_FOUND) {
        return err;
    }
    *applied = count;
    return PN_OK;
}

static enum pn_err
apply(struct pn_db *db, size_t i)
{
    char hash[HEX_LEN + 1];
    struct pn_stmt *q;
    enum pn_err err = pn_db_exec_schema(db, pn_schema_steps[i].sql);

    if (err == PN_OK) {
        err = pn_db_exec(db, own_sql(db, &pn_schema_steps[i]));
    }
    if (err == PN_OK && pn_schema_steps[i].run != NULL) {
        err = pn_schema_steps[i].run(db);
    }
    if (err != PN_OK) {
        return err;
    }
    fingerprint(db, &pn_schema_steps[i], hash);
    q = pn_db_query(db, "INSERT INTO schema_migrations"
                        " (version, name, sha256, applied_at)"
                        " VALUES ($1, $2, $3, $4)");
    pn_stmt_int(q, 1, (int64_t) i + 1);
    pn_stmt_text(q, 2, pn_schema_steps[i].name);
    pn_stmt_text(q, 3, hash);
    pn_stmt_int(q, 4, (int64_t) time(NULL));
    return pn_stmt_run(q);
}

/* What a new installation begins with. */
static enum pn_err
furnish(struct pn_db *db)
{
    static const uint8_t no_hash[PN_HASH_LEN];
    struct pn_stmt *q;
    uint64_t epoch = 0;
    enum pn_err err;

    if (getentropy(&epoch, sizeof(epoch)) != 0) {
        return PN_E_IO;
    }
    q = pn_db_query(db, "INSERT INTO feed_head (id, epoch, position,"
                        " audit_position, audit_hash)"
                        " VALUES (1, $1, 0, 0, $2)");
    pn_stmt_int(q, 1, (int64_t) (epoch >> 1 | 1)); /* 63 bits, not zero */
    pn_stmt_blob(q, 2, no_hash, sizeof(no_hash));
    err = pn_stmt_run(q);
    if (err != PN_OK) {
        return err;
    }
    q = pn_db_query(db,
                    "INSERT INTO prefixes (ordinal, prefix) VALUES (1, $1)");
    pn_stmt_text(q, 1, PN_TOKEN_PREFIX_DEFAULT);
    return pn_stmt_run(q);
}

static enum pn_err
migrate_locked(struct pn_db *db)
{
    size_t applied = 0;
    enum pn_err err =
        pn_db_exec_schema(db, "CREATE TABLE IF NOT EXISTS"
                              " schema_migrations ("
                              " version INTEGER PRIMARY KEY,"
                              " name TEXT NOT NULL,"
                              " sha256 TEXT NOT NULL,"
                              " applied_at INTEGER NOT NULL) STRICT");

    if (err == PN_OK) {
        err = check_applied(db, &applied);
    }
    for (size_t i = applied; err == PN_OK && i < pn_schema_step_count; i++) {
        err = apply(db, i);
    }
    if (err == PN_OK && applied == 0) {
        err = furnish(db);
    }
    return err;
}

enum pn_err
pn_migrate(struct pn_db *db)
{
    enum pn_err err = pn_db_begin(db);

    if (err != PN_OK) {
        return err;
    }
    err = migrate_locked(db);
    if (err == PN_OK) {
        err = pn_db_commit(db);
    }
    if (err != PN_OK) {
        pn_db_rollback(db);
    }
    return err;
}

enum pn_err
pn_migrated(struct pn_db *db)
{
    size_t applied = 0;
    enum pn_err err = check_applied(db, &applied);

    if (err == PN_OK && applied < pn_schema_step_count) {
        err = PN_E_VERSION;
    }
    return err;
}
