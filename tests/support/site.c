/* SPDX-License-Identifier: Apache-2.0 */
/* A small installation in a directory of its own. */
#include "site.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "daemon/publish/compare.h"
#include "index/gate.h"

enum { ARENA_MAX = 64 << 20 };

const struct pn_caller site_local = {.kind = PN_CALLER_LOCAL,
                                     .username = "local:root",
                                     .role = PN_ROLE_ADMIN,
                                     .request_id = "test"};

static json_t *
parse(struct site *w, const char *text)
{
    json_t *doc = NULL;
    char why[200];

    if (pn_json_parse(pn_str_from(text), &doc, why, sizeof(why)) != PN_OK) {
        fail_msg("%s: %s", why, text);
    }
    return pn_json_defer(w->arena, doc);
}

/* A document that the codec refuses counts as the refusal of the change. */
static unsigned
outcome(struct site *w, enum pn_err err)
{
    if (err != PN_OK && w->fault.status == 0) {
        fail_msg("codec: %s", pn_err_text(err));
    }
    return err == PN_OK ? 0 : w->fault.status;
}

unsigned
site_do(struct site *w, const struct pn_caller *caller,
        struct pn_change *change)
{
    w->fault = (struct pn_fault){0};
    if (pn_ops_change(w->ops, caller, change, w->arena, &w->fault)) {
        return 0;
    }
    assert_int_not_equal(w->fault.status, 0);
    return w->fault.status;
}

unsigned
site_token_create(struct site *w, const struct pn_caller *caller,
                  const char *json, struct pn_token **token,
                  struct pn_secret *secret)
{
    struct pn_token_wish wish;
    struct pn_secret own = {0};
    struct pn_change change = {.act = PN_ACT_TOKEN_CREATE,
                               .in.token = &wish,
                               .secret = secret != NULL ? secret : &own};
    json_t *doc = parse(w, json);
    unsigned status;

    w->fault = (struct pn_fault){0};
    change.name = json_string_value(json_object_get(doc, "owner"));
    status =
        outcome(w, pn_token_wish_from_json(doc, w->arena, &wish, &w->fault));
    if (status == 0) {
        status = site_do(w, caller, &change);
    }
    if (status == 0 && token != NULL) {
        *token = change.token;
    }
    return status;
}

unsigned
site_token_edit(struct site *w, const struct pn_caller *caller, uint64_t id,
                const char *json)
{
    struct pn_token_wish wish;
    struct pn_change change = {
        .act = PN_ACT_TOKEN_EDIT, .id = id, .in.token = &wish};
    unsigned status;

    w->fault = (struct pn_fault){0};
    status = outcome(
        w, pn_token_wish_from_json(parse(w, json), w->arena, &wish, &w->fault));
    return status != 0 ? status : site_do(w, caller, &change);
}

unsigned
site_token_rotate(struct site *w, const struct pn_caller *caller, uint64_t id,
                  const char *json, struct pn_token **token,
                  struct pn_secret *secret)
{
    struct pn_rotation_wish wish;
    struct pn_secret own = {0};
    struct pn_change change = {.act = PN_ACT_TOKEN_ROTATE,
                               .id = id,
                               .in.rotation = &wish,
                               .secret = secret != NULL ? secret : &own};
    unsigned status;

    w->fault = (struct pn_fault){0};
    status = outcome(
        w, pn_rotation_from_json(parse(w, json), w->arena, &wish, &w->fault));
    if (status == 0) {
        status = site_do(w, caller, &change);
    }
    if (status == 0 && token != NULL) {
        *token = change.token;
    }
    return status;
}

unsigned
site_token_act(struct site *w, const struct pn_caller *caller, enum pn_act act,
               uint64_t id)
{
    struct pn_change change = {.act = act, .id = id};

    return site_do(w, caller, &change);
}

static unsigned
user_change(struct site *w, const struct pn_caller *caller, const char *json,
            struct pn_change *change)
{
    struct pn_user_wish wish;
    unsigned status;

    w->fault = (struct pn_fault){0};
    status = outcome(
        w, pn_user_wish_from_json(parse(w, json), w->arena, &wish, &w->fault));
    if (status != 0) {
        return status;
    }
    change->in.user = &wish;
    status = site_do(w, caller, change);
    change->in.user = NULL;
    return status;
}

unsigned
site_user_create(struct site *w, const struct pn_caller *caller,
                 const char *json)
{
    struct pn_change change = {.act = PN_ACT_USER_CREATE};

    return user_change(w, caller, json, &change);
}

unsigned
site_user_edit(struct site *w, const struct pn_caller *caller,
               const char *username, const char *json)
{
    struct pn_change change = {.act = PN_ACT_USER_EDIT, .name = username};

    return user_change(w, caller, json, &change);
}

