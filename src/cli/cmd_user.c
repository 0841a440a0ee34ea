/* SPDX-License-Identifier: Apache-2.0 */
/* postern user: people who own tokens. */
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/input.h"
#include "cli/print.h"
#include "cli/wish.h"

#define USER_OPTIONS                                                           \
    {"display-name", "TEXT", "the name that people see", PN_ONCE},             \
        {"email", "ADDRESS", "e-mail address", PN_ONCE},                       \
        {"role", "ROLE", "user, auditor or admin", PN_ONCE},                   \
        {"group", "NAME", "member of this group", PN_REPEAT},                  \
        {"custodian", "USER", "keeps this service account", PN_REPEAT},        \
        {"custodian-group", "NAME", "its members keep it", PN_REPEAT},         \
    {                                                                          \
        "password-file", "FILE", "a local password; - is standard input",      \
            PN_ONCE                                                            \
    }

static const struct pn_option create_options[] = {
    USER_OPTIONS,
    {"no-password", NULL, "does not sign in here", PN_ONCE},
    {"service", NULL, "a service account: nobody signs in", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option edit_options[] = {
    USER_OPTIONS,
    {"no-groups", NULL, "member of no group", PN_ONCE},
    {"active", "on|off", "off: signs in no more, tokens are suspended",
     PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option delete_options[] = {
    {"yes", NULL, "do not ask", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option stop_options[] = {
    {"reason", "TEXT", "why, for the audit", PN_ONCE},
    {"yes", NULL, "do not ask", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_option passwd_options[] = {
    {"password-file", "FILE", "the new password; - is standard input", PN_ONCE},
    {"old-password-file", "FILE", "your present password", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

/* "person", "service", or that nobody keeps it any more. */
static const char *
cell_kind(struct pn_cli *cli, const json_t *user)
{
    (void) cli;
    return json_is_false(pn_json_at(user, "has_custodian"))
               ? "service, without custodian"
               : pn_json_text(user, "kind");
}

static const struct pn_option list_options[] = {
    {"service", NULL, "only service accounts", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static const struct pn_column list_columns[] = {
    {"USERNAME", "username", NULL},
    {"NAME", "display_name", NULL},
    {"ROLE", "role", NULL},
    {"ACTIVE", "active", NULL},
    {"KIND", NULL, cell_kind},
    {"GROUPS", "groups", NULL},
    {NULL, NULL, NULL},
};

static const struct pn_column stop_columns[] = {
    {"user", "username", NULL},
    {"active", "active", NULL},
    {"tokens revoked", "tokens_revoked", NULL},
    {"sessions ended", "sessions_ended", NULL},
    {"hand-overs withdrawn", "handovers_withdrawn", NULL},
    {NULL, NULL, NULL},
};

static const struct pn_column show_columns[] = {
    {"user", "username", NULL},
    {"name", "display_name", NULL},
    {"e-mail", "email", NULL},
    {"role", "role", NULL},
    {"active", "active", NULL},
    {"groups", "groups", NULL},
    {"kind", NULL, cell_kind},
    {"custodians", "custodians", NULL},
    {"custodian groups", "custodian_groups", NULL},
    {"source", "source", NULL},
    {"created", "created_at", NULL},
    {NULL, NULL, NULL},
};

/* doc["password"], read from file or terminal. */
static enum pn_exit
wish_password(struct pn_cli *cli, enum pn_prompt prompt, json_t *doc)
{
    struct pn_secret password = {0};
    const char *question =
        pn_arena_printf(cli->arena, "New password of %s", cli->args[0]);
    enum pn_exit rc;

    if (question == NULL) {
        return pn_cli_nomem();
    }
    rc = pn_input_secret(cli, "password-file", question, prompt, &password);
    if (rc == PN_EXIT_OK
        && json_object_set_new(doc, "password",
                               json_stringn(password.bytes, password.len))
               != 0)
    {
        pn_say("the password is not UTF-8");
        rc = PN_EXIT_ERROR;
    }
    pn_secret_done(&password);
    return rc;
}

static enum pn_exit
wish(struct pn_cli *cli, json_t *doc)
{
    if (pn_cli_has(cli, "group") && pn_cli_has(cli, "no-groups")) {
        return pn_cli_usage(cli, "either --group or --no-groups");
    }
    if (!pn_wish_text(cli, "display-name", doc, "display_name")
        || !pn_wish_text(cli, "email", doc, "email")
        || !pn_wish_text(cli, "role", doc, "role")
        || !pn_wish_list(cli, "group", doc, "groups")
        || !pn_wish_list(cli, "custodian", doc, "custodians")
        || !pn_wish_list(cli, "custodian-group", doc, "custodian_groups")
        || (pn_cli_has(cli, "no-groups")
            && json_object_set_new(doc, "groups", json_array()) != 0))
    {
        return pn_cli_nomem();
    }
    if (pn_cli_has(cli, "password-file")) {
        return wish_password(cli, PN_PROMPT_TWICE, doc);
    }
    return PN_EXIT_OK;
}

static enum pn_exit
send(struct pn_cli *cli, const char *method, const char *path, json_t *doc)
{
    struct pn_answer answer;
    enum pn_exit rc = pn_call(cli, method, path, doc, &answer);

    if (rc == PN_EXIT_OK) {
        pn_print_object(cli, show_columns, answer.doc);
    }
    return rc;
}

static enum pn_exit
run_create(struct pn_cli *cli)
{
    json_t *doc = json_pack("{s:s}", "username", cli->args[0]);
    bool service = pn_cli_has(cli, "service");
    enum pn_exit rc;

    if (doc == NULL) {
        pn_say("the user name is not UTF-8");
        return PN_EXIT_USAGE;
    }
    if (pn_cli_has(cli, "password-file") && pn_cli_has(cli, "no-password")) {
        json_decref(doc);
        return pn_cli_usage(cli, "either --password-file or --no-password");
    }
    if (service && pn_cli_has(cli, "password-file")) {
        json_decref(doc);
        return pn_cli_usage(cli, "nobody signs in to a service account: "
                                 "no --password-file");
    }
    if (service
        && json_object_set_new(doc, "kind", json_string("service")) != 0) {
        json_decref(doc);
        return pn_cli_nomem();
    }
    rc = pn_connect(cli, PN_WANT_ANY);
    if (rc == PN_EXIT_OK) {
        rc = wish(cli, doc);
    }
    if (rc == PN_EXIT_OK && !service && !pn_cli_has(cli, "password-file")
        && !pn_cli_has(cli, "no-password"))
    {
        rc = wish_password(cli, PN_PROMPT_TWICE, doc);
    }
    if (rc != PN_EXIT_OK) {
        json_decref(doc);
        return rc;
    }
    return send(cli, "POST", "/users", doc);
}

static enum pn_exit
run_list(struct pn_cli *cli)
{
    json_t *list;
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    if (rc == PN_EXIT_OK) {
        rc = pn_call_list(cli, "/users",
                          pn_cli_has(cli, "service") ? "kind=service" : "", 0,
                          &list);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_list(cli, list_columns, list, "no users");
    }
    return rc;
}

static enum pn_exit
run_show(struct pn_cli *cli)
{
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    return rc == PN_EXIT_OK ? send(
               cli, "GET", pn_path(cli, "/users/", cli->args[0], ""), NULL)
                            : rc;
}

static enum pn_exit
run_edit(struct pn_cli *cli)
{
    json_t *doc = json_object();
    enum pn_exit rc =
        doc != NULL ? pn_connect(cli, PN_WANT_ANY) : pn_cli_nomem();

    if (rc == PN_EXIT_OK) {
        rc = wish(cli, doc);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_wish_switch(cli, "active", doc, "active");
    }
    if (rc == PN_EXIT_OK && json_object_size(doc) == 0) {
        rc = pn_cli_usage(cli, "nothing to change was given");
    }
    if (rc != PN_EXIT_OK) {
        json_decref(doc);
        return rc;
    }
    return send(cli, "PATCH", pn_path(cli, "/users/", cli->args[0], ""), doc);
}

static enum pn_exit
run_delete(struct pn_cli *cli)
{
    struct pn_answer answer;
    const char *question = pn_arena_printf(
        cli->arena, "Delete user %s and revoke all their tokens? [y/N]",
        cli->args[0]);
    enum pn_exit rc =
        question != NULL ? pn_input_confirm(cli, question) : pn_cli_nomem();

    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_call(cli, "DELETE", pn_path(cli, "/users/", cli->args[0], ""),
                     NULL, &answer);
    }
    if (rc == PN_EXIT_OK) {
        pn_say("user '%s' is deleted", cli->args[0]);
    }
    return rc;
}

static enum pn_exit
run_stop(struct pn_cli *cli)
{
    struct pn_answer answer;
    const char *reason = pn_cli_value(cli, "reason");
    const char *question = pn_arena_printf(
        cli->arena,
        "Switch user %s off, end the sessions and revoke all tokens? [y/N]",
        cli->args[0]);
    enum pn_exit rc =
        question != NULL ? pn_input_confirm(cli, question) : pn_cli_nomem();

    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_ANY);
    }
    if (rc == PN_EXIT_OK) {
        rc =
            pn_call(cli, "POST", pn_path(cli, "/users/", cli->args[0], "/stop"),
                    reason != NULL ? json_pack("{s:s}", "reason", reason)
                                   : json_object(),
                    &answer);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_object(cli, stop_columns, answer.doc);
    }
    return rc;
}

/* One's own: the present password is asked for, too. */
static enum pn_exit
wish_own_password(struct pn_cli *cli, json_t *doc)
{
    struct pn_secret old = {0}, new = {0};
    enum pn_exit rc =
        pn_input_secret(cli, "old-password-file", "Your present password",
                        PN_PROMPT_ONCE, &old);

    if (rc == PN_EXIT_OK) {
        rc = pn_input_secret(cli, "password-file", "Your new password",
                             PN_PROMPT_TWICE, &new);
    }
    if (rc == PN_EXIT_OK
        && (json_object_set_new(doc, "old", json_stringn(old.bytes, old.len))
                != 0
            || json_object_set_new(doc, "new", json_stringn(new.bytes, new.len))
                   != 0))
    {
        pn_say("the password is not UTF-8");
        rc = PN_EXIT_ERROR;
    }
    pn_secret_done(&old);
    pn_secret_done(&new);
    return rc;
}

static enum pn_exit
run_passwd(struct pn_cli *cli)
{
    struct pn_answer answer;
    const char *user = cli->arg_count > 0 ? cli->args[0] : NULL;
    json_t *doc = json_object();
    enum pn_exit rc =
        doc == NULL
            ? pn_cli_nomem()
            : pn_connect(cli, user != NULL ? PN_WANT_ANY : PN_WANT_PERSON);

    if (rc == PN_EXIT_OK) {
        rc = user != NULL ? wish_password(cli, PN_PROMPT_TWICE, doc)
                          : wish_own_password(cli, doc);
    }
    if (rc != PN_EXIT_OK) {
        json_decref(doc);
        return rc;
    }
    rc = user != NULL ? pn_call(cli, "PATCH", pn_path(cli, "/users/", user, ""),
                                doc, &answer)
                      : pn_call(cli, "POST", "/me/password", doc, &answer);
    if (rc == PN_EXIT_OK) {
        pn_say("the password is changed");
    }
    return rc;
}

const struct pn_command pn_user_commands[] = {
    {
        .noun = "user",
        .verb = "create",
        .args = "USER",
        .summary = "Add a person",
        .examples = "postern user create alice --email alice@example.com\n"
                    "postern user create bob --group token-users \\\n"
                    "    --password-file bob.txt\n"
                    "postern user create nightly-backup --service --custodian "
                    "alice\n",
        .details = "The password is asked for unless it is in a file.  With "
                   "--no-password the\nperson exists but cannot sign in "
                   "here.\n"
                   "With --service nobody ever signs in: custodians, who "
                   "sign in as themselves,\nmanage its tokens with 'postern "
                   "token create --owner'.\n",
        .options = create_options,
        .min_args = 1,
        .max_args = 1,
        .run = run_create,
    },
    {
        .noun = "user",
        .verb = "list",
        .args = "",
        .summary = "List people",
        .examples = "postern user list\n"
                    "postern user list --service\n",
        .options = list_options,
        .run = run_list,
    },
    {
        .noun = "user",
        .verb = "show",
        .args = "USER",
        .summary = "Show one person",
        .examples = "postern user show alice\n",
        .min_args = 1,
        .max_args = 1,
        .run = run_show,
    },
    {
        .noun = "user",
        .verb = "edit",
        .args = "USER",
        .summary = "Change a person",
        .examples = "postern user edit alice --active off\n"
                    "postern user edit alice --role auditor --group staff\n",
        .details = "--group replaces the list; 'postern group add' adds to "
                   "it.\n",
        .options = edit_options,
        .min_args = 1,
        .max_args = 1,
        .run = run_edit,
    },
    {
        .noun = "user",
        .verb = "delete",
        .args = "USER",
        .summary = "Delete a person and revoke all their tokens",
        .examples = "postern user delete alice --yes\n",
        .options = delete_options,
        .min_args = 1,
        .max_args = 1,
        .run = run_delete,
    },
    {
        .noun = "user",
        .verb = "stop",
        .args = "USER",
        .summary = "End everything of a person, at once",
        .examples = "postern user stop alice --reason 'left the company'\n",
        .details = "The account is switched off, all its sessions end and "
                   "all its tokens are\nrevoked, in one act.  'postern user "
                   "edit USER --active on' lets the person sign\nin again; "
                   "the tokens stay revoked.\n",
        .options = stop_options,
        .min_args = 1,
        .max_args = 1,
        .run = run_stop,
    },
    {
        .noun = "user",
        .verb = "passwd",
        .args = "[USER]",
        .summary = "Change your password, or set another person's",
        .examples = "postern user passwd\n"
                    "postern user passwd alice\n"
                    "postern user passwd alice --password-file - < new.txt\n",
        .options = passwd_options,
        .max_args = 1,
        .run = run_passwd,
    },
    {.noun = NULL},
};
