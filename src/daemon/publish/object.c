/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One object of the store as the index has it, by kind.
 *
 * An object whose record cannot be made (which the codec should have refused)
 * is not in the index: its owner is refused, and nobody else has to wait.
 */
#include "daemon/publish/object.h"

#include <stdio.h>

#include "base/log.h"
#include "base/str.h"
#include "core/policy.h"
#include "daemon/publish/records.h"

enum { KEPT_S = 90 * PN_DAY_S }; /* ended tokens: the owner learns why */

/* The error of an encoder: the object's own fault, not the machine's. */
static bool
unfit(enum pn_err err)
{
    return err == PN_E_RANGE || err == PN_E_TOO_LONG || err == PN_E_DAMAGED;
}

static void
log_unfit(const char *kind, uint64_t id, enum pn_err err)
{
    char text[24];

    (void) snprintf(text, sizeof(text), "%llu", (unsigned long long) id);
    pn_log(PN_LOG_ERROR, "record_refused", "kind", kind, "id", text, "problem",
           pn_err_text(err), NULL);
}

static const struct pn_str nothing = {NULL, 0};

static enum pn_err
emit(struct pn_publication *p, const struct pn_index_key *key,
     struct pn_str record)
{
    return p->sink(p->sink_arg, key, record);
}

static enum pn_err
emit_id(struct pn_publication *p, enum pn_index_kind kind, uint64_t id,
        struct pn_str record)
{
    struct pn_index_key key;

    pn_index_key_id(kind, id, &key);
    return emit(p, &key, record);
}

static enum pn_err
emit_secret(struct pn_publication *p, const struct pn_hash *hash,
            struct pn_str record)
{
    struct pn_index_key key;

    pn_index_key_token(hash, &key);
    return emit(p, &key, record);
}

static enum pn_err
emit_app(struct pn_publication *p, struct pn_str name, struct pn_str record)
{
    struct pn_index_key key;
    enum pn_err err = pn_index_key_app(name, &key);

    return err == PN_OK ? emit(p, &key, record) : err;
}

static struct pn_buf
fresh_record(struct pn_publication *p)
{
    return (struct pn_buf){.ptr = p->record, .cap = sizeof(p->record)};
}

/* The instant the token ended by time or by hand; 0 = not yet foreseen. */
static int64_t
end_of(const struct pn_token *token)
{
    const int64_t ends[] = {token->revoked_at, token->expires_at,
                            token->policy_expires_at};
    int64_t end = 0;

    for (size_t i = 0; i < PN_LEN(ends); i++) {
        if (ends[i] != 0 && (end == 0 || ends[i] < end)) {
            end = ends[i];
        }
    }
    return end;
}

static enum pn_err
drop_token(struct pn_publication *p, uint64_t id,
           const struct pn_token_secret *secret, uint16_t count)
{
    enum pn_err err = emit_id(p, PN_INDEX_KIND_TOKEN_NAME, id, nothing);

    for (uint16_t i = 0; err == PN_OK && i < count; i++) {
        err = emit_secret(p, &secret[i].hash, nothing);
    }
    return err;
}

bool
pn_publish_is_forgotten(const struct pn_publication *p,
                        const struct pn_token *token)
{
    int64_t end = end_of(token);

    return end != 0 && end + KEPT_S <= p->now;
}

static enum pn_err
put_secrets(struct pn_publication *p, const struct pn_token *token,
            const struct pn_token_secret *secret, uint16_t count,
            struct pn_arena *arena)
{
    struct pn_buf rules = PN_BUF(p->rules);
    enum pn_err err = pn_record_of_rules(p->store, token, arena, &rules);

    for (uint16_t i = 0; err == PN_OK && i < count; i++) {
        struct pn_buf buf = fresh_record(p);

        err = pn_record_of_token(token, &secret[i], pn_buf_str(&rules), &buf);
        if (err == PN_OK) {
            err = emit_secret(p, &secret[i].hash, pn_buf_str(&buf));
        }
    }
    return err;
}

static enum pn_err
put_name(struct pn_publication *p, const struct pn_token *token)
{
    return emit_id(p, PN_INDEX_KIND_TOKEN_NAME, token->id,
                   pn_str_from(token->name));
}

