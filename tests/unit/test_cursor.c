/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian records: what is put is read, and no read leaves the record. */
#include "base/cursor.h"

#include "base/buf.h"
#include "check.h"

static void
test_values_are_little_endian(void **state)
{
    static const uint8_t want[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04,
                                   0x0f, 0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09,
                                   0x08, 0x02, 0x00, 'h',  'i'};
    char bytes[64];
    struct pn_buf buf = PN_BUF(bytes);

    (void) state;
    pn_put_u8(&buf, 0x01);
    pn_put_u16(&buf, 0x0203);
    pn_put_u32(&buf, 0x04050607);
    pn_put_u64(&buf, 0x08090a0b0c0d0e0f);
    pn_put_str16(&buf, PN_STR("hi"));
    assert_int_equal(buf.len, sizeof(want));
    assert_memory_equal(bytes, want, sizeof(want));

    struct pn_cursor cur = pn_cursor_from(want, sizeof(want));

    assert_int_equal(pn_cursor_u8(&cur), 0x01);
    assert_int_equal(pn_cursor_u16(&cur), 0x0203);
    assert_int_equal(pn_cursor_u32(&cur), 0x04050607);
    assert_true(pn_cursor_u64(&cur) == 0x08090a0b0c0d0e0f);
    assert_true(pn_str_eq(pn_cursor_str16(&cur), PN_STR("hi")));
    assert_true(pn_cursor_at_end(&cur));
}

/* Every cut of a record is noticed, and a bad cursor yields zeros only. */
static void
test_a_record_cut_short_is_bad(void **state)
{
    static const uint8_t record[] = {1, 2, 3, 4, 5, 6, 7, 2, 0, 'h', 'i'};

    (void) state;
    for (size_t len = 0; len <= sizeof(record); len++) {
        /* An exact copy: a sanitizer sees a read past its end. */
        uint8_t *copy = malloc(len + (len == 0));
        struct pn_cursor cur;

        assert_non_null(copy);
        memcpy(copy, record, len);
        cur = pn_cursor_from(copy, len);
        (void) pn_cursor_u8(&cur);
        (void) pn_cursor_u16(&cur);
        (void) pn_cursor_u32(&cur);
        (void) pn_cursor_str16(&cur);
        assert_int_equal(cur.bad, len < sizeof(record));
        assert_int_equal(pn_cursor_at_end(&cur), len == sizeof(record));
        free(copy);
    }
}

static void
test_a_bad_cursor_stays_bad(void **state)
{
    static const uint8_t record[] = {9, 9, 9};
    struct pn_cursor cur = pn_cursor_from(record, sizeof(record));

    (void) state;
    assert_int_equal(pn_cursor_u32(&cur), 0);
    assert_true(cur.bad);
    assert_int_equal(pn_cursor_u8(&cur), 0); /* would fit, is not given */
    assert_null(pn_cursor_bytes(&cur, 0));
    assert_null(pn_cursor_str16(&cur).ptr);
    assert_false(pn_cursor_at_end(&cur));
}

static void
test_a_length_past_the_end_is_bad(void **state)
{
    static const uint8_t record[] = {0xff, 0xff, 'x'};
    struct pn_cursor cur = pn_cursor_from(record, sizeof(record));

    (void) state;
    assert_null(pn_cursor_str16(&cur).ptr);
    assert_true(cur.bad);
    cur = pn_cursor_from(record, sizeof(record));
    assert_null(pn_cursor_bytes(&cur, SIZE_MAX));
    assert_true(cur.bad);
}

static void
test_text_over_its_maximum_marks_the_buffer_full(void **state)
{
    static char bytes[70000], text[65536];
    struct pn_buf buf = PN_BUF(bytes);

    (void) state;
    pn_put_str16(&buf, (struct pn_str){text, 65535});
    assert_false(buf.full);
    assert_int_equal(buf.len, 65537);
    buf = PN_BUF(bytes);
    pn_put_str16(&buf, (struct pn_str){text, 65536});
    assert_true(buf.full);
    assert_int_equal(buf.len, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_little_endian),
        cmocka_unit_test(test_a_record_cut_short_is_bad),
        cmocka_unit_test(test_a_bad_cursor_stays_bad),
        cmocka_unit_test(test_a_length_past_the_end_is_bad),
        cmocka_unit_test(test_text_over_its_maximum_marks_the_buffer_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
