/* SPDX-License-Identifier: Apache-2.0 */
/* An index for one test. */
#include "index_fixture.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "core/record.h"

static int
setup_below(const char *where, void **state)
{
    struct index_fixture *fix = calloc(1, sizeof(*fix));

    if (fix == NULL) {
        return -1;
    }
    (void) snprintf(fix->root, sizeof(fix->root), "%s/pn-index-XXXXXX", where);
    if (mkdtemp(fix->root) == NULL) {
        free(fix);
        return -1;
    }
    (void) snprintf(fix->dir, sizeof(fix->dir), "%s/index", fix->root);
    fix->options = (struct pn_index_options){.dir = fix->dir, .epoch = 7};
    *state = fix;
    return 0;
}

int
index_fixture_setup(void **state)
{
    return setup_below("/tmp", state);
}

int
index_fixture_setup_in_memory(void **state)
{
    return setup_below(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
                       state);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void) st;
    (void) kind;
    (void) ftw;
    return remove(path);
}

int
index_fixture_done(void **state)
{
    struct index_fixture *fix = *state;
    int rc = nftw(fix->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);

    free(fix);
    return rc;
}

void
index_fixture_remove(const struct index_fixture *fix)
{
    (void) nftw(fix->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void
index_token_hash(unsigned n, struct pn_hash *out)
{
    char text[32];

    (void) snprintf(text, sizeof(text), "token %u", n);
    pn_hash_of(pn_str_from(text), out);
}

enum pn_err
index_try_token(struct pn_index_writer *writer, unsigned n,
                const struct pn_token_record *like)
{
    char bytes[PN_RECORD_TOKEN_LEN + 256];
    struct pn_buf buf = PN_BUF(bytes);
    struct pn_token_record rec = *like;
    struct pn_hash hash;

    index_token_hash(n, &hash);
    rec.token_id = n + 1;
    rec.owner_id = 1;
    rec.access = PN_ACCESS_READ_WRITE;
    memcpy(rec.hash_rest, hash.bytes + PN_HASH_KEY_LEN, sizeof(rec.hash_rest));
    assert_int_equal(pn_token_record_encode(&rec, &buf), PN_OK);
    return pn_index_put_token(writer, &hash, pn_buf_str(&buf));
}

void
index_put_token(struct pn_index_writer *writer, unsigned n, uint8_t flags)
{
    struct pn_token_record like = {.flags = flags};

    assert_int_equal(index_try_token(writer, n, &like), PN_OK);
}

void
index_publish_token(struct pn_index_writer *writer, unsigned n, uint8_t flags,
                    int64_t position)
{
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    index_put_token(writer, n, flags);
    assert_int_equal(pn_index_writer_commit(writer, position), PN_OK);
}

static void
put_policy_and_app(struct pn_index_writer *writer)
{
    static char bytes[PN_RECORD_MAX];
    struct pn_buf buf = PN_BUF(bytes);
    struct pn_policy_record policy = {.creation_enabled = true,
                                      .creation_everyone = true};
    struct pn_app_record app = {.app_id = 1,
                                .name = PN_STR("app"),
                                .block_status = 403,
                                .path_count = 1,
                                .user_header = PN_STR("Remote-User")};
    struct pn_str path = PN_STR("/rest/**");

    policy.prefixes.item[0] = PN_STR("pst_");
    policy.prefixes.count = 1;
    assert_int_equal(pn_policy_record_encode(&policy, &buf), PN_OK);
    assert_int_equal(pn_index_put_policy(writer, pn_buf_str(&buf)), PN_OK);
    buf.len = 0;
    assert_int_equal(pn_app_record_encode(&app, &path, NULL, &buf), PN_OK);
    assert_int_equal(pn_index_put_app(writer, app.name, pn_buf_str(&buf)),
                     PN_OK);
}

void
index_put_basics(struct pn_index_writer *writer)
{
    static char bytes[PN_RECORD_MAX];
    struct pn_buf buf = PN_BUF(bytes);
    struct pn_owner_record owner = {.owner_id = 1,
                                    .flags = PN_OWNER_ACTIVE,
                                    .username = PN_STR("alice"),
                                    .email = PN_STR("alice@example.com")};

    put_policy_and_app(writer);
    assert_int_equal(pn_owner_record_encode(&owner, &buf), PN_OK);
    assert_int_equal(pn_index_put_owner(writer, 1, pn_buf_str(&buf)), PN_OK);
}

struct pn_index_writer *
index_fixture_make(struct index_fixture *fix)
{
    struct pn_index_writer *writer = NULL;

    assert_int_equal(pn_index_writer_create(&fix->options, &writer), PN_OK);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    index_put_basics(writer);
    index_put_token(writer, 0, 0);
    assert_int_equal(pn_index_put_token_name(writer, 1, PN_STR("ci")), PN_OK);
    assert_int_equal(pn_index_writer_commit(writer, 1), PN_OK);
    return writer;
}

int
index_look(struct pn_index *index, unsigned n, int64_t now)
{
    struct pn_token_record rec;
    struct pn_hash hash;
    enum pn_err err = pn_index_begin(index, now);

    if (err != PN_OK) {
        return err;
    }
    index_token_hash(n, &hash);
    err = pn_index_token(index, &hash, &rec);
    pn_index_end(index);
    return err != PN_OK ? (int) err : rec.flags;
}

const char *
index_file(const struct index_fixture *fix, unsigned generation,
           const char *name)
{
    static char path[160];

    (void) snprintf(path, sizeof(path), "%s/%u/%s", fix->dir, generation, name);
    return path;
}