unsigned
site_app_create(struct site *w, const struct pn_caller *caller,
                const char *json)
{
    struct pn_app app;
    struct pn_change change = {.act = PN_ACT_APP_CREATE, .in.app = &app};
    unsigned status;

    w->fault = (struct pn_fault){0};
    status = outcome(
        w, pn_app_from_json(parse(w, json), NULL, w->arena, &app, &w->fault));
    return status != 0 ? status : site_do(w, caller, &change);
}

unsigned
site_group_create(struct site *w, const struct pn_caller *caller,
                  const char *name)
{
    struct pn_group group = {.name = pn_arena_dup(w->arena, pn_str_from(name))};
    struct pn_change change = {.act = PN_ACT_GROUP_CREATE, .in.group = &group};

    return site_do(w, caller, &change);
}

/* RFC 7396, one level into objects is all that tests need. */
static void
merge(json_t *into, json_t *from)
{
    const char *key;
    json_t *value;

    json_object_foreach(from, key, value)
    {
        json_t *present = json_object_get(into, key);

        if (json_is_object(value) && json_is_object(present)) {
            merge(present, value);
        } else {
            assert_int_equal(json_object_set(into, key, value), 0);
        }
    }
}

unsigned
site_policy(struct site *w, const struct pn_caller *caller, const char *json)
{
    struct pn_policy present, wanted;
    struct pn_change change = {.act = PN_ACT_POLICY_PUT, .in.policy = &wanted};
    json_t *doc;
    unsigned status;

    w->fault = (struct pn_fault){0};
    assert_true(
        pn_ops_policy(w->ops, &site_local, w->arena, &present, &w->fault));
    doc = pn_policy_to_json(&present, w->arena);
    merge(doc, parse(w, json));
    status = outcome(w, pn_policy_from_json(doc, w->arena, &wanted, &w->fault));
    change.if_version = present.version;
    return status != 0 ? status : site_do(w, caller, &change);
}

struct pn_caller
site_session(struct site *w, const char *username)
{
    struct pn_user user;

    if (!pn_ops_user(w->ops, &site_local, username, w->arena, &user, &w->fault))
    {
        fail_msg("no user %s", username);
    }
    return (struct pn_caller){.kind = PN_CALLER_SESSION,
                              .user_id = user.id,
                              .username = user.username,
                              .role = user.role,
                              .signed_in_at = (int64_t) time(NULL),
                              .address = "192.0.2.7",
                              .request_id = "test"};
}

struct pn_token *
site_token_of(struct site *w, const char *username, struct pn_secret *secret)
{
    static unsigned number;
    struct pn_caller caller = site_session(w, username);
    struct pn_token *token = NULL;
    char json[80];

    (void) snprintf(json, sizeof(json), "{\"name\":\"of %s %u\"}", username,
                    ++number);
    if (site_token_create(w, &caller, json, &token, secret) != 0) {
        fail_msg("no token: %s", w->fault.detail);
    }
    return token;
}

unsigned
site_bearer(struct site *w, const struct pn_secret *secret,
            struct pn_caller *caller)
{
    static const struct pn_caller client = {.address = "192.0.2.7",
                                            .request_id = "test"};
    char value[128];

    (void) snprintf(value, sizeof(value), "Bearer %.100s", secret->bytes);
    w->fault = (struct pn_fault){0};
    return pn_ops_authorization(w->ops, pn_str_from(value), &client, w->arena,
                                caller, &w->fault)
               ? 0
               : w->fault.status;
}

enum pn_reason
site_gate(struct site *w, const struct pn_secret *secret)
{
    struct timespec exact; /* time() is some milliseconds behind that */
    struct pn_gate *gate = NULL;
    struct pn_credential credential = {.kind = PN_CREDENTIAL_TOKEN,
                                       .scheme = PN_SCHEME_BEARER};
    struct pn_request request = {.method = PN_STR("GET"),
                                 .target = PN_STR("/rest/x"),
                                 .mode = PN_MODE_REQUIRED,
                                 .has_address = true,
                                 .tls = true};
    const struct pn_counters counters = {.look_only = true};
    struct pn_decision decision = {0};
    struct pn_identity identity;

    (void) clock_gettime(CLOCK_REALTIME, &exact);
    request.now = exact.tv_sec;
    pn_hash_of((struct pn_str){secret->bytes, secret->len}, &credential.hash);
    assert_int_equal(pn_ip_parse(PN_STR("192.0.2.7"), &request.address), PN_OK);
    assert_int_equal(pn_gate_new(w->index, &gate), PN_OK);
    assert_int_equal(pn_gate_begin(gate, request.now), PN_OK);
    pn_gate_decide(gate, pn_gate_app(gate, PN_STR("wiki")), &request,
                   &credential, &counters, &decision, &identity);
    pn_gate_end(gate);
    pn_gate_free(gate);
    return decision.reason;
}

uint64_t
site_audit(struct site *w)
{
    struct pn_store *store = NULL;
    struct pn_audit_check check = {.limit = 0};

    assert_int_equal(pn_store_open(w->db.url, PN_STORE_READ_ONLY, &store),
                     PN_OK);
    assert_int_equal(pn_store_audit_verify(store, &check), PN_OK);
    assert_int_equal(check.bad, 0);
    pn_store_close(store);
    return check.checked;
}

