/* SPDX-License-Identifier: Apache-2.0 */
/* Records of apps and of the policy, as bytes (docs/formats/index.md). */
#include "core/record.h"

#include <string.h>

#include "base/cursor.h"
#include "base/str.h"
#include "core/record_io.h"

enum {
    KIND_APP = 'A',
    KIND_POLICY = 'P',
    APP_KEEP_AUTHORIZATION = 1 << 0,
    APP_IP = 1 << 1,
    APP_GROUPS = 1 << 2,
    APP_IP_REPORT = 1 << 3,
    POLICY_CREATION = 1 << 0,
    POLICY_EVERYONE = 1 << 1,
    POLICY_ON_LOSS_KEEP = 1 << 2,
    POLICY_TLS = 1 << 3,
    POLICY_READ_ONLY = 1 << 4,
    POLICY_IP = 1 << 5,
    POLICY_IP_REPORT = 1 << 6,
};

static uint8_t
bit(bool set, unsigned mask)
{
    return set ? (uint8_t) mask : 0;
}

/* A field name (RFC 9110 5.6.2), or empty for "not sent". */
static bool
header_name_ok(struct pn_str name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    if (name.len > PN_RECORD_HEADER_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                     || (c >= '0' && c <= '9');

        if (!alnum && memchr(others, c, sizeof(others) - 1) == NULL) {
            return false;
        }
    }
    return true;
}

/* "" or "/jira": what a pattern without wildcards may be, no final slash. */
static bool
context_path_ok(struct pn_str path)
{
    struct pn_pathpat pattern;

    return path.len == 0
           || (path.ptr[0] == '/' && path.ptr[path.len - 1] != '/'
               && pn_str_find(path, '*') == path.len
               && pn_pathpat_parse(path, &pattern, NULL) == PN_OK);
}

static bool
app_choices_ok(const struct pn_app_record *rec)
{
    return (unsigned) rec->passwords <= PN_FOREIGN_BLOCK
           && (unsigned) rec->foreign_bearer <= PN_FOREIGN_BLOCK
           && (unsigned) rec->challenge <= PN_CHALLENGE_NEVER
           && (unsigned) rec->cookies <= PN_COOKIES_KEEP
           && (unsigned) rec->encoded_slash <= PN_APP_SLASH_ALLOWED
           && (unsigned) rec->ip_report <= PN_IP_REPORT
           && (unsigned) rec->user_value <= PN_USER_VALUE_EMAIL;
}

static bool
app_record_ok(const struct pn_app_record *rec)
{
    return rec->app_id != 0 && rec->name.len > 0
           && rec->name.len <= PN_RECORD_NAME_MAX
           && pn_record_text_ok(rec->name)
           && (rec->block_status == 401 || rec->block_status == 403)
           && context_path_ok(rec->context_path)
           && header_name_ok(rec->user_header)
           && header_name_ok(rec->groups_header)
           && header_name_ok(rec->name_header)
           && header_name_ok(rec->email_header);
}

enum pn_err
pn_app_record_encode(const struct pn_app_record *rec,
                     const struct pn_str *paths, const struct pn_str *reads,
                     struct pn_buf *out)
{
    size_t start = out->len;
    bool good = app_record_ok(rec) && app_choices_ok(rec)
                && pn_record_patterns_ok(paths, rec->path_count)
                && pn_record_patterns_ok(reads, rec->read_count);

