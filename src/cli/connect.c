/* SPDX-License-Identifier: Apache-2.0 */
/* Finding posternd, and signing in. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/connection.h"
#include "cli/input.h"
#include "cli/place.h"

enum { URL_MAX = 512 };

enum pn_exit
pn_check_url(struct pn_cli *cli, const char *text, const char **out)
{
    struct pn_str rest = pn_str_from(text);
    struct pn_str scheme = PN_STR("http://");

    if (!pn_str_starts(rest, scheme)) {
        scheme = PN_STR("https://");
    }
    if (!pn_str_starts(rest, scheme) || rest.len > URL_MAX) {
        return pn_cli_usage(cli,
                            "'%s' is no address: http://HOST:PORT or "
                            "https://HOST",
                            text);
    }
    while (rest.len > scheme.len && rest.ptr[rest.len - 1] == '/') {
        rest.len--;
    }
    if (rest.len == scheme.len
        || strcspn(rest.ptr + scheme.len, "/?#@ \\\"'<>")
               < rest.len - scheme.len
        || pn_str_has_control(rest))
    {
        return pn_cli_usage(cli,
                            "'%s' is no address: only scheme, host and "
                            "port belong here",
                            text);
    }
    *out = pn_arena_dup(cli->arena, rest);
    return *out != NULL ? PN_EXIT_OK : pn_cli_nomem();
}

const char *
pn_find_url(struct pn_cli *cli, const char **cacert)
{
    const char *url = pn_cli_value(cli, "url");
    struct pn_note note;

    *cacert = pn_cli_value(cli, "cacert");
    if (url == NULL) {
        url = pn_env("POSTERN_URL");
    }
    if (url == NULL && pn_note_find(cli->arena, &note) == PN_OK) {
        url = note.url;
        if (*cacert == NULL && note.cacert[0] != '\0') {
            *cacert = note.cacert;
        }
    }
    return url;
}

/* The administrator's socket; false when there is none that we may use. */
static bool
find_socket(struct pn_cli *cli, struct pn_connection *con)
{
    struct pn_note note;

    con->url = "http://localhost";
    con->socket = pn_cli_value(cli, "socket");
    if (con->socket != NULL) {
        return true;
    }
    if (access(PN_PLACE_ADMIN_SOCKET, R_OK | W_OK) == 0) {
        con->socket = PN_PLACE_ADMIN_SOCKET;
    } else if (pn_note_find(cli->arena, &note) == PN_OK
               && note.admin_socket[0] != '\0')
    {
        con->socket = note.admin_socket;
    }
    return con->socket != NULL;
}

/* The session of "postern login", for url or, when that is NULL, for any. */
static bool
use_session(struct pn_cli *cli, struct pn_connection *con, const char *url)
{
    struct pn_kept_session kept;
    enum pn_err err = pn_session_load(cli->arena, &kept);

    if (err == PN_E_PERMISSION) {
        pn_say("the session file is readable by others and was not used; "
               "sign in again with 'postern login'");
        pn_session_forget(cli->arena);
    }
    if (err != PN_OK || (url != NULL && strcmp(url, kept.url) != 0)) {
        return false;
    }
    con->url = kept.url;
    con->socket = NULL;
    con->cookie = kept.cookie;
    con->username = kept.username;
    con->cacert = pn_cli_value(cli, "cacert");
    if (con->cacert == NULL && kept.cacert[0] != '\0') {
        con->cacert = kept.cacert;
    }
    return true;
}

static enum pn_exit
nobody_signed_in(void)
{
    pn_say("nobody is signed in: 'postern login --url URL', or --as USER");
    return PN_EXIT_SIGN_IN;
}

static enum pn_exit
sign_in_for_this_run(struct pn_cli *cli, struct pn_connection *con,
                     const char *username)
{
    struct pn_secret password = {0};
    const char *url = pn_find_url(cli, &con->cacert), *question;
    enum pn_exit rc;

    if (pn_cli_has(cli, "socket") || pn_cli_has(cli, "local")) {
        return pn_cli_usage(cli, "--as signs in at an address; leave out "
                                 "--socket and --local");
    }
    if (url == NULL) {
        return pn_cli_usage(cli, "where does '%s' sign in? use --url URL",
                            username);
    }
    rc = pn_check_url(cli, url, &con->url);
    question = pn_arena_printf(cli->arena, "Password of %s", username);
    if (rc == PN_EXIT_OK && question == NULL) {
        rc = pn_cli_nomem();
    }
    if (rc == PN_EXIT_OK) {
        rc = pn_input_secret(cli, "as-password-file", question, PN_PROMPT_ONCE,
                             &password);
    }
    if (rc == PN_EXIT_OK) {
        const struct pn_kept_session who = {
            .url = con->url,
            .username = username,
            .cacert = con->cacert != NULL ? con->cacert : "",
        };

        rc = pn_sign_in(cli, &who, &password, &con->cookie);
    }
    con->session = FOR_THIS_RUN;
    con->username = username;
    pn_secret_done(&password);
    return rc;
}

