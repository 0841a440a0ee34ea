/* SPDX-License-Identifier: Apache-2.0 */
/* Strict JSON reading on top of jansson. */
#include "base/json.h"

#include <stdio.h>

/* jansson has a depth limit of its own (2048), too deep for us; counting
 * brackets outside strings beforehand is enough, since the parser refuses
 * whatever is not JSON. */
static bool
too_deep(struct pn_str text)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > PN_JSON_DEPTH) {
                return true;
            }
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

enum pn_err
pn_json_parse(struct pn_str text, json_t **out, char *why, size_t why_len)
{
    const char *problem = NULL;
    json_error_t error;
    json_t *value;

    if (text.len > PN_JSON_MAX) {
        problem = "document is too large";
    } else if (too_deep(text)) {
        problem = "document is nested too deeply";
    }
    if (problem != NULL) {
        if (why != NULL) {
            (void) snprintf(why, why_len, "%s", problem);
        }
        return PN_E_TOO_LONG;
    }
    value = json_loadb(text.len == 0 ? "" : text.ptr, text.len,
                       JSON_REJECT_DUPLICATES, &error);
    if (value == NULL) {
        if (why != NULL) {
            (void) snprintf(why, why_len, "line %d column %d: %s", error.line,
                            error.column, error.text);
        }
        return PN_E_SYNTAX;
    }
    *out = value;
    return PN_OK;
}

static void
release(void *value)
{
    json_decref(value);
}

json_t *
pn_json_defer(struct pn_arena *arena, json_t *value)
{
    if (value != NULL && pn_arena_defer(arena, release, value) != PN_OK) {
        json_decref(value);
        return NULL;
    }
    return value;
}
