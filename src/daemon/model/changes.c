/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs between two documents, for people: where, what it was, what it
 * is.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "daemon/model/codec.h"

enum { POINTER_MAX = 1024 };

/* One comparison: where it is, and what it found. */
struct changes {
    json_t *found;
    char at[POINTER_MAX]; /* NUL-terminated */
    size_t len;
    bool failed;
};

/* Takes before and after over. */
static void
add(struct changes *c, json_t *before, json_t *after)
{
    json_t *one = json_pack("{s:s, s:o, s:o}", "pointer", c->at, "before",
                            before, "after", after);

    c->failed |= one == NULL || json_array_append_new(c->found, one) != 0;
}

static bool
has_item(const json_t *list, const json_t *item)
{
    const json_t *other;
    size_t i;

    json_array_foreach(list, i, other)
    {
        if (json_equal(item, other)) {
            return true;
        }
    }
    return false;
}

/* The items of list that other does not have. */
static json_t *
items_beside(const json_t *list, const json_t *other)
{
    json_t *out = json_array();
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (!has_item(other, item) && json_array_append(out, item) != 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

static void
compare_lists(struct changes *c, const json_t *before, const json_t *after)
{
    json_t *gone = items_beside(before, after);
    json_t *come = items_beside(after, before);

    if (json_array_size(gone) > 0 || json_array_size(come) > 0) {
        add(c, gone, come);
    } else {
        c->failed |= gone == NULL || come == NULL;
        json_decref(gone);
        json_decref(come);
    }
}

/* Put "/key" behind the pointer; false when it has become too long. */
static bool
enter(struct changes *c, const char *key)
{
    struct pn_buf buf = {.ptr = c->at, .len = c->len, .cap = sizeof(c->at) - 1};

    pn_buf_add_char(&buf, '/');
    for (; *key != '\0'; key++) {
        if (*key == '~' || *key == '/') {
            pn_buf_add_cstr(&buf, *key == '~' ? "~0" : "~1");
        } else {
            pn_buf_add_char(&buf, *key);
        }
    }
    if (buf.full) {
        c->failed = true;
        return false;
    }
    c->at[buf.len] = '\0';
    c->len = buf.len;
    return true;
}

static void
leave(struct changes *c, size_t len)
{
    c->len = len;
    c->at[len] = '\0';
}

static json_t *
value_or_null(json_t *value)
{
    return value != NULL ? json_incref(value) : json_null();
}

static bool
same(const json_t *before, const json_t *after)
{
    bool nothing = before == NULL || json_is_null(before);

    return nothing ? after == NULL || json_is_null(after)
                   : json_equal(before, after);
}

static void compare(struct changes *c, json_t *before, json_t *after);

/* The members of doc, each beside the same of other. */
static void
/* NOLINTNEXTLINE(misc-no-recursion): documents are PN_JSON_DEPTH deep */
compare_members(struct changes *c, json_t *before, json_t *after)
{
    const size_t len = c->len;
    const char *key;
    json_t *value;

    json_object_foreach(before, key, value)
    {
        if (enter(c, key)) {
            compare(c, value, json_object_get(after, key));
        }
        leave(c, len);
    }
    json_object_foreach(after, key, value)
    {
        if (json_object_get(before, key) == NULL && enter(c, key)) {
            compare(c, NULL, value);
        }
        leave(c, len);
    }
}

static void
/* NOLINTNEXTLINE(misc-no-recursion) */
compare(struct changes *c, json_t *before, json_t *after)
{
    if (json_is_object(before) && json_is_object(after)) {
        compare_members(c, before, after);
    } else if (json_is_array(before) && json_is_array(after)) {
        compare_lists(c, before, after);
    } else if (!same(before, after)) {
        add(c, value_or_null(before), value_or_null(after));
    }
}

json_t *
pn_json_changes(json_t *before, json_t *after, struct pn_arena *arena)
{
    struct changes c = {.found = pn_json_defer(arena, json_array())};

    if (c.found == NULL) {
        return NULL;
    }
    compare(&c, before, after);
    return c.failed ? NULL : c.found;
}
