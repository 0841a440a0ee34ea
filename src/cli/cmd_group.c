/* SPDX-License-Identifier: Apache-2.0 */
/* postern group: who belongs together. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/input.h"
#include "cli/print.h"
#include "cli/wish.h"

static const struct pn_option create_options[] = {
    {"description", "TEXT", "what the group is for", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option edit_options[] = {
    {"name", "NAME", "another name", PN_ONCE},
    {"description", "TEXT", "what the group is for", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option delete_options[] = {
    {"yes", NULL, "do not ask", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_column list_columns[] = {
    {"NAME", "name", NULL},
    {"MEMBERS", "member_count", NULL},
    {"DESCRIPTION", "description", NULL},
    {NULL, NULL, NULL},
};

static const struct pn_column show_columns[] = {
    {"group", "name", NULL},
    {"description", "description", NULL},
    {"members", "member_count", NULL},
    {NULL, NULL, NULL},
};

static enum pn_exit
send(struct pn_cli *cli, const char *method, const char *path, json_t *doc)
{
    struct pn_answer answer;
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    if (rc != PN_EXIT_OK) {
        json_decref(doc);
        return rc;
    }
    rc = pn_call(cli, method, path, doc, &answer);
    if (rc == PN_EXIT_OK && answer.doc != NULL) {
        pn_print_object(cli, show_columns, answer.doc);
    }
    return rc;
}

static enum pn_exit
run_create(struct pn_cli *cli)
{
    json_t *doc = json_pack("{s:s}", "name", cli->args[0]);

    if (doc == NULL) {
        pn_say("the name is not UTF-8");
        return PN_EXIT_USAGE;
    }
    if (!pn_wish_text(cli, "description", doc, "description")) {
        json_decref(doc);
        return pn_cli_nomem();
    }
    return send(cli, "POST", "/groups", doc);
}

static enum pn_exit
run_list(struct pn_cli *cli)
{
    json_t *list;
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    if (rc == PN_EXIT_OK) {
        rc = pn_call_list(cli, "/groups", "", 0, &list);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_list(cli, list_columns, list, "no groups");
    }
    return rc;
}

static enum pn_exit
run_show(struct pn_cli *cli)
{
    return send(cli, "GET", pn_path(cli, "/groups/", cli->args[0], ""), NULL);
}

static enum pn_exit
run_edit(struct pn_cli *cli)
{
    json_t *doc = json_object();

    if (doc == NULL || !pn_wish_text(cli, "name", doc, "name")
        || !pn_wish_text(cli, "description", doc, "description"))
    {
        json_decref(doc);
        return pn_cli_nomem();
    }
    if (json_object_size(doc) == 0) {
        json_decref(doc);
        return pn_cli_usage(cli, "nothing to change was given");
    }
    return send(cli, "PATCH", pn_path(cli, "/groups/", cli->args[0], ""), doc);
}

static enum pn_exit
run_delete(struct pn_cli *cli)
{
    const char *question = pn_arena_printf(
        cli->arena,
        "Delete group %s? Tokens that its members may have only through it "
        "are suspended [y/N]",
        cli->args[0]);
    enum pn_exit rc =
        question != NULL ? pn_input_confirm(cli, question) : pn_cli_nomem();

    if (rc == PN_EXIT_OK) {
        rc = send(cli, "DELETE", pn_path(cli, "/groups/", cli->args[0], ""),
                  NULL);
    }
    if (rc == PN_EXIT_OK) {
        pn_say("group '%s' is deleted", cli->args[0]);
    }
    return rc;
}

enum membership { ADD = 0, REMOVE };

/* The user's groups with the group in or out; *changed says whether that
 * differs from before.  NULL when out of memory. */