    pn_put_u8(out, KIND_APP);
    pn_put_u8(out, bit(rec->keep_authorization, APP_KEEP_AUTHORIZATION)
                       | bit(rec->has_ip, APP_IP)
                       | bit(rec->has_groups, APP_GROUPS)
                       | bit(rec->ip_report == PN_IP_REPORT, APP_IP_REPORT));
    pn_put_u64(out, rec->app_id);
    pn_put_u16(out, rec->block_status);
    pn_put_u8(out, (uint8_t) rec->passwords);
    pn_put_u8(out, (uint8_t) rec->foreign_bearer);
    pn_put_u8(out, (uint8_t) rec->challenge);
    pn_put_u8(out, (uint8_t) rec->cookies);
    pn_put_u8(out, (uint8_t) rec->encoded_slash);
    pn_put_u8(out, (uint8_t) rec->user_value);
    pn_put_str16(out, rec->name);
    pn_put_str16(out, rec->context_path);
    pn_put_str16(out, rec->user_header);
    pn_put_str16(out, rec->groups_header);
    pn_put_str16(out, rec->name_header);
    pn_put_str16(out, rec->email_header);
    if (rec->has_ip) {
        good = good && pn_record_ip_ok(&rec->ip);
        pn_record_put_ip(out, &rec->ip);
    }
    if (rec->has_groups) {
        good = good && pn_record_ids_ok(rec->groups, PN_GROUPS_MAX);
        pn_record_put_ids(out, rec->groups);
    }
    pn_record_put_patterns(out, paths, rec->path_count);
    pn_record_put_patterns(out, reads, rec->read_count);
    return pn_record_seal(out, start, good ? PN_VALUES_GOOD : PN_VALUES_BAD);
}

/* The fields of fixed place, up to the names. */
static void
get_app_choices(struct pn_cursor *cur, struct pn_app_record *rec)
{
    uint8_t flags = pn_record_get_choice(cur, 2 * APP_IP_REPORT - 1);

    rec->keep_authorization = (flags & APP_KEEP_AUTHORIZATION) != 0;
    rec->has_ip = (flags & APP_IP) != 0;
    rec->has_groups = (flags & APP_GROUPS) != 0;
    rec->ip_report = flags & APP_IP_REPORT ? PN_IP_REPORT : PN_IP_ENFORCE;
    rec->app_id = pn_cursor_u64(cur);
    rec->block_status = pn_cursor_u16(cur);
    rec->passwords =
        (enum pn_foreign) pn_record_get_choice(cur, PN_FOREIGN_BLOCK);
    rec->foreign_bearer =
        (enum pn_foreign) pn_record_get_choice(cur, PN_FOREIGN_BLOCK);
    rec->challenge =
        (enum pn_challenge) pn_record_get_choice(cur, PN_CHALLENGE_NEVER);
    rec->cookies = (enum pn_cookies) pn_record_get_choice(cur, PN_COOKIES_KEEP);
    rec->encoded_slash =
        (enum pn_slash_literal) pn_record_get_choice(cur, PN_APP_SLASH_ALLOWED);
    rec->user_value =
        (enum pn_user_value) pn_record_get_choice(cur, PN_USER_VALUE_EMAIL);
}

enum pn_err
pn_app_record_decode(struct pn_str bytes, struct pn_pathpat *patterns,
                     struct pn_app_record *out)
{
    struct pn_app_record rec = {.app_id = 0};
    struct pn_cursor cur;
    enum pn_err err = pn_record_open(bytes, KIND_APP, &cur);

    if (err != PN_OK) {
        return err;
    }
    get_app_choices(&cur, &rec);
    rec.name = pn_cursor_str16(&cur);
    rec.context_path = pn_cursor_str16(&cur);
    rec.user_header = pn_cursor_str16(&cur);
    rec.groups_header = pn_cursor_str16(&cur);
    rec.name_header = pn_cursor_str16(&cur);
    rec.email_header = pn_cursor_str16(&cur);
    if (rec.has_ip) {
        rec.ip = pn_record_get_ip(&cur);
    }
    if (rec.has_groups) {
        rec.groups = pn_record_get_ids(&cur, PN_GROUPS_MAX);
    }
    rec.path_count = pn_record_get_patterns(&cur, patterns);
    rec.read_count = pn_record_get_patterns(&cur, patterns + rec.path_count);
    if (!pn_cursor_at_end(&cur) || !app_record_ok(&rec)) {
        return PN_E_DAMAGED;
    }
    rec.paths = patterns;
    rec.reads = patterns + rec.path_count;
    *out = rec;
    return PN_OK;
}

