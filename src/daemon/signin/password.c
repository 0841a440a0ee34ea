/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Argon2id through libsodium; the only file that includes sodium.h.
 */
#include "daemon/signin/password.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>

#include "base/str.h"
#include "daemon/signin/imported.h"

enum {
    ARGON2_PASSES = 2,
    ARGON2_MEMORY = 19 * 1024 * 1024,
    GENERATED_LEN = 20,
    /* What an imported hash may ask of us. */
    IMPORTED_MEMORY_KIB_MAX = 64 * 1024,
    IMPORTED_PASSES_MAX = 8,
};

_Static_assert(PN_PASSWORD_HASH_MAX >= crypto_pwhash_STRBYTES,
               "a hash fits its array");

/* Without 0, o, 1, l, i: what people misread. */
static const char unambiguous[] = "abcdefghjkmnpqrstuvwxyz23456789";

/*
 * Who hashes and who waits.  A hash takes 19 MiB for some tens of
 * milliseconds; without a bound a flood of sign-ins would take all memory.
 */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t freed;
    unsigned running, waiting;
} turnstile = {.mutex = PTHREAD_MUTEX_INITIALIZER,
               .freed = PTHREAD_COND_INITIALIZER};

/* What a user name that does not exist is checked against. */
static char nobody_hash[PN_PASSWORD_HASH_MAX];

static enum pn_err
enter(void)
{
    enum pn_err err = PN_OK;
    (void) pthread_mutex_lock(&turnstile.mutex);
    if (turnstile.running < PN_PASSWORD_RUNNING) {
        turnstile.running++;
    } else if (turnstile.waiting >= PN_PASSWORD_WAITING) {
        err = PN_E_BUSY;
    } else {
        turnstile.waiting++;
        while (turnstile.running >= PN_PASSWORD_RUNNING) {
            (void) pthread_cond_wait(&turnstile.freed, &turnstile.mutex);
        }
        turnstile.waiting--;
        turnstile.running++;
    }
    (void) pthread_mutex_unlock(&turnstile.mutex);
    return err;
}

static void
leave(void)
{
    (void) pthread_mutex_lock(&turnstile.mutex);
    turnstile.running--;
    (void) pthread_cond_signal(&turnstile.freed);
    (void) pthread_mutex_unlock(&turnstile.mutex);
}

static enum pn_err
hash_now(const char *bytes, size_t len, char out[PN_PASSWORD_HASH_MAX])
{
    char text[crypto_pwhash_STRBYTES];
    if (crypto_pwhash_str(text, bytes, len, ARGON2_PASSES, ARGON2_MEMORY) != 0)
    {
        return PN_E_NOMEM;
    }
    for (size_t i = 0; i < sizeof(text); i++) {
        out[i] = text[i];
    }
    return PN_OK;
}

enum pn_err
pn_password_init(void)
{
    if (sodium_init() < 0) {
        return PN_E_IO;
    }
    if (nobody_hash[0] != '\0') {
        return PN_OK;
    }
    struct pn_secret nobody = {0};
    pn_password_generate(&nobody);
    enum pn_err err = hash_now(nobody.bytes, nobody.len, nobody_hash);
    pn_secret_done(&nobody);
    return err;
}

enum pn_err
pn_password_hash(const struct pn_secret *password,
                 char out[PN_PASSWORD_HASH_MAX])
{
    enum pn_err err = enter();
    if (err != PN_OK) {
        return err;
    }
    err = hash_now(password->bytes, password->len, out);
    leave();
    return err;
}

/* "$argon2id$v=19$m=19456,t=2,p=1$…" */
static bool
is_argon2id(const char *hash)
{
    unsigned memory_kib = 0, passes = 0;
    /* Digits only reach these numbers, and libsodium reads the rest. */
    return sscanf(hash, "$argon2id$v=19$m=%6u,t=%2u,p=1$", /* NOLINT */
                  &memory_kib, &passes)
               == 2
           && memory_kib >= 8 && memory_kib <= IMPORTED_MEMORY_KIB_MAX
           && passes >= 1 && passes <= IMPORTED_PASSES_MAX;
}

enum pn_password_form
pn_password_form(const char *hash)
{
    if (is_argon2id(hash)) {
        return PN_PASSWORD_OURS;
    }
    return pn_imported_is_known(pn_str_from(hash)) ? PN_PASSWORD_IMPORTED
                                                   : PN_PASSWORD_UNKNOWN;
}

enum pn_err
pn_password_verify(const struct pn_secret *password, const char *hash)
{
    enum pn_err err = enter();
    if (err != PN_OK) {
        return err;
    }
    const bool ours =
        hash != NULL && pn_password_form(hash) == PN_PASSWORD_OURS;
    /* Also where it decides nothing, so that all take as long. */
    bool right = crypto_pwhash_str_verify(ours ? hash : nobody_hash,
                                          password->bytes, password->len)
                     == 0
                 && ours;
    if (hash != NULL && !ours) {
        right = pn_imported_verify(password, hash);
    }
    leave();
    return right ? PN_OK : PN_E_PERMISSION;
}

void
pn_random(void *bytes, size_t len)
{
    randombytes_buf(bytes, len);
}

void
pn_password_generate(struct pn_secret *out)
{
    for (size_t i = 0; i < GENERATED_LEN; i++) {
        out->bytes[i] = unambiguous[randombytes_uniform(
            (uint32_t) (sizeof(unambiguous) - 1))];
    }
    out->bytes[GENERATED_LEN] = '\0';
    out->len = GENERATED_LEN;
}
