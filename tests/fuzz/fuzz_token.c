/* SPDX-License-Identifier: Apache-2.0 */
/* Where a token is found, one begins; entropy always makes a well-formed
 * one. */
#include "property.h"

#include "core/token.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct pn_prefixes known = {
        {{"pst_", 4}, {"pst_ci_", 7}, {"a_", 2}}, 3};
    struct pn_str text = input(data, size);
    enum pn_token_kind kind = pn_token_classify(text, &known);
    size_t at = pn_token_find(text, &known);
    struct pn_secret made;

    property(at <= text.len);
    property(kind != PN_TOKEN_WELL_FORMED || at == 0);
    for (size_t len = at; len <= text.len && len - at <= PN_TOKEN_LEN_MAX;
         len++) {
        struct pn_str part = {text.ptr + at, len - at};

        if (pn_token_classify(part, &known) == PN_TOKEN_WELL_FORMED) {
            at = text.len;
        }
    }
    property(at == text.len); /* found means: some part is well-formed */
    if (size >= PN_TOKEN_ENTROPY_BYTES) {
        property(pn_token_make(known.item[0], data, &made) == PN_OK);
        property(
            pn_token_classify((struct pn_str){made.bytes, made.len}, &known)
            == PN_TOKEN_WELL_FORMED);
    }
    return 0;
}
