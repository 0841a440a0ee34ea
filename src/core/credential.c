/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading an Authorization header.  The decoded bytes exist in the caller's
 * scratch only; what leaves is the user name and the token's hash.
 */
#include "core/credential.h"

#include <string.h>

#include "base/base64.h"
#include "base/str.h"

static struct pn_str
drop(struct pn_str text, size_t len)
{
    return (struct pn_str){text.ptr + len, text.len - len};
}

static bool
is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9');
}

/* The scheme, and what follows its blanks. */
static enum pn_scheme
cut_scheme(struct pn_str value, struct pn_str *rest)
{
    static const struct pn_str basic = {"Basic", 5}, bearer = {"Bearer", 6};
    struct pn_str word;
    size_t len = 0;

    value = pn_str_trim(value);
    while (len < value.len && value.ptr[len] != ' ' && value.ptr[len] != '\t') {
        len++;
    }
    word = (struct pn_str){value.ptr, len};
    *rest = pn_str_trim(drop(value, len));
    if (pn_str_eq_nocase(word, basic)) {
        return PN_SCHEME_BASIC;
    }
    return pn_str_eq_nocase(word, bearer) ? PN_SCHEME_BEARER : PN_SCHEME_NONE;
}

/* What a secret, of some kind, makes of the credential that carries it. */
static void
judge_secret(struct pn_str secret, enum pn_token_kind kind,
             enum pn_credential_kind foreign, struct pn_credential *out)
{
    if (kind == PN_TOKEN_FOREIGN) {
        out->kind = foreign;
        return;
    }
    out->holds_token = true;
    if (kind == PN_TOKEN_MALFORMED) {
        out->kind = PN_CREDENTIAL_BAD_TOKEN;
        return;
    }
    pn_hash_of(secret, &out->hash);
    out->kind = PN_CREDENTIAL_TOKEN;
}

/* RFC 6750 2.1: 1*( ALPHA / DIGIT / "-._~+/" ) *"=" */
static bool
is_b64token(struct pn_str text)
{
    const struct pn_str marks = PN_STR("-._~+/");
    size_t len = 0;

    while (len < text.len) {
        if (!is_alnum(text.ptr[len])
            && pn_str_find(marks, text.ptr[len]) == marks.len) {
            break;
        }
        len++;
    }
    if (len == 0) {
        return false;
    }
    while (len < text.len && text.ptr[len] == '=') {
        len++;
    }
    return len == text.len;
}

static void
parse_bearer(struct pn_str text, const struct pn_prefixes *prefixes,
             struct pn_credential *out)
{
    enum pn_token_kind kind = pn_token_classify(text, prefixes);

    /* Letters, digits and "_" are all that a well-formed one has. */
    if (kind != PN_TOKEN_WELL_FORMED && !is_b64token(text)) {
        out->kind = PN_CREDENTIAL_MALFORMED;
        out->holds_token = kind != PN_TOKEN_FOREIGN;
        return;
    }
    judge_secret(text, kind, PN_CREDENTIAL_FOREIGN, out);
}

/*
 * ISO 8859-1 to UTF-8, in place; the bytes behind it are overwritten.  Returns
 * the new length, or 0 when it would pass max.
 */
static size_t
widen_latin1(char *text, size_t len, size_t max)
{
    size_t wide = len;

    for (size_t i = 0; i < len; i++) {
        wide += (uint8_t) text[i] >= 0x80;
    }
    if (wide > max) {
        return 0;
    }
    /* From the end, so that nothing unread is overwritten. */
    for (size_t from = len, to = wide; from-- > 0;) {
        uint8_t c = (uint8_t) text[from];

        if (c < 0x80) {
            text[--to] = (char) c;
        } else {
            text[--to] = (char) (0x80 | (c & 0x3f));
            text[--to] = (char) (0xc0 | c >> 6);
        }
    }
    return wide;
}

/* scratch holds "user:secret". */
static void
parse_pair(struct pn_buf *scratch, const struct pn_prefixes *prefixes,
           struct pn_credential *out)
{
    struct pn_str pair = pn_buf_str(scratch), user, secret;

    out->kind = PN_CREDENTIAL_MALFORMED;
    if (!pn_str_cut(pair, ':', &user, &secret)) {
        out->holds_token =
            pn_token_classify(pair, prefixes) != PN_TOKEN_FOREIGN;
        return;
    }
    if (pn_token_classify(user, prefixes) != PN_TOKEN_FOREIGN) {
        out->holds_token = true;
    }
    bool clean = pn_str_is_printable(pair) || !pn_str_has_control(pair);

    if (!clean || user.len > PN_USERNAME_MAX) {
        out->holds_token |=
            pn_token_classify(secret, prefixes) != PN_TOKEN_FOREIGN;
        return;
    }
    if (out->holds_token) {
        out->kind = PN_CREDENTIAL_MISPLACED;
        return;
    }
    judge_secret(secret, pn_token_classify(secret, prefixes),
                 PN_CREDENTIAL_PASSWORD, out);

    if (!pn_str_is_utf8(user)) {
        size_t max =
            scratch->cap < PN_USERNAME_MAX ? scratch->cap : PN_USERNAME_MAX;

        user.len = widen_latin1(scratch->ptr, user.len, max);
        if (user.len == 0) {
            out->kind = PN_CREDENTIAL_MALFORMED;
            return;
        }
        scratch->len = user.len > scratch->len ? user.len : scratch->len;
    }
    out->user = user;
}

/*
 * Decode as a careless application would: whole groups of four up to the first
 * byte outside the alphabet.
 */
static void
decode_leniently(struct pn_str text, struct pn_buf *out)
{
    size_t len = 0;

    while (len < text.len
           && (is_alnum(text.ptr[len]) || text.ptr[len] == '+'
               || text.ptr[len] == '/'))
    {
        len++;
    }
    text.len = len - len % 4;
    if (pn_base64_decode(text, out) != PN_OK) {
        out->len = 0;
    }
}

static void
parse_basic(struct pn_str text, const struct pn_prefixes *prefixes,
            struct pn_buf *scratch, struct pn_credential *out)
{
    scratch->len = 0;
    if (text.len > 0 && pn_base64_decode(text, scratch) == PN_OK) {
        parse_pair(scratch, prefixes, out);
        return;
    }
    if (pn_token_classify(text, prefixes) != PN_TOKEN_FOREIGN) {
        out->holds_token = true; /* "Basic pst_…", not encoded at all */
    } else {
        decode_leniently(text, scratch);
        parse_pair(scratch, prefixes, out);
        out->user = (struct pn_str){NULL, 0};
    }
    out->kind = PN_CREDENTIAL_MALFORMED;
}

void
pn_credential_parse(struct pn_str value, const struct pn_prefixes *prefixes,
                    struct pn_buf *scratch, struct pn_credential *out)
{
    struct pn_credential found = {.kind = PN_CREDENTIAL_NONE};
    struct pn_str rest;

    found.scheme = cut_scheme(value, &rest);
    if (found.scheme != PN_SCHEME_NONE && value.len > PN_CREDENTIAL_MAX) {
        found.kind = PN_CREDENTIAL_MALFORMED;
        found.holds_token = true; /* too long to look: assume the worst */
    } else if (found.scheme == PN_SCHEME_BASIC) {
        parse_basic(rest, prefixes, scratch, &found);
    } else if (found.scheme == PN_SCHEME_BEARER) {
        parse_bearer(rest, prefixes, &found);
    }
    *out = found;
}

bool
pn_credential_holds_token(const struct pn_credential *credential)
{
    return credential->holds_token;
}