static enum pn_exit
find(struct pn_cli *cli, enum pn_want want, struct pn_connection *con)
{
    const char *url = pn_cli_value(cli, "url");
    enum pn_exit rc;

    if (url != NULL && pn_cli_has(cli, "socket")) {
        return pn_cli_usage(cli, "either --url or --socket");
    }
    if (url == NULL && !pn_cli_has(cli, "socket") && !pn_cli_has(cli, "local"))
    {
        url = pn_env("POSTERN_URL");
    }
    if (url != NULL) {
        rc = pn_check_url(cli, url, &url);
        if (rc != PN_EXIT_OK) {
            return rc;
        }
        return use_session(cli, con, url) ? PN_EXIT_OK : nobody_signed_in();
    }
    if (!pn_cli_has(cli, "socket") && !pn_cli_has(cli, "local")
        && use_session(cli, con, NULL))
    {
        return PN_EXIT_OK;
    }
    if (want == PN_WANT_PERSON) {
        return nobody_signed_in();
    }
    if (!find_socket(cli, con)) {
        pn_say("no posternd was found on this machine, and nobody is signed "
               "in: 'postern login --url URL', or --socket PATH");
        return PN_EXIT_SIGN_IN;
    }
    return PN_EXIT_OK;
}

enum pn_exit
pn_connect(struct pn_cli *cli, enum pn_want want)
{
    const char *as = pn_cli_value(cli, "as");
    struct pn_connection *con;
    enum pn_exit rc;

    if (cli->connection != NULL) {
        return PN_EXIT_OK;
    }
    con = pn_arena_alloc(cli->arena, sizeof(*con));
    if (con == NULL) {
        return pn_cli_nomem();
    }
    if (as == NULL && pn_cli_has(cli, "as-password-file")) {
        return pn_cli_usage(cli, "--as-password-file goes with --as");
    }
    rc = as != NULL ? sign_in_for_this_run(cli, con, as) : find(cli, want, con);
    cli->connection = rc == PN_EXIT_OK ? con : NULL;
    return rc;
}

enum pn_exit
pn_connect_socket(struct pn_cli *cli, const char *socket)
{
    struct pn_connection *con = pn_arena_alloc(cli->arena, sizeof(*con));

    if (con == NULL) {
        return pn_cli_nomem();
    }
    con->url = "http://localhost";
    con->socket = socket;
    cli->connection = con;
    return PN_EXIT_OK;
}

bool
pn_connected_locally(const struct pn_cli *cli)
{
    return cli->connection != NULL && cli->connection->socket != NULL;
}

const char *
pn_connected_to(const struct pn_cli *cli)
{
    if (cli->connection == NULL) {
        return "";
    }
    return cli->connection->socket != NULL ? cli->connection->socket
                                           : cli->connection->url;
}

bool
pn_is_local(const struct pn_cli *cli)
{
    return cli->connection != NULL && cli->connection->socket != NULL
           && cli->connection->cookie == NULL;
}

/* --- sessions ------------------------------------------------------------ */

enum pn_exit
pn_sign_in(struct pn_cli *cli, const struct pn_kept_session *who,
           const struct pn_secret *password, const char **cookie)
{
    json_t *doc = json_pack("{s:s, s:s%}", "username", who->username,
                            "password", password->bytes, password->len);
    char *text = doc != NULL ? json_dumps(doc, JSON_COMPACT) : NULL;
    struct pn_ask ask = {.method = "POST",
                         .cacert = who->cacert[0] ? who->cacert : NULL,
                         .origin = who->url,
                         .body = pn_str_from(text)};
    struct pn_reply reply;
    json_t *answer = NULL;
    char why[256];
    enum pn_exit rc = PN_EXIT_ERROR;

    ask.url = pn_arena_printf(cli->arena, "%s" PN_API "/session", who->url);
    if (text == NULL || ask.url == NULL) {
        pn_say("cannot send this user name or password: not UTF-8");
        goto out;
    }
    if (pn_http_ask(&ask, cli->arena, &reply, why, sizeof(why)) != PN_OK) {
        pn_say("cannot reach %s: %s", who->url, why);
        goto out;
    }
    (void) !pn_json_parse(reply.body, &answer, NULL, 0);
    if (reply.status < 200 || reply.status > 299 || reply.set_cookie == NULL) {
        pn_say_problem(&reply, answer);
        rc = reply.status == 401 ? PN_EXIT_SIGN_IN : PN_EXIT_ERROR;
        goto out;
    }
    if (json_is_true(json_object_get(answer, "must_change_password"))) {
        pn_say("this password is for one use: set your own with "
               "'postern user passwd'");
    }
    *cookie = reply.set_cookie;
    rc = PN_EXIT_OK;

out:
    if (text != NULL) {
        pn_wipe(text, strlen(text));
    }
    free(text);
    json_decref(answer);
    json_decref(doc);
    return rc;
}

void
pn_connection_close(struct pn_cli *cli)
{
    struct pn_connection *con = cli->connection;
    struct pn_answer answer;

    if (con != NULL && con->session == FOR_THIS_RUN && con->cookie != NULL) {
        (void) !pn_call(cli, "DELETE", "/session", NULL, &answer);
    }
}
