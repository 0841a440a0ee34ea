/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 by zlib; the only file that includes it. */
#include "core/crc.h"

#include <zlib.h>

uint32_t
pn_crc32(const void *bytes, size_t len)
{
    return (uint32_t) crc32_z(0, bytes, len);
}
