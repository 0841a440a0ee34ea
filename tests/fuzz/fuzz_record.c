/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes, given the checksum that fits them, decode to PN_E_DAMAGED or to a
 * record that encodes to the very same bytes.  (Without the fitting checksum
 * nothing past it would ever be reached.)  A token's own patterns may be
 * anything; matching them must still be safe.
 */
#include "property.h"

#include "base/cursor.h"
#include "core/decision.h"
#include "core/record.h"
#include "core/sum.h"

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

/* A request that only the token's own rules can refuse. */
static void
decide(const struct pn_rules_record *rules)
{
    static const struct pn_pathpat all = {.path = {"/**", 3},
                                          .literal = 1,
                                          .open_ended = true,
                                          .everything = true};
    static const struct pn_policy_record policy = {.on_loss = PN_ON_LOSS_KEEP};
    static const struct pn_app_record app = {
        .app_id = 1, .paths = &all, .path_count = 1};
    static const struct pn_token_record token = {
        .token_id = 1, .owner_id = 1, .access = PN_ACCESS_READ_WRITE};
    static const struct pn_owner_record owner = {.owner_id = 1,
                                                 .flags = PN_OWNER_ACTIVE};
    const struct pn_request request = {.method = PN_STR("GET"),
                                       .target = PN_STR("/a/b/c.d"),
                                       .has_address = true,
                                       .tls = true,
                                       .now = 1};
    const struct pn_credential credential = {.kind = PN_CREDENTIAL_TOKEN,
                                             .scheme = PN_SCHEME_BEARER};
    const struct pn_facts facts = {.ready = true,
                                   .policy = &policy,
                                   .app = &app,
                                   .token = &token,
                                   .owner = &owner,
                                   .rules = rules};
    const struct pn_counters none = {0};
    struct pn_decision decision;

    pn_decide(&request, &credential, &facts, &none, &decision);
    property(decision.verdict == PN_ALLOW || decision.verdict == PN_DENY);
}

static void
check_rules(struct pn_str text)
{
    struct pn_rules_record rec;
    struct pn_buf buf = PN_BUF(again);
    struct pn_cursor cur;

    if (pn_rules_record_decode(text, &rec) != PN_OK) {
        return;
    }
    decide(&rec);
    cur = pn_cursor_from(rec.paths.ptr, rec.paths.len);
    for (size_t i = 0; i < rec.path_count; i++) {
        texts[i] = pn_cursor_str16(&cur);
    }
    property(pn_cursor_at_end(&cur));
    if (pn_rules_record_encode(&rec, texts, &buf) == PN_OK) {
        property(pn_str_eq(pn_buf_str(&buf), text));
    }
}

/* The bytes as a token's record: its sum stands in front of its rules. */
static void
check_token(const uint8_t *data, size_t size)
{
    const size_t summed = PN_RECORD_TOKEN_LEN - PN_SUM_LEN;
    struct pn_token_record token;
    struct pn_buf text = PN_BUF(copy), buf = PN_BUF(again);

    if (size < summed) {
        return;
    }
    pn_buf_add(&text, (struct pn_str){(const char *) data, summed});
    pn_put_u64(&text, pn_sum(data, summed));
    pn_buf_add(&text,
               (struct pn_str){(const char *) data + summed, size - summed});
    if (pn_token_record_decode(pn_buf_str(&text), &token) == PN_OK) {
        check_same(pn_token_record_encode(&token, &buf), pn_buf_str(&text),
                   &buf);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pn_owner_record owner;
    struct pn_policy_record policy;
    struct pn_buf buf = PN_BUF(again);
    struct pn_buf sealed = PN_BUF(copy);

    if (size > sizeof(copy) - PN_SUM_LEN) {
        return 0;
    }
    check_token(data, size);
    pn_buf_add(&sealed, (struct pn_str){(const char *) data, size});
    pn_put_u64(&sealed, pn_sum(data, size));
    struct pn_str text = pn_buf_str(&sealed);

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
