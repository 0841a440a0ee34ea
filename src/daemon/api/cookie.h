/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cookies and origins: what a browser sends along.  Pure.
 */
#ifndef PN_DAEMON_API_COOKIE_H
#define PN_DAEMON_API_COOKIE_H

#include "base/defs.h"

/*
 * The value of the named cookie in a Cookie header; borrowed.  PN_E_NOT_FOUND;
 * PN_E_EXISTS when it stands there twice, since somebody else may have set the
 * other one.
 */
PN_MUST_USE enum pn_err pn_cookie_find(struct pn_str header, struct pn_str name,
                                       struct pn_str *out);

/* Is origin ("https://host:port") that of this host and scheme? */
bool pn_origin_is(struct pn_str origin, struct pn_str scheme,
                  struct pn_str host);

/* localhost, 127.0.0.0/8 or [::1], with or without a port. */
bool pn_host_is_loopback(struct pn_str host);

#endif
