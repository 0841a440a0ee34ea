/* SPDX-License-Identifier: Apache-2.0 */
/* postern app: the applications that Postern stands in front of. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/input.h"
#include "cli/preset.h"
#include "cli/print.h"
#include "cli/wish.h"

#define APP_OPTIONS                                                            \
    {"file", "FILE", "the document as JSON; - is standard input", PN_ONCE},    \
        {"address", "URL", "where people reach the application", PN_ONCE},     \
        {"context-path", "PATH", "below which it lives: /jira", PN_ONCE},      \
        {"path", "PATTERN", "what tokens may reach: '/rest/**'", PN_REPEAT},   \
        {"read", "PATTERN", "also reading: 'POST /**/git-upload-pack'",        \
         PN_REPEAT},                                                           \
        {"passwords", "HOW", "forward, report or block", PN_ONCE},             \
        {"foreign-bearer", "HOW", "forward, report or block", PN_ONCE},        \
        {"cookies", "HOW", "strip or keep", PN_ONCE},                          \
        {"challenge", "WHEN", "auto, always or never", PN_ONCE},               \
        {"group", "NAME", "only for members of this group", PN_REPEAT},        \
        {"ip", "CIDR", "only from these addresses", PN_REPEAT},                \
        {"ip-deny", "CIDR", "not from these addresses", PN_REPEAT},            \
        {"ip-mode", "enforce|report", "refuse others, or only note them",      \
         PN_ONCE},                                                             \
        {"user-header", "NAME", "header that carries the user", PN_ONCE},      \
        {"whoami-path", "PATH", "where it says who one is", PN_ONCE},          \
    {                                                                          \
        "whoami-field", "NAME", "member of that answer", PN_ONCE               \
    }

