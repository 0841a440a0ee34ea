/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which token was meant, and what a new or changed one may do.
 */
#ifndef PN_CLI_TOKEN_WISH_H
#define PN_CLI_TOKEN_WISH_H

#include "base/json.h"
#include "cli/cli.h"

/*
 * The id of a token given by id or name.  Names are unique among one owner's
 * living tokens only, so a living one is preferred, and doubt is refused with
 * the ids to choose from.  Needs a connection.
 */
PN_MUST_USE enum pn_exit pn_token_find(struct pn_cli *cli, const char *given,
                                       const char **out);

/* Lifetime, rules and description from the options into doc. */
PN_MUST_USE enum pn_exit pn_token_wish(struct pn_cli *cli, json_t *doc);

/* token_filter.c: the options of a filter as members of doc, or as a query
 * ("" = everything). */
PN_MUST_USE enum pn_exit pn_token_filter(struct pn_cli *cli, json_t *doc);
PN_MUST_USE enum pn_exit pn_token_filter_query(struct pn_cli *cli,
                                               const char **out);

#endif
