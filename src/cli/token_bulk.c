/* SPDX-License-Identifier: Apache-2.0 */
/* postern token bulk: one act for many tokens, in pieces, with progress. */
#include <string.h>

#include "base/str.h"
#include "cli/connect.h"
#include "cli/input.h"
#include "cli/print.h"
#include "cli/token_run.h"
#include "cli/token_wish.h"
#include "cli/wish.h"

enum { PIECE = 250 };

static const struct pn_column columns[] = {
    {"ID", "id", NULL},
    {"OWNER", "owner", NULL},
    {"NAME", "name", NULL},
    {"EFFECT", "effect", NULL},
    {"NEW END", "new_expires_at", NULL},
    {"LAST USED", "last_used_at", NULL},
    {NULL, NULL, NULL},
};

/* {"action": …} with what belongs to it. */
static enum pn_exit
begin(struct pn_cli *cli, json_t **out)
{
    const char *action = cli->args[0], *at = NULL;
    json_t *doc =
        pn_json_defer(cli->arena, json_pack("{s:s}", "action", action));
    enum pn_exit rc = PN_EXIT_OK;

    if (doc == NULL) {
        return pn_cli_nomem();
    }
    if (pn_cli_has(cli, "until")) {
        rc = pn_wish_instant(cli, "until", &at);
        if (rc == PN_EXIT_OK
            && json_object_set_new(doc, "expires_at", json_string(at)) != 0)
        {
            rc = pn_cli_nomem();
        }
    }
    if (rc == PN_EXIT_OK && !pn_wish_text(cli, "reason", doc, "reason")) {
        rc = pn_cli_nomem();
    }
    *out = doc;
    return rc;
}

/* The tokens that were named, or the filter. */
static enum pn_exit
choose(struct pn_cli *cli, json_t *doc)
{
    json_t *filter = json_object(), *ids;
    enum pn_exit rc =
        filter != NULL ? pn_token_filter(cli, filter) : pn_cli_nomem();
    const bool filtered = json_object_size(filter) > 0;

    if (rc == PN_EXIT_OK && filtered == (cli->arg_count > 1)) {
        rc = pn_cli_usage(cli, "name tokens, or say which by options, such as "
                               "--owner; not both");
    }
    if (rc != PN_EXIT_OK || filtered) {
        return json_object_set_new(doc, "filter", filter) == 0 ? rc
                                                               : pn_cli_nomem();
    }
    json_decref(filter);
    ids = json_array();
    for (size_t i = 1; rc == PN_EXIT_OK && i < cli->arg_count; i++) {
        const char *id = NULL;

        rc = pn_token_find(cli, cli->args[i], &id);
        if (rc == PN_EXIT_OK
            && json_array_append_new(ids, json_string(id)) != 0) {
            rc = pn_cli_nomem();
        }
    }
    return json_object_set_new(doc, "ids", ids) == 0 ? rc : pn_cli_nomem();
}

static json_int_t
count_of(const json_t *doc, const char *member)
{
    return json_integer_value(pn_json_at(doc, member));
}

static enum pn_exit
ask(struct pn_cli *cli, const json_t *preview)
{
    const char *question = pn_arena_printf(
        cli->arena,
        "%s %zu%s tokens of %lld people, %lld of them used in the last 24 h? "
        "[y/N]",
        cli->args[0], json_array_size(pn_json_at(preview, "tokens.items")),
        json_is_true(pn_json_at(preview, "more")) ? " and more" : "",
        (long long) count_of(preview, "owners"),
        (long long) count_of(preview, "used_24h"));

    return question != NULL ? pn_input_confirm(cli, question) : pn_cli_nomem();
}

static void
say_failures(const json_t *answer)
{
    const json_t *failed = pn_json_at(answer, "failed"), *one;
    size_t i;

    json_array_foreach(failed, i, one)
    {
        pn_say("%s: %s", pn_json_text(one, "id"), pn_json_text(one, "detail"));
    }
}

