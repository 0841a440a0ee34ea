/* SPDX-License-Identifier: Apache-2.0 */
/* The latest use of each token between two writes. */
#include "daemon/jobs/table.h"

#include <stdlib.h>
#include <string.h>

enum pn_err
pn_use_table_init(struct pn_use_table *table, size_t max)
{
    size_t slots = 64;

    while (slots / 4 * 3 < max) {
        slots *= 2;
    }
    struct pn_use *slot = calloc(slots, sizeof(*slot));

    if (slot == NULL) {
        return PN_E_NOMEM;
    }
    *table = (struct pn_use_table){.slot = slot, .slots = slots};
    return PN_OK;
}

void
pn_use_table_done(struct pn_use_table *table)
{
    free(table->slot);
    *table = (struct pn_use_table){0};
}

/* Longer texts do not come out of the decoder. */
static void
copy_text(struct pn_str text, char out[PN_USAGE_TEXT_MAX + 1])
{
    size_t len = text.len < PN_USAGE_TEXT_MAX ? text.len : PN_USAGE_TEXT_MAX;

    memset(out, 0, PN_USAGE_TEXT_MAX + 1);
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
}

/* Ids ascend with time: multiply, so that neighbours spread. */
static size_t
first_slot(const struct pn_use_table *table, uint64_t id)
{
    return (size_t) ((id * 0x9e3779b97f4a7c15U) >> 32) & (table->slots - 1);
}

enum pn_err
pn_use_table_put(struct pn_use_table *table, const struct pn_usage *usage)
{
    size_t i = first_slot(table, usage->token_id);

    while (table->slot[i].token_id != 0
           && table->slot[i].token_id != usage->token_id)
    {
        i = (i + 1) & (table->slots - 1);
    }
    struct pn_use *use = &table->slot[i];

    if (use->token_id == 0) {
        if (table->count >= table->slots / 4 * 3) {
            return PN_E_TOO_LONG;
        }
        table->count++;
    } else if (use->at > usage->at) {
        return PN_OK; /* another worker saw a later one */
    }
    use->token_id = usage->token_id;
    use->at = usage->at;
    struct pn_buf address = {.ptr = use->address,
                             .cap = sizeof(use->address) - 1};

    pn_ip_format(&usage->address, &address);
    use->address[address.len] = '\0';
    copy_text(usage->app, use->app);
    copy_text(usage->method, use->method);
    return PN_OK;
}

size_t
pn_use_table_next(const struct pn_use_table *table, size_t *at,
                  struct pn_last_use *out, size_t max)
{
    size_t n = 0;

    for (; *at < table->slots && n < max; ++*at) {
        const struct pn_use *use = &table->slot[*at];

        if (use->token_id != 0) {
            out[n++] = (struct pn_last_use){
                .token_id = use->token_id,
                .at = use->at,
                .address = use->address,
                .app = use->app,
                .method = use->method,
            };
        }
    }
    return n;
}

void
pn_use_table_clear(struct pn_use_table *table)
{
    if (table->count > 0) {
        memset(table->slot, 0, table->slots * sizeof(*table->slot));
        table->count = 0;
    }
}
