/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is canonical has a path without dot or empty segments, backslashes or
 * control bytes, is well-formed UTF-8, and judged a second time, as decoded,
 * gives the same answer.
 */
#include "property.h"

#include "core/target.h"

static void
check_segments(struct pn_str path)
{
    struct pn_str head, tail = path;

    property(pn_str_cut(tail, '/', &head, &tail) && head.len == 0);
    while (pn_str_cut(tail, '/', &head, &tail)) {
        property(head.len > 0);
        property(!pn_str_eq(head, PN_STR(".")));
        property(!pn_str_eq(head, PN_STR("..")));
    }
    property(!pn_str_eq(tail, PN_STR(".")) && !pn_str_eq(tail, PN_STR("..")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char bytes[PN_TARGET_MAX];
    struct pn_buf strict = PN_BUF(bytes), literal;
    struct pn_str path, below;

    if (pn_target_path(input(data, size), PN_SLASH_AMBIGUOUS, &strict)
        != PN_TARGET_CANONICAL)
    {
        static char others[PN_TARGET_MAX];

        property(strict.len == 0 && !strict.full);
        literal = PN_BUF(others);
        if (pn_target_path(input(data, size), PN_SLASH_LITERAL, &literal)
            == PN_TARGET_CANONICAL)
        {
            check_segments(pn_buf_str(&literal));
        }
        return 0;
    }
    path = pn_buf_str(&strict);
    check_segments(path);
    property(!pn_str_has_control(path));
    property(pn_str_is_utf8(path));
    property(pn_str_find(path, '\\') == path.len);
    property(pn_str_find(path, ';') == path.len);
    property(pn_str_find(path, '%') == path.len);
    property(pn_target_judge_decoded(path) == PN_TARGET_CANONICAL);
    property(pn_target_below(path, PN_STR(""), &below));
    property(pn_str_eq(path, below));
    return 0;
}
