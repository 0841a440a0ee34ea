/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever decodes is, padding aside, what the encoder writes. */
#include <assert.h>
#include <string.h>

#include "base/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char bytes[4096], again[8192];
    struct pn_buf out = PN_BUF(bytes), encoded = PN_BUF(again);
    const struct pn_str text = {(const char *) data, size};
    enum pn_err err = pn_base64_decode(text, &out);

    if (err != PN_OK) {
        assert(out.len == 0);
        return 0;
    }
    pn_base64_encode(bytes, out.len, &encoded);
    assert(!encoded.full && encoded.len >= size && encoded.len - size <= 2);
    assert(size == 0 || memcmp(again, data, size) == 0);
    return 0;
}
