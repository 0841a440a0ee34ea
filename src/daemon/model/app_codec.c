/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A protected application as a document.
 *
 * A PATCH is merged into what GET would show (RFC 7396, except that null is
 * kept: here it means "no restriction" or "not sent"), and the whole is read
 * anew, so that a change can never leave an app that a PUT would refuse.
 */
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "daemon/model/parts.h"

enum { URL_MAX = 2048, CONTEXT_MAX = 256, WHOAMI_MAX = 512 };

/* --- application addresses ----------------------------------------------- */

static bool
host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || strchr(".-_[]:", c) != NULL;
}

/* http(s)://host[:port][/path], nothing else. */
static bool
url_valid(const char *url)
{
    const char *host = NULL;
    size_t host_len = 0;

    if (strncasecmp(url, "http://", 7) == 0) {
        host = url + 7;
    } else if (strncasecmp(url, "https://", 8) == 0) {
        host = url + 8;
    } else {
        return false;
    }
    while (host[host_len] != '\0' && host_char(host[host_len])) {
        host_len++;
    }
    return host_len > 0 && host[0] != ':'
           && (host[host_len] == '\0' || host[host_len] == '/')
           && host[strcspn(host, "?#\\ ")] == '\0';
}

static void
read_url(const struct pn_doc *doc, struct pn_app *app)
{
    static const struct pn_doc_text rule = {
        .what = "URL", .max = URL_MAX, .null = PN_NULL_IS_ZERO};

    pn_doc_text(doc, "url", &rule, &app->url);
    if (app->url[0] != '\0' && !url_valid(app->url)) {
        pn_doc_bad(doc, "url", "invalid_url",
                   "\"%s\" is not the address of a web application. Example: "
                   "https://jira.example.com or http://127.0.0.1:8080/jira.",
                   pn_doc_clip(doc, app->url));
    }
}

/* The path below which the application lives; "" or "/a/b". */
static void
read_context(const struct pn_doc *doc, struct pn_app *app)
{
    static const struct pn_doc_text rule = {.what = "context path",
                                            .max = CONTEXT_MAX};
    struct pn_pathpat pattern;
    const char *path;

    pn_doc_text(doc, "context_path", &rule, &app->context_path);
    path = app->context_path;
    if (path[0] == '\0') {
        return;
    }
    if (path[0] != '/' || path[strlen(path) - 1] == '/'
        || strpbrk(path, "* ") != NULL
        || pn_pathpat_parse(pn_str_from(path), &pattern, NULL) != PN_OK)
    {
        pn_doc_bad(doc, "context_path", "invalid_path",
                   "\"%s\" is not a context path. Use \"\" for an application "
                   "at the root, or a path such as /jira without a slash at "
                   "its end.",
                   pn_doc_clip(doc, path));
    }
}

static void
read_whoami(const struct pn_doc *doc, struct pn_app *app)
{
    static const char *const names[] = {"path", "field", NULL};
    static const char *const none[] = {NULL};
    static const struct pn_doc_text path = {
        .what = "path", .min = 1, .max = WHOAMI_MAX};
    static const struct pn_doc_text field = {
        .what = "field", .min = 1, .max = PN_NAME_MAX};
    struct pn_doc whoami;

    if (!pn_doc_child(doc, "whoami", &whoami)) {
        return;
    }
    pn_doc_known(&whoami, names, none);
    if (!pn_doc_has(&whoami, "path") || !pn_doc_has(&whoami, "field")) {
        pn_doc_bad(&whoami, "", "required",
                   "Enter both \"path\" and \"field\", or use null.");
        return;
    }
    pn_doc_text(&whoami, "path", &path, &app->whoami_path);
    pn_doc_text(&whoami, "field", &field, &app->whoami_field);
    if (app->whoami_path != NULL
        && (app->whoami_path[0] != '/'
            || strpbrk(app->whoami_path, " #\\") != NULL))
    {
        pn_doc_bad(&whoami, "path", "invalid_path",
                   "The path must begin with \"/\", for example "
                   "/rest/api/2/myself.");
    }
}

/* --- identity headers ---------------------------------------------------- */

