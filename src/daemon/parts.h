/* SPDX-License-Identifier: Apache-2.0 */
/* What posternd is made of. */
#ifndef PN_DAEMON_PARTS_H
#define PN_DAEMON_PARTS_H

#include "daemon/activation.h"
#include "daemon/api/api.h"
#include "daemon/config.h"
#include "daemon/first_admin.h"
#include "daemon/jobs/forward.h"
#include "daemon/jobs/keep.h"
#include "daemon/jobs/unused.h"
#include "daemon/jobs/usage.h"

/* All zero but config, which the caller has read, until it is started. */
struct pn_parts {
    struct pn_config config;
    struct pn_passed passed; /* until a part has taken them over */
    struct pn_ops *ops;
    struct pn_usage_receiver *usage;
    struct pn_keeper *keeper;
    struct pn_unused_job *unused;
    struct pn_forwarder *forwarder[PN_SYSLOG_RECEIVERS_MAX];
    struct pn_http_server *http, *admin;
    struct pn_api api;
};

/* False: it was logged what did not start; pn_parts_stop() all the same. */
bool pn_parts_start(struct pn_parts *parts, const struct pn_first_admin *admin);
/* log_level, usage_users, usage_interval and audit_keep_days of this file,
 * while the parts run; by the thread that has started them. */
void pn_parts_apply(struct pn_parts *parts, const struct pn_config *config);
void pn_parts_stop(struct pn_parts *parts);

#endif
