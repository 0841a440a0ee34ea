/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First line a pattern, second line a path.  A pattern without stars matches
 * exactly itself; what it matches, "everything" matches too; and it matches
 * under a leading method list as without one.
 */
#include "property.h"

#include "core/pathpat.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pn_str text, path;
    struct pn_pathpat pattern, all;
    size_t at = SIZE_MAX;
    enum pn_err err;

    input_halves(data, size, &text, &path);
    err = pn_pathpat_parse(text, &pattern, &at);
    if (err != PN_OK) {
        property(err == PN_E_TOO_LONG || at <= text.len);
        return 0;
    }
    property(pn_pathpat_parse(PN_STR("/**"), &all, NULL) == PN_OK);
    struct pn_str method = pattern.methods;

    method.len = pn_str_find(method, ',');
    bool matches = pn_pathpat_matches(&pattern, method, path);

    property(!matches || pn_pathpat_matches(&all, method, path));
    if (pn_str_find(pattern.path, '*') == pattern.path.len) {
        property(matches == pn_str_eq(pattern.path, path));
        property(pn_pathpat_matches(&pattern, method, pattern.path));
    }
    if (pattern.methods.len > 0) {
        property(!pn_pathpat_matches(&pattern, PN_STR("none"), path));
    }
    return 0;
}
