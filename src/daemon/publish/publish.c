/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The publisher: follows the change feed, or writes everything anew.
 *
 * A change only says what to look at; what is written is always the object's
 * present state, so order and repetition do no harm.
 */
#include "daemon/publish/publish_impl.h"

#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/publish/everything.h"

enum {
    BATCH = 500,                /* changes read at once */
    BATCH_ARENA_MAX = 16 << 20, /* what one batch, or a run, is judged by */
    SNAPSHOT_OBJECTS = 500,     /* read as of one instant */
    FLUSH_OBJECTS = 100000,     /* of a new generation in memory, some 20 MiB */
    WATCH_OBJECTS = 1000,       /* between two words to who looks on */
};

static void
watch(struct pn_publisher *p, bool in_index)
{
    if (p->in_index != NULL) {
        atomic_store(p->in_index, in_index);
    }
}

void
pn_publisher_watch(struct pn_publisher *publisher, atomic_bool *in_index)
{
    publisher->in_index = in_index;
}

/* --- many ---------------------------------------------------------------- */

struct each {
    struct pn_publisher *publisher;
    pn_publish_fn *publish;
};

/*
 * Many objects are read in one snapshot of the store, which saves the locks of
 * each query: a fifth of the time.  Not all of them: while a snapshot lasts,
 * the store's log grows.
 */
static enum pn_err
renew_snapshot(struct pn_publisher *p)
{
    if (++p->read < SNAPSHOT_OBJECTS) {
        return PN_OK;
    }
    p->read = 0;
    pn_store_snapshot_end(p->run.store);
    return pn_store_snapshot(p->run.store);
}

static enum pn_err
publish_one(struct pn_publisher *p, pn_publish_fn *publish, uint64_t id)
{
    enum pn_err err = renew_snapshot(p);

    return err == PN_OK ? pn_publish_alone(&p->run, publish, id) : err;
}

static enum pn_err
publish_each(void *arg, uint64_t id)
{
    const struct each *each = arg;

    return publish_one(each->publisher, each->publish, id);
}

static enum pn_err
publish_members(struct pn_publisher *p, uint64_t group_id)
{
    struct each each = {p, pn_publish_owner};

    return pn_store_each_member(p->run.store, group_id, publish_each, &each);
}

/* Whoever is or was in a group of administrators: their records say so. */
static enum pn_err
publish_admins(struct pn_publisher *p, struct pn_arena *arena)
{
    struct pn_text_list names = {0};
    enum pn_err err = pn_store_admin_groups(p->run.store, arena, &names);

    for (uint16_t i = 0; err == PN_OK && i < names.count; i++) {
        struct pn_group group;

        err = pn_store_group_by_name(p->run.store, pn_str_from(names.item[i]),
                                     arena, &group);
        if (err == PN_OK) {
            err = publish_members(p, group.id);
        } else if (err == PN_E_NOT_FOUND) {
            err = PN_OK;
        }
    }
    return err;
}

static enum pn_err
publish_apps(struct pn_publisher *p)
{
    struct each each = {p, pn_publish_app};

    return pn_store_each_app(p->run.store, publish_each, &each);
}

/* Tokens whose end a version of the policy changed. */
static enum pn_err
publish_ends(struct pn_publisher *p, uint64_t version)
{
    struct each tokens = {p, pn_publish_token};

    return pn_store_each_of_policy(p->run.store, version, publish_each,
                                   &tokens);
}

static enum pn_err
publish_change(struct pn_publisher *p, const struct pn_feed_change *change,
               struct pn_arena *arena)
{
    enum pn_err err = PN_OK;

    switch (change->kind) {
    case PN_CHANGE_TOKEN:
        return publish_one(p, pn_publish_token, change->id);
    case PN_CHANGE_OWNER:
        return publish_one(p, pn_publish_owner, change->id);
    case PN_CHANGE_APP:
        err = pn_publish_app_name(&p->run, change->old_name, arena);
        return err == PN_OK ? publish_one(p, pn_publish_app, change->id) : err;
    case PN_CHANGE_POLICY:
        err = publish_one(p, pn_publish_policy, 0);
        return err == PN_OK ? publish_admins(p, arena) : err;
    case PN_CHANGE_GROUP:
        /* The name may stand in policy and apps since before the group. */
        err = publish_members(p, change->id);
        if (err == PN_OK) {
            err = publish_one(p, pn_publish_policy, 0);
        }
        return err == PN_OK ? publish_apps(p) : err;
    case PN_CHANGE_ENDS:
        return publish_ends(p, change->id);
    }
    return PN_E_DAMAGED;
}

/* --- the feed ------------------------------------------------------------ */

/*
 * Publish one batch after *at, which moves on; *count is its size.
 * PN_E_STALE when the feed does not continue there.
 */
