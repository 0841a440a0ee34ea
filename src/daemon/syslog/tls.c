/* SPDX-License-Identifier: Apache-2.0 */
/* TLS by OpenSSL's libssl, for one kind of client. */
#include "daemon/syslog/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1024 };

struct pn_tls {
    SSL_CTX *context;
    SSL *ssl;
    char why[PN_TLS_WHY_MAX];
};

/* --- errors -------------------------------------------------------------- */

/* The oldest error is the cause; the others say where it was noticed. */
static void
describe(char why[PN_TLS_WHY_MAX], const char *what)
{
    const unsigned long code = ERR_get_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    (void) snprintf(why, PN_TLS_WHY_MAX, "%s: %s", what,
                    reason != NULL ? reason : "failed");
}

/* A certificate that is refused has a reason of its own. */
static void
describe_failure(struct pn_tls *tls, const char *what, int saved_errno)
{
    const long verdict = SSL_get_verify_result(tls->ssl);

    if (verdict != X509_V_OK) {
        ERR_clear_error();
        (void) snprintf(tls->why, sizeof(tls->why),
                        "the receiver's certificate is refused: %s",
                        X509_verify_cert_error_string(verdict));
    } else if (ERR_peek_error() != 0) {
        describe(tls->why, what);
    } else if (saved_errno != 0) {
        char text[128];

        (void) snprintf(tls->why, sizeof(tls->why), "%s: %s", what,
                        strerror_r(saved_errno, text, sizeof(text)));
    } else {
        (void) snprintf(tls->why, sizeof(tls->why),
                        "%s: the receiver closed the connection", what);
    }
}

/* After a call that returned result. */
static enum pn_tls_step
step_of(struct pn_tls *tls, int result, const char *what)
{
    const int saved_errno = errno;

    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_NONE:
        return PN_TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return PN_TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return PN_TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return PN_TLS_CLOSED;
    default:
        describe_failure(tls, what, saved_errno);
        return PN_TLS_FAILED;
    }
}

/* --- setting up ---------------------------------------------------------- */

/* A key with a passphrase is refused: nobody is there to type it. */
static int
no_passphrase(char *out, int size, int writing, void *arg)
{
    (void) writing;
    (void) arg;
    if (size > 0) {
        out[0] = '\0';
    }
    return -1;
}

static bool
load_authorities(SSL_CTX *context, const char *ca)
{
    return ca != NULL ? SSL_CTX_load_verify_file(context, ca) == 1
                      : SSL_CTX_set_default_verify_paths(context) == 1;
}

static bool
load_identity(SSL_CTX *context, const struct pn_syslog_receiver *receiver)
{
    return receiver->certificate == NULL
           || (SSL_CTX_use_certificate_chain_file(context,
                                                  receiver->certificate)
                   == 1
               && SSL_CTX_use_PrivateKey_file(context, receiver->key,
                                              SSL_FILETYPE_PEM)
                      == 1
               && SSL_CTX_check_private_key(context) == 1);
}

static const char *
expected_name(const struct pn_syslog_receiver *receiver)
{
    return receiver->tls_name != NULL ? receiver->tls_name
                                      : receiver->place.host;
}

/* Which name or address the certificate must have (RFC 5425 section 5.2). */
static bool
expect(SSL *ssl, const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];

    if (inet_pton(AF_INET, name, address) == 1
        || inet_pton(AF_INET6, name, address) == 1)
    {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1
           && SSL_set_tlsext_host_name(ssl, pn_unconst(name)) == 1;
}

/* why is set when this fails. */
static bool
furnish(struct pn_tls *tls, const struct pn_syslog_receiver *receiver,
        char why[PN_TLS_WHY_MAX])
{
    char what[PN_TLS_WHY_MAX / 2];

    tls->context = SSL_CTX_new(TLS_client_method());
    if (tls->context == NULL
        || SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1)
    {
        describe(why, "TLS");
        return false;
    }
    SSL_CTX_set_default_passwd_cb(tls->context, no_passphrase);
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    (void) SSL_CTX_set_mode(tls->context,
                            SSL_MODE_ENABLE_PARTIAL_WRITE
                                | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (!load_authorities(tls->context, receiver->ca)) {
        (void) snprintf(what, sizeof(what), "cannot use ca '%.80s'",
                        receiver->ca != NULL ? receiver->ca : "of the system");
        describe(why, what);
        return false;
    }
    if (!load_identity(tls->context, receiver)) {
        (void) snprintf(what, sizeof(what),
                        "cannot use certificate '%.80s' with its key",
                        receiver->certificate);
        describe(why, what);
        return false;
    }
    tls->ssl = SSL_new(tls->context);
    if (tls->ssl == NULL || !expect(tls->ssl, expected_name(receiver))) {
        describe(why, "TLS");
        return false;
    }
    return true;
}

enum pn_err
pn_tls_new(const struct pn_syslog_receiver *receiver, int fd,
           char why[PN_TLS_WHY_MAX], struct pn_tls **out)
{
    struct pn_tls *tls = calloc(1, sizeof(*tls));

    if (tls == NULL) {
        return PN_E_NOMEM;
    }
    ERR_clear_error();
    if (!furnish(tls, receiver, why)
        || (fd >= 0 && SSL_set_fd(tls->ssl, fd) != 1)) {
        pn_tls_free(tls);
        return PN_E_IO;
    }
    SSL_set_connect_state(tls->ssl);
    *out = tls;
    return PN_OK;
}

void
pn_tls_free(struct pn_tls *tls)
{
    if (tls != NULL) {
        SSL_free(tls->ssl);
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

/* --- talking ------------------------------------------------------------- */

enum pn_tls_step
pn_tls_handshake(struct pn_tls *tls)
{
    ERR_clear_error();
    errno = 0;
    return step_of(tls, SSL_do_handshake(tls->ssl), "handshake");
}

enum pn_tls_step
pn_tls_write(struct pn_tls *tls, const void *bytes, size_t len, size_t *done)
{
    ERR_clear_error();
    errno = 0;
    return step_of(tls, SSL_write_ex(tls->ssl, bytes, len, done), "sending");
}

enum pn_tls_step
pn_tls_listen(struct pn_tls *tls)
{
    char bytes[CHUNK];
    size_t got;

    ERR_clear_error();
    errno = 0;
    return step_of(tls, SSL_read_ex(tls->ssl, bytes, sizeof(bytes), &got),
                   "listening");
}

enum pn_tls_step
pn_tls_say_end(struct pn_tls *tls)
{
    ERR_clear_error();
    errno = 0;

    const int result = SSL_shutdown(tls->ssl);

    /* 0: said; the other side's end is waited for by pn_tls_listen(). */
    return result >= 0 ? PN_TLS_DONE : step_of(tls, result, "ending");
}

const char *
pn_tls_why(const struct pn_tls *tls)
{
    return tls->why;
}
