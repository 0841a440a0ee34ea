/* SPDX-License-Identifier: Apache-2.0 */
/* postern policy: who may make tokens, for how long, from where. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/http.h"
#include "cli/policy_run.h"
#include "cli/print.h"
#include "cli/wish.h"

enum { DAYS_MAX = 36500, NOTICE_MAX = 365 };

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
    {"ip-mode", "enforce|report", "refuse others, or only note them", PN_ONCE},
    {"any-ip", NULL, "no rules for addresses", PN_ONCE},
    {"tls-required", "on|off", "refuse tokens over plain HTTP", PN_ONCE},
    {"service-accounts", "on|off", "accounts that nobody signs in to", PN_ONCE},
    {"own-tokens-write", "on|off", "tokens that may make tokens", PN_ONCE},
    {"disable-unused", "DAYS|off", "disable tokens that nobody used so long",
     PN_ONCE},
    {"unused-notice", "DAYS", "time between notice and that", PN_ONCE},
    PN_POLICY_LIMITS,
    {"enforce", "new|after|now", "which tokens a lower limit reaches", PN_ONCE},
    {"days", "N", "with --enforce after; else 14", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option how_options[] = {
    {"enforce", "new|after|now", "which tokens a lower limit reaches", PN_ONCE},
    {"days", "N", "with --enforce after; else 14", PN_ONCE},
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

const struct pn_column pn_policy_columns[] = {
    {"people may make tokens", "creation.enabled", NULL},
    {"grants", NULL, cell_grants},
    {"when grants are lost", "creation.on_loss", NULL},
    {"usual lifetime in days", "creation.default_lifetime_days", NULL},
    {"TLS required", "tls_required", NULL},
    {"service accounts", "creation.service_accounts", NULL},
    {"tokens that make tokens", "creation.own_tokens_write", NULL},
    {"disabled when unused for days", "creation.disable_unused_days", NULL},
    {"days of notice before that", "creation.disable_unused_notice_days", NULL},
    {"addresses that do not fit", "ip_rules.mode", NULL},
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
        pn_print_object(cli, pn_policy_columns, answer.doc);
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
edit_unused(struct pn_cli *cli, json_t *creation)
{
    const char *unused = pn_cli_value(cli, "disable-unused");
    bool off = unused != NULL && strcmp(unused, "off") == 0;
    uint32_t days = 0, notice = 0;
    enum pn_exit rc = PN_EXIT_OK;

    if (unused != NULL && !off) {
        rc = pn_cli_number(cli, "disable-unused", 1, DAYS_MAX, &days);
    }
    if (rc == PN_EXIT_OK && pn_cli_has(cli, "unused-notice")) {
        rc = pn_cli_number(cli, "unused-notice", 1, NOTICE_MAX, &notice);
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    if ((unused != NULL
         && json_object_set_new(creation, "disable_unused_days",
                                off ? json_null() : json_integer(days))
                != 0)
        || (notice > 0
            && json_object_set_new(creation, "disable_unused_notice_days",
                                   json_integer(notice))
                   != 0))
    {
        return pn_cli_nomem();
    }
    return PN_EXIT_OK;
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
    if (rc == PN_EXIT_OK) {
        rc = edit_unused(cli, creation);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_policy_limits(cli, policy);
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
        bool is_how =
            strcmp(o->name, "enforce") == 0 || strcmp(o->name, "days") == 0;

        if (!is_how && pn_cli_has(cli, o->name)) {
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

const char *
pn_policy_path(struct pn_cli *cli, const char *path, const char *query)
{
    const char *enforce = pn_cli_value(cli, "enforce");
    const char *days = pn_cli_value(cli, "days");

    enforce = enforce != NULL ? pn_http_escape(cli->arena, enforce) : NULL;
    days = days != NULL ? pn_http_escape(cli->arena, days) : NULL;
    return pn_arena_printf(
        cli->arena, "%s?%s%s%s%s%s", path, query,
        enforce != NULL ? "&enforce=" : "", enforce != NULL ? enforce : "",
        days != NULL ? "&days=" : "", days != NULL ? days : "");
}

/* Nobody else's change in between may be lost: *etag is of what was read. */
static enum pn_exit
read_and_edit(struct pn_cli *cli, json_t **doc, const char **etag)
{
    struct pn_answer present;
    enum pn_exit rc;

    if ((cli->arg_count == 0) == !any_flag(cli)) {
        return pn_cli_usage(cli, "either a FILE or what to change");
    }
    rc = pn_connect(cli, PN_WANT_ANY);
    if (rc == PN_EXIT_OK) {
        rc = pn_call(cli, "GET", "/policy", NULL, &present);
    }
    if (rc == PN_EXIT_OK) {
        *etag = present.etag;
        rc = wanted(cli, &present, doc);
    }
    return rc;
}

/* Send the policy that is wanted; parameters as for pn_policy_path(). */
static enum pn_exit
put_wanted(struct pn_cli *cli, const char *parameters, struct pn_answer *answer)
{
    const char *path = pn_policy_path(cli, "/policy", parameters);
    const char *etag = NULL;
    json_t *doc = NULL;
    enum pn_exit rc = read_and_edit(cli, &doc, &etag);

    if (rc == PN_EXIT_OK) {
        rc = path != NULL
                 ? pn_call_if_match(cli, etag, path, json_incref(doc), answer)
                 : pn_cli_nomem();
    }
    return rc;
}

