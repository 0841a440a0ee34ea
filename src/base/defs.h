/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiler attributes, borrowed text and the error codes every folder shares.
 *
 * This is the only header that may be included without reading it first.
 */
#ifndef PN_BASE_DEFS_H
#define PN_BASE_DEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PN_MUST_USE     __attribute__((warn_unused_result))
#define PN_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define PN_LEN(array)   (sizeof(array) / sizeof((array)[0]))

/*
 * Borrowed bytes: never owned, never NUL-terminated, valid for as long as
 * whatever it points into.  Pass by value.  {NULL, 0} is "absent" where a
 * contract distinguishes that from empty.
 */
struct pn_str {
    const char *ptr;
    size_t len;
};

#define PN_STR(literal) ((struct pn_str){(literal), sizeof(literal) - 1})

/* For calls of C libraries that lack a const and do not write, and for wiping
 * what another library holds. */
static inline void *
pn_unconst(const void *ptr)
{
    union {
        const void *in;
        void *out;
    } both = {.in = ptr};

    return both.out;
}

/* Why a call failed.  Zero is success; new codes go at the end. */
enum pn_err {
    PN_OK = 0,
    PN_E_NOMEM = -1,
    PN_E_SYNTAX = -2,   /* does not follow the grammar */
    PN_E_TOO_LONG = -3, /* over a documented maximum */
    PN_E_RANGE = -4,    /* follows the grammar, value not acceptable */
    PN_E_NOT_FOUND = -5,
    PN_E_STORE = -6,      /* the database refused or failed */
    PN_E_IO = -7,         /* a system call failed; errno says more */
    PN_E_EXISTS = -8,     /* a unique name is taken */
    PN_E_PERMISSION = -9, /* the operating system said no */
    PN_E_BUSY = -10,      /* somebody else holds it, or a deadline passed */
    PN_E_NO_SPACE = -11,  /* disk or map is full */
    PN_E_VERSION = -12,   /* a format this build does not speak */
    PN_E_DAMAGED = -13,   /* bytes that no writer of ours produces */
    PN_E_STALE = -14,     /* older than the configured limit */
    PN_E_STATE = -15,     /* the object is not in a state that allows this */
};

/* A short English phrase, lower case, no full stop.  Never NULL. */
const char *pn_err_text(enum pn_err err);

#endif
