/* SPDX-License-Identifier: Apache-2.0 */
/* POST /import: rows of one kind. */
#include <stdlib.h>

#include "daemon/api/call.h"
#include "daemon/model/doc.h"

enum { MEMBERS_MAX = 64 };

static const char *const types[] = {[PN_IMPORT_USERS] = "user",
                                    [PN_IMPORT_GROUPS] = "group",
                                    [PN_IMPORT_TOKENS] = "token",
                                    NULL};
static const char *const ways[] = {
    [PN_IMPORT_LEAVE] = "leave", [PN_IMPORT_UPDATE] = "update", NULL};

/* --- the call ------------------------------------------------------------ */

/* What is no row at all is wrong with the call. */
static void
check_rows(const struct pn_doc *doc, json_t *rows)
{
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        const struct pn_doc item = pn_doc_at(doc, "rows", i, row);

        if (!json_is_object(row)) {
            pn_doc_bad(&item, "", "invalid_type",
                       "A row must be an object in braces: {…}.");
        } else if (json_object_size(row) > MEMBERS_MAX) {
            pn_doc_bad(&item, "", "too_many", "A row has at most %d members.",
                       MEMBERS_MAX);
        }
    }
}

/* What surrounds the rows. */
static bool
take_head(struct pn_call *call, struct pn_import *import, json_t **rows)
{
    static const char *const names[] = {"type", "rows", "existing", "preview",
                                        NULL};
    struct pn_doc_run run = {.arena = call->arena, .fault = &call->fault};
    unsigned type = 0, way = 0;
    struct pn_doc doc;

    if (pn_doc_begin(&run, call->body, &doc)) {
        pn_doc_known(&doc, names, pn_no_names);
        if (!pn_doc_has(&doc, "type") || !pn_doc_has(&doc, "rows")) {
            pn_doc_bad(&doc, pn_doc_has(&doc, "type") ? "rows" : "type",
                       "required", "Give both \"type\" and \"rows\".");
        }
        pn_doc_word(&doc, "type", types, &type);
        pn_doc_word(&doc, "existing", ways, &way);
        pn_doc_bool(&doc, "preview", &import->rehearse);
        *rows = pn_doc_array(&doc, "rows", PN_IMPORT_ROWS_MAX);
        check_rows(&doc, *rows);
        if (way == PN_IMPORT_UPDATE && type == PN_IMPORT_TOKENS) {
            pn_doc_bad(&doc, "existing", "conflict",
                       "Tokens that are there already are left alone.");
        }
    }
    if (pn_doc_verdict(&run) != PN_OK) {
        return pn_call_fail(call);
    }
    import->kind = (enum pn_import_kind) type;
    import->existing =
        way == PN_IMPORT_UPDATE ? PN_IMPORT_UPDATE : PN_IMPORT_LEAVE;
    return true;
}

static bool
allocate(struct pn_call *call, struct pn_import *import, size_t count,
         struct pn_import_result *result)
{
    static const size_t sizes[] = {
        [PN_IMPORT_USERS] = sizeof(*import->row.user),
        [PN_IMPORT_GROUPS] = sizeof(*import->row.group),
        [PN_IMPORT_TOKENS] = sizeof(*import->row.token),
    };
    void *row = pn_arena_array(call->arena, count + 1, sizes[import->kind]);

    import->place =
        pn_arena_array(call->arena, count + 1, sizeof(*import->place));
    result->refused =
        pn_arena_array(call->arena, count + 1, sizeof(*result->refused));
    switch (import->kind) {
    case PN_IMPORT_USERS:
        import->row.user = row;
        break;
    case PN_IMPORT_GROUPS:
        import->row.group = row;
        break;
    case PN_IMPORT_TOKENS:
        import->row.token = row;
        break;
    }
    return (row != NULL && import->place != NULL && result->refused != NULL)
           || pn_call_no_memory(call);
}

/* --- rows ---------------------------------------------------------------- */

static enum pn_err
read_row(struct pn_call *call, struct pn_import *import, json_t *doc,
         struct pn_fault *fault)
{
    const size_t at = import->count;

    switch (import->kind) {
    case PN_IMPORT_USERS:
        return pn_user_import_from_json(doc, call->arena, &import->row.user[at],
                                        fault);
    case PN_IMPORT_GROUPS:
        return pn_group_import_from_json(doc, call->arena,
                                         &import->row.group[at], fault);
    case PN_IMPORT_TOKENS:
        break;
    }
    return pn_token_import_from_json(doc, call->arena, &import->row.token[at],
                                     fault);
}

static bool
read_rows(struct pn_call *call, json_t *rows, struct pn_import *import,
          struct pn_import_result *result)
{
    size_t place;
    json_t *doc;

    json_array_foreach(rows, place, doc)
    {
        struct pn_fault fault = {0};
        enum pn_err err = read_row(call, import, doc, &fault);

        if (err == PN_OK) {
            import->place[import->count++] = place;
        } else if (err == PN_E_RANGE && fault.field_count > 0) {
            result->refused[result->refused_count++] =
                (struct pn_import_refused){
                    .place = place,
                    .code = fault.fields[0].code,
                    .pointer = fault.fields[0].pointer,
                    .detail = fault.fields[0].detail,
                };
        } else {
            return pn_call_no_memory(call);
        }
    }
    return true;
}

static int
by_place(const void *a, const void *b)
{
    const struct pn_import_refused *left = a, *right = b;

    return (left->place > right->place) - (left->place < right->place);
}

static json_t *
result_json(struct pn_call *call, struct pn_import_result *result)
{
    json_t *refused = json_array();

    qsort(result->refused, result->refused_count, sizeof(*result->refused),
          by_place);
    for (size_t i = 0; i < result->refused_count; i++) {
        const struct pn_import_refused *r = &result->refused[i];

        if (json_array_append_new(
                refused, json_pack("{s:I, s:s, s:s, s:s}", "row",
                                   (json_int_t) r->place, "code", r->code,
                                   "pointer", r->pointer, "detail", r->detail))
            != 0)
        {
            json_decref(refused);
            return NULL;
        }
    }
    return pn_json_defer(
        call->arena,
        json_pack("{s:I, s:I, s:I, s:o}", "made", (json_int_t) result->made,
                  "updated", (json_int_t) result->updated, "existing",
                  (json_int_t) result->existing, "refused", refused));
}

void
pn_api_import_post(void *context, const struct pn_http_request *req,
                   struct pn_http_response *res)
{
    static const struct pn_call_rule rule = {.body = PN_BODY_JSON};
    struct pn_import import = {.count = 0};
    struct pn_import_result result = {.made = 0};
    json_t *rows = NULL;
    struct pn_call call;

    if (!pn_call_begin(&call, context, req, res, &rule)
        || !take_head(&call, &import, &rows)
        || !allocate(&call, &import, json_array_size(rows), &result)
        || !read_rows(&call, rows, &import, &result))
    {
        return;
    }
    if (!pn_ops_import(call.api->ops, &call.caller, &import, call.arena,
                       &result, &call.fault))
    {
        (void) pn_call_fail(&call);
        return;
    }
    pn_call_answer(&call, 200, result_json(&call, &result));
}
