/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The merge of store and index.
 *
 *     at       the entry of the index that was not met yet; none at its end
 *     last     the key of the entry before it: where a renewed cursor goes on
 *
 * An entry that the walk over the store passed by is looked up by itself: it
 * may have been made since the walk read its batch, or belong to a token that
 * ended so long ago that it would not be written again.
 */
#include "daemon/publish/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "daemon/publish/everything.h"

enum {
    SNAPSHOT_OBJECTS = 500,
    WAIT_S = 10,
    POLICY_ARENA_MAX = 16 << 20,
};

struct merge {
    struct pn_compare *compare;
    struct pn_publication run;
    struct pn_arena *policy_arena;
    struct pn_index_walk *walk;
    struct pn_index_meta meta;
    struct pn_index_entry at;
    bool at_end;
    struct pn_index_key last; /* length 0: the very first */
    unsigned read;            /* objects, since both were renewed */
    bool in_step;             /* between renew() and the next */
    bool index_failed;        /* the last error is the index's */
    uint64_t tokens, owners, apps;
};

const char *
pn_difference_text(enum pn_difference difference)
{
    static const char *const texts[] = {
        [PN_INDEX_MISSING] = "missing",   [PN_INDEX_EXTRA] = "extra",
        [PN_INDEX_DIFFERS] = "differs",   [PN_INDEX_UNREADABLE] = "unreadable",
        [PN_INDEX_PAGES] = "pages",       [PN_INDEX_COUNTS] = "counts",
        [PN_INDEX_FOREIGN] = "foreign",   [PN_INDEX_LAGS] = "lags",
        [PN_INDEX_UNUSABLE] = "unusable",
    };

    return texts[difference];
}

static void
report(struct pn_compare *compare, enum pn_difference what, const char *subject)
{
    if (compare->differences++ < PN_COMPARE_SHOWN_MAX && compare->found != NULL)
    {
        compare->found(compare->arg, what, subject);
    }
}

static void
report_key(struct merge *m, enum pn_difference what,
           const struct pn_index_key *key)
{
    char words[PN_INDEX_KEY_TEXT_MAX];

    pn_index_key_words(key, words);
    report(m->compare, what, words);
}

/* --- in step ------------------------------------------------------------- */

static void
step_apart(struct merge *m)
{
    pn_index_walk_end(m->walk);
    pn_store_snapshot_end(m->run.store);
    m->in_step = false;
}

static enum pn_err
of_index(struct merge *m, enum pn_err err)
{
    m->index_failed = err != PN_OK;
    return err;
}

/* The index first: it may lag behind the store, but is never ahead of it. */
static enum pn_err
read_both(struct merge *m, int64_t *behind)
{
    int64_t position = 0;
    enum pn_err err = of_index(m, pn_index_walk_begin(m->walk, &m->meta));

    if (err == PN_OK) {
        m->in_step = true;
        err = pn_store_snapshot(m->run.store);
    }
    if (err == PN_OK) {
        err = pn_store_position(m->run.store, &position);
    }
    *behind = position - m->meta.position;
    return err;
}

/* PN_E_STALE when the index does not catch up, or is ahead: reported. */
static enum pn_err
step_together(struct merge *m)
{
    const struct timespec moment = {0, 2000000};
    const uint32_t wait_s =
        m->compare->wait_s != 0 ? m->compare->wait_s : WAIT_S;
    const int64_t until = pn_clock_ms() + 1000 * (int64_t) wait_s;
    int64_t behind = 0;
    enum pn_err err;

    for (;;) {
        err = read_both(m, &behind);
        if (err != PN_OK || behind == 0) {
            return err;
        }
        step_apart(m);
        if (behind < 0 || pn_clock_ms() > until) {
            break;
        }
        (void) nanosleep(&moment, NULL);
    }
    report(m->compare, behind < 0 ? PN_INDEX_FOREIGN : PN_INDEX_LAGS,
           behind < 0 ? "the index is ahead of the store"
                      : "the index does not catch up with the store; does "
                        "posternd run?");
    return PN_E_STALE;
}

/* What owners' records are judged by, as of this snapshot. */
static enum pn_err
load_policy(struct merge *m)
{
    pn_arena_free(m->policy_arena);
    m->policy_arena = pn_arena_new(POLICY_ARENA_MAX);
    return m->policy_arena == NULL
               ? PN_E_NOMEM
               : pn_store_policy(m->run.store, m->policy_arena, &m->run.policy);
}

/* Take what the cursor found for the entry to meet next. */
static enum pn_err
arrive(struct merge *m, enum pn_err err)
{
    m->at_end = err == PN_E_NOT_FOUND;
    return of_index(m, m->at_end ? PN_OK : err);
}

