/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of tokens, their owners and their own rules, as bytes
 * (docs/formats/index.md).  Apps and policy: core/record_policy.c.
 */
#include "core/record.h"

#include <string.h>

#include "base/cursor.h"
#include "base/str.h"
#include "core/credential.h"
#include "core/record_io.h"
#include "core/sum.h"

enum {
    KIND_OWNER = 'O',
    KIND_RULES = 'R',
    TOKEN_FLAGS = PN_TOKEN_REVOKED | PN_TOKEN_DISABLED | PN_TOKEN_SUPERSEDED
                  | PN_TOKEN_MANAGES,
    OWNER_FLAGS = PN_OWNER_ACTIVE | PN_OWNER_ADMIN,
    RULES_APPS = 1 << 0,
    RULES_IP = 1 << 1,
    RULES_PATHS = 1 << 2,
    TOKEN_SUMMED = PN_RECORD_TOKEN_LEN - PN_SUM_LEN,
    GROUP_NAMES_MAX = 32768,
};

static bool
token_record_ok(const struct pn_token_record *rec)
{
    return rec->token_id != 0 && rec->owner_id != 0 && rec->not_before >= 0
           && rec->expires_at >= 0 && rec->secret_ends_at >= 0
           && (unsigned) rec->access <= PN_ACCESS_READ_WRITE
           && (rec->flags & ~TOKEN_FLAGS) == 0;
}

enum pn_err
pn_token_record_encode(const struct pn_token_record *rec, struct pn_buf *out)
{
    size_t start = out->len;
    enum pn_err err;

    pn_buf_add(out, (struct pn_str){(const char *) rec->hash_rest,
                                    sizeof(rec->hash_rest)});
    pn_put_u64(out, rec->token_id);
    pn_put_u64(out, rec->owner_id);
    pn_put_u64(out, (uint64_t) rec->not_before);
    pn_put_u64(out, (uint64_t) rec->expires_at);
    pn_put_u64(out, (uint64_t) rec->secret_ends_at);
    pn_put_u32(out, (uint32_t) rec->rules.len);
    pn_put_u8(out, (uint8_t) rec->access);
    pn_put_u8(out, rec->flags);
    pn_put_u16(out, 0);
    err = pn_record_seal(out, start,
                         token_record_ok(rec) ? PN_VALUES_GOOD : PN_VALUES_BAD);
    if (err != PN_OK) {
        return err;
    }
    pn_buf_add(out, rec->rules);
    if (out->full || out->len - start > PN_RECORD_MAX) {
        out->len = start;
        out->full = false;
        return PN_E_TOO_LONG;
    }
    return PN_OK;
}

enum pn_err
pn_token_record_decode(struct pn_str bytes, struct pn_token_record *out)
{
    struct pn_cursor cur = pn_cursor_from(bytes.ptr, bytes.len);
    struct pn_token_record rec = {0};
    size_t rules_len;
    uint16_t unused;

    if (bytes.len < PN_RECORD_TOKEN_LEN) {
        return PN_E_DAMAGED;
    }
    memcpy(rec.hash_rest, pn_cursor_bytes(&cur, sizeof(rec.hash_rest)),
           sizeof(rec.hash_rest));
    rec.token_id = pn_cursor_u64(&cur);
    rec.owner_id = pn_cursor_u64(&cur);
    rec.not_before = (int64_t) pn_cursor_u64(&cur);
    rec.expires_at = (int64_t) pn_cursor_u64(&cur);
    rec.secret_ends_at = (int64_t) pn_cursor_u64(&cur);
    rules_len = pn_cursor_u32(&cur);
    rec.access =
        (enum pn_access) pn_record_get_choice(&cur, PN_ACCESS_READ_WRITE);
    rec.flags = pn_cursor_u8(&cur);
    unused = pn_cursor_u16(&cur);
    if (pn_cursor_u64(&cur) != pn_sum(bytes.ptr, TOKEN_SUMMED) || unused != 0
        || !token_record_ok(&rec))
    {
        return PN_E_DAMAGED;
    }
    /* Rules that are missing must not read as "no rules". */
    rec.rules = (struct pn_str){(const char *) cur.at, rules_len};
    (void) pn_cursor_bytes(&cur, rules_len);
    if (!pn_cursor_at_end(&cur)) {
        return PN_E_DAMAGED;
    }
    *out = rec;
    return PN_OK;
}

static bool
owner_record_ok(const struct pn_owner_record *rec)
{
    return rec->owner_id != 0 && (rec->flags & ~OWNER_FLAGS) == 0
           && rec->username.len > 0 && rec->username.len <= PN_USERNAME_MAX
           && rec->email.len <= PN_RECORD_NAME_MAX
           && rec->display_name.len <= PN_RECORD_NAME_MAX
           && rec->group_names.len <= GROUP_NAMES_MAX;
}

static bool
owner_texts_ok(const struct pn_owner_record *rec)
{
    return pn_record_text_ok(rec->username) && pn_record_text_ok(rec->email)
           && pn_record_text_ok(rec->display_name)
           && pn_record_text_ok(rec->group_names);
}

