/* SPDX-License-Identifier: Apache-2.0 */
/* Which token was meant, and what a new or changed one may do. */
#include "cli/token_wish.h"

#include <string.h>

#include "base/str.h"
#include "cli/connect.h"
#include "cli/print.h"
#include "cli/wish.h"
#include "core/id.h"

enum { DAYS_MAX = 36500, SEARCH_MAX = 1000 };

/* --- which token --------------------------------------------------------- */

static bool
is_over(const json_t *token)
{
    const char *state = pn_json_text(token, "state");

    return strcmp(state, "revoked") == 0 || strcmp(state, "expired") == 0;
}

static void
say_candidates(const json_t *items, const char *name)
{
    pn_say("more than one token is named '%s'; say which one by its id:", name);
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *token = json_array_get(items, i);

        if (strcmp(pn_json_text(token, "name"), name) == 0) {
            pn_say("  %s  %s's, %s", pn_json_text(token, "id"),
                   pn_json_text(token, "owner"), pn_json_text(token, "state"));
        }
    }
}

enum pn_exit
pn_token_find(struct pn_cli *cli, const char *given, const char **out)
{
    const json_t *items, *found = NULL;
    const char *query;
    json_t *list;
    size_t living = 0, all = 0;
    uint64_t id;
    enum pn_exit rc;

    if (pn_id_parse(PN_ID_TOKEN, pn_str_from(given), &id) == PN_OK) {
        *out = given;
        return PN_EXIT_OK;
    }
    query = pn_path(cli, "search=", given, "");
    if (query == NULL) {
        return pn_cli_nomem();
    }
    rc = pn_call_list(cli, "/tokens", query, SEARCH_MAX, &list);
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    items = json_object_get(list, "items");
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *token = json_array_get(items, i);

        if (strcmp(pn_json_text(token, "name"), given) != 0) {
            continue;
        }
        all++;
        living += !is_over(token);
        if (found == NULL || !is_over(token)) {
            found = token;
        }
    }
    if (found == NULL) {
        pn_say("there is no token '%s'", given);
        return PN_EXIT_ERROR;
    }
    if (living > 1 || (living == 0 && all > 1)) {
        say_candidates(items, given);
        return PN_EXIT_ERROR;
    }
    *out = pn_json_text(found, "id");
    return PN_EXIT_OK;
}

/* --- what it may do ------------------------------------------------------ */

static enum pn_exit
wish_lifetime(struct pn_cli *cli, json_t *doc)
{
    uint32_t days = 0;
    const char *at = NULL;
    int ways = pn_cli_has(cli, "days") + pn_cli_has(cli, "until")
               + pn_cli_has(cli, "no-expiry");
    enum pn_exit rc = PN_EXIT_OK;
    int failed = 0;

    if (ways > 1) {
        return pn_cli_usage(cli, "only one of --days, --until, --no-expiry");
    }
    if (pn_cli_has(cli, "days")) {
        rc = pn_cli_number(cli, "days", 1, DAYS_MAX, &days);
        failed = rc == PN_EXIT_OK
                 && json_object_set_new(doc, "expires_in_days",
                                        json_integer((json_int_t) days));
    } else if (pn_cli_has(cli, "until")) {
        rc = pn_wish_instant(cli, "until", &at);
        failed = rc == PN_EXIT_OK
                 && json_object_set_new(doc, "expires_at", json_string(at));
    } else if (pn_cli_has(cli, "no-expiry")) {
        failed = json_object_set_new(doc, "expires_at", json_null());
    }
    if (rc == PN_EXIT_OK && !failed && pn_cli_has(cli, "not-before")) {
        rc = pn_wish_instant(cli, "not-before", &at);
        failed = rc == PN_EXIT_OK
                 && json_object_set_new(doc, "not_before", json_string(at));
    }
    return failed ? pn_cli_nomem() : rc;
}

static enum pn_exit
wish_rate(struct pn_cli *cli, json_t *doc)
{
    struct pn_str text = pn_str_from(pn_cli_value(cli, "rate"));
    struct pn_str before, behind;
    uint32_t requests, seconds;

    if (text.ptr == NULL) {
        return PN_EXIT_OK;
    }
    if (!pn_str_cut(text, '/', &before, &behind)
        || !pn_number(before, 1, 1000000, &requests)
        || !pn_number(behind, 1, 86400, &seconds))
    {
        return pn_cli_usage(cli,
                            "option '--rate' wants N/SECONDS, for example "
                            "600/60, not '%s'",
                            text.ptr);
    }
    return json_object_set_new(doc, "rate_limit",
                               json_pack("{s:I, s:I}", "requests",
                                         (json_int_t) requests, "seconds",
                                         (json_int_t) seconds))
                   == 0
               ? PN_EXIT_OK
               : pn_cli_nomem();
}

enum pn_exit
pn_token_wish(struct pn_cli *cli, json_t *doc)
{
    enum pn_exit rc = wish_lifetime(cli, doc);

    if (rc == PN_EXIT_OK) {
        rc = wish_rate(cli, doc);
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    if (!pn_wish_text(cli, "description", doc, "description")
        || !pn_wish_list(cli, "app", doc, "apps")
        || !pn_wish_list(cli, "path", doc, "paths")
        || !pn_wish_list(cli, "scope", doc, "scopes")
        || !pn_wish_ip(cli, doc, "ip_rules")
        || (pn_cli_has(cli, "read-only")
            && json_object_set_new(doc, "access", json_string("read-only"))
                   != 0))
    {
        return pn_cli_nomem();
    }
    return PN_EXIT_OK;
}
