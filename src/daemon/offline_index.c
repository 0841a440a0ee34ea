/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posternd index check, posternd index rebuild: the index against the store,
 * and a new one.  The check works beside a running posternd, too.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/progress.h"
#include "base/str.h"
#include "daemon/offline.h"
#include "daemon/publish/compare.h"
#include "daemon/publish/publish.h"

/* The places of check's options. */
enum { OPT_WAIT, OPT_JSON };

static const struct pn_offline_option check_options[] = {
    [OPT_WAIT] = {"wait", "SECONDS",
                  "how long to wait for an index that lags (10)"},
    [OPT_JSON] = {"json", NULL, "print the report as JSON"},
    {NULL, NULL, NULL},
};

/* --- check --------------------------------------------------------------- */

struct checking {
    struct pn_compare compare;
    struct pn_progress progress;
    json_t *found; /* NULL = they are printed as they come */
    bool failed;
};

static void
found(void *arg, enum pn_difference what, const char *subject)
{
    struct checking *c = arg;

    if (c->found == NULL) {
        c->failed |= printf("%-11s%s\n", pn_difference_text(what), subject) < 0;
        return;
    }
    c->failed |=
        json_array_append_new(c->found, json_pack("{s:s, s:s}", "difference",
                                                  pn_difference_text(what),
                                                  "subject", subject))
        != 0;
}

static bool
go_on(void *arg, uint64_t records)
{
    struct checking *c = arg;

    pn_progress_show(&c->progress, records);
    return true;
}

static bool
print_report(struct checking *c, struct pn_arena *arena)
{
    const struct pn_compare *r = &c->compare;

    if (c->found == NULL) {
        if (r->differences > PN_COMPARE_SHOWN_MAX) {
            (void) printf("… and %llu more\n",
                          (unsigned long long) r->differences
                              - PN_COMPARE_SHOWN_MAX);
        }
        (void) printf("%-13s%s\n%-13s%llu\n%-13s%lld\n%-13s%llu\n%-13s%llu\n"
                      "%-13s%llu\n",
                      "index", r->differences == 0 ? "as the store" : "WRONG",
                      "generation", (unsigned long long) r->generation,
                      "position", (long long) r->position, "records",
                      (unsigned long long) r->records, "pages",
                      (unsigned long long) r->pages, "differences",
                      (unsigned long long) r->differences);
        return fflush(stdout) == 0;
    }
    json_t *doc = pn_json_defer(
        arena,
        json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:O}", "ok",
                  r->differences == 0, "generation", (json_int_t) r->generation,
                  "position", (json_int_t) r->position, "records",
                  (json_int_t) r->records, "pages", (json_int_t) r->pages,
                  "differences", (json_int_t) r->differences, "found",
                  c->found));

    return doc != NULL && json_dumpf(doc, stdout, JSON_INDENT(2)) == 0
           && fputc('\n', stdout) != EOF && fflush(stdout) == 0;
}

/* What is to be compared, for the progress; 0 when it cannot be said. */
static uint64_t
expected_records(struct pn_store *store)
{
    struct pn_counts counts = {0};

    return pn_store_counts(store, &counts) == PN_OK
               ? counts.apps + counts.owners + counts.tokens + counts.secrets
                     + 2
               : 0;
}

static enum pn_offline_exit
check(const struct pn_offline_call *call, struct pn_store *store,
      struct checking *c)
{
    enum pn_err err;

    c->compare.found = found;
    c->compare.progress = go_on;
    c->compare.arg = c;
    c->progress = (struct pn_progress){.what = "comparing index and store",
                                       .total = expected_records(store)};
    pn_progress_begin(&c->progress);
    err = pn_compare_index(store, &c->compare);
    pn_progress_end(&c->progress, c->compare.records);
    if (err != PN_OK) {
        pn_offline_say("cannot compare '%s' with the store: %s",
                       call->config->index_dir, pn_err_text(err));
        return PN_OFFLINE_ERROR;
    }
    if (!print_report(c, call->arena) || c->failed) {
        pn_offline_say("cannot write the report");
        return PN_OFFLINE_ERROR;
    }
    return c->compare.differences == 0 ? PN_OFFLINE_OK : PN_OFFLINE_FOUND;
}

