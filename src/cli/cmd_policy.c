/* SPDX-License-Identifier: Apache-2.0 */
/* postern policy: who may make tokens, for how long, from where. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/print.h"
#include "cli/wish.h"

enum { DAYS_MAX = 36500 };

static const struct pn_option set_options[] = {
    {"creation", "on|off", "may people without a role make tokens?", PN_ONCE},
    {"allow-group", "GROUP", "grant the making of tokens to a group",
     PN_REPEAT},
    {"allow-everyone", NULL, "grant it to everybody", PN_ONCE},
    {"remove-group", "GROUP", "take a group's grant away", PN_REPEAT},
    {"max-days", "N", "longest lifetime of the grants given here", PN_ONCE},
    {"no-max", NULL, "these grants may make tokens without an end", PN_ONCE},
    {"on-loss", "suspend|keep", "when a person loses every grant", PN_ONCE},
    {"ip-default", "allow|deny", "addresses in no list", PN_ONCE},
    {"ip-allow", "CIDR", "addresses that may", PN_REPEAT},
    {"ip-deny", "CIDR", "addresses that may not", PN_REPEAT},
    {"any-ip", NULL, "no rules for addresses", PN_ONCE},
    {"tls-required", "on|off", "refuse tokens over plain HTTP", PN_ONCE},
    {"service-accounts", "on|off", "accounts that nobody signs in to", PN_ONCE},
    {"own-tokens-write", "on|off", "tokens that may make tokens", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const char *
cell_grants(struct pn_cli *cli, const json_t *policy)
{
    const json_t *grants = pn_json_at(policy, "creation.grants");
    const char *text = "";

    for (size_t i = 0; i < json_array_size(grants) && text != NULL; i++) {
        const json_t *grant = json_array_get(grants, i);
        const json_t *days = pn_json_at(grant, "max_lifetime_days");
        const char *who = pn_json_text(grant, "group");

        text = pn_arena_printf(
            cli->arena, "%s%s%s%s%s", text, i > 0 ? "; " : "",
            who[0] ? who : "everyone",
            json_is_integer(days) ? ", days: " : ", without limit",
            json_is_integer(days) ? pn_print_value(cli, days) : "");
    }
    return text != NULL && text[0] != '\0' ? text : "none";
}

static const char *
ranges(struct pn_cli *cli, const json_t *list)
{
    const char *text = "";

    for (size_t i = 0; i < json_array_size(list) && text != NULL; i++) {
        const json_t *entry = json_array_get(list, i);
        const char *range = json_is_string(entry)
                                ? json_string_value(entry)
                                : pn_json_text(entry, "range");

        text = pn_arena_printf(cli->arena, "%s%s%s", text, i > 0 ? ", " : "",
                               range);
    }
    return text != NULL && text[0] != '\0' ? text : "-";
}

static const char *
cell_allow(struct pn_cli *cli, const json_t *policy)
{
    return ranges(cli, pn_json_at(policy, "ip_rules.allow"));
}

static const char *
cell_deny(struct pn_cli *cli, const json_t *policy)
{
    return ranges(cli, pn_json_at(policy, "ip_rules.deny"));
}

static const struct pn_column columns[] = {
    {"people may make tokens", "creation.enabled", NULL},
    {"grants", NULL, cell_grants},
    {"when grants are lost", "creation.on_loss", NULL},
    {"usual lifetime in days", "creation.default_lifetime_days", NULL},
    {"TLS required", "tls_required", NULL},
    {"service accounts", "creation.service_accounts", NULL},
    {"tokens that make tokens", "creation.own_tokens_write", NULL},
    {"addresses by default", "ip_rules.default", NULL},
    {"addresses allowed", NULL, cell_allow},
    {"addresses denied", NULL, cell_deny},
    {NULL, NULL, NULL},
};

static enum pn_exit
run_show(struct pn_cli *cli)
{
    struct pn_answer answer;
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    if (rc == PN_EXIT_OK) {
        rc = pn_call(cli, "GET", "/policy", NULL, &answer);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_object(cli, columns, answer.doc);
    }
    return rc;
}

/* --- changing the document that the server gave -------------------------- */

static void
remove_grant(json_t *grants, const char *group)
{
    for (size_t i = json_array_size(grants); i > 0; i--) {
        const json_t *name = pn_json_at(json_array_get(grants, i - 1), "group");
        bool same = group == NULL
                        ? json_is_null(name)
                        : json_is_string(name)
                              && strcmp(json_string_value(name), group) == 0;

        if (same) {
            (void) json_array_remove(grants, i - 1);
        }
    }
}

/* One grant for group (NULL = everyone), in place of the one it had. */
static bool
put_grant(json_t *grants, const char *group, json_t *days)
{
    remove_grant(grants, group);
    return json_array_append_new(grants,
                                 json_pack("{s:s?, s:O}", "group", group,
                                           "max_lifetime_days", days))
           == 0;
}

static enum pn_exit
edit_grants(struct pn_cli *cli, json_t *creation)
{
    json_t *grants = json_object_get(creation, "grants");
    json_t *days = NULL;
    const char *group;
    size_t at = 0;
    uint32_t number = 0;
    bool good = true;
    bool granting =
        pn_cli_has(cli, "allow-group") || pn_cli_has(cli, "allow-everyone");

    if (granting == !(pn_cli_has(cli, "max-days") || pn_cli_has(cli, "no-max"))
        || (pn_cli_has(cli, "max-days") && pn_cli_has(cli, "no-max")))
    {
        return pn_cli_usage(cli, "--allow-group and --allow-everyone go with "
                                 "one of --max-days N and --no-max");
    }
    if (pn_cli_has(cli, "max-days")) {
        enum pn_exit rc = pn_cli_number(cli, "max-days", 1, DAYS_MAX, &number);

        if (rc != PN_EXIT_OK) {
            return rc;
        }
    }
    while ((group = pn_cli_next(cli, "remove-group", &at)) != NULL) {
        remove_grant(grants, group);
    }
    days = number > 0 ? json_integer((json_int_t) number) : json_null();
    at = 0;
    while (good && (group = pn_cli_next(cli, "allow-group", &at)) != NULL) {
        good = put_grant(grants, group, days);
    }
    if (good && pn_cli_has(cli, "allow-everyone")) {
        good = put_grant(grants, NULL, days);
    }
    json_decref(days);
    return good ? PN_EXIT_OK : pn_cli_nomem();
}

