/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The comparison of index and store, piece by piece, in the publisher's thread.
 *
 * Of each piece a digest is taken on both sides.  Where they differ, the feed
 * is caught up with, and the piece made anew, in one snapshot and transaction:
 * what then still differs, the feed has missed.  So nothing is read for long,
 * and changes in between are no differences.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "core/record.h"
#include "daemon/publish/compare.h"
#include "daemon/publish/everything.h"
#include "daemon/publish/publish_impl.h"
#include "index/walk.h"

enum {
    FIRST_LIMIT = 64,
    LIMIT_MIN = 16,
    LIMIT_MAX = PN_STORE_BATCH,
    SHORT_MS = 4,  /* a piece may be larger … */
    LONG_MS = 12,  /* … or has to be smaller */
    LINES_MAX = 8, /* in the log, of one piece */
};

/* --- alike? ----------------------------------------------------------------
 */

static enum pn_err
add_up(void *arg, const struct pn_index_key *key, struct pn_str record)
{
    struct pn_index_sum *sum = arg;

    if (record.ptr != NULL) {
        sum->digest += pn_index_sum_of(key, record);
        sum->records++;
    }
    return PN_OK;
}

/* Both sides of the next piece. */
static enum pn_err
sum_piece(struct pn_publisher *p, struct pn_index_span *span,
          struct pn_index_sum *store, struct pn_index_sum *index)
{
    struct pn_publication kept = {.sink = p->run.sink,
                                  .sink_arg = p->run.sink_arg};
    struct pn_arena *arena = pn_arena_new(PN_PUBLISH_ARENA_MAX);
    enum pn_err err = PN_E_NOMEM;

    if (arena == NULL) {
        return PN_E_NOMEM;
    }
    p->run.sink = add_up;
    p->run.sink_arg = store;
    p->run.now = (int64_t) time(NULL);
    err = pn_store_snapshot(p->run.store);
    if (err == PN_OK) {
        err = pn_store_policy(p->run.store, arena, &p->run.policy);
    }
    if (err == PN_OK) {
        err = pn_piece_emit(&p->run, &p->sweep.piece, span);
    }
    pn_store_snapshot_end(p->run.store);
    p->run.sink = kept.sink;
    p->run.sink_arg = kept.sink_arg;
    p->run.policy = (struct pn_policy){0};
    pn_arena_free(arena);
    return err == PN_OK ? pn_index_writer_sum(p->writer, span, index) : err;
}

/* --- making good -----------------------------------------------------------
 */

static void
tell(struct pn_publisher *p, enum pn_difference what,
     const struct pn_index_key *key)
{
    char words[PN_INDEX_KEY_TEXT_MAX];

    if (p->sweep.found++ < LINES_MAX) {
        pn_index_key_words(key, words);
        pn_log(PN_LOG_WARNING, "index_differs", "what",
               pn_difference_text(what), "record", words, NULL);
    }
}