static json_t *
groups_with(const json_t *user, const char *group, enum membership wanted,
            bool *changed)
{
    const json_t *before = json_object_get(user, "groups");
    json_t *after = json_array();
    bool was = false;

    for (size_t i = 0; i < json_array_size(before); i++) {
        const char *name = json_string_value(json_array_get(before, i));
        bool same = name != NULL && strcmp(name, group) == 0;

        was |= same;
        if (!same && json_array_append(after, json_array_get(before, i)) != 0) {
            json_decref(after);
            return NULL;
        }
    }
    if (wanted == ADD && json_array_append_new(after, json_string(group)) != 0)
    {
        json_decref(after);
        return NULL;
    }
    *changed = was != (wanted == ADD);
    return after;
}

static enum pn_exit
change_member(struct pn_cli *cli, const char *username, enum membership wanted)
{
    const char *path = pn_path(cli, "/users/", username, "");
    struct pn_answer answer;
    json_t *groups;
    bool changed = false;
    enum pn_exit rc = pn_call(cli, "GET", path, NULL, &answer);

    if (rc != PN_EXIT_OK) {
        return rc;
    }
    groups = groups_with(answer.doc, cli->args[0], wanted, &changed);
    if (groups == NULL) {
        return pn_cli_nomem();
    }
    if (changed) {
        rc = pn_call(cli, "PATCH", path, json_pack("{s:o}", "groups", groups),
                     &answer);
    } else {
        json_decref(groups);
    }
    if (rc == PN_EXIT_OK) {
        pn_say("'%s' is %s of '%s'", username,
               wanted == ADD ? "a member" : "no member", cli->args[0]);
    }
    return rc;
}

/* The group must exist: a slip of the finger must not pass for success. */
static enum pn_exit
change_members(struct pn_cli *cli, enum membership wanted)
{
    struct pn_answer answer;
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    if (rc == PN_EXIT_OK) {
        rc = pn_call(cli, "GET", pn_path(cli, "/groups/", cli->args[0], ""),
                     NULL, &answer);
    }
    for (size_t i = 1; i < cli->arg_count && rc == PN_EXIT_OK; i++) {
        rc = change_member(cli, cli->args[i], wanted);
    }
    return rc;
}

static enum pn_exit
run_add(struct pn_cli *cli)
{
    return change_members(cli, ADD);
}

static enum pn_exit
run_remove(struct pn_cli *cli)
{
    return change_members(cli, REMOVE);
}

const struct pn_command pn_group_commands[] = {
    {
        .noun = "group",
        .verb = "create",
        .args = "GROUP",
        .summary = "Add a group",
        .examples = "postern group create token-users\n",
        .options = create_options,
        .min_args = 1,
        .max_args = 1,
        .run = run_create,
    },
    {
        .noun = "group",
        .verb = "list",
        .args = "",
        .summary = "List groups",
        .examples = "postern group list\n",
        .run = run_list,
    },
    {
        .noun = "group",
        .verb = "show",
        .args = "GROUP",
        .summary = "Show one group",
        .examples = "postern group show token-users\n",
        .min_args = 1,
        .max_args = 1,
        .run = run_show,
    },
    {
        .noun = "group",
        .verb = "edit",
        .args = "GROUP",
        .summary = "Rename or describe a group",
        .examples = "postern group edit staff --name employees\n",
        .options = edit_options,
        .min_args = 1,
        .max_args = 1,
        .run = run_edit,
    },
    {
        .noun = "group",
        .verb = "delete",
        .args = "GROUP",
        .summary = "Delete a group",
        .examples = "postern group delete staff --yes\n",
        .options = delete_options,
        .min_args = 1,
        .max_args = 1,
        .run = run_delete,
    },
    {
        .noun = "group",
        .verb = "add",
        .args = "GROUP USER...",
        .summary = "Make people members",
        .examples = "postern group add token-users alice bob\n",
        .min_args = 2,
        .max_args = PN_CLI_ARGS_MAX,
        .run = run_add,
    },
    {
        .noun = "group",
        .verb = "remove",
        .args = "GROUP USER...",
        .summary = "End people's membership",
        .examples = "postern group remove token-users bob\n",
        .min_args = 2,
        .max_args = PN_CLI_ARGS_MAX,
        .run = run_remove,
    },
    {.noun = NULL},
};
