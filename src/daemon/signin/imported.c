/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking passwords in the forms of other programs.  bcrypt and SHA-crypt are
 * libcrypt's; the two of Apache are not known there.
 */
#include "daemon/signin/imported.h"

#include <crypt.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/str.h"

enum {
    MD5_LEN = 16,
    MD5_SALT_MAX = 8,
    MD5_ROUNDS = 1000,
    MD5_TEXT_LEN = 22,
    SHA1_LEN = 20,
    SHA1_TEXT_LEN = 28,
    BCRYPT_LEN = 60,
};

/* Digits of crypt(3), and of bcrypt in another order. */
static const char digits64[] =
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static bool
only_digits64(struct pn_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\0' || strchr(digits64, text.ptr[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static struct pn_str
after(struct pn_str text, size_t len)
{
    return (struct pn_str){text.ptr + len, text.len - len};
}

/* --- which form ---------------------------------------------------------- */

static bool
is_bcrypt(struct pn_str hash)
{
    unsigned cost;

    if (hash.len != BCRYPT_LEN || hash.ptr[0] != '$' || hash.ptr[1] != '2'
        || (hash.ptr[2] != 'a' && hash.ptr[2] != 'b' && hash.ptr[2] != 'y')
        || hash.ptr[3] != '$' || hash.ptr[4] < '0' || hash.ptr[4] > '9'
        || hash.ptr[5] < '0' || hash.ptr[5] > '9' || hash.ptr[6] != '$')
    {
        return false;
    }
    cost = (unsigned) (hash.ptr[4] - '0') * 10 + (unsigned) (hash.ptr[5] - '0');
    return cost >= 4 && cost <= PN_BCRYPT_COST_MAX
           && only_digits64(after(hash, 7));
}

/* "rounds=N$" in front of a salt; text moves behind it. */
static bool
take_rounds(struct pn_str *text)
{
    const struct pn_str word = PN_STR("rounds=");
    struct pn_str number, rest;
    unsigned rounds = 0;

    if (!pn_str_starts(*text, word)) {
        return true; /* 5000 */
    }
    if (!pn_str_cut(after(*text, word.len), '$', &number, &rest)
        || number.len == 0 || number.len > 6)
    {
        return false;
    }
    for (size_t i = 0; i < number.len; i++) {
        if (number.ptr[i] < '0' || number.ptr[i] > '9') {
            return false;
        }
        rounds = rounds * 10 + (unsigned) (number.ptr[i] - '0');
    }
    *text = rest;
    return rounds >= 1000 && rounds <= PN_SHACRYPT_ROUNDS_MAX;
}

static bool
is_sha_crypt(struct pn_str hash)
{
    const bool is_256 = pn_str_starts(hash, PN_STR("$5$"));
    struct pn_str salt, digest, rest;

    if (!is_256 && !pn_str_starts(hash, PN_STR("$6$"))) {
        return false;
    }
    rest = after(hash, 3);
    return take_rounds(&rest) && pn_str_cut(rest, '$', &salt, &digest)
           && salt.len <= 16 && only_digits64(salt) && only_digits64(digest)
           && digest.len == (is_256 ? 43U : 86U);
}

/* "$apr1$SALT$DIGEST" or "$1$…": its parts. */
static bool
split_md5(struct pn_str hash, struct pn_str *magic, struct pn_str *salt,
          struct pn_str *digest)
{
    static const struct pn_str magics[] = {{"$apr1$", 6}, {"$1$", 3}};

    for (size_t i = 0; i < PN_LEN(magics); i++) {
        if (pn_str_starts(hash, magics[i])) {
            *magic = magics[i];
            return pn_str_cut(after(hash, magics[i].len), '$', salt, digest)
                   && salt->len <= MD5_SALT_MAX && only_digits64(*salt)
                   && digest->len == MD5_TEXT_LEN && only_digits64(*digest);
        }
    }
    return false;
}

/* "{SHA}" and base64. */
static bool
split_sha(struct pn_str hash, uint8_t digest[SHA1_LEN])
{
    const struct pn_str magic = PN_STR("{SHA}");
    char bytes[SHA1_TEXT_LEN];
    struct pn_buf out = PN_BUF(bytes);

    if (!pn_str_starts(hash, magic) || hash.len != magic.len + SHA1_TEXT_LEN
        || pn_base64_decode(after(hash, magic.len), &out) != PN_OK
        || out.len != SHA1_LEN)
    {
        return false;
    }
    memcpy(digest, out.ptr, SHA1_LEN);
    return true;
}

bool
pn_imported_is_known(struct pn_str hash)
{
    struct pn_str magic, salt, digest;
    uint8_t sha[SHA1_LEN];

    return is_bcrypt(hash) || is_sha_crypt(hash)
           || split_md5(hash, &magic, &salt, &digest) || split_sha(hash, sha);
}

/* --- checking ------------------------------------------------------------ */

static bool
same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return a_len == b_len && pn_bytes_eq_const_time(a, b, a_len);
}

