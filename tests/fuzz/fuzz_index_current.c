/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page DIR/current: what is accepted is exactly one page of this format,
 * and judging its age never trips over the numbers in it.
 */
#include <stdlib.h>
#include <string.h>

#include "index/index.h"
#include "index/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pn_index_page page;
    const struct pn_index_boot boot = {{1, 2}};
    enum pn_err err =
        pn_index_page_check((struct pn_str){(const char *) data, size});

    if (err != PN_OK) {
        return 0;
    }
    if (size != sizeof(page)) {
        abort();
    }
    memcpy(&page, data, size);
    if (page.format != PN_INDEX_FORMAT
        || memcmp(page.magic, PN_INDEX_PAGE_MAGIC, sizeof(page.magic)) != 0)
    {
        abort();
    }
    page.boot_id[0] = 1;
    page.boot_id[1] = 2;
    if (pn_index_page_is_stale(&page, &boot, page.beat_boot_ms)) {
        abort(); /* a beat of this moment is never stale */
    }
    return 0;
}