static enum pn_err
publish_batch(struct pn_publisher *p, int64_t *at, uint16_t *count)
{
    struct pn_arena *arena = pn_arena_new(BATCH_ARENA_MAX);
    struct pn_feed_change *change = NULL;
    uint16_t found = 0;
    enum pn_err err = PN_E_NOMEM;

    if (arena == NULL) {
        return PN_E_NOMEM;
    }
    err = pn_store_changes(p->run.store, *at, BATCH, arena, &change, &found);
    for (uint16_t i = 0; err == PN_OK && i < found; i++) {
        if (change[i].position != *at + 1) {
            err = PN_E_STALE;
            break;
        }
        err = publish_change(p, &change[i], arena);
        *at = change[i].position;
    }
    *count = found;
    pn_arena_free(arena);
    return err;
}

enum pn_err
pn_publisher_commit(struct pn_publisher *p, int64_t *position,
                    enum pn_err (*call)(struct pn_publisher *p,
                                        int64_t *position))
{
    struct pn_arena *arena = pn_arena_new(BATCH_ARENA_MAX);
    enum pn_err err = PN_E_NOMEM;

    if (arena == NULL) {
        return PN_E_NOMEM;
    }
    p->run.now = (int64_t) time(NULL);
    p->read = 0;
    err = pn_store_snapshot(p->run.store);
    if (err == PN_OK) {
        err = pn_store_policy(p->run.store, arena, &p->run.policy);
    }
    if (err == PN_OK) {
        watch(p, true);
        err = pn_index_writer_begin(p->writer);
        watch(p, false);
    }
    if (err != PN_OK) {
        goto out;
    }
    err = call(p, position);
    pn_store_snapshot_end(p->run.store);
    if (err != PN_OK) {
        pn_index_writer_abort(p->writer);
        goto out;
    }
    watch(p, true);
    err = pn_index_writer_commit(p->writer, *position);
    watch(p, false);
    if (err == PN_OK) {
        p->position = *position;
    }

out:
    pn_store_snapshot_end(p->run.store);
    p->run.policy = (struct pn_policy){0}; /* its memory ends with the run */
    pn_arena_free(arena);
    return err;
}

enum pn_err
pn_publisher_feed(struct pn_publisher *p, int64_t *position)
{
    uint16_t count = BATCH;
    enum pn_err err = PN_OK;

    while (err == PN_OK && count == BATCH) {
        err = publish_batch(p, position, &count);
    }
    return err;
}

static enum pn_err
before_each(void *arg)
{
    struct pn_publisher *p = arg;
    enum pn_err err;

    if (p->progress.call != NULL && p->written++ % WATCH_OBJECTS == 0
        && !p->progress.call(p->progress.arg, p->written, p->total))
    {
        return PN_E_STATE;
    }
    err = renew_snapshot(p);
    if (err == PN_OK && ++p->held == FLUSH_OBJECTS) {
        p->held = 0;
        err = pn_index_writer_flush(p->writer);
    }
    return err;
}

/*
 * In the order of the index's keys, so that each of its pages is filled and
 * written once: with ten million tokens in random order most pages were written
 * twenty times.  A token that is made between its two halves comes again with
 * its change.
 */
static enum pn_err
publish_everything(struct pn_publisher *p, int64_t *position)
{
    struct pn_everything all = {&p->run, before_each, p};
    struct pn_counts counts = {0};
    /* Taken first, so that what changes meanwhile comes again. */
    enum pn_err err = pn_store_position(p->run.store, position);

    if (err == PN_OK && p->progress.call != NULL) {
        err = pn_store_counts(p->run.store, &counts);
    }
    p->held = 0;
    p->written = 0;
    p->total = counts.apps + counts.owners + counts.tokens + counts.secrets + 1;
    return err == PN_OK ? pn_publish_everything(&all) : err;
}

/* Into the writer's new, empty generation. */
static enum pn_err
fill(struct pn_publisher *p)
{
    int64_t position = 0;

    return pn_publisher_commit(p, &position, publish_everything);
}

enum pn_err
pn_publisher_rebuild(struct pn_publisher *publisher)
{
    enum pn_err err = pn_index_writer_rebuild(publisher->writer);

    if (err != PN_OK) {
        return err;
    }
    publisher->is_empty = true;
    err = fill(publisher);
    publisher->is_empty = err != PN_OK;
    return err;
}

enum pn_err
pn_publisher_run(struct pn_publisher *publisher)
{
    int64_t present = 0, position = publisher->position;
    enum pn_err err;

    if (publisher->is_empty) {
        return pn_publisher_rebuild(publisher);
    }
    err = pn_store_position(publisher->run.store, &present);
    if (err != PN_OK || present == position) {
        return err;
    }
    err = present < position
              ? PN_E_STALE
              : pn_publisher_commit(publisher, &position, pn_publisher_feed);
    if (err == PN_OK && publisher->position < present) {
        err = PN_E_STALE; /* the feed ends early: trimmed */
    }
    if (err == PN_E_STALE) {
        pn_log(PN_LOG_WARNING, "index_rebuild", "reason",
               "the change feed does not continue where the index ends", NULL);
        err = pn_publisher_rebuild(publisher);
    }
    return err;
}

