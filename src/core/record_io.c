/* SPDX-License-Identifier: Apache-2.0 */
/* Lists, texts and sums of index records. */
#include "core/record_io.h"

#include <endian.h>
#include <string.h>

#include "base/str.h"
#include "core/sum.h"

enum pn_err
pn_record_open(struct pn_str bytes, char kind, struct pn_cursor *out)
{
    struct pn_cursor sum;
    size_t summed;

    if (bytes.len < 1 + PN_SUM_LEN || bytes.len > PN_RECORD_MAX
        || bytes.ptr[0] != kind)
    {
        return PN_E_DAMAGED;
    }
    summed = bytes.len - PN_SUM_LEN;
    sum = pn_cursor_from(bytes.ptr + summed, PN_SUM_LEN);
    if (pn_cursor_u64(&sum) != pn_sum(bytes.ptr, summed)) {
        return PN_E_DAMAGED;
    }
    *out = pn_cursor_from(bytes.ptr + 1, summed - 1);
    return PN_OK;
}

enum pn_err
pn_record_seal(struct pn_buf *out, size_t start, enum pn_values values)
{
    if (!out->full) {
        pn_put_u64(out, pn_sum(out->ptr + start, out->len - start));
    }
    if (values == PN_VALUES_BAD || out->full
        || out->len - start > PN_RECORD_MAX) {
        out->len = start;
        out->full = false;
        return values == PN_VALUES_BAD ? PN_E_RANGE : PN_E_TOO_LONG;
    }
    return PN_OK;
}

bool
pn_record_text_ok(struct pn_str text)
{
    return pn_str_is_printable(text)
           || (!pn_str_has_control(text) && pn_str_is_utf8(text));
}

uint8_t
pn_record_get_choice(struct pn_cursor *cur, uint8_t last)
{
    uint8_t value = pn_cursor_u8(cur);

    if (value > last) {
        cur->bad = true;
        return 0;
    }
    return value;
}

static uint64_t
id_at(struct pn_ids ids, size_t i)
{
    uint64_t id;

    memcpy(&id, ids.bytes + i * sizeof(id), sizeof(id));
    return le64toh(id);
}

