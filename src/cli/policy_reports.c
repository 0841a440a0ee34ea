/* SPDX-License-Identifier: Apache-2.0 */
/* postern policy reports: whom address rules in report mode would refuse. */
#include "base/buf.h"
#include "cli/connect.h"
#include "cli/policy_run.h"
#include "cli/token_wish.h"
#include "cli/wish.h"

enum { QUERY_MAX = 4096, MOST = 1000000 };

const struct pn_option pn_policy_reports_options[] = {
    {"rule", "policy|app", "only those of the policy, or of applications",
     PN_ONCE},
    {"app", "NAME", "only uses of this application", PN_ONCE},
    {"owner", "USER", "only tokens of this person", PN_ONCE},
    {"token", "TOKEN", "only this token, by name or id", PN_ONCE},
    {"since", "DATE", "used from this day or instant on", PN_ONCE},
    {"limit", "N", "at most N reports; 200 unless said", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const char *
cell_address(struct pn_cli *cli, const json_t *item)
{
    const json_t *address = json_object_get(item, "address");

    if (json_is_true(json_object_get(item, "further_addresses"))) {
        return "further ones";
    }
    return json_is_string(address) ? pn_print_value(cli, address) : "unknown";
}

static const char *
cell_now(struct pn_cli *cli, const json_t *item)
{
    const json_t *refused = json_object_get(item, "refused_now");

    (void) cli;
    return json_is_true(refused)    ? "refused"
           : json_is_false(refused) ? "allowed"
                                    : "-";
}

static const struct pn_column columns[] = {
    {"RULE", "rule", NULL},          {"APP", "app", NULL},
    {"OWNER", "owner", NULL},        {"TOKEN", "token", NULL},
    {"ADDRESS", NULL, cell_address}, {"REQUESTS", "requests", NULL},
    {"FIRST", "first_at", NULL},     {"LAST", "last_at", NULL},
    {"NOW", NULL, cell_now},         {NULL, NULL, NULL},
};

static enum pn_exit
find_query(struct pn_cli *cli, const char **out)
{
    static const char *const texts[] = {"rule", "app", "owner"};
    const char *token = pn_cli_value(cli, "token"), *id = NULL;
    char *bytes = pn_arena_alloc(cli->arena, QUERY_MAX);
    struct pn_buf query = {.ptr = bytes, .cap = QUERY_MAX};
    bool good = bytes != NULL;
    enum pn_exit rc =
        token != NULL ? pn_token_find(cli, token, &id) : PN_EXIT_OK;

    if (rc != PN_EXIT_OK) {
        return rc;
    }
    for (size_t i = 0; good && i < PN_LEN(texts); i++) {
        good = pn_wish_parameter(cli, &query, texts[i],
                                 pn_cli_value(cli, texts[i]));
    }
    good = good && pn_wish_parameter(cli, &query, "token_id", id)
           && pn_wish_parameter(cli, &query, "since", pn_wish_since(cli));
    if (bytes != NULL && query.full) {
        pn_say("the filters are too long");
        return PN_EXIT_USAGE;
    }
    *out = good ? pn_buf_cstr(&query) : NULL;
    return *out != NULL ? PN_EXIT_OK : pn_cli_nomem();
}

static void
say_unlisted(const json_t *count)
{
    if (json_integer_value(count) > 0) {
        pn_say("%lld further requests came when there was no room for more "
               "rows",
               (long long) json_integer_value(count));
    }
}

enum pn_exit
pn_policy_reports(struct pn_cli *cli)
{
    const char *query = NULL;
    uint32_t limit = 200;
    json_t *list = NULL;
    enum pn_exit rc = PN_EXIT_OK;

    if (pn_cli_has(cli, "limit")) {
        rc = pn_cli_number(cli, "limit", 1, MOST, &limit);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    if (rc == PN_EXIT_OK) {
        rc = find_query(cli, &query);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_call_list(cli, "/policy/reports", query, limit, &list);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_list(cli, columns, list, "no reports");
        say_unlisted(json_object_get(list, "unlisted_requests"));
    }
    return rc;
}
