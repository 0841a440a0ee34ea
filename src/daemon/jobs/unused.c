/* SPDX-License-Identifier: Apache-2.0 */
/* Disabling tokens that nobody uses, in a thread of its own. */
#include "daemon/jobs/unused.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "daemon/jobs/ticker.h"

enum { EVERY_S = 5, NOTE_EVERY_S = 600, SCAN_EVERY_S = 3600 };

struct pn_unused_job {
    struct pn_ops *ops;
    struct pn_ticker *ticker;
    /* the thread's own; monotonic seconds, 0 = never */
    int64_t noted_at, scanned_at;
    uint64_t version; /* of the policy that was scanned for */
};

static int64_t
uptime_s(void)
{
    struct timespec now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + 1; /* never 0 */
}

static void
log_done(const struct pn_unused_done *done)
{
    char marked[16], put_off[16], disabled[16], lifted[16];

    if (done->marked + done->put_off + done->disabled + done->lifted == 0) {
        return;
    }
    (void) snprintf(marked, sizeof(marked), "%u", done->marked);
    (void) snprintf(put_off, sizeof(put_off), "%u", done->put_off);
    (void) snprintf(disabled, sizeof(disabled), "%u", done->disabled);
    (void) snprintf(lifted, sizeof(lifted), "%u", done->lifted);
    pn_log(PN_LOG_INFO, "tokens_unused", "marked", marked, "put_off", put_off,
           "disabled", disabled, "lifted", lifted, NULL);
}

/* All the way through, batch by batch. */
static enum pn_err
pass(struct pn_unused_job *job, struct pn_ticker *ticker,
     enum pn_unused_what what, struct pn_unused_done *sum)
{
    struct pn_unused_pass at = {.what = what};
    struct pn_unused_done done = {.more = true};
    enum pn_err err = PN_OK;

    while (err == PN_OK && done.more && !pn_ticker_is_stopping(ticker)) {
        err = pn_ops_unused(job->ops, 0, &at, &done);
        if (err == PN_OK) {
            sum->marked += done.marked;
            sum->put_off += done.put_off;
            sum->disabled += done.disabled;
            sum->lifted += done.lifted;
        }
    }
    return err;
}

static enum pn_err
scan(struct pn_unused_job *job, struct pn_ticker *ticker, uint64_t version,
     struct pn_unused_done *sum)
{
    enum pn_err err = pass(job, ticker, PN_UNUSED_TO_LIFT, sum);

    if (err == PN_OK) {
        err = pass(job, ticker, PN_UNUSED_TO_MARK, sum);
    }
    if (err == PN_OK && !pn_ticker_is_stopping(ticker)) {
        job->scanned_at = uptime_s();
        job->version = version;
    }
    return err;
}

/* Before anything is due: the first pass notes how long nobody looked. */
static enum pn_err
note(struct pn_unused_job *job)
{
    enum pn_err err = PN_OK;

    if (job->noted_at == 0 || uptime_s() - job->noted_at >= NOTE_EVERY_S) {
        err = pn_ops_unused_ran(job->ops, 0);
        job->noted_at = err == PN_OK ? uptime_s() : job->noted_at;
    }
    return err;
}

static void
look(void *arg, struct pn_ticker *ticker)
{
    struct pn_unused_job *job = arg;
    struct pn_unused_done sum = {0};
    struct pn_unused_rule rule;
    uint64_t version = 0;
    enum pn_err err;

    err = pn_ops_unused_rule(job->ops, &rule, &version);
    if (err == PN_OK && rule.days > 0) {
        err = note(job);
        if (err == PN_OK) {
            err = pass(job, ticker, PN_UNUSED_DUE, &sum);
        }
    }
    if (err == PN_OK
        && (job->version != version || job->scanned_at == 0
            || (rule.days > 0 && uptime_s() - job->scanned_at >= SCAN_EVERY_S)))
    {
        err = scan(job, ticker, version, &sum);
    }
    log_done(&sum);
    if (err != PN_OK) {
        pn_log(PN_LOG_WARNING, "unused_not_settled", "error", pn_err_text(err),
               NULL);
    }
}

enum pn_err
pn_unused_job_start(struct pn_ops *ops, struct pn_unused_job **out)
{
    struct pn_unused_job *job = calloc(1, sizeof(*job));
    enum pn_err err;

    if (job == NULL) {
        return PN_E_NOMEM;
    }
    job->ops = ops;
    err = pn_ticker_start(look, job, EVERY_S, &job->ticker);
    if (err != PN_OK) {
        free(job);
        return err;
    }
    *out = job;
    return PN_OK;
}

void
pn_unused_job_stop(struct pn_unused_job *job)
{
    if (job == NULL) {
        return;
    }
    pn_ticker_stop(job->ticker);
    free(job);
}