static enum pn_err
advance(struct merge *m)
{
    m->last = m->at.key;
    return arrive(m, pn_index_walk_next(m->walk, &m->at));
}

static enum pn_err
go_on_after_last(struct merge *m)
{
    enum pn_err err = arrive(m, pn_index_walk_seek(m->walk, &m->last, &m->at));

    if (err == PN_OK && !m->at_end && m->last.len != 0
        && m->at.key.len == m->last.len
        && memcmp(m->at.key.bytes, m->last.bytes, m->last.len) == 0)
    {
        err = arrive(m, pn_index_walk_next(m->walk, &m->at));
    }
    return err;
}

static enum pn_err
renew(struct merge *m)
{
    enum pn_err err;

    if (m->in_step) {
        step_apart(m);
    }
    if (m->compare->progress != NULL
        && !m->compare->progress(m->compare->arg, m->compare->records))
    {
        return PN_E_STATE;
    }
    m->read = 0;
    err = step_together(m);
    if (err == PN_OK) {
        err = load_policy(m);
    }
    return err == PN_OK ? go_on_after_last(m) : err;
}

static enum pn_err
before_each(void *arg)
{
    struct merge *m = arg;

    return ++m->read < SNAPSHOT_OBJECTS ? PN_OK : renew(m);
}

/* --- one entry by itself ------------------------------------------------- */

struct single {
    const struct pn_index_entry *entry;
    bool wanted, alike;
};

static enum pn_err
look_for_one(void *arg, const struct pn_index_key *key, struct pn_str record)
{
    struct single *s = arg;

    if (key->len == s->entry->key.len
        && memcmp(key->bytes, s->entry->key.bytes, key->len) == 0)
    {
        s->wanted = record.ptr != NULL;
        s->alike = s->wanted && pn_str_eq(record, s->entry->record);
    }
    return PN_OK;
}

/* The token of this secret; its record names it, and is looked up by that. */
static enum pn_err
publish_for(struct pn_publication *p, const struct pn_index_entry *entry,
            struct pn_arena *arena)
{
    const struct pn_str name = {(const char *) entry->key.bytes + 1,
                                entry->key.len - 1};
    struct pn_token_record rec;

    switch (entry->key.bytes[0]) {
    case PN_INDEX_KIND_APP:
        return pn_publish_app_name(p, name, arena);
    case PN_INDEX_KIND_OWNER:
        return pn_publish_owner(p, pn_index_key_id_of(&entry->key), arena);
    case PN_INDEX_KIND_TOKEN_NAME:
        return pn_publish_token(p, pn_index_key_id_of(&entry->key), arena);
    case PN_INDEX_KIND_TOKEN:
        return pn_token_record_decode(entry->record, &rec) == PN_OK
                   ? pn_publish_token(p, rec.token_id, arena)
                   : PN_OK;
    case PN_INDEX_KIND_POLICY:
        return pn_publish_policy(p, 0, arena);
    default:
        return PN_OK;
    }
}

static enum pn_err
look_up_passed(struct merge *m)
{
    enum { ARENA_MAX = 16 << 20 };
    struct single single = {.entry = &m->at};
    struct pn_publication run = m->run;
    struct pn_arena *arena = pn_arena_new(ARENA_MAX);
    enum pn_err err;

    if (arena == NULL) {
        return PN_E_NOMEM;
    }
    run.sink = look_for_one;
    run.sink_arg = &single;
    run.now = 0; /* nothing ended long ago yet */
    err = publish_for(&run, &m->at, arena);
    pn_arena_free(arena);
    if (err == PN_OK && !single.alike) {
        report_key(m, single.wanted ? PN_INDEX_DIFFERS : PN_INDEX_EXTRA,
                   &m->at.key);
    }
    return err;
}

/* --- the merge ----------------------------------------------------------- */

static void
count(struct merge *m)
{
    const uint8_t kind = m->at.key.bytes[0];

    m->compare->records++;
    m->tokens += kind == PN_INDEX_KIND_TOKEN;
    m->owners += kind == PN_INDEX_KIND_OWNER;
    m->apps += kind == PN_INDEX_KIND_APP;
}

/* The present entry is one that the store did not hand on. */
static enum pn_err
pass(struct merge *m)
{
    enum pn_err err = PN_OK;

    count(m);
    if (pn_index_entry_check(&m->at) != PN_OK) {
        report_key(m, PN_INDEX_UNREADABLE, &m->at.key);
    } else if (m->at.key.bytes[0] != PN_INDEX_KIND_META) {
        err = look_up_passed(m);
    }
    return err == PN_OK ? advance(m) : err;
}

static int
order(const struct pn_index_key *a, const struct pn_index_key *b)
{
    return pn_index_key_compare(a->bytes, a->len, b->bytes, b->len);
}

