/* SPDX-License-Identifier: Apache-2.0 */
/* postern login, logout, whoami: the session that this command line keeps. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/input.h"
#include "cli/place.h"
#include "cli/print.h"
#include "cli/session.h"

static const struct pn_option login_options[] = {
    {"user", "NAME", "who signs in; asked for when left out", PN_ONCE},
    {"password-file", "FILE", "the password; - is standard input", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static enum pn_exit
keep(struct pn_cli *cli, const struct pn_kept_session *session)
{
    enum pn_err err = pn_session_save(session, cli->arena);

    if (err != PN_OK) {
        const char *path = pn_place_session(cli->arena);

        pn_say("cannot keep the session in '%s': %s",
               path != NULL ? path : "$HOME/.config/postern/session",
               pn_err_text(err));
        return PN_EXIT_ERROR;
    }
    pn_say("signed in as '%s' at %s", session->username, session->url);
    return PN_EXIT_OK;
}

static enum pn_exit
run_login(struct pn_cli *cli)
{
    struct pn_kept_session session = {.cacert = ""};
    struct pn_secret password = {0};
    const char *cacert = NULL, *url, *question;
    enum pn_exit rc;

    url = pn_find_url(cli, &cacert);
    session.username = pn_cli_value(cli, "user");
    if (url == NULL) {
        return pn_cli_usage(cli, "where? --url http://HOST:PORT");
    }
    rc = pn_check_url(cli, url, &session.url);
    if (rc == PN_EXIT_OK && cacert != NULL) {
        session.cacert = cacert;
    }
    if (rc == PN_EXIT_OK && session.username == NULL) {
        rc = pn_input_line(cli, "user", "User name", &session.username);
    }
    if (rc != PN_EXIT_OK) {
        return rc;
    }
    question = pn_arena_printf(cli->arena, "Password of %s", session.username);
    if (question == NULL) {
        return pn_cli_nomem();
    }
    rc = pn_input_secret(cli, "password-file", question, PN_PROMPT_ONCE,
                         &password);
    if (rc == PN_EXIT_OK) {
        rc = pn_sign_in(cli, &session, &password, &session.cookie);
    }
    pn_secret_done(&password);
    return rc == PN_EXIT_OK ? keep(cli, &session) : rc;
}

static enum pn_exit
run_logout(struct pn_cli *cli)
{
    struct pn_kept_session session;
    struct pn_answer answer;
    enum pn_exit rc;

    if (pn_session_load(cli->arena, &session) != PN_OK) {
        pn_session_forget(cli->arena);
        pn_say("nobody was signed in");
        return PN_EXIT_OK;
    }
    rc = pn_connect(cli, PN_WANT_PERSON);
    if (rc == PN_EXIT_OK) {
        rc = pn_call(cli, "DELETE", "/session", NULL, &answer);
    }
    pn_session_forget(cli->arena);

    /* A session that is gone already is what was asked for. */
    if (rc == PN_EXIT_OK || rc == PN_EXIT_SIGN_IN) {
        pn_say("signed out of %s", session.url);
        return PN_EXIT_OK;
    }
    pn_say("the session was forgotten here, but may still be valid there");
    return rc;
}

static enum pn_exit
run_whoami(struct pn_cli *cli)
{
    static const struct pn_column columns[] = {
        {"user", "username", NULL},
        {"name", "display_name", NULL},
        {"role", "role", NULL},
        {"groups", "groups", NULL},
        {"may make tokens", "may_create", NULL},
        {"longest lifetime in days", "max_lifetime_days", NULL},
        {"why not", "why_not", NULL},
        {"custodian of", "custodian_of", NULL},
        {NULL, NULL, NULL},
    };
    struct pn_answer answer;
    enum pn_exit rc = pn_connect(cli, PN_WANT_ANY);

    if (rc == PN_EXIT_OK) {
        rc = pn_call(cli, "GET", "/me", NULL, &answer);
    }
    if (rc == PN_EXIT_OK) {
        pn_print_object(cli, columns, answer.doc);
    }
    return rc;
}

const struct pn_command pn_login_commands[] = {
    {
        .noun = "login",
        .args = "",
        .summary = "Sign in and keep the session",
        .examples =
            "postern login --url https://jira.example.com --user alice\n"
            "postern login --url http://127.0.0.1:8080 --user alice \\\n"
            "    --password-file - < password.txt\n",
        .details = "The session is kept in $XDG_CONFIG_HOME/postern/session, "
                   "readable by you only.\nMaking a token needs a sign-in at "
                   "most 15 minutes old.\n",
        .options = login_options,
        .run = run_login,
    },
    {
        .noun = "logout",
        .args = "",
        .summary = "End the session",
        .examples = "postern logout\n",
        .run = run_logout,
    },
    {
        .noun = "whoami",
        .args = "",
        .summary = "Show who is signed in, and what that person may do",
        .examples = "postern whoami\n",
        .run = run_whoami,
    },
    {.noun = NULL},
};