static const struct pn_option create_options[] = {
    {"preset", "NAME", "start from: generic, jira, confluence, …", PN_ONCE},
    APP_OPTIONS,
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option edit_options[] = {
    APP_OPTIONS,
    {"any-group", NULL, "for everybody again", PN_ONCE},
    {"any-ip", NULL, "from every address again", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option delete_options[] = {
    {"yes", NULL, "do not ask", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_column list_columns[] = {
    {"NAME", "name", NULL},   {"ADDRESS", "url", NULL},
    {"PATHS", "paths", NULL}, {"PASSWORDS", "passwords", NULL},
    {NULL, NULL, NULL},
};

static const struct pn_column show_columns[] = {
    {"application", "name", NULL},
    {"address", "url", NULL},
    {"context path", "context_path", NULL},
    {"paths", "paths", NULL},
    {"reads", "reads", NULL},
    {"passwords", "passwords", NULL},
    {"foreign bearer", "foreign_bearer", NULL},
    {"cookies", "cookies", NULL},
    {"challenge", "challenge", NULL},
    {"groups", "groups", NULL},
    {"addresses", "ip_rules", NULL},
    {"user header", "identity.user_header", NULL},
    {"groups header", "identity.groups_header", NULL},
    {"whoami", "whoami", NULL},
    {NULL, NULL, NULL},
};

/* Puts object[key][member] from an option, making object[key] if need be. */
static bool
wish_inner(const struct pn_cli *cli, const char *option, json_t *doc,
           const char *key, const char *member)
{
    json_t *inner = json_object_get(doc, key);

    if (!pn_cli_has(cli, option)) {
        return true;
    }
    if (!json_is_object(inner)) {
        inner = json_object();
        if (json_object_set_new(doc, key, inner) != 0) {
            return false;
        }
    }
    return pn_wish_text(cli, option, inner, member);
}

static enum pn_exit
wish(struct pn_cli *cli, json_t *doc)
{
    static const struct {
        const char *option, *member;
    } texts[] = {
        {"address", "url"},         {"context-path", "context_path"},
        {"passwords", "passwords"}, {"foreign-bearer", "foreign_bearer"},
        {"cookies", "cookies"},     {"challenge", "challenge"},
    };
    bool good = true;

    for (size_t i = 0; i < PN_LEN(texts); i++) {
        good = good && pn_wish_text(cli, texts[i].option, doc, texts[i].member);
    }
    good = good && pn_wish_list(cli, "path", doc, "paths")
           && pn_wish_list(cli, "read", doc, "reads")
           && pn_wish_list(cli, "group", doc, "groups")
           && pn_wish_ip(cli, doc, "ip_rules")
           && wish_inner(cli, "user-header", doc, "identity", "user_header")
           && wish_inner(cli, "whoami-path", doc, "whoami", "path")
           && wish_inner(cli, "whoami-field", doc, "whoami", "field");
    if (good && pn_cli_has(cli, "any-group")) {
        good = json_object_set_new(doc, "groups", json_null()) == 0;
    }
    if (good && pn_cli_has(cli, "any-ip")) {
        good = json_object_set_new(doc, "ip_rules", json_null()) == 0;
    }
    return good ? PN_EXIT_OK : pn_cli_nomem();
}

/* The document to begin with: a file's, a preset's, or nothing. */
static enum pn_exit
begin(struct pn_cli *cli, json_t **out)
{
    const char *file = pn_cli_value(cli, "file");
    const char *preset = pn_cli_value(cli, "preset");

    if (file != NULL && preset != NULL) {
        return pn_cli_usage(cli, "either --file or --preset");
    }
    if (file != NULL) {
        return pn_wish_file(cli, file, out);
    }
    if (preset != NULL) {
        const struct pn_preset *found = pn_preset_find(preset);

        if (found == NULL) {
            return pn_cli_usage(cli, "there is no preset '%s'; one of: %s",
                                preset, pn_preset_names(cli->arena));
        }
        *out = pn_preset_app(found, cli->arena);
    } else {
        *out = pn_json_defer(cli->arena, json_object());
    }
    return *out != NULL ? PN_EXIT_OK : pn_cli_nomem();
}

static enum pn_exit
send(struct pn_cli *cli, const char *method, const char *path, json_t *doc)
{
    struct pn_answer answer;
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    if (rc == PN_EXIT_OK) {
        rc = pn_call(cli, method, path, json_incref(doc), &answer);
    }
    if (rc == PN_EXIT_OK && answer.doc != NULL) {
        pn_print_warnings(cli, answer.doc);
        pn_print_object(cli, show_columns, answer.doc);
    }
    return rc;
}

static enum pn_exit
run_create(struct pn_cli *cli)
{
    json_t *doc = NULL;
    enum pn_exit rc = begin(cli, &doc);

    if (rc == PN_EXIT_OK) {
        rc = wish(cli, doc);
    }
    if (rc == PN_EXIT_OK
        && json_object_set_new(doc, "name", json_string(cli->args[0])) != 0)
    {
        pn_say("the name is not UTF-8");
        rc = PN_EXIT_USAGE;
    }
    return rc == PN_EXIT_OK ? send(cli, "POST", "/apps", doc) : rc;
}

static enum pn_exit
run_list(struct pn_cli *cli)
{
    json_t *list;
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    if (rc == PN_EXIT_OK) {
        rc = pn_call_list(cli, "/apps", "", 0, &list);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_list(cli, list_columns, list, "no applications");
    }
    return rc;
}

static enum pn_exit
run_show(struct pn_cli *cli)
{
    return send(cli, "GET", pn_path(cli, "/apps/", cli->args[0], ""), NULL);
}

static enum pn_exit
run_edit(struct pn_cli *cli)
{
    json_t *doc = NULL;
    enum pn_exit rc = begin(cli, &doc);

    if (rc == PN_EXIT_OK) {
        rc = wish(cli, doc);
    }
    if (rc == PN_EXIT_OK && json_object_size(doc) == 0) {
        rc = pn_cli_usage(cli, "nothing to change was given");
    }
    return rc == PN_EXIT_OK ? send(
               cli, "PATCH", pn_path(cli, "/apps/", cli->args[0], ""), doc)
                            : rc;
}

static enum pn_exit
run_delete(struct pn_cli *cli)
{
    const char *question = pn_arena_printf(
        cli->arena,
        "Delete application %s? Its locations answer 503 until nginx is told "
        "[y/N]",
        cli->args[0]);
    enum pn_exit rc =
        question != NULL ? pn_input_confirm(cli, question) : pn_cli_nomem();

    if (rc == PN_EXIT_OK) {
        rc =
            send(cli, "DELETE", pn_path(cli, "/apps/", cli->args[0], ""), NULL);
    }
    if (rc == PN_EXIT_OK) {
        pn_say("application '%s' is deleted", cli->args[0]);
    }
    return rc;
}

const struct pn_command pn_app_commands[] = {
    {
        .noun = "app",
        .verb = "create",
        .args = "APP",
        .summary = "Describe an application to Postern",
        .examples = "postern app create jira --preset jira \\\n"
                    "    --address https://jira.example.com\n"
                    "postern app create wiki --file wiki.json\n",
        .options = create_options,
        .min_args = 1,
        .max_args = 1,
        .run = run_create,
    },
    {
        .noun = "app",
        .verb = "list",
        .args = "",
        .summary = "List applications",
        .examples = "postern app list\n",
        .run = run_list,
    },
    {
        .noun = "app",
        .verb = "show",
        .args = "APP",
        .summary = "Show one application",
        .examples = "postern app show jira\n"
                    "postern app show jira --json > jira.json\n",
        .min_args = 1,
        .max_args = 1,
        .run = run_show,
    },
    {
        .noun = "app",
        .verb = "edit",
        .args = "APP",
        .summary = "Change an application",
        .examples = "postern app edit jira --passwords block\n"
                    "postern app edit jira --path '/rest/**' "
                    "--path '/plugins/**'\n",
        .details = "Lists replace the ones before.\n",
        .options = edit_options,
        .min_args = 1,
        .max_args = 1,
        .run = run_edit,
    },
    {
        .noun = "app",
        .verb = "delete",
        .args = "APP",
        .summary = "Forget an application",
        .examples = "postern app delete wiki --yes\n",
        .options = delete_options,
        .min_args = 1,
        .max_args = 1,
        .run = run_delete,
    },
    {.noun = NULL},
};
