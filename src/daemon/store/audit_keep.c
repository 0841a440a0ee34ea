/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing the oldest events, and erasing what names a person.
 *
 * Triggers refuse DELETE and UPDATE on events unless the row of audit_guard
 * says which of the two acts is going on (docs/decisions).  It says so for the
 * length of one call, inside the caller's transaction.
 */
#include <string.h>

#include "base/str.h"
#include "daemon/store/chain.h"

enum { FIND_WINDOW = 2000 };

/* trim_up_to 0 and erasing 0: nothing may be taken away. */
static enum pn_err
guard_set(struct pn_store *store, uint64_t trim_up_to, int erasing)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "UPDATE audit_guard SET trim_up_to = $1,"
                               " erasing = $2 WHERE id = 1");

    pn_stmt_id(q, 1, trim_up_to);
    pn_stmt_int(q, 2, erasing);
    return pn_run_on_row(store, q);
}

/* --- the oldest ---------------------------------------------------------- */

/* The last position before the first event that must stay. */
static enum pn_err
trim_end(struct pn_store *store, int64_t before, uint64_t from, uint64_t *out)
{
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT position FROM audit WHERE position >= $1"
                               " AND at >= $2 ORDER BY position LIMIT 1");
    int64_t position = 0;
    enum pn_err err;

    pn_stmt_id(q, 1, from);
    pn_stmt_int(q, 2, before);
    err = pn_run_for_int(q, &position);
    if (err == PN_OK) {
        *out = (uint64_t) position - 1;
    }
    return err;
}

static enum pn_err
read_row(struct pn_store *store, uint64_t position, struct pn_stmt **q,
         struct pn_chain_row *out)
{
    enum pn_err err;

    *q = pn_db_query(store->db, "SELECT " PN_CHAIN_COLUMNS " FROM audit"
                                " WHERE position = $1");
    pn_stmt_id(*q, 1, position);
    err = pn_stmt_step(*q);
    return err == PN_OK ? pn_chain_row_read(*q, out) : err;
}

enum pn_err
pn_store_audit_trim_find(struct pn_store *store, int64_t before, uint64_t up_to,
                         struct pn_audit_trim *out)
{
    struct pn_chain_anchor anchor = {0};
    struct pn_audit_mark head = {0};
    struct pn_audit_trim trim = {{0}, 0};
    struct pn_chain_row row = {0};
    struct pn_stmt *q = NULL;
    enum pn_err err = pn_chain_anchor(store, &anchor);

    if (err == PN_OK) {
        err = pn_chain_end(store, &head);
    }
    if (err != PN_OK) {
        return err;
    }
    uint64_t first = anchor.last.position + 1, last = head.position;

    err = trim_end(store, before, first, &last);
    if (err != PN_OK && err != PN_E_NOT_FOUND) {
        return err;
    }
    last = last < up_to ? last : up_to;
    if (last >= first + PN_AUDIT_TRIM_MAX) {
        last = first + PN_AUDIT_TRIM_MAX - 1;
    }
    if (last < first) {
        *out = trim;
        return PN_OK;
    }
    err = read_row(store, last, &q, &row);
    trim.last = (struct pn_audit_mark){last, row.hash};
    trim.count = last - anchor.last.position;
    pn_stmt_done(q);
    if (err == PN_OK) {
        *out = trim;
    }
    return err;
}

static enum pn_err
anchor_move(struct pn_store *store, const struct pn_chain_row *last,
            uint64_t event)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "UPDATE audit_anchor SET position = $1, hash = $2,"
                   " old_hash = $3, event_position = $4 WHERE id = 1");

    pn_stmt_id(q, 1, last->position);
    pn_stmt_blob(q, 2, last->hash.bytes, PN_HASH_LEN);
    pn_stmt_blob(q, 3, last->old_hash.bytes, last->has_old ? PN_HASH_LEN : 0);
    pn_stmt_id(q, 4, event);
    return pn_run_on_row(store, q);
}

