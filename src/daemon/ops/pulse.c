/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do the threads that changes need still come round?
 *
 * The lane does by itself, each second.  The writer sleeps until there is a
 * change, so it is woken and must take note; while it is inside a transaction
 * it cannot, and how long that may last is the caller's to say.
 */
#include "base/clock.h"
#include "daemon/ops/inside.h"

const char *
pn_ops_stuck(struct pn_ops *ops, int64_t within_ms)
{
    const char *stuck = NULL;
    const int64_t now = pn_clock_ms();
    (void) pthread_mutex_lock(&ops->mutex);
    if (ops->asked_at == 0) {
        ops->asked_at = now;
        (void) pthread_cond_signal(&ops->arrived);
    } else if (now - ops->asked_at > within_ms) {
        stuck = "writer";
    }
    if (stuck == NULL && !pn_lane_is_moving(ops->lane, within_ms)) {
        stuck = "publisher";
    }
    (void) pthread_mutex_unlock(&ops->mutex);
    return stuck;
}
