/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever parses has distinct names, and texts without control bytes. */
#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "daemon/http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const char *text)
{
    assert(pn_str_is_utf8(pn_str_from(text)));
    assert(!pn_str_has_control(pn_str_from(text)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pn_str text = {(const char *) data, size};
    struct pn_arena *arena = pn_arena_new(1 << 20);
    struct pn_http_param param[PN_HTTP_PARAMS_MAX];
    const char *segment[4];
    size_t count = 0;

    if (arena != NULL
        && pn_http_query_parse(text, arena, param, &count) == PN_OK) {
        assert(count <= PN_HTTP_PARAMS_MAX);
        for (size_t i = 0; i < count; i++) {
            check_text(param[i].name);
            check_text(param[i].value);
            for (size_t j = 0; j < i; j++) {
                assert(strcmp(param[i].name, param[j].name) != 0);
            }
        }
    }
    if (arena != NULL
        && pn_http_path_match("/a/{x}/{y}", text, arena, segment, 4) == PN_OK)
    {
        check_text(segment[0]);
        check_text(segment[1]);
        assert(segment[0][0] != '\0' && segment[1][0] != '\0');
    }
    pn_arena_free(arena);
    return 0;
}