enum pn_err
pn_owner_record_encode(const struct pn_owner_record *rec, struct pn_buf *out)
{
    size_t start = out->len;
    const struct pn_str texts[] = {rec->username, rec->email, rec->display_name,
                                   rec->group_names};
    bool good = owner_record_ok(rec) && owner_texts_ok(rec)
                && pn_record_ids_ok(rec->groups, PN_GROUPS_MAX);

    pn_put_u8(out, KIND_OWNER);
    pn_put_u8(out, rec->flags);
    pn_put_u64(out, rec->owner_id);
    pn_record_put_ids(out, rec->groups);
    for (size_t i = 0; i < PN_LEN(texts); i++) {
        pn_put_u16(out, (uint16_t) texts[i].len);
    }
    for (size_t i = 0; i < PN_LEN(texts); i++) {
        pn_buf_add(out, texts[i]);
    }
    return pn_record_seal(out, start, good ? PN_VALUES_GOOD : PN_VALUES_BAD);
}

/* Where a text of known length stands. */
static void
get_text(struct pn_cursor *cur, struct pn_str *text)
{
    text->ptr = (const char *) pn_cursor_bytes(cur, text->len);
}

enum pn_err
pn_owner_record_decode(struct pn_str bytes, struct pn_owner_record *out)
{
    struct pn_owner_record rec;
    struct pn_str all; /* texts; in one piece, so that one look tells */
    struct pn_cursor cur;
    enum pn_err err = pn_record_open(bytes, KIND_OWNER, &cur);

    if (err != PN_OK) {
        return err;
    }
    rec.flags = pn_cursor_u8(&cur);
    rec.owner_id = pn_cursor_u64(&cur);
    rec.groups = pn_record_get_ids(&cur, PN_GROUPS_MAX);
    rec.username.len = pn_cursor_u16(&cur);
    rec.email.len = pn_cursor_u16(&cur);
    rec.display_name.len = pn_cursor_u16(&cur);
    rec.group_names.len = pn_cursor_u16(&cur);
    all = (struct pn_str){(const char *) cur.at, (size_t) (cur.end - cur.at)};
    get_text(&cur, &rec.username);
    get_text(&cur, &rec.email);
    get_text(&cur, &rec.display_name);
    get_text(&cur, &rec.group_names);
    if (!pn_cursor_at_end(&cur) || !owner_record_ok(&rec)
        || !(pn_str_is_printable(all) || owner_texts_ok(&rec)))
    {
        return PN_E_DAMAGED;
    }
    *out = rec;
    return PN_OK;
}

static bool
rules_record_ok(const struct pn_rules_record *rec)
{
    return (rec->rate_requests == 0) == (rec->rate_seconds == 0);
}

enum pn_err
pn_rules_record_encode(const struct pn_rules_record *rec,
                       const struct pn_str *paths, struct pn_buf *out)
{
    size_t start = out->len;
    unsigned flags = (rec->has_apps ? (unsigned) RULES_APPS : 0)
                     | (rec->has_ip ? (unsigned) RULES_IP : 0)
                     | (rec->has_paths ? (unsigned) RULES_PATHS : 0);
    bool good = rules_record_ok(rec);

    pn_put_u8(out, KIND_RULES);
    pn_put_u8(out, (uint8_t) flags);
    pn_put_u32(out, rec->rate_requests);
    pn_put_u32(out, rec->rate_seconds);
    if (rec->has_apps) {
        good = good && pn_record_ids_ok(rec->apps, PN_APPS_MAX);
        pn_record_put_ids(out, rec->apps);
    }
    if (rec->has_ip) {
        good = good && pn_record_ip_ok(&rec->ip);
        pn_record_put_ip(out, &rec->ip);
    }
    if (rec->has_paths) {
        good = good && pn_record_patterns_ok(paths, rec->path_count);
        pn_record_put_patterns(out, paths, rec->path_count);
    }
    return pn_record_seal(out, start, good ? PN_VALUES_GOOD : PN_VALUES_BAD);
}

enum pn_err
pn_rules_record_decode(struct pn_str bytes, struct pn_rules_record *out)
{
    struct pn_rules_record rec = {.has_apps = false};
    struct pn_cursor cur;
    uint8_t flags;
    enum pn_err err = pn_record_open(bytes, KIND_RULES, &cur);

    if (err != PN_OK) {
        return err;
    }
    flags = pn_record_get_choice(&cur, RULES_APPS | RULES_IP | RULES_PATHS);
    rec.rate_requests = pn_cursor_u32(&cur);
    rec.rate_seconds = pn_cursor_u32(&cur);
    rec.has_apps = (flags & RULES_APPS) != 0;
    rec.has_ip = (flags & RULES_IP) != 0;
    rec.has_paths = (flags & RULES_PATHS) != 0;
    if (rec.has_apps) {
        rec.apps = pn_record_get_ids(&cur, PN_APPS_MAX);
    }
    if (rec.has_ip) {
        rec.ip = pn_record_get_ip(&cur);
    }
    if (rec.has_paths) {
        rec.path_count = pn_record_get_texts(&cur, &rec.paths);
    }
    if (!pn_cursor_at_end(&cur) || !rules_record_ok(&rec)) {
        return PN_E_DAMAGED;
    }
    *out = rec;
    return PN_OK;
}