enum pn_exit
pn_policy_answered(struct pn_cli *cli, enum pn_exit rc,
                   const struct pn_answer *answer)
{
    if (rc == PN_EXIT_OK) {
        pn_print_warnings(cli, answer->doc);
        pn_print_object(cli, pn_policy_columns, answer->doc);
    }
    return rc;
}

static enum pn_exit
run_set(struct pn_cli *cli)
{
    struct pn_answer answer = {0};
    enum pn_exit rc = put_wanted(cli, "preview=false", &answer);

    return pn_policy_answered(cli, rc, &answer);
}

/* --- previews ------------------------------------------------------------ */

static const struct pn_column counts[] = {
    {"unaffected", "unaffected", NULL},
    {"shortened", "shortened", NULL},
    {"stopped", "stopped", NULL},
    {"of these used in 24 hours", "used_24h", NULL},
    {"marked as unused", "marked", NULL},
    {NULL, NULL, NULL},
};

/* Instead, where address rules are to refuse that only reported so far. */
static const struct pn_column counts_and_reports[] = {
    {"unaffected", "unaffected", NULL},
    {"shortened", "shortened", NULL},
    {"stopped", "stopped", NULL},
    {"of these used in 24 hours", "used_24h", NULL},
    {"marked as unused", "marked", NULL},
    {"tokens reported by address", "address_reports.tokens", NULL},
    {"of so many owners", "address_reports.owners", NULL},
    {"their requests in 30 days", "address_reports.requests", NULL},
    {NULL, NULL, NULL},
};

static const struct pn_column affected[] = {
    {"ID", "id", NULL},
    {"OWNER", "owner", NULL},
    {"NAME", "name", NULL},
    {"EFFECT", "effect", NULL},
    {"BECAUSE", "because", NULL},
    {"NEW END", "new_expires_at", NULL},
    {"DISABLED", "disable_at", NULL},
    {"LAST USED", "last_used_at", NULL},
    {NULL, NULL, NULL},
};

static enum pn_exit
run_preview(struct pn_cli *cli)
{
    struct pn_answer answer = {0};
    enum pn_exit rc = put_wanted(cli, "preview=true&limit=200", &answer);

    if (rc != PN_EXIT_OK) {
        return rc;
    }
    pn_print_warnings(cli, answer.doc);
    pn_print_object(cli,
                    json_is_object(pn_json_at(answer.doc, "address_reports"))
                        ? counts_and_reports
                        : counts,
                    answer.doc);
    if (!pn_cli_has(cli, "json")
        && json_array_size(pn_json_at(answer.doc, "tokens.items")) > 0)
    {
        pn_print_table(cli, affected, pn_json_at(answer.doc, "tokens.items"));
    }
    if (json_is_string(pn_json_at(answer.doc, "tokens.next_cursor"))) {
        pn_say("the list ends here; the counts are of all tokens");
    }
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
    {
        .noun = "policy",
        .verb = "preview",
        .args = "[FILE]",
        .summary = "Show what a change would do to the tokens that are there",
        .examples = "postern policy preview --allow-group token-users "
                    "--max-days 30\n"
                    "postern policy preview policy.json --enforce after "
                    "--days 14\n",
        .details = "Takes what 'postern policy set' takes and changes "
                   "nothing. Without --enforce it shows what 'now' would "
                   "do.\n",
        .options = set_options,
        .max_args = 1,
        .run = run_preview,
    },
    {
        .noun = "policy",
        .verb = "reports",
        .args = "",
        .summary = "List whom address rules that only report would refuse",
        .examples = "postern policy reports\n"
                    "postern policy reports --rule app --app jira --since "
                    "2027-01-31\n",
        .details = "A rule reports where its --ip-mode is report. NOW says "
                   "what the rule, as it is by now, would do. Reports are kept "
                   "for 30 days.\n",
        .options = pn_policy_reports_options,
        .run = pn_policy_reports,
    },
    {
        .noun = "policy",
        .verb = "history",
        .args = "",
        .summary = "List the versions of the policy, newest first",
        .examples = "postern policy history\n",
        .run = pn_policy_history,
    },
    {
        .noun = "policy",
        .verb = "diff",
        .args = "[VERSION] VERSION",
        .summary = "Show what differs between two versions of the policy",
        .examples = "postern policy diff 7\n"
                    "postern policy diff 3 7\n",
        .details = "With one VERSION, against the one before it.\n",
        .min_args = 1,
        .max_args = 2,
        .run = pn_policy_diff,
    },
    {
        .noun = "policy",
        .verb = "revert",
        .args = "VERSION",
        .summary = "Make a former version the policy again",
        .examples = "postern policy revert 6\n",
        .options = how_options,
        .min_args = 1,
        .max_args = 1,
        .run = pn_policy_revert,
    },
    {.noun = NULL},
};