static bool
prefixes_ok(const struct pn_prefixes *prefixes)
{
    if (prefixes->count == 0 || prefixes->count > PN_TOKEN_PREFIXES_MAX) {
        return false;
    }
    for (uint8_t i = 0; i < prefixes->count; i++) {
        if (!pn_token_prefix_valid(prefixes->item[i])) {
            return false;
        }
    }
    return true;
}

static bool
policy_choices_ok(const struct pn_policy_record *rec)
{
    return (unsigned) rec->on_loss <= PN_ON_LOSS_KEEP
           && (unsigned) rec->ip_report <= PN_IP_REPORT
           && pn_record_ids_ok(rec->grant_groups, PN_GRANTS_MAX);
}

enum pn_err
pn_policy_record_encode(const struct pn_policy_record *rec, struct pn_buf *out)
{
    size_t start = out->len;
    bool good = policy_choices_ok(rec) && prefixes_ok(&rec->prefixes);

    pn_put_u8(out, KIND_POLICY);
    pn_put_u8(out,
              bit(rec->creation_enabled, POLICY_CREATION)
                  | bit(rec->creation_everyone, POLICY_EVERYONE)
                  | bit(rec->on_loss == PN_ON_LOSS_KEEP, POLICY_ON_LOSS_KEEP)
                  | bit(rec->tls_required, POLICY_TLS)
                  | bit(rec->read_only, POLICY_READ_ONLY)
                  | bit(rec->has_ip, POLICY_IP)
                  | bit(rec->ip_report == PN_IP_REPORT, POLICY_IP_REPORT));
    if (rec->has_ip) {
        good = good && pn_record_ip_ok(&rec->ip);
        pn_record_put_ip(out, &rec->ip);
    }
    pn_record_put_ids(out, rec->grant_groups);
    pn_put_u8(out, rec->prefixes.count);
    for (uint8_t i = 0; good && i < rec->prefixes.count; i++) {
        pn_put_str16(out, rec->prefixes.item[i]);
    }
    return pn_record_seal(out, start, good ? PN_VALUES_GOOD : PN_VALUES_BAD);
}

static void
get_prefixes(struct pn_cursor *cur, struct pn_prefixes *out)
{
    out->count = pn_record_get_choice(cur, PN_TOKEN_PREFIXES_MAX);
    for (uint8_t i = 0; i < out->count; i++) {
        out->item[i] = pn_cursor_str16(cur);
    }
    if (!prefixes_ok(out)) {
        cur->bad = true;
    }
}

enum pn_err
pn_policy_record_decode(struct pn_str bytes, struct pn_policy_record *out)
{
    struct pn_policy_record rec = {.has_ip = false};
    struct pn_cursor cur;
    uint8_t flags;
    enum pn_err err = pn_record_open(bytes, KIND_POLICY, &cur);

    if (err != PN_OK) {
        return err;
    }
    flags = pn_record_get_choice(&cur, 2 * POLICY_IP_REPORT - 1);
    rec.creation_enabled = (flags & POLICY_CREATION) != 0;
    rec.creation_everyone = (flags & POLICY_EVERYONE) != 0;
    rec.on_loss =
        flags & POLICY_ON_LOSS_KEEP ? PN_ON_LOSS_KEEP : PN_ON_LOSS_SUSPEND;
    rec.tls_required = (flags & POLICY_TLS) != 0;
    rec.read_only = (flags & POLICY_READ_ONLY) != 0;
    rec.has_ip = (flags & POLICY_IP) != 0;
    rec.ip_report = flags & POLICY_IP_REPORT ? PN_IP_REPORT : PN_IP_ENFORCE;
    if (rec.has_ip) {
        rec.ip = pn_record_get_ip(&cur);
    }
    rec.grant_groups = pn_record_get_ids(&cur, PN_GRANTS_MAX);
    get_prefixes(&cur, &rec.prefixes);
    if (!pn_cursor_at_end(&cur)) {
        return PN_E_DAMAGED;
    }
    *out = rec;
    return PN_OK;
}
