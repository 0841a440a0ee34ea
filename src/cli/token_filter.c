/* SPDX-License-Identifier: Apache-2.0 */
/* Which tokens are meant: the options that list and bulk share. */
#include <string.h>

#include "base/str.h"
#include "cli/http.h"
#include "cli/token_wish.h"
#include "cli/wish.h"

enum { DAYS_MAX = 36500 };

static const struct filter {
    const char *option, *member;
    enum { TEXT = 0, SWITCH, DAYS, INSTANT } kind;
} filters[] = {
    {"owner", "owner", TEXT},
    {"group", "group", TEXT},
    {"app", "app", TEXT},
    {"state", "state", TEXT},
    {"search", "search", TEXT},
    {"sort", "sort", TEXT},
    {"never-used", "never_used", SWITCH},
    {"no-expiry", "no_expiry", SWITCH},
    {"no-ip-rule", "no_ip_rule", SWITCH},
    {"to-be-disabled", "to_be_disabled", SWITCH},
    {"unused-days", "unused_days", DAYS},
    {"expires-before", "expires_before", INSTANT},
};

static enum pn_exit
set_filter(struct pn_cli *cli, const struct filter *filter, json_t *doc)
{
    const char *at = NULL;
    uint32_t days = 0;
    json_t *value = NULL;
    enum pn_exit rc = PN_EXIT_OK;

    switch (filter->kind) {
    case TEXT:
        value = json_string(pn_cli_value(cli, filter->option));
        break;
    case SWITCH:
        value = json_true();
        break;
    case DAYS:
        rc = pn_cli_number(cli, filter->option, 1, DAYS_MAX, &days);
        value = json_integer((json_int_t) days);
        break;
    case INSTANT:
        rc = pn_wish_instant(cli, filter->option, &at);
        value = at != NULL ? json_string(at) : NULL;
        break;
    }
    if (rc != PN_EXIT_OK) {
        json_decref(value);
        return rc;
    }
    return json_object_set_new(doc, filter->member, value) == 0
               ? PN_EXIT_OK
               : pn_cli_usage(cli, "option '--%s' is not UTF-8",
                              filter->option);
}

enum pn_exit
pn_token_filter(struct pn_cli *cli, json_t *doc)
{
    enum pn_exit rc = PN_EXIT_OK;

    for (size_t i = 0; rc == PN_EXIT_OK && i < PN_LEN(filters); i++) {
        if (pn_cli_has(cli, filters[i].option)) {
            rc = set_filter(cli, &filters[i], doc);
        }
    }
    return rc;
}

enum pn_exit
pn_token_filter_query(struct pn_cli *cli, const char **out)
{
    json_t *doc = pn_json_defer(cli->arena, json_object()), *value;
    const char *query = "", *name;
    enum pn_exit rc = doc != NULL ? pn_token_filter(cli, doc) : pn_cli_nomem();

    if (rc != PN_EXIT_OK) {
        return rc;
    }
    json_object_foreach(doc, name, value)
    {
        const char *text =
            json_is_string(value)
                ? pn_http_escape(cli->arena, json_string_value(value))
            : json_is_integer(value) ? pn_arena_printf(
                  cli->arena, "%lld", (long long) json_integer_value(value))
                                     : "true";

        query = text == NULL || query == NULL
                    ? NULL
                    : pn_arena_printf(cli->arena, "%s%s%s=%s", query,
                                      query[0] != '\0' ? "&" : "", name, text);
    }
    *out = query;
    return query != NULL ? PN_EXIT_OK : pn_cli_nomem();
}
