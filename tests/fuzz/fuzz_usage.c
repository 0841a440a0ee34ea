/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram that reads to its end is the one its lines would be written as,
 * and its texts can go into JSON. */
#include "property.h"

#include "core/usage.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char bytes[PN_USAGE_DATAGRAM_MAX];
    struct pn_buf again = PN_BUF(bytes);
    struct pn_cursor cur;
    struct pn_usage usage;
    enum pn_err err;

    if (pn_usage_open(input(data, size), &cur) != PN_OK) {
        return 0;
    }
    pn_usage_begin(&again);
    while ((err = pn_usage_next(&cur, &usage)) == PN_OK) {
        property(usage.reason < PN_REASON_COUNT && usage.count > 0);
        property(pn_str_is_utf8(usage.path));
        property(!pn_str_has_control(usage.agent));
        property(pn_usage_add(&again, &usage) == PN_OK);
    }
    property(err == PN_E_NOT_FOUND || err == PN_E_DAMAGED);
    property(err != PN_E_NOT_FOUND
             || pn_str_eq(pn_buf_str(&again), input(data, size)));
    return 0;
}
