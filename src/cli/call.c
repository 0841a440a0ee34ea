/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to posternd's API, and what people are told when one is refused. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/str.h"
#include "cli/connection.h"
#include "cli/print.h"

enum { PAGE_ITEMS = 100 };

/* What the caller of send() may ask for beyond method, path and body. */
struct extra {
    const char *if_match;
    enum { SAY_ALL = 0, QUIET_404 } missing;
};

void
pn_say_problem(const struct pn_reply *reply, const json_t *doc)
{
    const char *detail = pn_json_text(doc, "detail");
    const json_t *fields = pn_json_at(doc, "errors");

    if (detail[0] == '\0') {
        detail = pn_json_text(doc, "title");
    }
    if (detail[0] == '\0') {
        pn_say("the server answered %ld and nothing that Postern would say; "
               "is this the right address?",
               reply->status);
        return;
    }
    pn_say("%s", detail);
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *field = json_array_get(fields, i);
        const char *pointer = pn_json_text(field, "pointer");

        pn_say("  %s: %s", pointer[0] != '\0' ? pointer : "(document)",
               pn_json_text(field, "detail"));
    }
}

static enum pn_exit
refused(struct pn_cli *cli, const struct pn_reply *reply, const json_t *doc)
{
    const char *code = pn_json_text(doc, "code");
    const struct pn_connection *con = cli->connection;

    pn_say_problem(reply, doc);
    if (reply->status == 401 && con->cookie != NULL) {
        pn_say("the session has ended; sign in again with 'postern login', or "
               "use --local on the machine where posternd runs");
        return PN_EXIT_SIGN_IN;
    }
    if (reply->status == 401 || strcmp(code, "sign_in_again") == 0) {
        return PN_EXIT_SIGN_IN;
    }
    if (strcmp(code, "password_change_required") == 0) {
        pn_say("with 'postern user passwd'");
    } else if (reply->status == 403 && con->session == KEPT
               && con->cookie != NULL) {
        pn_say("you are signed in as '%s' at %s", con->username, con->url);
    }
    return PN_EXIT_ERROR;
}

static enum pn_exit
cannot_reach(const struct pn_connection *con, const char *why)
{
    if (con->socket == NULL) {
        pn_say("cannot reach %s: %s", con->url, why);
    } else if (access(con->socket, R_OK | W_OK) != 0) {
        pn_say("cannot use '%s': %s", con->socket, strerrordesc_np(errno));
    } else {
        pn_say("cannot reach posternd through '%s': %s", con->socket, why);
    }
    return PN_EXIT_ERROR;
}

static enum pn_exit
take_answer(struct pn_cli *cli, const struct pn_reply *reply,
            const struct extra *extra, struct pn_answer *out)
{
    json_t *doc = NULL;
    char why[160] = "";

    if (reply->body.len > 0 && strstr(reply->type, "json") != NULL
        && pn_json_parse(reply->body, &doc, why, sizeof(why)) != PN_OK)
    {
        pn_say("cannot read the server's answer: %s", why);
        return PN_EXIT_ERROR;
    }
    if (doc != NULL) {
        doc = pn_json_defer(cli->arena, doc);
        if (doc == NULL) {
            return pn_cli_nomem();
        }
    }
    if (reply->status == 404 && extra->missing == QUIET_404 && doc != NULL) {
        return PN_EXIT_FOUND;
    }
    if (reply->status < 200 || reply->status > 299
        || (reply->status != 204 && doc == NULL))
    {
        return refused(cli, reply, doc);
    }
    *out = (struct pn_answer){reply->status, doc, reply->etag};
    return PN_EXIT_OK;
}

/* What every request to this posternd has. */
static struct pn_ask
ask_of(struct pn_cli *cli, const char *method, const char *path)
{
    const struct pn_connection *con = cli->connection;

    return (struct pn_ask){
        .method = method,
        .url = pn_arena_printf(cli->arena, "%s" PN_API "%s", con->url, path),
        .socket = con->socket,
        .cacert = con->cacert,
        .cookie = con->cookie,
        .origin = con->cookie != NULL ? con->url : NULL,
    };
}