/* Address options change what was named and keep the rest of the rules. */
static enum pn_exit
edit_ip(struct pn_cli *cli, json_t *policy)
{
    json_t *given = pn_json_defer(cli->arena, json_object());
    json_t *rules = json_object_get(policy, "ip_rules");

    if (given == NULL || !pn_wish_ip(cli, given, "ip_rules")) {
        return pn_cli_nomem();
    }
    given = json_object_get(given, "ip_rules");
    if (given != NULL && pn_cli_has(cli, "any-ip")) {
        return pn_cli_usage(cli, "--any-ip contradicts the other options");
    }
    if (pn_cli_has(cli, "any-ip")) {
        given =
            pn_json_defer(cli->arena, json_pack("{s:s, s:[], s:[]}", "default",
                                                "allow", "allow", "deny"));
        if (given == NULL) {
            return pn_cli_nomem();
        }
    } else if (given != NULL) {
        if (!pn_cli_has(cli, "ip-allow") && pn_cli_has(cli, "ip-default")) {
            (void) json_object_del(given, "allow");
        }
        if (!pn_cli_has(cli, "ip-deny")) {
            (void) json_object_del(given, "deny");
        }
    }
    if (given == NULL) {
        return PN_EXIT_OK;
    }
    if (!json_is_object(rules)) {
        return json_object_set(policy, "ip_rules", given) == 0 ? PN_EXIT_OK
                                                               : pn_cli_nomem();
    }
    return json_object_update(rules, given) == 0 ? PN_EXIT_OK : pn_cli_nomem();
}

static enum pn_exit
edit(struct pn_cli *cli, json_t *policy)
{
    json_t *creation = json_object_get(policy, "creation");
    enum pn_exit rc = pn_wish_switch(cli, "creation", creation, "enabled");

    if (rc == PN_EXIT_OK) {
        rc = pn_wish_switch(cli, "tls-required", policy, "tls_required");
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_wish_switch(cli, "service-accounts", creation,
                            "service_accounts");
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_wish_switch(cli, "own-tokens-write", creation,
                            "own_tokens_write");
    }
    if (rc == PN_EXIT_OK) {
        rc = edit_grants(cli, creation);
    }
    if (rc == PN_EXIT_OK) {
        rc = edit_ip(cli, policy);
    }
    if (rc == PN_EXIT_OK && !pn_wish_text(cli, "on-loss", creation, "on_loss"))
    {
        rc = pn_cli_nomem();
    }
    return rc;
}

static bool
any_flag(const struct pn_cli *cli)
{
    for (const struct pn_option *o = set_options; o->name != NULL; o++) {
        if (pn_cli_has(cli, o->name)) {
            return true;
        }
    }
    return false;
}

/* The document to store: from the file, or the present one with changes. */
static enum pn_exit
wanted(struct pn_cli *cli, const struct pn_answer *present, json_t **out)
{
    if (cli->arg_count == 0) {
        *out = present->doc;
        return edit(cli, present->doc);
    }
    return pn_wish_file(cli, cli->args[0], out);
}

static enum pn_exit
run_set(struct pn_cli *cli)
{
    struct pn_answer present, answer;
    const json_t *warnings;
    json_t *doc = NULL;
    enum pn_exit rc;

    if ((cli->arg_count == 0) == !any_flag(cli)) {
        return pn_cli_usage(cli, "either a FILE or what to change");
    }
    rc = pn_connect(cli, PN_WANT_ANY);
    if (rc == PN_EXIT_OK) {
        rc = pn_call(cli, "GET", "/policy", NULL, &present);
    }
    if (rc == PN_EXIT_OK) {
        rc = wanted(cli, &present, &doc);
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }

    /* Nobody else's change in between may be lost. */
    rc = pn_call_if_match(cli, present.etag, "/policy", json_incref(doc),
                          &answer);
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    warnings = json_object_get(answer.doc, "warnings");
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        pn_say("warning: %s", pn_print_value(cli, json_array_get(warnings, i)));
    }
    pn_print_object(cli, columns, answer.doc);
    return PN_EXIT_OK;
}

const struct pn_command pn_policy_commands[] = {
    {
        .noun = "policy",
        .verb = "show",
        .args = "",
        .summary = "Show who may make tokens, for how long, from where",
        .examples = "postern policy show\n"
                    "postern policy show --json > policy.json\n",
        .run = run_show,
    },
    {
        .noun = "policy",
        .verb = "set",
        .args = "[FILE]",
        .summary = "Change the policy, by a file or by options",
        .examples =
            "postern policy set --creation on --allow-group token-users "
            "--max-days 90\n"
            "postern policy set --ip-default deny --ip-allow 10.0.0.0/8\n"
            "postern policy set policy.json\n"
            "postern policy show --json | postern policy set -\n",
        .details = "FILE is what 'postern policy show --json' prints; - is "
                   "standard input.\n",
        .options = set_options,
        .max_args = 1,
        .run = run_set,
    },
    {.noun = NULL},
};
