/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real index in a temporary directory, and shorthand to fill it.  Tokens are
 * numbered: number n has id n + 1, owner 1 and the text "token n".
 */
#ifndef PN_TESTS_INDEX_FIXTURE_H
#define PN_TESTS_INDEX_FIXTURE_H

#include "index/index.h"
#include "index/writer.h"

struct index_fixture {
    char root[64]; /* removed by done */
    char dir[80];  /* root/index */
    struct pn_index_options options;
};

/* cmocka setup and teardown: *state is a struct index_fixture. */
int index_fixture_setup(void **state);
/* Where syncing costs nothing, for tests that make hundreds of them. */
int index_fixture_setup_in_memory(void **state);
int index_fixture_done(void **state);

/* Remove the directory of the index. */
void index_fixture_remove(const struct index_fixture *fix);

/* A committed first generation with policy, app "app", owner 1, token 0. */
struct pn_index_writer *index_fixture_make(struct index_fixture *fix);

/* Put token n, otherwise like that one; may fail. */
PN_MUST_USE enum pn_err index_try_token(struct pn_index_writer *writer,
                                        unsigned n,
                                        const struct pn_token_record *like);

/* All of these assert success. */
void index_put_basics(struct pn_index_writer *writer);
void index_put_token(struct pn_index_writer *writer, unsigned n, uint8_t flags);
void index_publish_token(struct pn_index_writer *writer, unsigned n,
                         uint8_t flags, int64_t position);
void index_token_hash(unsigned n, struct pn_hash *out);

/* The token's flags in this index now (begin … end), or the error, negative. */
int index_look(struct pn_index *index, unsigned n, int64_t now);

/* DIR/<generation>/name, in a static buffer. */
const char *index_file(const struct index_fixture *fix, unsigned generation,
                       const char *name);

#endif
