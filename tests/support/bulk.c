/* SPDX-License-Identifier: Apache-2.0 */
/* Random tokens by the million.  Sorted, they are appended in one transaction;
 * in random order they come 10,000 a transaction, as a growing site's do. */
#include "bulk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "core/record.h"
#include "core/token.h"
#include "spec.h"

enum { PER_COMMIT = 10000 };

/* splitmix64: any entropy will do for tokens that guard nothing. */
static const uint64_t STEP = 0x9e3779b97f4a7c15;

static uint64_t
next_random(uint64_t *state)
{
    uint64_t z = (*state += STEP);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

enum { WORDS = PN_TOKEN_ENTROPY_BYTES / 8 };

static void
make_token(uint64_t *state, struct pn_secret *out)
{
    uint64_t entropy[WORDS];

    for (size_t i = 0; i < PN_LEN(entropy); i++) {
        entropy[i] = next_random(state);
    }
    must(pn_token_make(PN_STR(PN_TOKEN_PREFIX_DEFAULT),
                       (const uint8_t *) entropy, out),
         "token");
}

void
bulk_token(uint64_t seed, uint64_t number, struct pn_secret *out)
{
    uint64_t state = seed + number * WORDS * STEP;

    make_token(&state, out);
}

void
bulk_owner(uint64_t number, char out[BULK_OWNER_SIZE])
{
    (void) snprintf(out, BULK_OWNER_SIZE, "user%" PRIu64, number);
}

static void
put_record(struct pn_index_writer *writer, const struct pn_hash *hash,
           uint64_t id, uint64_t owner_id)
{
    char bytes[PN_RECORD_TOKEN_LEN];
    struct pn_buf buf = PN_BUF(bytes);
    struct pn_token_record rec = {
        .token_id = id, .owner_id = owner_id, .access = PN_ACCESS_READ_WRITE};

    memcpy(rec.hash_rest, hash->bytes + PN_HASH_KEY_LEN, sizeof(rec.hash_rest));
    must(pn_token_record_encode(&rec, &buf), "record");
    must(pn_index_put_token(writer, hash, pn_buf_str(&buf)), "put");
}

static json_t *
json_names(const char *list, const char *member, uint64_t numbers)
{
    json_t *array = json_array();
    char name[64];

    for (uint64_t i = 0; i < numbers; i++) {
        bulk_owner(i, name);
        json_array_append_new(array, json_pack("{s:s}", member, name));
    }
    while (numbers == 0 && *list != '\0') {
        size_t len = strcspn(list, ",");

        json_array_append_new(array, json_pack("{s:s%}", member, list, len));
        list += len + (list[len] == ',');
    }
    return array;
}

static void
put_surroundings(struct pn_index_writer *writer,
                 const struct bulk_options *bulk)
{
    json_t *doc = json_object();

    json_object_set_new(doc, "apps", json_names(bulk->apps, "name", 0));
    json_object_set_new(doc, "owners",
                        json_names("", "username", bulk->owners));
    spec_open_policy(writer);
    spec_apply(writer, doc);
    json_decref(doc);
}

struct made {
    struct pn_hash hash;
    uint64_t id;
    uint64_t owner_id;
};

static int
by_hash(const void *a, const void *b)
{
    return memcmp(a, b, PN_HASH_LEN);
}

/* Tokens, their hashes, and the sample's lines. */
static void
make_tokens(const struct bulk_options *bulk, const char *tokens_out,
            struct made *all)
{
    FILE *out = fopen(tokens_out, "w");
    uint64_t every = bulk->sample == 0 ? 1 : bulk->count / bulk->sample;
    struct pn_secret secret;
    char name[BULK_OWNER_SIZE];

    if (out == NULL) {
        die("cannot open '%s': %s", tokens_out, strerror(errno));
    }
    every = every == 0 ? 1 : every;
    for (uint64_t i = 0; i < bulk->count; i++) {
        bulk_owner(i % bulk->owners, name);
        bulk_token(bulk->seed, i, &secret);
        pn_hash_of((struct pn_str){secret.bytes, secret.len}, &all[i].hash);
        all[i].id = i + 1;
        all[i].owner_id = spec_id("user", name);
        if (i % every == 0 && i / every < bulk->sample) {
            fprintf(out, "%s %s\n", name, secret.bytes);
        }
    }
    if (fclose(out) != 0) {
        die("cannot write '%s': %s", tokens_out, strerror(errno));
    }
}

void
bulk_make(const struct pn_index_options *options,
          const struct bulk_options *bulk, const char *tokens_out)
{
    struct made *all = calloc(bulk->count, sizeof(*all));
    struct pn_index_writer *writer = NULL;
    int64_t position = 1;

    if (all == NULL || bulk->owners == 0) {
        die("--bulk: out of memory, or no owners");
    }
    make_tokens(bulk, tokens_out, all);
    if (bulk->order == BULK_SORTED) {
        qsort(all, bulk->count, sizeof(*all), by_hash);
    }
    must(pn_index_writer_create(options, &writer), options->dir);
    must(pn_index_writer_begin(writer), "begin");
    put_surroundings(writer, bulk);
    for (uint64_t i = 0; i < bulk->count; i++) {
        put_record(writer, &all[i].hash, all[i].id, all[i].owner_id);
        if (bulk->order == BULK_RANDOM && i % PER_COMMIT == PER_COMMIT - 1) {
            must(pn_index_writer_commit(writer, position++), "commit");
            must(pn_index_writer_begin(writer), "begin");
        }
    }
    must(pn_index_writer_commit(writer, position), "commit");
    pn_index_writer_heartbeat(writer, time(NULL));
    pn_index_writer_free(writer);
    free(all);
}

enum pn_err
bulk_grow(struct pn_index_writer *writer, uint64_t count, int64_t position)
{
    static uint64_t state = 77;
    enum pn_err err = pn_index_writer_begin(writer);
    char bytes[PN_RECORD_TOKEN_LEN];

    for (uint64_t i = 0; i < count && err == PN_OK; i++) {
        struct pn_buf buf = PN_BUF(bytes);
        struct pn_token_record rec = {.token_id = i + 1, .owner_id = 1};
        struct pn_secret secret;
        struct pn_hash hash;

        make_token(&state, &secret);
        pn_hash_of((struct pn_str){secret.bytes, secret.len}, &hash);
        memcpy(rec.hash_rest, hash.bytes + PN_HASH_KEY_LEN,
               sizeof(rec.hash_rest));
        must(pn_token_record_encode(&rec, &buf), "record");
        err = pn_index_put_token(writer, &hash, pn_buf_str(&buf));
    }
    if (err != PN_OK) {
        pn_index_writer_abort(writer);
        return err;
    }
    return pn_index_writer_commit(writer, position);
}
