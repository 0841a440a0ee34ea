/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that end with a secret: a new token, or a new secret of an old. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "base/str.h"
#include "cli/connect.h"
#include "cli/files.h"
#include "cli/print.h"
#include "cli/token_run.h"
#include "cli/token_wish.h"
#include "cli/wish.h"

enum { OVERLAP_MAX_HOURS = 8760 };

/* The token itself goes where it was wanted, and nowhere else. */
enum pn_exit
pn_token_hand_out(struct pn_cli *cli, json_t *doc)
{
    const char *path = pn_cli_value(cli, "output-file");
    const char *token = pn_json_text(doc, "token"), *line;
    enum pn_err err = PN_OK;

    if (token[0] == '\0') {
        pn_say("the server made the token but did not show it; revoke it with "
               "'postern token revoke %s'",
               pn_json_text(doc, "id"));
        return PN_EXIT_ERROR;
    }
    line = pn_arena_printf(cli->arena, "%s\n", token);
    if (line == NULL) {
        return pn_cli_nomem();
    }
    if (path != NULL) {
        err = pn_file_create(path, 0600, pn_str_from(line));
        if (err != PN_OK) {
            pn_say("cannot write '%s': %s; the token is on standard output",
                   path,
                   err == PN_E_EXISTS ? "it exists" : strerrordesc_np(errno));
        } else {
            (void) json_object_del(doc, "token");
        }
    }
    if (pn_cli_has(cli, "json")) {
        pn_print_json(doc);
    } else if (path == NULL || err != PN_OK) {
        (void) fputs(line, stdout);
    }
    pn_say("token '%s' (%s) %s%s", pn_json_text(doc, "name"),
           pn_json_text(doc, "id"),
           json_is_null(json_object_get(doc, "expires_at")) ? "never expires"
                                                            : "expires at ",
           pn_json_text(doc, "expires_at"));
    pn_say("copy it now: it will not be shown again");
    return err == PN_OK ? PN_EXIT_OK : PN_EXIT_ERROR;
}

/* Said before a token is made that nobody could keep. */
enum pn_exit
pn_token_check_output(const struct pn_cli *cli)
{
    const char *path = pn_cli_value(cli, "output-file");

    if (path == NULL || !pn_file_there(path)) {
        return PN_EXIT_OK;
    }
    pn_say("'%s' exists; a token is only written to a new file", path);
    return PN_EXIT_ERROR;
}

/* What --like copies: all that says what a token may do.  Its life begins
 * anew. */
static enum pn_exit
take_settings(struct pn_cli *cli, json_t *doc)
{
    static const char *const members[] = {"description", "access", "apps",
                                          "ip_rules",    "paths",  "rate_limit",
                                          "scopes"};
    const char *like = pn_cli_value(cli, "like"), *id = NULL;
    struct pn_answer answer;
    enum pn_exit rc;

    if (like == NULL) {
        return PN_EXIT_OK;
    }
    rc = pn_token_find(cli, like, &id);
    if (rc == PN_EXIT_OK) {
        rc = pn_call(cli, "GET", pn_path(cli, "/tokens/", id, ""), NULL,
                     &answer);
    }
    for (size_t i = 0; rc == PN_EXIT_OK && i < PN_LEN(members); i++) {
        json_t *value = json_object_get(answer.doc, members[i]);

        /* what was said on the command line counts */
        if (value != NULL && json_object_get(doc, members[i]) == NULL
            && json_object_set(doc, members[i], value) != 0)
        {
            rc = pn_cli_nomem();
        }
    }
    return rc;
}

enum pn_exit
pn_token_create(struct pn_cli *cli)
{
    struct pn_answer answer;
    json_t *doc = json_pack("{s:s}", "name", cli->args[0]);
    enum pn_exit rc;

    if (doc == NULL) {
        pn_say("the name is not UTF-8");
        return PN_EXIT_USAGE;
    }
    rc = pn_wish_text(cli, "owner", doc, "owner") ? pn_token_wish(cli, doc)
                                                  : pn_cli_nomem();
    if (rc == PN_EXIT_OK) {
        rc = pn_token_check_output(cli);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_PERSON);
    }
    if (rc == PN_EXIT_OK) {
        rc = take_settings(cli, doc);
    }
    if (rc != PN_EXIT_OK) {
        json_decref(doc);
        return rc;
    }
    rc = pn_call(cli, "POST", "/tokens", doc, &answer);
    return rc == PN_EXIT_OK ? pn_token_hand_out(cli, answer.doc) : rc;
}

/* --- rotate -------------------------------------------------------------- */

static enum pn_exit
wish_rotation(struct pn_cli *cli, json_t *doc)
{
    uint32_t hours = 0;
    enum pn_exit rc = pn_token_wish(cli, doc);

    if (rc != PN_EXIT_OK || !pn_cli_has(cli, "overlap")) {
        return rc;
    }
    rc = pn_cli_number(cli, "overlap", 0, OVERLAP_MAX_HOURS, &hours);
    if (rc == PN_EXIT_OK
        && json_object_set_new(doc, "overlap_hours",
                               json_integer((json_int_t) hours))
               != 0)
    {
        rc = pn_cli_nomem();
    }
    return rc;
}

/* Until when the former secret works. */
static void
say_overlap(const json_t *doc)
{
    const json_t *former = json_array_get(json_object_get(doc, "secrets"), 1);

    if (former == NULL) {
        pn_say("the former secret does not work any more");
        return;
    }
    pn_say("the former secret (…%s) works until %s",
           pn_json_text(former, "last_four"),
           pn_json_text(former, "expires_at"));
}

enum pn_exit
pn_token_rotate(struct pn_cli *cli)
{
    struct pn_answer answer;
    const char *id = NULL;
    json_t *doc = json_object();
    enum pn_exit rc = doc != NULL ? wish_rotation(cli, doc) : pn_cli_nomem();

    if (rc == PN_EXIT_OK) {
        rc = pn_token_check_output(cli);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_connect(cli, PN_WANT_PERSON);
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_token_find(cli, cli->args[0], &id);
    }
    if (rc != PN_EXIT_OK) {
        json_decref(doc);
        return rc;
    }
    rc = pn_call(cli, "POST", pn_path(cli, "/tokens/", id, "/rotate"), doc,
                 &answer);
    if (rc == PN_EXIT_OK) {
        rc = pn_token_hand_out(cli, answer.doc);
        say_overlap(answer.doc);
    }
    return rc;
}
