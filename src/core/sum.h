/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checksum of index records: 64 bits, one multiplication for every eight
 * bytes.  A request computes it two or three times, and CRC-32 took a tenth of
 * all that a request costs.
 *
 * Every step is one-to-one both in the state and in the eight bytes it takes:
 * damage inside one such group is always found, any other but for one chance
 * in 2^64.  It is no protection against somebody who wants to forge one.
 */
#ifndef PN_CORE_SUM_H
#define PN_CORE_SUM_H

#include "base/defs.h"

enum { PN_SUM_LEN = 8 };

/* Definition and vectors: docs/formats/index.md. */
uint64_t pn_sum(const void *bytes, size_t len);

#endif