static enum pn_exit
send(struct pn_cli *cli, const char *method, const char *path, json_t *body,
     const struct extra *extra, struct pn_answer *out)
{
    struct pn_connection *con = cli->connection;
    struct pn_reply reply;
    char why[256];
    struct pn_ask ask = ask_of(cli, method, path);
    char *text = NULL;

    con->last_status = 0;

    ask.if_match = extra->if_match;
    if (body != NULL) {
        text = json_dumps(body, JSON_COMPACT);
        json_decref(body);
        if (text != NULL) {
            ask.body = (struct pn_str){
                pn_arena_dup(cli->arena, pn_str_from(text)), strlen(text)};
            pn_wipe(text, strlen(text));
            free(text);
        }
        if (ask.body.ptr == NULL) {
            return pn_cli_nomem();
        }
    }
    if (ask.url == NULL) {
        return pn_cli_nomem();
    }
    if (pn_http_ask(&ask, cli->arena, &reply, why, sizeof(why)) != PN_OK) {
        return cannot_reach(con, why);
    }
    con->last_status = reply.status;
    return take_answer(cli, &reply, extra, out);
}

long
pn_call_status(const struct pn_cli *cli)
{
    return cli->connection != NULL ? cli->connection->last_status : 0;
}

enum pn_exit
pn_call(struct pn_cli *cli, const char *method, const char *path, json_t *body,
        struct pn_answer *out)
{
    static const struct extra none = {0};

    if (path == NULL) {
        json_decref(body);
        return pn_cli_nomem();
    }
    return send(cli, method, path, body, &none, out);
}

enum pn_exit
pn_call_if_match(struct pn_cli *cli, const char *etag, const char *path,
                 json_t *body, struct pn_answer *out)
{
    const struct extra extra = {.if_match = etag};

    return send(cli, "PUT", path, body, &extra, out);
}

enum pn_exit
pn_post_if_match(struct pn_cli *cli, const char *etag, const char *path,
                 json_t *body, struct pn_answer *out)
{
    const struct extra extra = {.if_match = etag};

    return send(cli, "POST", path, body, &extra, out);
}

enum pn_exit
pn_call_find(struct pn_cli *cli, const char *path, struct pn_answer *out)
{
    static const struct extra quiet = {.missing = QUIET_404};

    if (path == NULL) {
        return pn_cli_nomem();
    }
    return send(cli, "GET", path, NULL, &quiet, out);
}

enum pn_exit
pn_call_stream(struct pn_cli *cli, const char *path,
               bool (*sink)(void *arg, struct pn_str piece), void *arg)
{
    static const struct extra none = {0};
    struct pn_answer answer;
    struct pn_reply reply;
    char why[256];

    if (path == NULL) {
        return pn_cli_nomem();
    }
    struct pn_ask ask = ask_of(cli, "GET", path);

    ask.sink = sink;
    ask.sink_arg = arg;
    if (ask.url == NULL) {
        return pn_cli_nomem();
    }
    if (pn_http_ask(&ask, cli->arena, &reply, why, sizeof(why)) != PN_OK) {
        return cannot_reach(cli->connection, why);
    }
    return reply.status == 200 ? PN_EXIT_OK
                               : take_answer(cli, &reply, &none, &answer);
}

const char *
pn_path(struct pn_cli *cli, const char *before, const char *name,
        const char *after)
{
    const char *escaped = pn_http_escape(cli->arena, name);

    return escaped != NULL
               ? pn_arena_printf(cli->arena, "%s%s%s", before, escaped, after)
               : NULL;
}

enum pn_exit
pn_call_list(struct pn_cli *cli, const char *path, const char *query,
             size_t most, json_t **out)
{
    json_t *all = pn_json_defer(cli->arena, json_array()), *whole;
    const char *cursor = "";
    struct pn_answer answer = {0};

    while (all != NULL && (most == 0 || json_array_size(all) < most)) {
        size_t left = most == 0 ? PAGE_ITEMS : most - json_array_size(all);
        const char *where = pn_arena_printf(
            cli->arena, "%s?limit=%zu%s%s%s%s", path,
            left < PAGE_ITEMS ? left : PAGE_ITEMS, query[0] ? "&" : "", query,
            cursor[0] ? "&cursor=" : "", cursor);
        enum pn_exit rc = pn_call(cli, "GET", where, NULL, &answer);

        if (rc != PN_EXIT_OK) {
            return rc;
        }
        if (json_array_extend(all, json_object_get(answer.doc, "items")) != 0) {
            return pn_cli_nomem();
        }
        cursor =
            pn_http_escape(cli->arena, pn_json_text(answer.doc, "next_cursor"));
        if (cursor == NULL || cursor[0] == '\0') {
            break;
        }
    }
    whole = pn_json_defer(cli->arena, json_copy(answer.doc));
    if (all == NULL || cursor == NULL || whole == NULL
        || json_object_set(whole, "items", all) != 0)
    {
        return pn_cli_nomem();
    }
    *out = whole;
    return PN_EXIT_OK;
}
