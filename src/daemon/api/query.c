/* SPDX-License-Identifier: Apache-2.0 */
/* The query of a request, read like a document. */
#include "daemon/api/query.h"

#include <string.h>

static json_t *
document_of(struct pn_call *call, const struct pn_query_reader *reader)
{
    json_t *doc = pn_json_defer(call->arena, json_object());

    for (size_t i = 0; doc != NULL && reader->names[i] != NULL; i++) {
        const char *name = reader->names[i];
        const char *text = pn_http_query(call->req, name);
        json_t *value;

        if (text == NULL || strcmp(name, "cursor") == 0
            || strcmp(name, "limit") == 0) {
            continue;
        }
        value = reader->value != NULL ? reader->value(name, text)
                                      : json_string(text);
        if (value != NULL && json_object_set_new(doc, name, value) != 0) {
            return NULL;
        }
    }
    return doc;
}

bool
pn_query_read(struct pn_call *call, const struct pn_query_reader *reader,
              void *out)
{
    struct pn_doc_run run = {.arena = call->arena, .fault = &call->fault};
    json_t *given = document_of(call, reader);
    struct pn_doc doc;

    if (given == NULL) {
        return pn_call_no_memory(call);
    }
    if (pn_doc_begin(&run, given, &doc)) {
        reader->read(&doc, out);
    }
    if (pn_doc_verdict(&run) == PN_OK) {
        return true;
    }
    for (uint8_t i = 0; i < call->fault.field_count; i++) {
        call->fault.fields[i].pointer[0] = '?';
    }
    call->fault.status = 400;
    return pn_call_fail(call);
}