/* Names that mean something to nginx, to HTTP itself or to proxies: identity in
 * them would be lost or would break the request. */
static bool
header_reserved(const char *name)
{
    static const char *const exact[] = {
        "Host",
        "Cookie",
        "Set-Cookie",
        "Connection",
        "Keep-Alive",
        "Upgrade",
        "TE",
        "Trailer",
        "Date",
        "Via",
        "Forwarded",
        "Expect",
        "Server",
        "Range",
        "Accept",
        "Origin",
        "Referer",
        "User-Agent",
        "Location",
        "Age",
        "Pragma",
        "Refresh",
        "Vary",
        "ETag",
        "X-Real-IP",
        "X-Accel-Redirect",
        "X-Requested-With",
        "X-HTTP-Method-Override",
        "Authorization",
        "Transfer-Encoding",
        "WWW-Authenticate",
        "Cache-Control",
        "Last-Modified",
        "X-Http-Method",
        "X-Method-Override",
        "HTTP2-Settings",
        "Depth",
        "Destination",
        "Overwrite",
    };
    static const char *const families[] = {
        "Content-", "X-Forwarded-", "Proxy-",   "If-",      "Accept-",
        "Access-",  "Sec-",         "X-Accel-", "Postern-",
    };
    /* Identity headers that proxies are known for stand in that family. */
    static const char *const allowed[] = {
        "X-Forwarded-User",   "X-Forwarded-Email",
        "X-Forwarded-Groups", "X-Forwarded-Login",
        "X-Forwarded-Name",   "X-Forwarded-Preferred-Username",
    };

    for (size_t i = 0; i < PN_LEN(allowed); i++) {
        if (strcasecmp(name, allowed[i]) == 0) {
            return false;
        }
    }
    for (size_t i = 0; i < PN_LEN(exact); i++) {
        if (strcasecmp(name, exact[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < PN_LEN(families); i++) {
        if (strncasecmp(name, families[i], strlen(families[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void
read_header(const struct pn_doc *doc, const char *key, char **out)
{
    static const struct pn_doc_text rule = {.what = "header name",
                                            .max = PN_HEADER_NAME_MAX,
                                            .null = PN_NULL_IS_ZERO};
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    const char *name;

    pn_doc_text(doc, key, &rule, out);
    name = *out;
    /* Underscores are left out: nginx drops such headers by default, and WSGI
     * cannot tell them from "-". */
    if (name[strspn(name, alphabet)] != '\0' || name[0] == '-') {
        pn_doc_bad(doc, key, "invalid_header",
                   "\"%s\" is not a header name. Use letters, digits and "
                   "\"-\", or null to leave the header out.",
                   pn_doc_clip(doc, name));
    } else if (header_reserved(name)) {
        pn_doc_bad(doc, key, "reserved_header",
                   "\"%s\" has a meaning of its own in HTTP. Use a name such "
                   "as Remote-User or X-Remote-User.",
                   name);
    }
}

static void
check_headers_differ(const struct pn_doc *doc, const struct pn_app *app)
{
    static const char *const keys[] = {"user_header", "groups_header",
                                       "name_header", "email_header"};
    const char *name[] = {
        app->identity.user_header, app->identity.groups_header,
        app->identity.name_header, app->identity.email_header};

    for (size_t i = 1; i < PN_LEN(name); i++) {
        for (size_t j = 0; j < i; j++) {
            if (name[i][0] != '\0' && strcasecmp(name[i], name[j]) == 0) {
                pn_doc_bad(doc, keys[i], "duplicate",
                           "\"%s\" is also the %s. Use different names.",
                           name[i], keys[j]);
                break;
            }
        }
    }
}

static void
read_identity(const struct pn_doc *doc, struct pn_app *app)
{
    static const char *const names[] = {
        "user_header", "user_value",   "groups_header",
        "name_header", "email_header", "keep_authorization",
        NULL};
    static const char *const none[] = {NULL};
    unsigned user_value = app->identity.user_value;
    struct pn_doc identity;

    if (!pn_doc_child(doc, "identity", &identity)) {
        if (pn_doc_is_null(doc, "identity")) {
            pn_doc_bad(doc, "identity", "invalid_type",
                       "\"identity\" must be an object in braces: {…}.");
        }
        return;
    }
    pn_doc_known(&identity, names, none);
    read_header(&identity, "user_header", &app->identity.user_header);
    read_header(&identity, "groups_header", &app->identity.groups_header);
    read_header(&identity, "name_header", &app->identity.name_header);
    read_header(&identity, "email_header", &app->identity.email_header);
    pn_doc_word(&identity, "user_value", pn_words_user_value, &user_value);
    app->identity.user_value = (enum pn_user_value) user_value;
    pn_doc_bool(&identity, "keep_authorization",
                &app->identity.keep_authorization);
    check_headers_differ(&identity, app);
}

/* --- the whole ----------------------------------------------------------- */

static void
app_default(struct pn_app *out)
{
    static char none[] = "", everything[] = "/**";
    static char user[] = "Remote-User", groups[] = "Remote-Groups";
    static char name[] = "Remote-Name", email[] = "Remote-Email";
    static char *paths[] = {everything};

    *out = (struct pn_app){
        .name = none,
        .url = none,
        .context_path = none,
        .paths = paths,
        .path_count = 1,
        .block_status = 403,
        .identity = {.user_header = user,
                     .groups_header = groups,
                     .name_header = name,
                     .email_header = email},
    };
}

static void
read_settings(const struct pn_doc *doc, struct pn_app *app)
{
    unsigned passwords = app->passwords, bearer = app->foreign_bearer;
    unsigned challenge = app->challenge, cookies = app->cookies;
    json_t *status = json_object_get(doc->obj, "block_status");

    pn_doc_word(doc, "passwords", pn_words_foreign, &passwords);
    pn_doc_word(doc, "foreign_bearer", pn_words_foreign, &bearer);
    pn_doc_word(doc, "challenge", pn_words_challenge, &challenge);
    pn_doc_word(doc, "cookies", pn_words_cookies, &cookies);
    pn_doc_bool(doc, "allow_encoded_slash", &app->allow_encoded_slash);
    app->passwords = (enum pn_foreign) passwords;
    app->foreign_bearer = (enum pn_foreign) bearer;
    app->challenge = (enum pn_challenge) challenge;
    app->cookies = (enum pn_cookies) cookies;
    if (status == NULL) {
        return;
    }
    if (json_integer_value(status) != 403 && json_integer_value(status) != 401)
    {
        pn_doc_bad(doc, "block_status", "invalid_value",
                   "\"block_status\" must be 403, or 401 for clients that "
                   "need a challenge.");
        return;
    }
    app->block_status = (uint16_t) json_integer_value(status);
}

static void
read_lists(const struct pn_doc *doc, struct pn_app *app)
{
    static const struct pn_doc_list paths = {.empty = PN_EMPTY_REFUSED};
    static const struct pn_doc_list reads = {.empty = PN_EMPTY_ALLOWED};
    static const struct pn_doc_list groups = {
        .text = {.what = "group", .min = 1, .max = PN_NAME_MAX},
        .max = PN_GROUPS_MAX,
        .null = PN_NULL_IS_ZERO,
        .check = pn_part_check_group_name};
    struct pn_text_list list = {true, app->paths, app->path_count};

    pn_part_patterns(doc, "paths", &paths, &list);
    app->paths = list.item;
    app->path_count = list.count;
    list = (struct pn_text_list){true, app->reads, app->read_count};
    pn_part_patterns(doc, "reads", &reads, &list);
    app->reads = list.item;
    app->read_count = list.count;
    pn_doc_list(doc, "groups", &groups, &app->groups);
}

static void
read_app(const struct pn_doc *doc, struct pn_app *app)
{
    static const char *const names[] = {"name",
                                        "url",
                                        "context_path",
                                        "paths",
                                        "reads",
                                        "passwords",
                                        "foreign_bearer",
                                        "block_status",
                                        "challenge",
                                        "cookies",
                                        "allow_encoded_slash",
                                        "ip_rules",
                                        "groups",
                                        "whoami",
                                        "identity",
                                        NULL};
    static const char *const read_only[] = {"id", "warnings", NULL};
    static const struct pn_doc_text name = {
        .what = "name", .min = 1, .max = PN_APP_NAME_MAX};

    pn_doc_known(doc, names, read_only);
    if (!pn_doc_has(doc, "name")) {
        pn_doc_bad(doc, "name", "required", "Enter a name.");
    }
    pn_doc_text(doc, "name", &name, &app->name);
    if (app->name[0] != '\0') {
        struct pn_doc at = *doc;

        at.at = "/name";
        pn_part_check_app_name(&at, app->name);
    }
    read_url(doc, app);
    read_context(doc, app);
    read_settings(doc, app);
    read_lists(doc, app);
    pn_part_ip(doc, "ip_rules", PN_IP_OF_RULES, &app->ip);
    read_whoami(doc, app);
    read_identity(doc, app);
}

/* target gets patch's members; objects in both are merged.  Depth is bounded
 * by the parser (PN_JSON_DEPTH) and by the shape of target. */
static bool
merge(json_t *target, json_t *patch) /* NOLINT(misc-no-recursion) */
{
    const char *key;
    json_t *value;

    json_object_foreach(patch, key, value)
    {
        json_t *present = json_object_get(target, key);
        bool both = json_is_object(present) && json_is_object(value);

        if (both ? !merge(present, value)
                 : json_object_set(target, key, value) != 0) {
            return false;
        }
    }
    return true;
}

enum pn_err
pn_app_from_json(json_t *doc, const struct pn_app *base, struct pn_arena *arena,
                 struct pn_app *out, struct pn_fault *fault)
{
    struct pn_doc_run run = {.arena = arena, .fault = fault};
    struct pn_app app;
    struct pn_doc root;
    enum pn_err err;

    app_default(&app);
    if (base != NULL && json_is_object(doc)) {
        json_t *whole = pn_app_to_json(base, arena);

        if (whole == NULL || !merge(whole, doc)) {
            return PN_E_NOMEM;
        }
        doc = whole;
        app.id = base->id;
    }
    if (pn_doc_begin(&run, doc, &root)) {
        read_app(&root, &app);
    }
    err = pn_doc_verdict(&run);
    if (err == PN_OK) {
        *out = app;
    }
    return err;
}

static json_t *
identity_json(const struct pn_app *app)
{
    return json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:b}", "user_header",
        pn_part_text_json(app->identity.user_header), "user_value",
        pn_words_user_value[app->identity.user_value], "groups_header",
        pn_part_text_json(app->identity.groups_header), "name_header",
        pn_part_text_json(app->identity.name_header), "email_header",
        pn_part_text_json(app->identity.email_header), "keep_authorization",
        app->identity.keep_authorization);
}

static json_t *
whoami_json(const struct pn_app *app)
{
    return app->whoami_path == NULL
               ? json_null()
               : json_pack("{s:s, s:s}", "path", app->whoami_path, "field",
                           app->whoami_field);
}

json_t *
pn_app_to_json(const struct pn_app *app, struct pn_arena *arena)
{
    return pn_json_defer(
        arena,
        json_pack(
            "{s:s, s:o, s:s, s:o, s:o, s:s, s:s, s:i, s:s, s:s, s:b, s:o, s:o,"
            " s:o, s:o}",
            "name", app->name, "url", pn_part_text_json(app->url),
            "context_path", app->context_path, "paths",
            pn_part_texts_json(app->paths, app->path_count), "reads",
            pn_part_texts_json(app->reads, app->read_count), "passwords",
            pn_words_foreign[app->passwords], "foreign_bearer",
            pn_words_foreign[app->foreign_bearer], "block_status",
            (int) app->block_status, "challenge",
            pn_words_challenge[app->challenge], "cookies",
            pn_words_cookies[app->cookies], "allow_encoded_slash",
            app->allow_encoded_slash, "ip_rules",
            pn_part_ip_json(&app->ip, PN_IP_OF_RULES), "groups",
            pn_part_list_json(&app->groups), "whoami", whoami_json(app),
            "identity", identity_json(app)));
}