/* Of a token that ended long ago, and is no longer wanted in the index? */
static enum pn_err
is_of_forgotten(struct pn_publisher *p, const struct pn_index_entry *entry,
                bool *out)
{
    struct pn_arena *arena;
    struct pn_token_record rec = {.token_id = 0};
    struct pn_token token;
    enum pn_err err;

    *out = false;
    if (entry->key.bytes[0] == PN_INDEX_KIND_TOKEN_NAME) {
        rec.token_id = pn_index_key_id_of(&entry->key);
    } else if (entry->key.bytes[0] != PN_INDEX_KIND_TOKEN
               || pn_token_record_decode(entry->record, &rec) != PN_OK)
    {
        return PN_OK;
    }
    arena = pn_arena_new(PN_PUBLISH_ARENA_MAX);
    if (arena == NULL) {
        return PN_E_NOMEM;
    }
    err = pn_store_token_stored(p->run.store, rec.token_id, arena, &token);
    *out = err == PN_OK && pn_publish_is_forgotten(&p->run, &token);
    pn_arena_free(arena);
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

/* An entry that the store did not hand on. */
static enum pn_err
take_out(struct pn_publisher *p, const struct pn_index_entry *entry)
{
    bool forgotten = false;
    enum pn_err err = is_of_forgotten(p, entry, &forgotten);

    if (err != PN_OK) {
        return err;
    }
    if (!forgotten) {
        tell(p, PN_INDEX_EXTRA, &entry->key);
    }
    return pn_index_del(p->writer, &entry->key);
}

static int
order(const struct pn_index_key *a, const struct pn_index_key *b)
{
    return pn_index_key_compare(a->bytes, a->len, b->bytes, b->len);
}

/* Take out what lies before key (length 0: before the end of everything). */
static enum pn_err
clear_up_to(struct pn_publisher *p, const struct pn_index_key *key)
{
    struct pn_sweep *sweep = &p->sweep;
    struct pn_index_entry entry;
    enum pn_err err = PN_OK;

    while (err == PN_OK
           && (err = pn_index_writer_seek(p->writer, &sweep->at, sweep->where,
                                          &entry))
                  == PN_OK
           && (key->len == 0 || order(&entry.key, key) < 0))
    {
        sweep->at = entry.key;
        sweep->where = PN_INDEX_SEEK_AFTER;
        if (!pn_index_key_is_meta(&entry.key)) {
            err = take_out(p, &entry);
        }
    }
    return err == PN_E_NOT_FOUND ? PN_OK : err;
}

/* What the store hands on; keys ascend. */
static enum pn_err
make_good(void *arg, const struct pn_index_key *key, struct pn_str record)
{
    struct pn_publisher *p = arg;
    struct pn_index_entry entry;
    enum pn_err err;

    if (record.ptr == NULL) {
        return PN_OK; /* an entry under this key is taken out later */
    }
    err = clear_up_to(p, key);
    if (err == PN_OK) {
        err = pn_index_writer_seek(p->writer, key, PN_INDEX_SEEK_AT, &entry);
    }
    p->sweep.at = *key;
    p->sweep.where = PN_INDEX_SEEK_AFTER;
    if (err == PN_E_NOT_FOUND || (err == PN_OK && order(&entry.key, key) != 0))
    {
        tell(p, PN_INDEX_MISSING, key);
        err = pn_index_put(p->writer, key, record);
    } else if (err == PN_OK && !pn_str_eq(entry.record, record)) {
        tell(p, PN_INDEX_DIFFERS, key);
        err = pn_index_put(p->writer, key, record);
    }
    return err;
}

static enum pn_err
make_piece_good(struct pn_publisher *p)
{
    struct pn_sweep *sweep = &p->sweep;
    struct pn_publication kept = {.sink = p->run.sink,
                                  .sink_arg = p->run.sink_arg};
    enum pn_err err;

    sweep->at = sweep->piece.from;
    sweep->where = PN_INDEX_SEEK_AT;
    p->run.sink = make_good;
    p->run.sink_arg = p;
    err = pn_piece_emit(&p->run, &sweep->piece, &sweep->span);
    p->run.sink = kept.sink;
    p->run.sink_arg = kept.sink_arg;
    return err == PN_OK ? clear_up_to(p, &sweep->span.to) : err;
}

/* Inside of a commit.  The feed first, so that the index is what the store was
 * at this snapshot, but for what the feed missed. */
static enum pn_err
catch_up_and_make_good(struct pn_publisher *p, int64_t *position)
{
    int64_t present = 0;
    enum pn_err err = pn_publisher_feed(p, position);

    if (err == PN_OK) {
        err = pn_store_position(p->run.store, &present);
    }
    if (err != PN_OK || present != *position) {
        return err; /* a long feed took several snapshots: another time */
    }
    return make_piece_good(p);
}

/* After somebody else wrote to the index, its own numbers may be wrong. */
static enum pn_err
recount(struct pn_publisher *p, int64_t *position)
{
    *position = p->position; /* nothing else moves */
    return pn_index_writer_recount(p->writer);
}

static enum pn_err
heal(struct pn_publisher *p)
{
    struct pn_sweep *sweep = &p->sweep;
    int64_t position = p->position;
    char count[24];
    enum pn_err err;

    sweep->found = 0;
    err = pn_publisher_commit(p, &position, catch_up_and_make_good);
    if (err != PN_OK || sweep->found == 0) {
        return err;
    }
    sweep->totals.healed += sweep->found;
    sweep->healed += sweep->found;
    (void) snprintf(count, sizeof(count), "%llu",
                    (unsigned long long) sweep->found);
    pn_log(PN_LOG_WARNING, "index_healed", "records", count, NULL);
    return err;
}

/* --- the passes ------------------------------------------------------------
 */

static void
begin_pass(struct pn_sweep *sweep)
{
    sweep->on = true;
    sweep->piece = (struct pn_piece){.limit = FIRST_LIMIT};
    sweep->healed = 0;
    sweep->sum = (struct pn_index_sum){0, 0};
}

static enum pn_err
end_pass(struct pn_publisher *p, int64_t now_ms, uint32_t rest_s)
{
    struct pn_sweep *sweep = &p->sweep;
    int64_t position = p->position;
    char records[24], digest[24];

    sweep->on = false;
    sweep->rest_until = now_ms + (int64_t) rest_s * 1000;
    sweep->totals.passes++;
    sweep->totals.records = sweep->sum.records;
    sweep->totals.digest = sweep->sum.digest;
    (void) snprintf(records, sizeof(records), "%llu",
                    (unsigned long long) sweep->sum.records);
    (void) snprintf(digest, sizeof(digest), "%016llx",
                    (unsigned long long) sweep->sum.digest);
    pn_log(PN_LOG_DEBUG, "index_compared", "records", records, "digest", digest,
           NULL);
    return sweep->healed > 0 ? pn_publisher_commit(p, &position, recount)
                             : PN_OK;
}

/* So that changes, which wait for this thread, wait for moments only. */
static void
choose_limit(struct pn_sweep *sweep, int64_t took_ms)
{
    if (took_ms < SHORT_MS && sweep->piece.limit < LIMIT_MAX) {
        sweep->piece.limit *= 2;
    } else if (took_ms > LONG_MS && sweep->piece.limit > LIMIT_MIN) {
        sweep->piece.limit /= 2;
    }
}

static enum pn_err
compare_piece(struct pn_publisher *p, bool *more)
{
    struct pn_sweep *sweep = &p->sweep;
    struct pn_index_sum store = {0, 0}, index = {0, 0};
    struct pn_index_span span;
    const int64_t began = pn_clock_ms();
    enum pn_err err = sum_piece(p, &span, &store, &index);

    if (err != PN_OK) {
        return err;
    }
    choose_limit(sweep, pn_clock_ms() - began);
    if (store.digest != index.digest || store.records != index.records) {
        sweep->span = span;
        err = heal(p);
        span = sweep->span;
    }
    sweep->sum.digest += store.digest;
    sweep->sum.records += store.records;
    *more = pn_piece_next(&sweep->piece, &span);
    return err;
}

enum pn_err
pn_publisher_compare(struct pn_publisher *p, uint32_t rest_s)
{
    const int64_t now_ms = pn_clock_ms();
    bool more = true;
    enum pn_err err;

    if (p->is_empty || (!p->sweep.on && now_ms < p->sweep.rest_until)) {
        return PN_OK;
    }
    if (!p->sweep.on) {
        begin_pass(&p->sweep);
    }
    err = compare_piece(p, &more);
    return err == PN_OK && !more ? end_pass(p, now_ms, rest_s) : err;
}

bool
pn_publisher_is_comparing(const struct pn_publisher *publisher)
{
    return publisher->sweep.on;
}

void
pn_publisher_sweep_totals(const struct pn_publisher *publisher,
                          struct pn_sweep_totals *out)
{
    *out = publisher->sweep.totals;
}