/* --- store against index ------------------------------------------------- */

struct comparison {
    struct pn_store *store;
    struct pn_index *index;
    size_t count;
};

static enum pn_err
compare_token(void *arg, uint64_t id)
{
    struct comparison *c = arg;
    struct pn_arena *arena = pn_arena_new(1 << 20);
    struct pn_token_record record;
    struct pn_token token;

    assert_non_null(arena);
    assert_int_equal(pn_store_token_by_id(c->store, id, arena, &token), PN_OK);
    assert_int_equal(pn_index_token(c->index, &token.secrets[0].hash, &record),
                     PN_OK);
    assert_int_equal(record.token_id, id);
    assert_int_equal(record.owner_id, token.owner_id);
    assert_int_equal(record.expires_at,
                     token.policy_expires_at != 0
                             && (token.expires_at == 0
                                 || token.policy_expires_at < token.expires_at)
                         ? token.policy_expires_at
                         : token.expires_at);
    assert_int_equal((record.flags & PN_TOKEN_REVOKED) != 0,
                     token.revoked_at != 0);
    assert_int_equal((record.flags & PN_TOKEN_DISABLED) != 0, token.disabled);
    c->count++;
    pn_arena_free(arena);
    return PN_OK;
}

static void
say_difference(void *arg, enum pn_difference what, const char *subject)
{
    (void) arg;
    print_error("# index: %s: %s\n", pn_difference_text(what), subject);
}

size_t
site_compare(struct site *w)
{
    struct comparison c = {0};
    struct pn_compare whole = {.index_dir = w->index, .found = say_difference};

    assert_int_equal(pn_store_open(w->db.url, PN_STORE_READ_ONLY, &c.store),
                     PN_OK);
    assert_int_equal(pn_compare_index(c.store, &whole), PN_OK);
    assert_int_equal(whole.differences, 0);
    assert_int_equal(pn_index_new(w->index, &c.index), PN_OK);
    assert_int_equal(pn_index_begin(c.index, (int64_t) time(NULL)), PN_OK);
    assert_int_equal(pn_store_each_token(c.store, compare_token, &c), PN_OK);
    pn_index_end(c.index);
    pn_index_free(c.index);
    pn_store_close(c.store);
    return c.count;
}

void
site_start(struct site *w)
{
    const struct pn_ops_options options = {.store_url = w->db.url,
                                           .index_dir = w->index};

    assert_int_equal(pn_ops_start(&options, &w->ops), PN_OK);
}

void
site_stop(struct site *w)
{
    pn_ops_stop(w->ops);
    w->ops = NULL;
}

static void
ok(struct site *w, unsigned status)
{
    if (status != 0) {
        fail_msg("set-up: %u %s", status, w->fault.detail);
    }
}

void
site_new(struct site *w)
{
    const struct pn_caller *local = &site_local;

    const char *tmp = getenv("TMPDIR");

    *w = (struct site){0};
    (void) snprintf(w->dir, sizeof(w->dir), "%.40s/postern-ops-XXXXXX",
                    tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(w->dir));
    database_new(&w->db, w->dir, "postern");
    (void) snprintf(w->index, sizeof(w->index), "%s/index", w->dir);
    w->arena = pn_arena_new(ARENA_MAX);
    assert_non_null(w->arena);
    site_start(w);
    ok(w, site_group_create(w, local, "admins"));
    ok(w, site_group_create(w, local, "keepers"));
    ok(w,
       site_user_create(w, local, "{\"username\":\"ada\",\"role\":\"admin\"}"));
    ok(w, site_user_create(w, local,
                           "{\"username\":\"gil\",\"groups\":[\"admins\"]}"));
    ok(w, site_user_create(w, local,
                           "{\"username\":\"carol\",\"role\":\"auditor\"}"));
    ok(w, site_user_create(w, local, "{\"username\":\"alice\"}"));
    ok(w, site_user_create(w, local,
                           "{\"username\":\"bob\",\"groups\":[\"keepers\"]}"));
    ok(w, site_user_create(w, local,
                           "{\"username\":\"sleepy\",\"active\":false}"));
    ok(w, site_app_create(w, local, "{\"name\":\"wiki\"}"));
    ok(w, site_app_create(w, local,
                          "{\"name\":\"vault\",\"groups\":[\"keepers\"]}"));
    ok(w, site_policy(w, local,
                      "{\"creation\":{\"enabled\":true,\"grants\":[{\"group\":"
                      "null,\"max_lifetime_days\":90}]},\"admin_groups\":["
                      "\"admins\"]}"));
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void) st;
    (void) kind;
    (void) ftw;
    return remove(path);
}

void
site_free(struct site *w)
{
    if (w->ops != NULL) {
        (void) site_compare(w);
    }
    site_stop(w);
    database_drop(&w->db);
    pn_arena_free(w->arena);
    (void) nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
