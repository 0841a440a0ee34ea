/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of tokens, their owners and their own rules, as bytes
 * (docs/formats/index.md).  Apps and policy: core/record_policy.c.
 */
#include "core/record.h"

#include <string.h>

#include "base/cursor.h"
#include "base/str.h"
#include "core/crc.h"
#include "core/credential.h"
#include "core/record_io.h"

enum {
    KIND_OWNER = 'O',
    KIND_RULES = 'R',
    TOKEN_FLAGS = PN_TOKEN_REVOKED | PN_TOKEN_DISABLED | PN_TOKEN_SUPERSEDED
                  | PN_TOKEN_MANAGES,
    OWNER_FLAGS = PN_OWNER_ACTIVE | PN_OWNER_ADMIN,
    RULES_APPS = 1 << 0,
    RULES_IP = 1 << 1,
    RULES_PATHS = 1 << 2,
    TOKEN_SUMMED = PN_RECORD_TOKEN_LEN - PN_RECORD_CRC_LEN,
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

    pn_buf_add(out, (struct pn_str){(const char *) rec->hash_rest,
                                    sizeof(rec->hash_rest)});
    pn_put_u64(out, rec->token_id);
    pn_put_u64(out, rec->owner_id);
    pn_put_u64(out, rec->rules_id);
    pn_put_u64(out, (uint64_t) rec->not_before);
    pn_put_u64(out, (uint64_t) rec->expires_at);
    pn_put_u64(out, (uint64_t) rec->secret_ends_at);
    pn_put_u8(out, (uint8_t) rec->access);
    pn_put_u8(out, rec->flags);
    pn_put_u16(out, 0);
    return pn_record_seal(
        out, start, token_record_ok(rec) ? PN_VALUES_GOOD : PN_VALUES_BAD);
}

enum pn_err
pn_token_record_decode(struct pn_str bytes, struct pn_token_record *out)
{
    struct pn_cursor cur = pn_cursor_from(bytes.ptr, bytes.len);
    struct pn_token_record rec;
    uint16_t unused;

    if (bytes.len != PN_RECORD_TOKEN_LEN) {
        return PN_E_DAMAGED;
    }
    memcpy(rec.hash_rest, pn_cursor_bytes(&cur, sizeof(rec.hash_rest)),
           sizeof(rec.hash_rest));
    rec.token_id = pn_cursor_u64(&cur);
    rec.owner_id = pn_cursor_u64(&cur);
    rec.rules_id = pn_cursor_u64(&cur);
    rec.not_before = (int64_t) pn_cursor_u64(&cur);
    rec.expires_at = (int64_t) pn_cursor_u64(&cur);
    rec.secret_ends_at = (int64_t) pn_cursor_u64(&cur);
    rec.access =
        (enum pn_access) pn_record_get_choice(&cur, PN_ACCESS_READ_WRITE);
    rec.flags = pn_cursor_u8(&cur);
    unused = pn_cursor_u16(&cur);
    if (pn_cursor_u32(&cur) != pn_crc32(bytes.ptr, TOKEN_SUMMED) || cur.bad
        || unused != 0 || !token_record_ok(&rec))
    {
        return PN_E_DAMAGED;
    }
    *out = rec;
    return PN_OK;
}

static bool
owner_record_ok(const struct pn_owner_record *rec)
{
    return rec->owner_id != 0 && (rec->flags & ~OWNER_FLAGS) == 0
           && rec->username.len > 0
           && pn_record_text_ok(rec->username, PN_USERNAME_MAX)
           && pn_record_text_ok(rec->email, PN_RECORD_NAME_MAX)
           && pn_record_text_ok(rec->display_name, PN_RECORD_NAME_MAX)
           && pn_record_text_ok(rec->group_names, GROUP_NAMES_MAX);
}

enum pn_err
pn_owner_record_encode(const struct pn_owner_record *rec, struct pn_buf *out)
{
    size_t start = out->len;
    bool good =
        owner_record_ok(rec) && pn_record_ids_ok(rec->groups, PN_GROUPS_MAX);

    pn_put_u8(out, KIND_OWNER);
    pn_put_u8(out, rec->flags);
    pn_put_u64(out, rec->owner_id);
    pn_put_str16(out, rec->username);
    pn_put_str16(out, rec->email);
    pn_put_str16(out, rec->display_name);
    pn_record_put_ids(out, rec->groups);
    pn_put_str16(out, rec->group_names);
    return pn_record_seal(out, start, good ? PN_VALUES_GOOD : PN_VALUES_BAD);
}

enum pn_err
pn_owner_record_decode(struct pn_str bytes, struct pn_owner_record *out)
{
    struct pn_owner_record rec;
    struct pn_cursor cur;
    enum pn_err err = pn_record_open(bytes, KIND_OWNER, &cur);

    if (err != PN_OK) {
        return err;
    }
    rec.flags = pn_cursor_u8(&cur);
    rec.owner_id = pn_cursor_u64(&cur);
    rec.username = pn_cursor_str16(&cur);
    rec.email = pn_cursor_str16(&cur);
    rec.display_name = pn_cursor_str16(&cur);
    rec.groups = pn_record_get_ids(&cur, PN_GROUPS_MAX);
    rec.group_names = pn_cursor_str16(&cur);
    if (!pn_cursor_at_end(&cur) || !owner_record_ok(&rec)) {
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
        rec.path_count = pn_record_get_patterns(&cur, NULL, &rec.paths);
    }
    if (!pn_cursor_at_end(&cur) || !rules_record_ok(&rec)) {
        return PN_E_DAMAGED;
    }
    *out = rec;
    return PN_OK;
}