/* Digits, at most an hour. */
static bool
seconds(const char *text, uint32_t *out)
{
    uint32_t value = 0;

    for (const char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || value > 3600) {
            return false;
        }
        value = value * 10 + (uint32_t) (*c - '0');
    }
    *out = value;
    return value >= 1 && value <= 3600;
}

static enum pn_offline_exit
run_check(struct pn_offline_call *call)
{
    struct checking c = {.compare = {.index_dir = call->config->index_dir}};
    struct pn_store *store;
    enum pn_offline_exit code;

    if (call->value[OPT_WAIT] != NULL
        && !seconds(call->value[OPT_WAIT], &c.compare.wait_s))
    {
        pn_offline_say("--wait is a number of seconds from 1 to 3600");
        return PN_OFFLINE_USAGE;
    }
    if (call->value[OPT_JSON] != NULL) {
        c.found = pn_json_defer(call->arena, json_array());
    }
    store = pn_offline_store(call);
    if (store == NULL) {
        return PN_OFFLINE_ERROR;
    }
    code = check(call, store, &c);
    pn_store_close(store);
    return code;
}

const struct pn_offline_act pn_offline_index_check = {
    .noun = "index",
    .verb = "check",
    .summary = "Compare every record of the index with the store",
    .details = "Makes each record anew from the store and compares it, byte by "
               "byte, with the one\nthat nginx reads; checks every page and "
               "sum of the index.  Beside a running posternd\nor without one.  "
               "It changes nothing.  3 when something is wrong.\n",
    .example = "posternd index check --json",
    .options = check_options,
    .run = run_check,
};

/* --- rebuild ------------------------------------------------------------- */

static const struct pn_offline_option rebuild_options[] = {
    {NULL, NULL, NULL},
};

static bool
filled(void *arg, uint64_t done, uint64_t total)
{
    struct pn_progress *progress = arg;

    progress->total = total;
    pn_progress_show(progress, done);
    return true;
}

static enum pn_err
rebuild(const struct pn_config *config, struct pn_store *store,
        struct pn_index_stats *out)
{
    const struct pn_index_options options = {
        .dir = config->index_dir,
        .stale_after_s = config->stale_after_s,
        .group = config->index_group,
    };
    struct pn_progress progress = {.what = "making the index anew"};
    const struct pn_publisher_progress watch = {filled, &progress};
    struct pn_publisher *publisher = NULL;
    enum pn_err err;

    pn_progress_begin(&progress);
    err = pn_publisher_prepare(store, &options, &watch, &publisher);
    if (err == PN_OK) {
        pn_progress_end(&progress, progress.total);
        err = pn_publisher_take_over(publisher);
    }
    if (err == PN_OK) {
        err = pn_publisher_stats(publisher, out);
    }
    pn_publisher_free(publisher);
    return err;
}

static enum pn_offline_exit
run_rebuild(struct pn_offline_call *call)
{
    struct pn_store *store = pn_offline_store(call);
    struct pn_index_stats stats = {0};
    enum pn_err err;

    if (store == NULL) {
        return PN_OFFLINE_ERROR;
    }
    err = rebuild(call->config, store, &stats);
    pn_store_close(store);
    if (err == PN_E_BUSY) {
        pn_offline_say("a posternd runs and writes '%s': ask that one, with "
                       "'postern index rebuild'",
                       call->config->index_dir);
        return PN_OFFLINE_ERROR;
    }
    if (err != PN_OK) {
        pn_offline_say("cannot make '%s' anew: %s", call->config->index_dir,
                       pn_err_text(err));
        return PN_OFFLINE_ERROR;
    }
    (void) printf("generation %llu: %llu secrets, %llu owners, %llu apps\n",
                  (unsigned long long) stats.generation,
                  (unsigned long long) stats.tokens,
                  (unsigned long long) stats.owners,
                  (unsigned long long) stats.apps);
    return fflush(stdout) == 0 ? PN_OFFLINE_OK : PN_OFFLINE_ERROR;
}

const struct pn_offline_act pn_offline_index_rebuild = {
    .noun = "index",
    .verb = "rebuild",
    .summary = "Make the index anew from the store",
    .details = "For an index whose posternd does not run; a running one is "
               "asked by 'postern index\nrebuild'.  nginx goes on deciding by "
               "the present index and is switched over when the\nnew one is "
               "whole.\n",
    .example = "posternd index rebuild",
    .options = rebuild_options,
    .run = run_rebuild,
};