/* The tokens that the preview named, some at a time. */
static enum pn_exit
run_pieces(struct pn_cli *cli, json_t *doc, const json_t *items, size_t *done)
{
    size_t failures = 0;

    (void) json_object_del(doc, "filter");
    for (size_t at = 0; at < json_array_size(items);) {
        json_t *ids = json_array(), *body;
        struct pn_answer answer = {0};
        enum pn_exit rc;

        for (size_t i = 0; i < PIECE && at < json_array_size(items); i++, at++)
        {
            const json_t *item = json_array_get(items, at);

            if (json_array_append(ids, json_object_get(item, "id")) != 0) {
                json_decref(ids);
                return pn_cli_nomem();
            }
        }
        if (json_object_set_new(doc, "ids", ids) != 0) {
            return pn_cli_nomem();
        }
        body = json_deep_copy(doc);
        rc = body != NULL ? pn_call(cli, "POST", "/tokens/bulk", body, &answer)
                          : pn_cli_nomem();
        if (rc != PN_EXIT_OK) {
            pn_say("%zu tokens were done before this", *done);
            return rc;
        }
        *done += json_array_size(pn_json_at(answer.doc, "tokens.items"));
        failures += json_array_size(pn_json_at(answer.doc, "failed"));
        say_failures(answer.doc);
        if (json_array_size(items) > PIECE) {
            pn_say("%zu of %zu", at, json_array_size(items));
        }
    }
    return failures == 0 ? PN_EXIT_OK : PN_EXIT_ERROR;
}

static enum pn_exit
preview_of(struct pn_cli *cli, const json_t *doc, struct pn_answer *out)
{
    json_t *body = json_deep_copy(doc);

    return body != NULL
               ? pn_call(cli, "POST", "/tokens/bulk?preview=true", body, out)
               : pn_cli_nomem();
}

static enum pn_exit
show_preview(struct pn_cli *cli, const json_t *preview)
{
    if (pn_cli_has(cli, "json")) {
        pn_print_json(preview);
        return PN_EXIT_OK;
    }
    pn_print_table(cli, columns, pn_json_at(preview, "tokens.items"));
    pn_say("%lld stopped, %lld resumed, %lld shortened, %lld as before; %lld "
           "people, %lld tokens used in the last 24 h; nothing was changed",
           (long long) count_of(preview, "stopped"),
           (long long) count_of(preview, "resumed"),
           (long long) count_of(preview, "shortened"),
           (long long) count_of(preview, "unaffected"),
           (long long) count_of(preview, "owners"),
           (long long) count_of(preview, "used_24h"));
    return PN_EXIT_OK;
}

enum pn_exit
pn_token_bulk(struct pn_cli *cli)
{
    struct pn_answer preview = {0};
    json_t *doc = NULL;
    size_t done = 0;
    enum pn_exit rc = begin(cli, &doc);

    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    if (rc == PN_EXIT_OK) {
        rc = choose(cli, doc);
    }
    if (rc == PN_EXIT_OK) {
        rc = preview_of(cli, doc, &preview);
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    say_failures(preview.doc);
    if (pn_cli_has(cli, "preview")) {
        return show_preview(cli, preview.doc);
    }
    rc = ask(cli, preview.doc);
    if (rc == PN_EXIT_OK) {
        rc = run_pieces(cli, doc, pn_json_at(preview.doc, "tokens.items"),
                        &done);
    }
    if (rc == PN_EXIT_OK
        && json_array_size(pn_json_at(preview.doc, "failed")) > 0) {
        rc = PN_EXIT_ERROR;
    }
    pn_say("%zu tokens done, %lld as before%s", done,
           (long long) count_of(preview.doc, "unaffected"),
           json_is_true(pn_json_at(preview.doc, "more"))
               ? "; there are more: run it again"
               : "");
    return rc;
}