/* --- beginning and end --------------------------------------------------- */

/* Into the index. */
static enum pn_err
write_record(void *arg, const struct pn_index_key *key, struct pn_str record)
{
    struct pn_publisher *p = arg;

    return record.ptr != NULL ? pn_index_put(p->writer, key, record)
                              : pn_index_del(p->writer, key);
}

static struct pn_publisher *
publisher_alloc(struct pn_store *store)
{
    struct pn_publisher *p = calloc(1, sizeof(*p));

    if (p != NULL) {
        p->run.store = store;
        p->run.sink = write_record;
        p->run.sink_arg = p;
    }
    return p;
}

/* Options with the store's epoch, whatever the caller knew of it. */
static enum pn_err
with_epoch(struct pn_store *store, const struct pn_index_options *options,
           struct pn_index_options *out)
{
    struct pn_index_options with = *options;
    enum pn_err err = pn_store_epoch(store, &with.epoch);

    if (err == PN_OK) {
        *out = with;
    }
    return err;
}

enum pn_err
pn_publisher_prepare(struct pn_store *store,
                     const struct pn_index_options *options,
                     const struct pn_publisher_progress *progress,
                     struct pn_publisher **out)
{
    struct pn_publisher *p = publisher_alloc(store);
    struct pn_index_options with;
    enum pn_err err = PN_E_NOMEM;

    if (p == NULL) {
        return PN_E_NOMEM;
    }
    if (progress != NULL) {
        p->progress = *progress;
    }
    err = with_epoch(store, options, &with);
    if (err == PN_OK) {
        err = pn_index_writer_create(&with, &p->writer);
    }
    if (err == PN_OK) {
        pn_index_writer_hold(p->writer);
        err = fill(p);
    }
    if (err != PN_OK) {
        goto out;
    }
    *out = p;
    p = NULL; /* now the caller's */

out:
    pn_publisher_free(p);
    return err;
}

enum pn_err
pn_publisher_take_over(struct pn_publisher *publisher)
{
    enum pn_err err = pn_publisher_run(publisher);

    return err == PN_OK ? pn_index_writer_switch(publisher->writer) : err;
}

enum pn_err
pn_publisher_new_generation(struct pn_store *store,
                            const struct pn_index_options *options,
                            struct pn_publisher **out)
{
    struct pn_publisher *p = NULL;
    enum pn_err err = pn_publisher_prepare(store, options, NULL, &p);

    if (err == PN_OK) {
        err = pn_publisher_take_over(p);
    }
    if (err != PN_OK) {
        pn_publisher_free(p);
        return err;
    }
    *out = p;
    return PN_OK;
}

/* Continue the index that is there.  PN_E_NOT_FOUND, PN_E_DAMAGED or
 * PN_E_STALE: a new generation is called for. */
static enum pn_err
continue_present(struct pn_store *store, const struct pn_index_options *options,
                 struct pn_publisher **out)
{
    struct pn_publisher *p = publisher_alloc(store);
    struct pn_index_options with;
    int64_t present = 0;
    enum pn_err err = PN_E_NOMEM;

    if (p == NULL) {
        return PN_E_NOMEM;
    }
    err = with_epoch(store, options, &with);
    if (err == PN_OK) {
        err = pn_index_writer_open(&with, &p->writer, &p->position);
    }
    if (err == PN_OK) {
        err = pn_store_position(store, &present);
    }
    if (err == PN_OK) {
        err = p->position > present ? PN_E_STALE : pn_publisher_run(p);
    }
    if (err != PN_OK) {
        goto out;
    }
    *out = p;
    p = NULL; /* now the caller's */

out:
    pn_publisher_free(p);
    return err;
}

enum pn_err
pn_publisher_new(struct pn_store *store, const struct pn_index_options *options,
                 struct pn_publisher **out)
{
    enum pn_err err = continue_present(store, options, out);

    if (err == PN_E_NOT_FOUND || err == PN_E_DAMAGED || err == PN_E_STALE
        || err == PN_E_VERSION)
    {
        pn_log(PN_LOG_INFO, "index_rebuild", "reason",
               err == PN_E_STALE ? "the index is ahead of the store"
                                 : "there is no usable index",
               NULL);
        err = pn_publisher_new_generation(store, options, out);
    }
    return err;
}

void
pn_publisher_free(struct pn_publisher *publisher)
{
    if (publisher == NULL) {
        return;
    }
    pn_index_writer_free(publisher->writer);
    free(publisher);
}

void
pn_publisher_heartbeat(struct pn_publisher *publisher, int64_t now)
{
    pn_index_writer_heartbeat(publisher->writer, now);
}

void
pn_publisher_tidy(struct pn_publisher *publisher)
{
    pn_index_writer_tidy(publisher->writer);
}

enum pn_err
pn_publisher_stats(struct pn_publisher *publisher, struct pn_index_stats *out)
{
    return pn_index_writer_stats(publisher->writer, out);
}
