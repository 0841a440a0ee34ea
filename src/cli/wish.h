/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building request documents from options.
 */
#ifndef PN_CLI_WISH_H
#define PN_CLI_WISH_H

#include "base/buf.h"
#include "base/json.h"
#include "cli/cli.h"

/* Set doc[member] to the option's text when it was given; false: no memory. */
PN_MUST_USE bool pn_wish_text(const struct pn_cli *cli, const char *option,
                              json_t *doc, const char *member);

/* Set doc[member] to the list of an option's values when there are any. */
PN_MUST_USE bool pn_wish_list(const struct pn_cli *cli, const char *option,
                              json_t *doc, const char *member);

/* Set doc[member] to {"default", "allow", "deny"} from the options
 * --ip-default, --ip (or --ip-allow) and --ip-deny, when any was given; and its
 * "mode" from --ip-mode. */
PN_MUST_USE bool pn_wish_ip(const struct pn_cli *cli, json_t *doc,
                            const char *member);

/* Set doc[member] from --NAME on|off; PN_EXIT_USAGE for another word. */
PN_MUST_USE enum pn_exit pn_wish_switch(const struct pn_cli *cli,
                                        const char *option, json_t *doc,
                                        const char *member);

/* A whole document from a file, "-" is standard input.  The arena's. */
PN_MUST_USE enum pn_exit pn_wish_file(struct pn_cli *cli, const char *path,
                                      json_t **out);

/* "2026-12-31" (the whole day counts, so its end, in UTC) or RFC 3339, as RFC
 * 3339; PN_EXIT_USAGE otherwise. */
PN_MUST_USE enum pn_exit pn_wish_instant(struct pn_cli *cli, const char *option,
                                         const char **out);

/* --since: a day begins at midnight, UTC.  NULL: not given, or no memory. */
const char *pn_wish_since(struct pn_cli *cli);

/* "name=value" behind what stands in query; value NULL = nothing. */
PN_MUST_USE bool pn_wish_parameter(struct pn_cli *cli, struct pn_buf *query,
                                   const char *name, const char *value);

#endif
