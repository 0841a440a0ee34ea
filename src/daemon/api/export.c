/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /export: everything but secrets, one object a line, as GET shows each
 * with its "type" in front.  In the order in which an import can take it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/api/lines.h"

enum part { GROUPS = 0, USERS, APPS, POLICY, TOKENS, PARTS };

static const char *const types[] = {
    [GROUPS] = "group",  [USERS] = "user",   [APPS] = "app",
    [POLICY] = "policy", [TOKENS] = "token",
};

struct export
{
    struct pn_lines_source source;
    enum part part, last;
    bool part_ends; /* with the page that was read last */
    bool hashes;
};

/* --- a page of each ------------------------------------------------------ */

static bool
read_groups(struct pn_lines_source *s, struct pn_arena *arena,
            struct pn_lines_page *out, struct pn_fault *fault)
{
    const struct pn_page page = {s->cursor, PN_LIST_MAX};
    struct pn_group_list list;

    if (!pn_ops_groups(s->ops, &s->caller, &page, arena, &list, fault)) {
        return false;
    }
    *out = (struct pn_lines_page){list.item, sizeof(*list.item), list.count,
                                  false};
    return pn_lines_go_on(s, list.next, out);
}

static bool
read_users(struct pn_lines_source *s, struct pn_arena *arena,
           struct pn_lines_page *out, struct pn_fault *fault)
{
    const struct pn_user_query query = {.page = {s->cursor, PN_LIST_MAX}};
    struct pn_user_list list;

    if (!pn_ops_users(s->ops, &s->caller, &query, arena, &list, fault)) {
        return false;
    }
    *out = (struct pn_lines_page){list.item, sizeof(*list.item), list.count,
                                  false};
    return pn_lines_go_on(s, list.next, out);
}

static bool
read_apps(struct pn_lines_source *s, struct pn_arena *arena,
          struct pn_lines_page *out, struct pn_fault *fault)
{
    const struct pn_page page = {s->cursor, PN_LIST_MAX};
    struct pn_app_list list;

    if (!pn_ops_apps(s->ops, &s->caller, &page, arena, &list, fault)) {
        return false;
    }
    *out = (struct pn_lines_page){list.item, sizeof(*list.item), list.count,
                                  false};
    return pn_lines_go_on(s, list.next, out);
}

static bool
read_policy(struct pn_lines_source *s, struct pn_arena *arena,
            struct pn_lines_page *out, struct pn_fault *fault)
{
    struct pn_policy *policy = pn_arena_alloc(arena, sizeof(*policy));

    if (policy == NULL
        || !pn_ops_policy(s->ops, &s->caller, arena, policy, fault)) {
        return false;
    }
    *out = (struct pn_lines_page){policy, sizeof(*policy), 1, false};
    return true;
}

static bool
read_tokens(struct pn_lines_source *s, struct pn_arena *arena,
            struct pn_lines_page *out, struct pn_fault *fault)
{
    const struct pn_token_query query = {
        .filter = {.sort = PN_SORT_CREATED, .ascending = true},
        .page = {s->cursor, PN_LIST_MAX},
    };
    struct pn_token_list list;

    if (!pn_ops_tokens(s->ops, &s->caller, &query, arena, &list, fault)) {
        return false;
    }
    *out = (struct pn_lines_page){list.item, sizeof(*list.item), list.count,
                                  false};
    return pn_lines_go_on(s, list.next, out);
}

/* --- lines --------------------------------------------------------------- */

static json_t *
document_of(const struct export *export, const void *item,
            struct pn_arena *arena)
{
    switch (export->part) {
    case GROUPS:
        return pn_group_to_json(item, arena);
    case USERS:
        return pn_user_to_json(item, arena);
    case APPS:
        return pn_app_to_json(item, arena);
    case POLICY:
        return pn_policy_to_json(item, arena);
    case TOKENS:
        return pn_token_to_json(item, arena);
    case PARTS:
        break;
    }
    return NULL;
}

