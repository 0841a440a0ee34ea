/* SPDX-License-Identifier: Apache-2.0 */
/* docs/openapi.yaml, as it was when this was built (tools/embed.py). */
#ifndef PN_DAEMON_API_OPENAPI_H
#define PN_DAEMON_API_OPENAPI_H

#include "base/defs.h"

extern const struct pn_str pn_openapi;

#endif