enum pn_err
pn_publish_token(struct pn_publication *p, uint64_t id, struct pn_arena *arena)
{
    struct pn_token_secret *secret = NULL;
    struct pn_token token;
    uint16_t count = 0;
    enum pn_err err = pn_store_secrets(p->store, id, arena, &secret, &count);

    if (err == PN_OK) {
        err = pn_store_token_stored(p->store, id, arena, &token);
    }
    if (err == PN_OK && pn_publish_is_forgotten(p, &token)) {
        err = PN_E_NOT_FOUND;
    }
    if (err == PN_OK) {
        err = put_name(p, &token);
    }
    if (err == PN_OK) {
        err = put_secrets(p, &token, secret, count, arena);
    }
    if (unfit(err)) {
        log_unfit("token", id, err);
        err = PN_E_NOT_FOUND;
    }
    return err == PN_E_NOT_FOUND ? drop_token(p, id, secret, count) : err;
}

enum pn_err
pn_publish_name_of(struct pn_publication *p, const struct pn_token *token)
{
    return pn_publish_is_forgotten(p, token) ? PN_OK : put_name(p, token);
}

enum pn_err
pn_publish_token_name(struct pn_publication *p, uint64_t id,
                      struct pn_arena *arena)
{
    struct pn_token token;
    enum pn_err err = pn_store_token_stored(p->store, id, arena, &token);

    if (err == PN_OK) {
        err = pn_publish_name_of(p, &token);
    }
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

enum pn_err
pn_publish_secret_of(struct pn_publication *p, const struct pn_token *token,
                     const struct pn_token_secret *secret,
                     struct pn_arena *arena)
{
    enum pn_err err = pn_publish_is_forgotten(p, token)
                          ? PN_OK
                          : put_secrets(p, token, secret, 1, arena);

    if (unfit(err)) {
        log_unfit("token", token->id, err);
        err = PN_OK; /* it is not there yet */
    }
    return err;
}

enum pn_err
pn_publish_secret(struct pn_publication *p, uint64_t token_id,
                  const struct pn_token_secret *secret, struct pn_arena *arena)
{
    struct pn_token token;
    enum pn_err err = pn_store_token_stored(p->store, token_id, arena, &token);

    if (err == PN_OK) {
        err = pn_publish_secret_of(p, &token, secret, arena);
    }
    if (unfit(err)) {
        log_unfit("token", token_id, err);
        err = PN_OK;
    }
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

enum pn_err
pn_publish_owner(struct pn_publication *p, uint64_t id, struct pn_arena *arena)
{
    struct pn_buf buf = fresh_record(p);
    struct pn_user user;
    enum pn_err err = pn_store_user_by_id(p->store, id, arena, &user);

    if (err == PN_OK) {
        err = pn_record_of_owner(&user, &p->policy, arena, &buf);
    }
    if (err == PN_OK) {
        return emit_id(p, PN_INDEX_KIND_OWNER, id, pn_buf_str(&buf));
    }
    if (unfit(err)) {
        log_unfit("owner", id, err);
        err = PN_E_NOT_FOUND;
    }
    return err == PN_E_NOT_FOUND ? emit_id(p, PN_INDEX_KIND_OWNER, id, nothing)
                                 : err;
}

static enum pn_err
put_app(struct pn_publication *p, const struct pn_app *app,
        struct pn_arena *arena)
{
    struct pn_buf buf = fresh_record(p);
    enum pn_err err = pn_record_of_app(p->store, app, arena, &buf);

    if (unfit(err)) {
        log_unfit("app", app->id, err);
        return emit_app(p, pn_str_from(app->name), nothing);
    }
    return err == PN_OK ? emit_app(p, pn_str_from(app->name), pn_buf_str(&buf))
                        : err;
}

enum pn_err
pn_publish_app(struct pn_publication *p, uint64_t id, struct pn_arena *arena)
{
    struct pn_app app;
    enum pn_err err = pn_store_app_by_id(p->store, id, arena, &app);

    if (err == PN_OK) {
        return put_app(p, &app, arena);
    }
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

/* A name that an app had: whoever has it now, or nobody. */
enum pn_err
pn_publish_app_name(struct pn_publication *p, struct pn_str name,
                    struct pn_arena *arena)
{
    struct pn_app app;
    enum pn_err err;

    if (name.len == 0) {
        return PN_OK;
    }
    err = pn_store_app_by_name(p->store, name, arena, &app);
    if (err == PN_E_NOT_FOUND) {
        return emit_app(p, name, nothing);
    }
    return err == PN_OK ? put_app(p, &app, arena) : err;
}

/* No policy is no answer: its fault stops the publisher. */
enum pn_err
pn_publish_policy(struct pn_publication *p, uint64_t id, struct pn_arena *arena)
{
    struct pn_buf buf = fresh_record(p);
    enum pn_err err = pn_record_of_policy(p->store, &p->policy, arena, &buf);

    struct pn_index_key key;

    (void) id;
    pn_index_key_one(PN_INDEX_KIND_POLICY, &key);
    return err == PN_OK ? emit(p, &key, pn_buf_str(&buf)) : err;
}
