/* SPDX-License-Identifier: Apache-2.0 */
/* A cookie that is found stands in the header, once, behind its name. */
#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "daemon/api/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pn_str header = {(const char *) data, size};
    const struct pn_str name = PN_STR("postern");
    struct pn_str value;

    if (pn_cookie_find(header, name, &value) == PN_OK) {
        assert(value.ptr > header.ptr + name.len);
        assert(value.ptr + value.len <= header.ptr + header.len);
        assert(memchr(value.ptr, ';', value.len) == NULL);
        assert(value.ptr[-1] == '=');
        assert(memcmp(value.ptr - 1 - name.len, name.ptr, name.len) == 0);
    }
    if (pn_origin_is(header, PN_STR("https"), PN_STR("a.example"))) {
        assert(pn_str_eq_nocase(header, PN_STR("https://a.example")));
    }
    (void) pn_host_is_loopback(header);
    return 0;
}
