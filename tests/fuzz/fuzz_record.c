/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes, given the checksum that fits them, decode to PN_E_DAMAGED or to a
 * record that encodes to the very same bytes.  (Without the fitting checksum
 * nothing past it would ever be reached.)
 */
#include "property.h"

#include "core/crc.h"
#include "core/record.h"

static char copy[PN_RECORD_MAX], again[PN_RECORD_MAX];
static struct pn_pathpat patterns[2 * PN_PATHPATS_MAX];
static struct pn_str texts[2 * PN_PATHPATS_MAX];

static void
check_same(enum pn_err err, struct pn_str text, const struct pn_buf *buf)
{
    property(err == PN_OK);
    property(pn_str_eq(pn_buf_str(buf), text));
}

/* The text that a pattern was parsed from. */
static struct pn_str
text_of(const struct pn_pathpat *pattern)
{
    const char *from =
        pattern->methods.len > 0 ? pattern->methods.ptr : pattern->path.ptr;

    return (struct pn_str){
        from, (size_t) (pattern->path.ptr + pattern->path.len - from)};
}

static void
check_app(struct pn_str text)
{
    struct pn_app_record rec;
    struct pn_buf buf = PN_BUF(again);

    if (pn_app_record_decode(text, patterns, &rec) != PN_OK) {
        return;
    }
    property(rec.path_count <= PN_PATHPATS_MAX);
    property(rec.read_count <= PN_PATHPATS_MAX);
    for (size_t i = 0; i < (size_t) rec.path_count + rec.read_count; i++) {
        texts[i] = text_of(&patterns[i]);
    }
    check_same(pn_app_record_encode(&rec, texts, texts + rec.path_count, &buf),
               text, &buf);
}

static void
check_rules(struct pn_str text)
{
    struct pn_rules_record rec;
    struct pn_buf buf = PN_BUF(again);
    size_t at = 0;

    if (pn_rules_record_decode(text, &rec) != PN_OK) {
        return;
    }
    for (size_t i = 0; i < rec.path_count; i++) {
        size_t len = (uint8_t) rec.paths.ptr[at]
                     | (size_t) (uint8_t) rec.paths.ptr[at + 1] << 8;

        texts[i] = (struct pn_str){rec.paths.ptr + at + 2, len};
        at += 2 + len;
    }
    property(at == rec.paths.len);
    check_same(pn_rules_record_encode(&rec, texts, &buf), text, &buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pn_token_record token;
    struct pn_owner_record owner;
    struct pn_policy_record policy;
    struct pn_buf buf = PN_BUF(again);
    uint32_t crc;

    if (size > sizeof(copy) - sizeof(crc)) {
        return 0;
    }
    memcpy(copy, data, size);
    crc = pn_crc32(copy, size);
    for (size_t i = 0; i < sizeof(crc); i++) {
        copy[size + i] = (char) (uint8_t) (crc >> 8 * i);
    }
    struct pn_str text = {copy, size + sizeof(crc)};

    if (pn_token_record_decode(text, &token) == PN_OK) {
        check_same(pn_token_record_encode(&token, &buf), text, &buf);
    }
    if (pn_owner_record_decode(text, &owner) == PN_OK) {
        check_same(pn_owner_record_encode(&owner, &buf), text, &buf);
    }
    if (pn_policy_record_decode(text, &policy) == PN_OK) {
        check_same(pn_policy_record_encode(&policy, &buf), text, &buf);
    }
    check_rules(text);
    check_app(text);
    return 0;
}
