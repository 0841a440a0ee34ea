/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the members of a test's JSON objects. */
#include "members.h"

#include <string.h>

#include "base/datetime.h"
#include "base/str.h"
#include "spec.h"

/* Every member of object must be one of the names. */
void
check_members(const char *what, json_t *object, const char *names)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object)) {
        die("%s: an object is wanted", what);
    }
    json_object_foreach(object, key, value)
    {
        const char *at = strstr(names, key);
        size_t len = strlen(key);

        while (at != NULL
               && ((at != names && at[-1] != ' ')
                   || (at[len] != '\0' && at[len] != ' ')))
        {
            at = strstr(at + 1, key);
        }
        if (at == NULL) {
            die("%s: unknown member '%s'", what, key);
        }
    }
}

const char *
text_of(json_t *object, const char *name, const char *otherwise)
{
    json_t *value = json_object_get(object, name);

    if (value == NULL || json_is_null(value)) {
        return otherwise;
    }
    if (!json_is_string(value)) {
        die("'%s': text is wanted", name);
    }
    return json_string_value(value);
}

const char *
name_of(json_t *object, const char *name)
{
    const char *value = text_of(object, name, NULL);

    if (value == NULL) {
        die("'%s' is missing", name);
    }
    return value;
}

bool
flag_of(json_t *object, const char *name, bool otherwise)
{
    json_t *value = json_object_get(object, name);

    return value == NULL ? otherwise : json_is_true(value);
}

/* Which of the blank-separated words, in their order. */
unsigned
choice_of(json_t *object, const char *name, const char *words)
{
    const char *value = text_of(object, name, NULL);
    unsigned n = 0;

    for (const char *at = words; value != NULL && *at != '\0'; n++) {
        size_t len = strcspn(at, " ");

        if (strlen(value) == len && strncmp(at, value, len) == 0) {
            return n;
        }
        at += len + (at[len] == ' ');
    }
    if (value != NULL) {
        die("'%s' is none of: %s", name, words);
    }
    return 0;
}

/* RFC 3339 text, Unix seconds, or null. */
int64_t
instant_of(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    int64_t at = 0;

    if (json_is_integer(value)) {
        return json_integer_value(value);
    }
    if (json_is_string(value)) {
        must(pn_datetime_parse(pn_str_from(json_string_value(value)), &at),
             name);
    }
    return at;
}

/* False for null and absent. */
bool
list_of(json_t *object, const char *name, const char **out, uint16_t *count)
{
    json_t *list = json_object_get(object, name);
    json_t *item;
    size_t i;

    *count = 0;
    if (list == NULL || json_is_null(list)) {
        return false;
    }
    if (!json_is_array(list) || json_array_size(list) > LIST_MAX) {
        die("'%s': a list of at most %d is wanted", name, LIST_MAX);
    }
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item)) {
            die("'%s': texts are wanted", name);
        }
        out[(*count)++] = json_string_value(item);
    }
    return true;
}
