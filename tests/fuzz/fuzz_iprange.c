/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever parses is sane, contains its own network address, and its text
 * parses to the same range. */
#include "property.h"

#include "core/iprange.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pn_iprange range, again;
    char bytes[64];
    struct pn_buf text = PN_BUF(bytes);

    if (pn_iprange_parse(input(data, size), &range) != PN_OK) {
        return 0;
    }
    property(pn_iprange_sane(&range));
    property(pn_iprange_has(&range, &range.net));
    pn_iprange_format(&range, &text);
    property(!text.full);
    property(pn_iprange_parse(pn_buf_str(&text), &again) == PN_OK);
    property(memcmp(&range, &again, sizeof(range)) == 0);
    return 0;
}
