/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures on order.  A program linked with faults_*.c and the options of
 * meson.build's fault_link_args has every call that its own objects make of the
 * functions listed there counted, and one of them (or all from one on) fails.
 *
 * A caller tries call 0, 1, 2, … until none is left: so every path that leads
 * out of an error is walked without anybody having to think of it.
 */
#ifndef PN_TESTS_FAULTS_H
#define PN_TESTS_FAULTS_H

#include <stdatomic.h>

#include "base/defs.h"

/* What a call that fails says: errno, and what LMDB would return. */
enum fault_kind {
    FAULT_FULL = 0, /* ENOSPC, MDB_MAP_FULL */
    FAULT_BROKEN,   /* EIO, MDB_CORRUPTED */
    FAULT_BUSY,     /* EACCES, MDB_READERS_FULL */
    FAULT_RESIZED,  /* ENOMEM, MDB_MAP_RESIZED */
    FAULT_KINDS,
};

/* In a file that POSTERN_FAULTS names, whoever maps it may be another process
 * (tests/system/harness/faults.py has the same layout). */
struct faults {
    _Atomic uint32_t armed;
    _Atomic uint32_t at;     /* the call that fails, from 0 */
    _Atomic uint32_t kind;   /* enum fault_kind */
    _Atomic uint32_t sticky; /* so do all that come after it */
    _Atomic uint32_t calls;  /* since armed */
    _Atomic uint32_t failed; /* how many of them were failures */
};

struct faults *faults_now(void);

void faults_arm(unsigned at, enum fault_kind kind, bool sticky);
/* Ends it; true if a call failed. */
bool faults_disarm(void);

/* For what a test does between, on its own behalf. */
void faults_pause(void);
void faults_resume(void);

/* For the stand-ins: does this call fail?  Sets errno. */
bool faults_hit(void);
/* And with what, in LMDB's words. */
int faults_lmdb(void);

/* The stand-in for a function, which says failure when its call is hit. */
/* clang-format off */
#define FAULTS_WRAP(type, name, parameters, arguments, failure)          \
    type __real_##name parameters;                                       \
    type __wrap_##name parameters;                                       \
    type __wrap_##name parameters                                        \
    {                                                                    \
        return faults_hit() ? (failure) : __real_##name arguments;       \
    }
/* clang-format on */

#endif