/* What the store hands on; keys ascend. */
static enum pn_err
meet(void *arg, const struct pn_index_key *key, struct pn_str record)
{
    struct merge *m = arg;
    enum pn_err err = PN_OK;

    if (record.ptr == NULL) {
        return PN_OK; /* an entry under this key is passed later */
    }
    while (err == PN_OK && !m->at_end && order(&m->at.key, key) < 0) {
        err = pass(m);
    }
    if (err != PN_OK) {
        return err;
    }
    if (m->at_end || order(&m->at.key, key) > 0) {
        report_key(m, PN_INDEX_MISSING, key);
        return PN_OK;
    }
    count(m);
    if (!pn_str_eq(m->at.record, record)) {
        report_key(m,
                   pn_index_entry_check(&m->at) == PN_OK ? PN_INDEX_DIFFERS
                                                         : PN_INDEX_UNREADABLE,
                   key);
    }
    return advance(m);
}

static enum pn_err
pass_the_rest(struct merge *m)
{
    enum pn_err err = PN_OK;

    while (err == PN_OK && !m->at_end) {
        err = before_each(m);
        if (err == PN_OK && !m->at_end) {
            err = pass(m);
        }
    }
    return err;
}

/* What the generation counts can be compared when nothing changed meanwhile. */
static void
check_counts(struct merge *m, int64_t since)
{
    char words[160];

    if (m->meta.position != since
        || (m->meta.tokens == m->tokens && m->meta.owners == m->owners
            && m->meta.apps == m->apps))
    {
        return;
    }
    (void) snprintf(
        words, sizeof(words),
        "%llu secrets, %llu owners, %llu apps, not %llu, %llu, %llu",
        (unsigned long long) m->tokens, (unsigned long long) m->owners,
        (unsigned long long) m->apps, (unsigned long long) m->meta.tokens,
        (unsigned long long) m->meta.owners, (unsigned long long) m->meta.apps);
    report(m->compare, PN_INDEX_COUNTS, words);
}

/* Pages and epoch, before anything is looked up. */
static enum pn_err
check_whole(struct merge *m)
{
    uint64_t epoch = 0;
    enum pn_err err = pn_store_epoch(m->run.store, &epoch);

    if (err != PN_OK) {
        return err;
    }
    if (epoch != m->meta.epoch) {
        report(m->compare, PN_INDEX_FOREIGN, "it was made from another store");
        return PN_E_STALE;
    }
    err = of_index(m, pn_index_walk_pages(m->walk, &m->compare->pages));
    if (err == PN_E_DAMAGED) {
        report(m->compare, PN_INDEX_PAGES, "a page of its file is damaged");
    }
    return err;
}

static enum pn_err
merge_all(struct merge *m)
{
    struct pn_everything all = {&m->run, before_each, m};
    int64_t since;
    enum pn_err err = renew(m);

    if (err == PN_OK) {
        err = check_whole(m);
    }
    since = m->meta.position;
    if (err == PN_OK) {
        err = pn_publish_everything(&all);
    }
    if (err == PN_OK) {
        err = pass_the_rest(m);
    }
    if (err == PN_OK) {
        check_counts(m, since);
    }
    return err;
}

/* What is no error of the comparison, but what it found. */
static enum pn_err
judge(struct merge *m, enum pn_err err)
{
    if (err == PN_E_STALE && m->compare->differences > 0) {
        return PN_OK; /* step_together() and check_whole() said why */
    }
    if (m->index_failed
        && (err == PN_E_NOT_FOUND || err == PN_E_DAMAGED
            || err == PN_E_VERSION))
    {
        if (m->compare->differences == 0) {
            report(m->compare, PN_INDEX_UNUSABLE, pn_err_text(err));
        }
        return PN_OK;
    }
    return err;
}

enum pn_err
pn_compare_index(struct pn_store *store, struct pn_compare *compare)
{
    struct merge *m = calloc(1, sizeof(*m));
    enum pn_err err = PN_E_NOMEM;

    compare->records = compare->pages = compare->differences = 0;
    if (m == NULL) {
        return PN_E_NOMEM;
    }
    m->compare = compare;
    m->run = (struct pn_publication){.store = store,
                                     .sink = meet,
                                     .sink_arg = m,
                                     .now = (int64_t) time(NULL)};
    err = pn_index_walk_new(compare->index_dir, &m->walk);
    if (err == PN_OK) {
        err = judge(m, merge_all(m));
    }
    compare->generation = m->meta.generation;
    compare->position = m->meta.position;
    if (m->in_step) {
        step_apart(m);
    }
    pn_index_walk_free(m->walk);
    pn_arena_free(m->policy_arena);
    free(m);
    return err;
}
