/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store in a temporary directory, an arena, and objects to put in: for the
 * tests of store and publish.
 */
#ifndef PN_TESTS_STORE_FIXTURE_H
#define PN_TESTS_STORE_FIXTURE_H

#include <ftw.h>
#include <unistd.h>

#include "check.h"
#include "core/token.h"
#include "daemon/model/codec.h"
#include "daemon/store/audit.h"
#include "database.h"

enum { NOW = 1800000000, FIXTURE_ARENA_MAX = 64 << 20 };

struct fixture {
    char dir[64];
    struct database db;
    struct pn_store *store;
    struct pn_arena *arena;
};

static inline int
remove_entry(const char *path, const struct stat *st, int kind,
             struct FTW *where)
{
    (void) st;
    (void) kind;
    (void) where;
    return remove(path);
}

static inline int
fixture_open(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    strcpy(f->dir, "/tmp/postern-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    database_new(&f->db, f->dir, "postern");
    f->arena = pn_arena_new(FIXTURE_ARENA_MAX);
    assert_non_null(f->arena);
    assert_int_equal(pn_store_open(f->db.url, PN_STORE_WRITE, &f->store),
                     PN_OK);
    *state = f;
    return 0;
}

static inline int
fixture_close(void **state)
{
    struct fixture *f = *state;

    pn_store_close(f->store);
    database_drop(&f->db);
    pn_arena_free(f->arena);
    (void) nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static inline char *
words(struct fixture *f, const char *text)
{
    char *copy = pn_arena_dup(f->arena, pn_str_from(text));

    assert_non_null(copy);
    return copy;
}

static inline struct pn_user
user_of(struct fixture *f, uint64_t id, const char *username)
{
    return (struct pn_user){.id = id,
                            .username = words(f, username),
                            .display_name = words(f, ""),
                            .email = words(f, ""),
                            .active = true,
                            .source = words(f, "local"),
                            .created_at = NOW};
}

static inline void
add_user(struct fixture *f, uint64_t id, const char *username)
{
    struct pn_user user = user_of(f, id, username);

    assert_int_equal(pn_store_user_insert(f->store, &user), PN_OK);
}

static inline bool
has_user(struct fixture *f, const char *username)
{
    struct pn_user user;

    return pn_store_user_by_name(f->store, pn_str_from(username), f->arena,
                                 &user)
           == PN_OK;
}

static inline void
add_group(struct fixture *f, uint64_t id, const char *name)
{
    struct pn_group group = {.id = id, .name = words(f, name)};

    assert_int_equal(pn_store_group_insert(f->store, &group), PN_OK);
}

/* The user is then in these groups, by id, and in no other. */
static inline void
join(struct fixture *f, uint64_t user_id, size_t count, const uint64_t *ids)
{
    struct pn_user user;

    assert_int_equal(pn_store_user_by_id(f->store, user_id, f->arena, &user),
                     PN_OK);
    user.groups = pn_arena_array(f->arena, count, sizeof(*user.groups));
    assert_non_null(user.groups);
    for (size_t i = 0; i < count; i++) {
        user.groups[i].id = ids[i];
    }
    user.group_count = (uint16_t) count;
    assert_int_equal(pn_store_user_update(f->store, &user), PN_OK);
}

static inline json_t *
json_of(struct fixture *f, const char *text)
{
    json_t *doc = NULL;
    char why[128] = "";

    if (pn_json_parse(pn_str_from(text), &doc, why, sizeof(why)) != PN_OK) {
        printf("# %s\n", why);
    }
    doc = pn_json_defer(f->arena, doc);
    assert_non_null(doc);
    return doc;
}

static inline void
put_policy(struct fixture *f, const char *text)
{
    struct pn_policy policy;
    struct pn_fault fault = {0};

    assert_int_equal(
        pn_policy_from_json(json_of(f, text), f->arena, &policy, &fault),
        PN_OK);
    assert_int_equal(pn_store_policy_put(f->store, &policy, "admin", NOW),
                     PN_OK);
}

static inline struct pn_app
app_of(struct fixture *f, uint64_t id, const char *text)
{
    struct pn_app app;
    struct pn_fault fault = {0};

    assert_int_equal(
        pn_app_from_json(json_of(f, text), NULL, f->arena, &app, &fault),
        PN_OK);
    app.id = id;
    return app;
}

/* The text of the token whose secret has this id: always the same one. */
static inline void
token_text(uint64_t secret_id, struct pn_secret *out)
{
    uint8_t entropy[PN_TOKEN_ENTROPY_BYTES] = {0};

    memcpy(entropy, &secret_id, sizeof(secret_id));
    assert_int_equal(
        pn_token_make(PN_STR(PN_TOKEN_PREFIX_DEFAULT), entropy, out), PN_OK);
}

static inline struct pn_token_secret
secret_of(uint64_t id)
{
    struct pn_token_secret secret = {.id = id, .created_at = NOW};
    struct pn_secret text = {0};

    token_text(id, &text);
    pn_hash_of((struct pn_str){text.bytes, text.len}, &secret.hash);
    memcpy(secret.last_four, text.bytes + text.len - 4, 4);
    pn_secret_done(&text);
    return secret;
}

/* A token without restrictions, whose one secret has the id + 1000000. */
static inline struct pn_token
token_of(struct fixture *f, uint64_t id, uint64_t owner_id, const char *name)
{
    return (struct pn_token){.id = id,
                             .name = words(f, name),
                             .description = words(f, ""),
                             .owner_id = owner_id,
                             .owner = words(f, ""),
                             .prefix = words(f, PN_TOKEN_PREFIX_DEFAULT),
                             .created_at = NOW,
                             .access = PN_ACCESS_READ_WRITE,
                             .secrets = {secret_of(id + 1000000)},
                             .secret_count = 1};
}

static inline void
add_token(struct fixture *f, uint64_t id, uint64_t owner_id, const char *name)
{
    struct pn_token token = token_of(f, id, owner_id, name);

    assert_int_equal(pn_store_token_insert(f->store, &token), PN_OK);
}

#endif
