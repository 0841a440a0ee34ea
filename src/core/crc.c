/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32 by zlib; the only file that includes it.
 *
 * Every request sums its token and three records, some 400 bytes: zlib takes
 * five instructions a byte for texts this short, carry-less multiplication one.
 * The method is that of Gopal et al., "Fast CRC Computation for Generic
 * Polynomials Using PCLMULQDQ" (Intel, 2009), with the constants of its
 * appendix for the reflected polynomial.
 */
#include "core/crc.h"

#include <zlib.h>

#if defined(__x86_64__)
#include <immintrin.h>

enum { BLOCK = 16, FOLD_MIN = 2 * BLOCK };

/* The sum of whole blocks, at least one, begun with sum (both inverted). */
__attribute__((target("pclmul,sse4.1"))) static uint32_t
fold(uint32_t sum, const uint8_t *bytes, size_t len)
{
    const __m128i by_block = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const __m128i by_word = _mm_set_epi64x(0, 0x0163cd6124);
    const __m128i barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    const __m128i low_words = _mm_set_epi32(0, -1, 0, -1);
    __m128i rest, part;

    rest =
        _mm_xor_si128(_mm_loadu_si128((const __m128i *) (const void *) bytes),
                      _mm_cvtsi32_si128((int) sum));
    for (size_t at = BLOCK; at < len; at += BLOCK) {
        part = _mm_clmulepi64_si128(rest, by_block, 0x00);
        rest = _mm_clmulepi64_si128(rest, by_block, 0x11);
        rest = _mm_xor_si128(
            _mm_xor_si128(rest, part),
            _mm_loadu_si128((const __m128i *) (const void *) (bytes + at)));
    }
    /* 128 bits to 96, to 64, to 32. */
    part = _mm_clmulepi64_si128(rest, by_block, 0x10);
    rest = _mm_xor_si128(_mm_srli_si128(rest, 8), part);
    part = _mm_srli_si128(rest, 4);
    rest = _mm_clmulepi64_si128(_mm_and_si128(rest, low_words), by_word, 0x00);
    rest = _mm_xor_si128(rest, part);
    part = _mm_clmulepi64_si128(_mm_and_si128(rest, low_words), barrett, 0x10);
    part = _mm_clmulepi64_si128(_mm_and_si128(part, low_words), barrett, 0x00);
    return (uint32_t) _mm_extract_epi32(_mm_xor_si128(rest, part), 1);
}

uint32_t
pn_crc32(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint32_t sum = 0;

    if (len >= FOLD_MIN && __builtin_cpu_supports("pclmul")
        && __builtin_cpu_supports("sse4.1"))
    {
        size_t whole = len - len % BLOCK;

        sum = ~fold(~sum, at, whole);
        at += whole;
        len -= whole;
    }
    return (uint32_t) crc32_z(sum, at, len);
}

#else

uint32_t
pn_crc32(const void *bytes, size_t len)
{
    return (uint32_t) crc32_z(0, bytes, len);
}

#endif