/* What the machine's administrator may move to another installation. */
static bool
add_hash(json_t *line, const struct pn_token *token)
{
    char digits[2 * PN_HASH_LEN + 1];

    if (token->secret_count == 0) {
        return true;
    }
    pn_hex(token->secrets[0].hash.bytes, PN_HASH_LEN, digits);
    return json_object_set_new(line, "sha256", json_string(digits)) == 0;
}

static json_t *
export_line(struct pn_lines_source *source, const void *item,
            struct pn_arena *arena)
{
    const struct export *export = (const struct export *) source;
    json_t *doc = document_of(export, item, arena);
    json_t *line = NULL;

    if (doc != NULL) { /* so it is one of the parts */
        line = pn_json_defer(arena,
                             json_pack("{s:s}", "type", types[export->part]));
    }
    if (line == NULL || json_object_update(line, doc) != 0
        || (export->part == TOKENS && export->hashes && !add_hash(line, item)))
    {
        return NULL;
    }
    return line;
}

/* --- the whole ----------------------------------------------------------- */

/* The lines of a page are made before the next one is read. */
static bool
export_read(struct pn_lines_source *source, struct pn_arena *arena,
            struct pn_lines_page *out, struct pn_fault *fault)
{
    static bool (*const reads[])(
        struct pn_lines_source * s, struct pn_arena * arena,
        struct pn_lines_page * out, struct pn_fault * fault) = {
        [GROUPS] = read_groups, [USERS] = read_users,   [APPS] = read_apps,
        [POLICY] = read_policy, [TOKENS] = read_tokens,
    };
    struct export *export = (struct export *) source;

    if (export->part_ends) {
        export->part++;
        source->cursor[0] = '\0';
    }
    if (!reads[export->part](source, arena, out, fault)) {
        return false;
    }
    export->part_ends = !out->more;
    out->more = out->more || export->part < export->last;
    return true;
}

static bool
wrong_parameter(struct pn_call *call, const char *pointer, const char *detail)
{
    pn_fault_field_add(&call->fault, call->arena, pointer, "invalid_parameter",
                       "%s", detail);
    call->fault.status = 400;
    return pn_call_fail(call);
}

static bool
take_type(struct pn_call *call, struct export *export)
{
    const char *text = pn_http_query(call->req, "type");

    export->part = GROUPS;
    export->last = TOKENS;
    if (text == NULL) {
        /* a scope is for one kind of thing */
        return call->caller.kind != PN_CALLER_TOKEN
               || pn_call_refuse(call, 403, "scope_missing",
                                 "A token may export one type at a time, if "
                                 "it has the scope to read that.");
    }
    for (unsigned i = 0; i < PARTS; i++) {
        if (strcmp(text, types[i]) == 0) {
            export->part = export->last = (enum part) i;
            return true;
        }
    }
    return wrong_parameter(call, "?type",
                           "The type is group, user, app, policy or token.");
}

static bool
take_hashes(struct pn_call *call, struct export *export)
{
    const char *text = pn_http_query(call->req, "hashes");

    if (text == NULL) {
        return true;
    }
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        return wrong_parameter(call, "?hashes", "It is true or false.");
    }
    export->hashes = strcmp(text, "true") == 0;
    return !export->hashes || call->caller.kind == PN_CALLER_LOCAL
           || pn_call_refuse(call, 403, "local_only",
                             "The hashes of tokens are for the administrator "
                             "of the machine, through admin.sock.");
}

void
pn_api_export_get(void *context, const struct pn_http_request *req,
                  struct pn_http_response *res)
{
    static const char *const names[] = {"type", "hashes", NULL};
    static const struct pn_call_rule rule = {.query = names};
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)) {
        return;
    }
    struct export *export = calloc(1, sizeof(*export));

    if (export == NULL) {
        (void) pn_call_no_memory(&call);
        return;
    }
    if (!take_type(&call, export) || !take_hashes(&call, export)) {
        free(export);
        return;
    }
    export->source.read = export_read;
    export->source.line = export_line;
    pn_call_answer_lines(&call, &export->source);
}
