/* SPDX-License-Identifier: Apache-2.0 */
/* Many random tokens, fast, for benches. */
#ifndef PN_TESTS_BULK_H
#define PN_TESTS_BULK_H

#include "base/secret.h"
#include "index/writer.h"

enum bulk_order { BULK_SORTED = 0, BULK_RANDOM };

struct bulk_options {
    uint64_t count;
    uint64_t seed;
    uint64_t owners;
    uint64_t sample; /* tokens written out, at most */
    enum bulk_order order;
    const char *apps; /* "a,b": one app record each, all paths */
};

/* Token and owner of that number: the same for the same seed, in whatever
 * order they are asked for. */
enum { BULK_OWNER_SIZE = 32 };
void bulk_token(uint64_t seed, uint64_t number, struct pn_secret *out);
void bulk_owner(uint64_t number, char out[BULK_OWNER_SIZE]);

/* A new generation with count tokens; one "OWNER TOKEN" line for each of the
 * sample.  The same seed makes the same tokens. */
void bulk_make(const struct pn_index_options *options,
               const struct bulk_options *bulk, const char *tokens_out);

/* Add count records of tokens that nobody has, in one commit. */
enum pn_err bulk_grow(struct pn_index_writer *writer, uint64_t count,
                      int64_t position);

#endif
