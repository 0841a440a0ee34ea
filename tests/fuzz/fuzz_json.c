/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever is read is an object or array, no deeper than allowed, and means
 * the same when written and read again.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned
larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static unsigned
depth_of(json_t *value)
{
    unsigned deepest = 0;

    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            deepest = larger(deepest, depth_of(json_array_get(value, i)));
        }
        return deepest + 1;
    }
    if (json_is_object(value)) {
        for (void *at = json_object_iter(value); at != NULL;
             at = json_object_iter_next(value, at))
        {
            deepest = larger(deepest, depth_of(json_object_iter_value(at)));
        }
        return deepest + 1;
    }
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pn_str text = {(const char *) data, size};
    json_t *value = NULL, *again = NULL;
    char why[128] = "", *written;
    enum pn_err err = pn_json_parse(text, &value, why, sizeof(why));

    if (err != PN_OK) {
        assert(value == NULL && why[0] != '\0');
        return 0;
    }
    assert(depth_of(value) >= 1 && depth_of(value) <= PN_JSON_DEPTH);
    written = json_dumps(value, JSON_COMPACT);
    assert(written != NULL);
    err = pn_json_parse((struct pn_str){written, strlen(written)}, &again, NULL,
                        0);
    assert(err == PN_OK && json_equal(value, again));
    free(written);
    json_decref(again);
    json_decref(value);
    return 0;
}
