/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 and CRC-32 against their published vectors. */
#include "check.h"

#include "core/crc.h"
#include "core/hash.h"

static void
assert_hash(const char *text, const char *hex)
{
    struct pn_hash hash;
    char got[2 * PN_HASH_LEN + 1];

    pn_hash_of(pn_str_from(text), &hash);
    for (size_t i = 0; i < PN_HASH_LEN; i++) {
        (void) snprintf(got + 2 * i, 3, "%02x", hash.bytes[i]);
    }
    assert_string_equal(got, hex);
}

static void
test_hash_is_sha_256(void **state)
{
    (void) state; /* FIPS 180-4, examples */
    assert_hash("", "e3b0c44298fc1c149afbf4c8996fb924"
                    "27ae41e4649b934ca495991b7852b855");
    assert_hash("abc", "ba7816bf8f01cfea414140de5dae2223"
                       "b00361a396177a9cb410ff61f20015ad");
    assert_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039"
                "a33ce45964ff2167f6ecedd419db06c1");
}

static void
test_crc_is_that_of_zlib_and_png(void **state)
{
    (void) state;
    assert_int_equal(pn_crc32("123456789", 9), 0xcbf43926);
    assert_int_equal(pn_crc32("", 0), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_is_sha_256),
        cmocka_unit_test(test_crc_is_that_of_zlib_and_png),
    };

    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