enum pn_err
pn_store_audit_trim(struct pn_store *store, const struct pn_audit_trim *trim)
{
    struct pn_audit_mark head = {0};
    struct pn_chain_row last = {0};
    struct pn_stmt *q = NULL;
    enum pn_err err = pn_chain_end(store, &head);

    if (err != PN_OK) {
        return err;
    }
    err = read_row(store, trim->last.position, &q, &last);
    if (err == PN_OK) {
        err = anchor_move(store, &last, head.position + 1);
    }
    pn_stmt_done(q);
    if (err == PN_OK) {
        err = guard_set(store, trim->last.position, 0);
    }
    if (err == PN_OK) {
        q = pn_db_query(store->db, "DELETE FROM audit WHERE position <= $1");
        pn_stmt_id(q, 1, trim->last.position);
        err = pn_stmt_run(q);
    }
    return err == PN_OK ? guard_set(store, 0, 0) : err;
}

/* --- who is named -------------------------------------------------------- */

static bool
is_name(const struct pn_audit_person *person, struct pn_str text)
{
    for (size_t i = 0; i < person->count; i++) {
        if (pn_str_eq_nocase(text, pn_str_from(person->name[i]))) {
            return true;
        }
    }
    return false;
}

/* Any text in the document, at any depth, that is one of the names. */
static bool
names_person(const json_t *value, const struct pn_audit_person *person)
{
    const json_t *member = NULL;
    const char *key = NULL;
    size_t i = 0;

    if (json_is_string(value)) {
        return is_name(person, (struct pn_str){json_string_value(value),
                                               json_string_length(value)});
    }
    json_array_foreach(value, i, member)
    {
        if (names_person(member, person)) { /* as deep as PN_JSON_DEPTH */
            return true;
        }
    }
    /* jansson's iterator wants it writable */
    json_object_foreach(pn_unconst(value), key, member)
    {
        if (names_person(member, person)) {
            return true;
        }
    }
    return false;
}

static bool
text_names_person(struct pn_str text, const struct pn_audit_person *person)
{
    json_t *doc = NULL;
    bool named;

    if (text.len == 0) {
        return false;
    }
    /* What cannot be read cannot be judged, and goes. */
    if (pn_json_parse(text, &doc, NULL, 0) != PN_OK) {
        return true;
    }
    named = names_person(doc, person);
    json_decref(doc);
    return named;
}

/* Subjects of other acts are tokens, groups, applications. */
static bool
is_about_people(struct pn_str action)
{
    return pn_str_starts(action, PN_STR("user."))
           || pn_str_starts(action, PN_STR("session."))
           || pn_str_starts(action, PN_STR("password."))
           || pn_str_starts(action, PN_STR("handover."))
           || pn_str_starts(action, PN_STR("service."));
}

/* Which parts of the row say something of the person. */
static uint8_t
parts_of(const struct pn_chain_row *row, const struct pn_audit_person *person)
{
    bool actor = is_name(person, row->actor);
    bool subject =
        is_about_people(row->action) && is_name(person, row->subject);
    bool refused = subject && row->actor.len == 0; /* his address, maybe */
    uint8_t parts = 0;

    if ((actor || refused) && row->erased[0] == 0) {
        parts |= PN_AUDIT_WHO;
    }
    if (subject && row->erased[1] == 0) {
        parts |= PN_AUDIT_WHOM;
    }
    if (row->erased[2] == 0 && row->personal.len > 0
        && (subject || (actor && pn_str_starts(row->action, PN_STR("token.")))
            || text_names_person(row->personal, person)))
    {
        parts |= PN_AUDIT_WHAT;
    }
    return parts;
}

static enum pn_err
find_in_window(struct pn_store *store, const struct pn_audit_person *person,
               uint64_t *after, struct pn_audit_hit hit[PN_AUDIT_ERASE_MAX],
               size_t *count)
{
    const uint64_t to = *after + FIND_WINDOW;
    struct pn_stmt *q =
        pn_db_query(store->db, "SELECT " PN_CHAIN_COLUMNS " FROM audit"
                               " WHERE position > $1 AND position <= $2"
                               " ORDER BY position");
    enum pn_err err = PN_OK;

    pn_stmt_id(q, 1, *after);
    pn_stmt_id(q, 2, to);
    while (*count < PN_AUDIT_ERASE_MAX && (err = pn_stmt_step(q)) == PN_OK) {
        struct pn_chain_row row = {0};

        err = pn_chain_row_read(q, &row);
        if (err != PN_OK) {
            break;
        }
        uint8_t parts = parts_of(&row, person);

        if (parts != 0) {
            hit[(*count)++] = (struct pn_audit_hit){row.position, parts};
        }
        *after = row.position;
    }
    pn_stmt_done(q);
    if (err == PN_E_NOT_FOUND) {
        *after = to;
        err = PN_OK;
    }
    return err;
}

