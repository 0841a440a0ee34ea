/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint that is understood is written as it was read. */
#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "daemon/model/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pn_str text = {(const char *) data, size};
    struct pn_audit_mark mark;
    char again[PN_AUDIT_MARK_LEN + 1];

    if (pn_audit_mark_parse(text, &mark) == PN_OK) {
        assert(mark.position > 0);
        pn_audit_mark_format(&mark, again);
        assert(pn_str_eq(text, pn_str_from(again)));
    }
    return 0;
}
