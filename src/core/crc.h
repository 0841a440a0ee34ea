/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32 (ISO-HDLC, as in zlib and PNG): finds typing errors and damaged
 * records.  It is no protection against somebody who wants to forge one.
 */
#ifndef PN_CORE_CRC_H
#define PN_CORE_CRC_H

#include "base/defs.h"

/* CRC-32 of "123456789" is 0xcbf43926. */
uint32_t pn_crc32(const void *bytes, size_t len);

#endif