enum pn_err
pn_store_audit_find(struct pn_store *store,
                    const struct pn_audit_person *person, uint64_t *after,
                    struct pn_audit_hit hit[PN_AUDIT_ERASE_MAX], size_t *count)
{
    struct pn_chain_anchor anchor = {0};
    struct pn_audit_mark head = {0};
    uint64_t at = *after;
    size_t found = 0;
    enum pn_err err = pn_chain_end(store, &head);

    if (err == PN_OK) {
        err = pn_chain_anchor(store, &anchor);
    }
    at = at < anchor.last.position ? anchor.last.position : at;
    while (err == PN_OK && found < PN_AUDIT_ERASE_MAX && at < head.position) {
        err = find_in_window(store, person, &at, hit, &found);
    }
    if (err == PN_OK) {
        *after = at;
        *count = found;
    }
    return err;
}

/* The name before, if this event renamed the person. */
static const char *
renamed_from(struct pn_str personal, const struct pn_audit_person *person,
             json_t **doc)
{
    const char *before, *after;

    *doc = NULL;
    if (pn_json_parse(personal, doc, NULL, 0) != PN_OK) {
        *doc = NULL;
        return NULL;
    }
    before = json_string_value(
        json_object_get(json_object_get(*doc, "before"), "username"));
    after = json_string_value(
        json_object_get(json_object_get(*doc, "after"), "username"));
    return before != NULL && after != NULL
                   && is_name(person, pn_str_from(after))
                   && !is_name(person, pn_str_from(before))
               ? before
               : NULL;
}

enum pn_err
pn_store_audit_names(struct pn_store *store, struct pn_arena *arena,
                     struct pn_audit_person *person)
{
    /* Backwards, so that each former name leads to the one before it. */
    struct pn_stmt *q = pn_db_query(
        store->db, "SELECT personal FROM audit WHERE action = 'user.edit'"
                   " AND personal LIKE '%\"username\"%'"
                   " ORDER BY position DESC LIMIT 10000");
    enum pn_err err;

    while ((err = pn_stmt_step(q)) == PN_OK
           && person->count < PN_AUDIT_NAMES_MAX) {
        json_t *doc = NULL;
        const char *name = renamed_from(pn_stmt_col_str(q, 0), person, &doc);
        char *copy =
            name != NULL ? pn_arena_dup(arena, pn_str_from(name)) : NULL;

        json_decref(doc);
        if (name != NULL && copy == NULL) {
            err = PN_E_NOMEM;
            break;
        }
        if (copy != NULL) {
            person->name[person->count++] = copy;
        }
    }
    pn_stmt_done(q);
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

/* --- erasing ------------------------------------------------------------- */

/* What a row is to look like. */
struct erased_row {
    struct pn_str actor, address, subject, personal;
    char salts[PN_CHAIN_SALTS_LEN];
    char seals[PN_CHAIN_SEALS_LEN];
    uint64_t erased[PN_CHAIN_PARTS];
};

/* Without its salt nobody can try out names against a digest. */
static enum pn_err
take_part(const struct pn_chain_row *row, unsigned part, uint64_t act,
          struct erased_row *out)
{
    struct pn_hash seal;
    enum pn_err err;

    if (row->erased[part] != 0) {
        return PN_OK;
    }
    err = pn_chain_seal(row, part, &seal);
    if (err == PN_OK) {
        memcpy(out->seals + (size_t) part * PN_HASH_LEN, seal.bytes,
               PN_HASH_LEN);
        memset(out->salts + (size_t) part * PN_CHAIN_SALT_LEN, 0,
               PN_CHAIN_SALT_LEN);
        out->erased[part] = act;
    }
    return err;
}

static enum pn_err
update_row(struct pn_store *store, uint64_t position,
           const struct erased_row *row)
{
    struct pn_stmt *q = pn_db_query(
        store->db, "UPDATE audit SET actor = $1, address = $2, subject = $3,"
                   " personal = $4, salts = $5, seals = $6, erased_who = $7,"
                   " erased_whom = $8, erased_what = $9 WHERE position = $10");

    pn_stmt_str(q, 1, row->actor);
    pn_stmt_str(q, 2, row->address);
    pn_stmt_str(q, 3, row->subject);
    pn_stmt_str(q, 4, row->personal);
    pn_stmt_blob(q, 5, row->salts, sizeof(row->salts));
    pn_stmt_blob(q, 6, row->seals, sizeof(row->seals));
    for (int part = 0; part < PN_CHAIN_PARTS; part++) {
        pn_stmt_id(q, 7 + part, row->erased[part]);
    }
    pn_stmt_id(q, 10, position);
    return pn_run_on_row(store, q);
}

static enum pn_err
erase_row(struct pn_store *store, const struct pn_audit_hit *hit, uint64_t act,
          struct pn_str pseudonym)
{
    struct pn_chain_row row = {0};
    struct pn_stmt *q = NULL;
    enum pn_err err = read_row(store, hit->position, &q, &row);