bool
pn_ids_has(struct pn_ids ids, uint64_t id)
{
    size_t low = 0, high = ids.count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        uint64_t here = id_at(ids, middle);

        if (here == id) {
            return true;
        }
        if (here < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

bool
pn_ids_meet(struct pn_ids a, struct pn_ids b)
{
    for (size_t i = 0, j = 0; i < a.count && j < b.count;) {
        uint64_t left = id_at(a, i), right = id_at(b, j);

        if (left == right) {
            return true;
        }
        if (left < right) {
            i++;
        } else {
            j++;
        }
    }
    return false;
}

bool
pn_record_ids_ok(struct pn_ids ids, uint16_t max)
{
    if (ids.count > max) {
        return false;
    }
    for (size_t i = 0; i < ids.count; i++) {
        if (id_at(ids, i) == 0 || (i > 0 && id_at(ids, i) <= id_at(ids, i - 1)))
        {
            return false;
        }
    }
    return true;
}

void
pn_record_put_ids(struct pn_buf *out, struct pn_ids ids)
{
    pn_put_u16(out, ids.count);
    pn_buf_add(out, (struct pn_str){(const char *) ids.bytes,
                                    ids.count * sizeof(uint64_t)});
}

struct pn_ids
pn_record_get_ids(struct pn_cursor *cur, uint16_t max)
{
    struct pn_ids ids = {.count = pn_cursor_u16(cur)};

    ids.bytes = pn_cursor_bytes(cur, ids.count * sizeof(uint64_t));
    if (ids.bytes == NULL || !pn_record_ids_ok(ids, max)) {
        cur->bad = true;
        return (struct pn_ids){.count = 0};
    }
    return ids;
}

static bool
ranges_ok(const struct pn_iprange *list, uint16_t count)
{
    if (count > PN_IPRANGES_MAX) {
        return false;
    }
    for (uint16_t i = 0; i < count; i++) {
        if (!pn_iprange_sane(&list[i])) {
            return false;
        }
    }
    return true;
}

bool
pn_record_ip_ok(const struct pn_iprules *rules)
{
    return (unsigned) rules->mode <= PN_IP_DEFAULT_ALLOW
           && ranges_ok(rules->allow, rules->allow_count)
           && ranges_ok(rules->deny, rules->deny_count);
}

static void
put_ranges(struct pn_buf *out, const struct pn_iprange *list, uint16_t count)
{
    pn_buf_add(out, (struct pn_str){(const char *) list,
                                    count * sizeof(struct pn_iprange)});
}

void
pn_record_put_ip(struct pn_buf *out, const struct pn_iprules *rules)
{
    pn_put_u8(out, (uint8_t) rules->mode);
    pn_put_u16(out, rules->allow_count);
    pn_put_u16(out, rules->deny_count);
    put_ranges(out, rules->allow, rules->allow_count);
    put_ranges(out, rules->deny, rules->deny_count);
}

_Static_assert(sizeof(struct pn_iprange) == 17
                   && _Alignof(struct pn_iprange) == 1,
               "ranges are read where they lie");

static const struct pn_iprange *
get_ranges(struct pn_cursor *cur, uint16_t count)
{
    return (const struct pn_iprange *) pn_cursor_bytes(
        cur, count * sizeof(struct pn_iprange));
}

struct pn_iprules
pn_record_get_ip(struct pn_cursor *cur)
{
    struct pn_iprules rules = {
        .mode = (enum pn_ipmode) pn_record_get_choice(cur, PN_IP_DEFAULT_ALLOW),
    };

    rules.allow_count = pn_cursor_u16(cur);
    rules.deny_count = pn_cursor_u16(cur);
    rules.allow = get_ranges(cur, rules.allow_count);
    rules.deny = get_ranges(cur, rules.deny_count);
    if (cur->bad || !pn_record_ip_ok(&rules)) {
        cur->bad = true;
        return (struct pn_iprules){.mode = PN_IP_DEFAULT_DENY};
    }
    return rules;
}

bool
pn_record_patterns_ok(const struct pn_str *texts, uint16_t count)
{
    struct pn_pathpat pattern;

    if (count > PN_PATHPATS_MAX) {
        return false;
    }
    for (uint16_t i = 0; i < count; i++) {
        if (pn_pathpat_parse(texts[i], &pattern, NULL) != PN_OK) {
            return false;
        }
    }
    return true;
}

void
pn_record_put_patterns(struct pn_buf *out, const struct pn_str *texts,
                       uint16_t count)
{
    pn_put_u16(out, count);
    for (uint16_t i = 0; i < count; i++) {
        pn_put_str16(out, texts[i]);
    }
}

uint16_t
pn_record_get_patterns(struct pn_cursor *cur, struct pn_pathpat *compiled)
{
    uint16_t count = pn_cursor_u16(cur);

    if (count > PN_PATHPATS_MAX) {
        cur->bad = true;
    }
    for (uint16_t i = 0; !cur->bad && i < count; i++) {
        if (pn_pathpat_parse(pn_cursor_str16(cur), &compiled[i], NULL) != PN_OK)
        {
            cur->bad = true;
        }
    }
    return cur->bad ? 0 : count;
}

uint16_t
pn_record_get_texts(struct pn_cursor *cur, struct pn_str *texts)
{
    uint16_t count = pn_cursor_u16(cur);
    const uint8_t *start = cur->at;

    if (count > PN_PATHPATS_MAX) {
        cur->bad = true;
    }
    for (uint16_t i = 0; !cur->bad && i < count; i++) {
        (void) pn_cursor_str16(cur);
    }
    *texts = (struct pn_str){(const char *) start, (size_t) (cur->at - start)};
    return cur->bad ? 0 : count;
}
