/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents that people send.  The first byte says which kind; whatever is
 * accepted is written, read again, and then written the same.  Whatever is
 * refused says where and why, in text that JSON can carry.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/model/codec.h"

enum { ARENA_MAX = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* *out gets what is written from an accepted document. */
typedef enum pn_err read_fn(json_t *doc, struct pn_arena *arena, json_t **out,
                            struct pn_fault *fault);

static enum pn_err
read_policy(json_t *doc, struct pn_arena *arena, json_t **out,
            struct pn_fault *fault)
{
    struct pn_policy policy;
    enum pn_err err = pn_policy_from_json(doc, arena, &policy, fault);

    *out = err == PN_OK ? pn_policy_to_json(&policy, arena) : NULL;
    return err;
}

static enum pn_err
read_app(json_t *doc, struct pn_arena *arena, json_t **out,
         struct pn_fault *fault)
{
    struct pn_app app;
    enum pn_err err = pn_app_from_json(doc, NULL, arena, &app, fault);

    *out = err == PN_OK ? pn_app_to_json(&app, arena) : NULL;
    return err;
}

static enum pn_err
read_token(json_t *doc, struct pn_arena *arena, json_t **out,
           struct pn_fault *fault)
{
    static char none[] = "", name[] = "name";
    struct pn_token_wish wish;
    enum pn_err err = pn_token_wish_from_json(doc, arena, &wish, fault);

    if (err == PN_OK) {
        wish.token.owner = wish.token.prefix = none;
        wish.token.name = wish.token.name == NULL ? name : wish.token.name;
    }
    *out = err == PN_OK ? pn_token_to_json(&wish.token, arena) : NULL;
    return err;
}

static enum pn_err
read_user(json_t *doc, struct pn_arena *arena, json_t **out,
          struct pn_fault *fault)
{
    static char name[] = "name";
    struct pn_user_wish wish;
    enum pn_err err = pn_user_wish_from_json(doc, arena, &wish, fault);

    if (err == PN_OK && wish.user.username == NULL) {
        wish.user.username = name;
    }
    *out = err == PN_OK ? pn_user_to_json(&wish.user, arena) : NULL;
    return err;
}

static void
check_fault(const struct pn_fault *fault)
{
    assert(fault->status == 422 && fault->field_count > 0);
    for (uint8_t i = 0; i < fault->field_count; i++) {
        const struct pn_fault_field *field = &fault->fields[i];

        assert(field->detail[0] != '\0');
        assert(pn_str_is_utf8(pn_str_from(field->detail)));
        assert(pn_str_is_utf8(pn_str_from(field->pointer)));
        assert(field->pointer[0] == '\0' || field->pointer[0] == '/');
    }
}

static void
check(read_fn *read, json_t *doc, struct pn_arena *arena)
{
    struct pn_fault fault = {0}, again = {0};
    json_t *first = NULL, *second = NULL;
    enum pn_err err = read(doc, arena, &first, &fault);

    if (err == PN_E_RANGE) {
        check_fault(&fault);
        return;
    }
    assert(err == PN_OK && fault.status == 0);
    assert(first != NULL);
    assert(read(first, arena, &second, &again) == PN_OK);
    assert(json_equal(first, second) == 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static read_fn *const readers[] = {read_policy, read_app, read_token,
                                       read_user};
    struct pn_arena *arena;
    json_t *doc = NULL;

    if (size < 1) {
        return 0;
    }
    if (pn_json_parse((struct pn_str){(const char *) data + 1, size - 1}, &doc,
                      NULL, 0)
        != PN_OK)
    {
        return 0;
    }
    arena = pn_arena_new(ARENA_MAX);
    assert(arena != NULL);
    doc = pn_json_defer(arena, doc);
    assert(doc != NULL);
    check(readers[data[0] % PN_LEN(readers)], doc, arena);
    pn_arena_free(arena);
    return 0;
}