    if (err == PN_OK && row.salts.len != PN_CHAIN_SALTS_LEN) {
        err = PN_E_DAMAGED;
    }
    if (err != PN_OK) {
        pn_stmt_done(q);
        return err;
    }
    struct erased_row to = {.actor = row.actor,
                            .address = row.address,
                            .subject = row.subject,
                            .personal = row.personal};

    memcpy(to.salts, row.salts.ptr, sizeof(to.salts));
    memcpy(to.erased, row.erased, sizeof(to.erased));
    if (row.seals.len == sizeof(to.seals)) {
        memcpy(to.seals, row.seals.ptr, sizeof(to.seals));
    }
    for (unsigned part = 0; err == PN_OK && part < PN_CHAIN_PARTS; part++) {
        if ((hit->parts >> part & 1) != 0) {
            err = take_part(&row, part, act, &to);
        }
    }
    if ((hit->parts & PN_AUDIT_WHO) != 0) {
        to.actor = row.actor.len > 0 ? pseudonym : row.actor;
        to.address = PN_STR("");
    }
    if ((hit->parts & PN_AUDIT_WHOM) != 0) {
        to.subject = pseudonym;
    }
    if ((hit->parts & PN_AUDIT_WHAT) != 0) {
        to.personal = PN_STR("");
    }
    if (err == PN_OK) {
        err = update_row(store, hit->position, &to);
    }
    pn_stmt_done(q);
    return err;
}

enum pn_err
pn_store_audit_erase(struct pn_store *store, const struct pn_audit_hit *hit,
                     size_t count, const char *pseudonym)
{
    struct pn_audit_mark head = {0};
    enum pn_err err = pn_chain_end(store, &head);

    if (err == PN_OK) {
        err = guard_set(store, 0, 1);
    }
    for (size_t i = 0; err == PN_OK && i < count; i++) {
        err = erase_row(store, &hit[i], head.position + 1,
                        pn_str_from(pseudonym));
    }
    return err == PN_OK ? guard_set(store, 0, 0) : err;
}

/* Only of tokens whose owner is gone. */
#define OWNED                                                                  \
    " WHERE LOWER(owner_name) = LOWER($2)"                                     \
    " AND owner_id NOT IN (SELECT id FROM users)"

#define REPORTS_SQL                                                            \
    "DELETE FROM address_reports WHERE token_id IN (SELECT id FROM "           \
    "tokens" OWNED ")"                                                         \
    " AND $1 <> ''"
#define OWNER_SQL                                                              \
    "UPDATE tokens SET owner_name = $1, description = '',"                     \
    " last_used_address = '', last_addresses = '',"                            \
    " superseded_used_address = ''" OWNED

enum pn_err
pn_store_person_erase(struct pn_store *store,
                      const struct pn_audit_person *person,
                      const char *pseudonym)
{
    static const char *const texts[] = {
        REPORTS_SQL,
        OWNER_SQL,
        "UPDATE tokens SET revoked_by = $1 WHERE LOWER(revoked_by) = LOWER($2)",
        "UPDATE policies SET made_by = $1 WHERE LOWER(made_by) = LOWER($2)",
    };
    enum pn_err err = PN_OK;

    for (size_t i = 0; i < person->count; i++) {
        for (size_t t = 0; err == PN_OK && t < PN_LEN(texts); t++) {
            struct pn_stmt *q = pn_db_query(store->db, texts[t]);

            pn_stmt_text(q, 1, pseudonym);
            pn_stmt_text(q, 2, person->name[i]);
            err = pn_stmt_run(q);
        }
    }
    return err;
}

enum pn_err
pn_store_settle(struct pn_store *store)
{
    return pn_db_settle(store->db);
}
