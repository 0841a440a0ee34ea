/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: what is wrong with a request or with fields of its document. */
#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"
#include "daemon/model/codec.h"

enum { DETAIL_MAX = 1024 };

/* Formatted text in the arena, or the literal that stands in for it. */
static char *PN_PRINTF(2, 0)
    text_of(struct pn_arena *arena, const char *format, va_list ap)
{
    static char no_memory[] = "out of memory";
    char text[DETAIL_MAX];
    size_t len;
    char *copy;
    int n = vsnprintf(text, sizeof(text), format, ap);

    if (n < 0) {
        return no_memory;
    }
    len = (size_t) n < sizeof(text) ? (size_t) n : sizeof(text) - 1;
    while (len > 0 && !pn_str_is_utf8((struct pn_str){text, len})) {
        len--; /* never half a character: JSON could not carry it */
    }
    copy = pn_arena_dup(arena, (struct pn_str){text, len});
    return copy == NULL ? no_memory : copy;
}

void
pn_fault_field_add(struct pn_fault *fault, struct pn_arena *arena,
                   const char *pointer, const char *code, const char *format,
                   ...)
{
    static char several[] = "several fields are wrong: see \"errors\"";
    static char nowhere[] = "";
    struct pn_fault_field field;
    va_list ap;

    if (fault->field_count == PN_FAULT_FIELDS_MAX) {
        return;
    }
    va_start(ap, format);
    field.detail = text_of(arena, format, ap);
    va_end(ap);
    field.pointer = pn_arena_dup(arena, pn_str_from(pointer));
    field.code = pn_arena_dup(arena, pn_str_from(code));
    if (field.pointer == NULL || field.code == NULL) {
        field.pointer = field.code = nowhere;
    }
    fault->status = 422;
    fault->code = "invalid_fields";
    fault->detail = fault->field_count == 0 ? field.detail : several;
    fault->fields[fault->field_count++] = field;
}

void
pn_fault_prefix(struct pn_fault *fault, struct pn_arena *arena, uint8_t from,
                const char *pointer)
{
    for (uint8_t i = from; i < fault->field_count; i++) {
        struct pn_fault_field *field = &fault->fields[i];
        char *whole = pn_arena_printf(arena, "%s%s", pointer, field->pointer);

        if (whole != NULL) {
            field->pointer = whole;
        }
    }
}

void
pn_fault_set(struct pn_fault *fault, struct pn_arena *arena, unsigned status,
             const char *code, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    fault->detail = text_of(arena, format, ap);
    va_end(ap);
    fault->status = status;
    fault->code = code;
    fault->field_count = 0;
}
