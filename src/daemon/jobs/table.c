/* SPDX-License-Identifier: Apache-2.0 */
/* What was used between two writes. */
#include "daemon/jobs/table.h"

#include <stdlib.h>
#include <string.h>

#include "core/policy.h"

enum pn_err
pn_use_table_init(struct pn_use_table *table, size_t max)
{
    size_t slots = 64;

    while (slots / 4 * 3 < max) {
        slots *= 2;
    }
    struct pn_use_slot *slot = calloc(slots, sizeof(*slot));
    uint32_t *taken = calloc(slots, sizeof(*taken));

    if (slot == NULL || taken == NULL) {
        free(slot);
        free(taken);
        return PN_E_NOMEM;
    }
    *table =
        (struct pn_use_table){.slot = slot, .taken = taken, .slots = slots};
    return PN_OK;
}

void
pn_use_table_done(struct pn_use_table *table)
{
    free(table->slot);
    free(table->taken);
    *table = (struct pn_use_table){0};
}

/* Longer texts do not come out of the decoder; a long method is cut. */
static void
copy_text(struct pn_str text, char *out, size_t size)
{
    size_t len = text.len < size ? text.len : size - 1;

    memset(out, 0, size);
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
}

/* What keeps uses apart besides their other members. */
enum apart { BY_TOKEN = 0, BY_ADDRESS, FURTHER };

/* Ids ascend with time: multiply, so that neighbours spread. */
static size_t
first_slot(const struct pn_use_table *table, const struct pn_usage *usage,
           enum apart apart)
{
    uint64_t key = usage->token_id * 64 + (uint64_t) usage->reason;

    if (apart == BY_ADDRESS) {
        uint64_t half[2];

        _Static_assert(sizeof(half) == sizeof(usage->address), "16 bytes");
        memcpy(half, usage->address.bytes, sizeof(half));
        key += (half[0] * 31 + half[1]) * 0x9e3779b97f4a7c15U;
    }
    return (size_t) ((key * 0x9e3779b97f4a7c15U) >> 32) & (table->slots - 1);
}

static bool
adds_up(const struct pn_use_slot *slot, const struct pn_usage *usage,
        enum apart apart)
{
    const struct pn_use *use = &slot->use;

    return use->token_id == usage->token_id && use->outcome == usage->reason
           && use->reporters == usage->reporters
           && use->further == (apart == FURTHER)
           && (apart != BY_ADDRESS
               || memcmp(&use->seen[0].ip, &usage->address,
                         sizeof(usage->address))
                      == 0)
           && memcmp(use->secret, usage->secret, sizeof(use->secret)) == 0
           && use->at / PN_DAY_S == usage->at / PN_DAY_S
           && strlen(slot->app) == usage->app.len
           && (usage->app.len == 0
               || memcmp(slot->app, usage->app.ptr, usage->app.len) == 0);
}

/* The latest address first; of more than PN_SEEN_MAX the oldest goes. */
static void
see(struct pn_use *use, const struct pn_usage *usage)
{
    uint8_t at = 0;

    while (at < use->seen_count
           && memcmp(&use->seen[at].ip, &usage->address, sizeof(usage->address))
                  != 0)
    {
        at++;
    }
    if (at == use->seen_count && use->seen_count < PN_SEEN_MAX) {
        use->seen_count++;
    }
    if (at == PN_SEEN_MAX) {
        at--;
    }
    memmove(&use->seen[1], &use->seen[0], at * sizeof(use->seen[0]));
    use->seen[0] = (struct pn_seen){usage->address, usage->at};
}

static void
begin(struct pn_use_slot *slot, const struct pn_usage *usage, enum apart apart)
{
    *slot = (struct pn_use_slot){.use = {.token_id = usage->token_id,
                                         .outcome = usage->reason,
                                         .reporters = usage->reporters,
                                         .further = apart == FURTHER,
                                         .first_at = usage->at}};
    memcpy(slot->use.secret, usage->secret, sizeof(slot->use.secret));
    copy_text(usage->app, slot->app, sizeof(slot->app));
}

/* The slot of such uses, or the free one that they would get. */
static size_t
find(const struct pn_use_table *table, const struct pn_usage *usage,
     enum apart apart)
{
    size_t i = first_slot(table, usage, apart);

    while (table->slot[i].use.count != 0
           && !adds_up(&table->slot[i], usage, apart)) {
        i = (i + 1) & (table->slots - 1);
    }
    return i;
}

enum pn_err
pn_use_table_put(struct pn_use_table *table, const struct pn_usage *usage)
{
    const size_t most = table->slots / 4 * 3;
    enum apart apart = usage->reporters != 0 ? BY_ADDRESS : BY_TOKEN;
    size_t i = find(table, usage, apart);

    if (apart == BY_ADDRESS && table->slot[i].use.count == 0
        && table->reported >= most / PN_USE_REPORTED_PART)
    {
        apart = FURTHER;
        i = find(table, usage, apart);
    }
    struct pn_use_slot *slot = &table->slot[i];

    if (slot->use.count == 0) {
        if (table->count >= most) {
            return PN_E_TOO_LONG;
        }
        table->taken[table->count++] = (uint32_t) i;
        table->reported += apart == BY_ADDRESS;
        begin(slot, usage, apart);
    }
    if (slot->use.first_at > usage->at) {
        slot->use.first_at = usage->at;
    }
    slot->use.count = usage->count < UINT32_MAX - slot->use.count
                          ? slot->use.count + usage->count
                          : UINT32_MAX;
    if (slot->use.at <= usage->at) { /* else another worker saw a later one */
        slot->use.at = usage->at;
        copy_text(usage->method, slot->method, sizeof(slot->method));
        see(&slot->use, usage);
    }
    return PN_OK;
}

size_t
pn_use_table_next(const struct pn_use_table *table, size_t *at,
                  struct pn_use *out, size_t max)
{
    size_t n = 0;

    for (; *at < table->count && n < max; ++*at) {
        const struct pn_use_slot *slot = &table->slot[table->taken[*at]];

        out[n] = slot->use;
        out[n].app = slot->app;
        out[n].method = slot->method;
        n++;
    }
    return n;
}

void
pn_use_table_clear(struct pn_use_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        table->slot[table->taken[i]] = (struct pn_use_slot){0};
    }
    table->count = table->reported = 0;
}