static bool
verify_libcrypt(const struct pn_secret *password, struct pn_str hash)
{
    struct crypt_data *data = calloc(1, sizeof(*data));
    const char *made;
    bool right;

    if (data == NULL) {
        return false;
    }
    /* libxcrypt's own: NULL is failure, and no other library stands for it */
    made = crypt_rn(password->bytes, hash.ptr, data, (int) sizeof(*data));
    right = made != NULL && same(made, strlen(made), hash.ptr, hash.len);
    pn_wipe(data, sizeof(*data));
    free(data);
    return right;
}

/* One digest over pieces. */
struct digest {
    EVP_MD_CTX *ctx;
    bool failed;
};

static void
start(struct digest *d, const EVP_MD *md)
{
    d->failed |= EVP_DigestInit_ex(d->ctx, md, NULL) != 1;
}

static void
add(struct digest *d, const void *bytes, size_t len)
{
    d->failed |= EVP_DigestUpdate(d->ctx, bytes, len) != 1;
}

static void
end(struct digest *d, uint8_t *out)
{
    d->failed |= EVP_DigestFinal_ex(d->ctx, out, NULL) != 1;
}

/*
 * The digest of FreeBSD's crypt(3) of 1994, which Apache took over under
 * another name (apr_md5.c).
 */
static void
md5_crypt(struct digest *d, struct pn_str pw, struct pn_str magic,
          struct pn_str salt, uint8_t out[MD5_LEN])
{
    uint8_t sum[MD5_LEN];

    start(d, EVP_md5());
    add(d, pw.ptr, pw.len);
    add(d, salt.ptr, salt.len);
    add(d, pw.ptr, pw.len);
    end(d, sum);
    start(d, EVP_md5());
    add(d, pw.ptr, pw.len);
    add(d, magic.ptr, magic.len);
    add(d, salt.ptr, salt.len);
    for (size_t left = pw.len; left > 0;) {
        const size_t n = left < MD5_LEN ? left : MD5_LEN;

        add(d, sum, n);
        left -= n;
    }
    for (size_t bits = pw.len; bits > 0; bits >>= 1) {
        add(d, (bits & 1) != 0 ? "" : pw.ptr, 1);
    }
    end(d, sum);
    for (unsigned i = 0; i < MD5_ROUNDS; i++) {
        start(d, EVP_md5());
        add(d, (i & 1) != 0 ? pw.ptr : (const char *) sum,
            (i & 1) != 0 ? pw.len : MD5_LEN);
        if (i % 3 != 0) {
            add(d, salt.ptr, salt.len);
        }
        if (i % 7 != 0) {
            add(d, pw.ptr, pw.len);
        }
        add(d, (i & 1) != 0 ? (const char *) sum : pw.ptr,
            (i & 1) != 0 ? MD5_LEN : pw.len);
        end(d, sum);
    }
    memcpy(out, sum, MD5_LEN);
    pn_wipe(sum, sizeof(sum));
}

/* Four digits for three bytes, the lowest six bits first. */
static void
md5_text(const uint8_t sum[MD5_LEN], char out[MD5_TEXT_LEN])
{
    static const uint8_t order[][3] = {
        {0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}};
    size_t at = 0;

    for (size_t i = 0; i < PN_LEN(order); i++) {
        unsigned value = (unsigned) sum[order[i][0]] << 16
                         | (unsigned) sum[order[i][1]] << 8 | sum[order[i][2]];

        for (int k = 0; k < 4; k++) {
            out[at++] = digits64[value & 63];
            value >>= 6;
        }
    }
    out[at++] = digits64[sum[11] & 63];
    out[at] = digits64[sum[11] >> 6];
}

static bool
verify_md5(const struct pn_secret *password, struct pn_str magic,
           struct pn_str salt, struct pn_str digest)
{
    struct digest d = {.ctx = EVP_MD_CTX_new()};
    uint8_t sum[MD5_LEN];
    char text[MD5_TEXT_LEN];

    if (d.ctx == NULL) {
        return false;
    }
    md5_crypt(&d, (struct pn_str){password->bytes, password->len}, magic, salt,
              sum);
    EVP_MD_CTX_free(d.ctx);
    md5_text(sum, text);
    return !d.failed && same(text, sizeof(text), digest.ptr, digest.len);
}

static bool
verify_sha(const struct pn_secret *password, const uint8_t digest[SHA1_LEN])
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    return EVP_Digest(password->bytes, password->len, sum, &len, EVP_sha1(),
                      NULL)
               == 1
           && len == SHA1_LEN && pn_bytes_eq_const_time(sum, digest, SHA1_LEN);
}

bool
pn_imported_verify(const struct pn_secret *password, const char *hash)
{
    const struct pn_str text = pn_str_from(hash);
    struct pn_str magic, salt, digest;
    uint8_t sha[SHA1_LEN];

    /* libcrypt reads the password to its first NUL */
    if (memchr(password->bytes, '\0', password->len) != NULL) {
        return false;
    }
    if (is_bcrypt(text) || is_sha_crypt(text)) {
        return verify_libcrypt(password, text);
    }
    if (split_md5(text, &magic, &salt, &digest)) {
        return verify_md5(password, magic, salt, digest);
    }
    return split_sha(text, sha) && verify_sha(password, sha);
}
