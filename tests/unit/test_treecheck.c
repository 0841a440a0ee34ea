/* SPDX-License-Identifier: Apache-2.0 */
/* Pages that LMDB would not have written: small trees laid out by hand, whole
 * first, then with one thing wrong at a time. */
#include "index/treecheck.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

enum {
    PAGE = 512,
    PAGES = 12,
    BRANCH = 1,
    LEAF = 2,
    OVERFLOW = 4,
    LAST_PAGE = PAGES - 1,
};

/* Pages 0 and 1 are headers, which are not looked at here. */
static uint8_t file[PAGES][PAGE];

static void
put(unsigned page, unsigned at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        file[page][at + i] = (uint8_t) (value >> (8 * i));
    }
}

static unsigned
get16(unsigned page, unsigned at)
{
    return file[page][at] | (unsigned) file[page][at + 1] << 8;
}

static void
page_begin(unsigned page, unsigned kind)
{
    memset(file[page], 0, PAGE);
    put(page, 0, page, 8);
    put(page, 10, kind, 2);
    put(page, 12, 16, 2);
    put(page, 14, PAGE, 2);
}

/* Another node, whose four first words these are; returns its offset. */
static unsigned
add_node(unsigned page, uint64_t low48, unsigned key_len, unsigned data_len)
{
    unsigned lower = get16(page, 12);
    unsigned at = get16(page, 14) - (8 + key_len + data_len);

    put(page, lower, at, 2);
    put(page, 12, lower + 2, 2);
    put(page, 14, at, 2);
    put(page, at, low48, 6);
    put(page, at + 6, key_len, 2);
    return at;
}

static void
leaf(unsigned page)
{
    page_begin(page, LEAF);
    (void) add_node(page, 10, 4, 10); /* ten bytes of data */
    (void) add_node(page, 3, 1, 3);
}

static void
branch(unsigned page, unsigned left, unsigned right)
{
    page_begin(page, BRANCH);
    (void) add_node(page, left, 0, 0);
    (void) add_node(page, right, 4, 0);
}

/*
 * Page 2 is the root of three levels, 3 and 4 the branches below it, 5 to 8
 * the leaves; in leaf 8 a node has its value in the pages 9 and 10.
 */
static void
whole(void)
{
    unsigned at;

    memset(file, 0, sizeof(file));
    branch(2, 3, 4);
    branch(3, 5, 6);
    branch(4, 7, 8);
    for (unsigned page = 5; page <= 8; page++) {
        leaf(page);
    }
    at = add_node(8, 900 | (uint64_t) 1 << 32, 4, 8); /* 900 bytes, elsewhere */
    put(8, at + 8 + 4, 9, 8);
    page_begin(9, OVERFLOW);
}

static enum pn_err
check(uint64_t root, uint16_t depth, uint64_t last_page, uint32_t page_len)
{
    const struct pn_index_tree tree = {.page_len = page_len,
                                       .last_page = last_page,
                                       .root = root,
                                       .depth = depth};
    char path[] = "/tmp/pn-tree-XXXXXX";
    int fd = mkstemp(path);
    enum pn_err err;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, file, sizeof(file)), (ssize_t) sizeof(file));
    err = pn_index_tree_check(fd, &tree);
    (void) close(fd);
    (void) unlink(path);
    return err;
}

static enum pn_err
check_whole(void)
{
    return check(2, 3, LAST_PAGE, PAGE);
}

static void
test_trees_as_lmdb_writes_them_are_fine(void **state)
{
    (void) state;
    whole();
    assert_int_equal(check_whole(), PN_OK);
    assert_int_equal(check(3, 2, LAST_PAGE, PAGE), PN_OK);
    assert_int_equal(check(8, 1, LAST_PAGE, PAGE), PN_OK);
    assert_int_equal(check(UINT64_MAX, 0, LAST_PAGE, PAGE), PN_OK);
}

static void
test_a_header_that_does_not_fit_the_tree_is_damage(void **state)
{
    (void) state;
    whole();
    assert_int_equal(check(UINT64_MAX, 1, LAST_PAGE, PAGE), PN_E_DAMAGED);
    assert_int_equal(check(2, 0, LAST_PAGE, PAGE), PN_E_DAMAGED);
    assert_int_equal(check(2, 33, LAST_PAGE, PAGE), PN_E_DAMAGED);
    assert_int_equal(check(2, 3, LAST_PAGE, 65536), PN_E_DAMAGED);
    assert_int_equal(check(2, 1, LAST_PAGE, PAGE), PN_E_DAMAGED);
    assert_int_equal(check(2, 2, LAST_PAGE, PAGE), PN_E_DAMAGED);
    assert_int_equal(check(2, 4, LAST_PAGE, PAGE), PN_E_DAMAGED);
    assert_int_equal(check(5, 2, LAST_PAGE, PAGE), PN_E_DAMAGED);
    assert_int_equal(check(1, 1, LAST_PAGE, PAGE), PN_E_DAMAGED);
    assert_int_equal(check(2, 3, 7, PAGE), PN_E_DAMAGED); /* leaf 8 */
    assert_int_equal(check(2, 3, 9, PAGE), PN_E_DAMAGED); /* its second page */
    assert_int_equal(check(PAGES, 1, 99, PAGE), PN_E_DAMAGED); /* file's end */
}

static void
test_each_word_of_a_page_that_is_wrong_is_damage(void **state)
{
    /* page, offset, bytes, value; nodes of leaf 5 are at 490 and 478 */
    static const struct {
        unsigned page, at, bytes;
        uint64_t value;
    } wrong[] = {
        {2, 0, 8, 3},        /* not the page of this number */
        {5, 0, 8, 6},        /* nor a leaf */
        {2, 10, 2, LEAF},    /* a leaf where a branch must be */
        {5, 10, 2, BRANCH},  /* the other way round */
        {5, 12, 2, 14},      /* free space begins inside the header */
        {5, 12, 2, 19},      /* an odd number of bytes of offsets */
        {5, 12, 2, 16},      /* a leaf without nodes */
        {3, 12, 2, 18},      /* a branch with one child */
        {5, 12, 2, 500},     /* free space ends before it begins */
        {5, 14, 2, 600},     /* it ends behind the page */
        {5, 14, 2, 492},     /* a node inside the free space */
        {5, 16, 2, 510},     /* a node that begins too late */
        {5, 490 + 6, 2, 99}, /* a key behind the page's end */
        {5, 490, 2, 99},     /* data behind the page's end */
        {5, 490 + 2, 2, 1},  /* 65536 bytes more of it */
        {5, 490 + 4, 2, 2},  /* a flag that we never write */
        {3, 16, 2, 100},     /* a branch's node inside its offsets */
        {2, 504, 2, 1},      /* a child that is a header page */
        {2, 504, 2, 99},     /* a child behind the last page */
        {3, 504, 2, 2},      /* a circle */
        {9, 0, 8, 8},        /* the overflow page of another number */
        {9, 10, 2, LEAF},    /* which is none */
        {8, 458 + 12, 8, 1}, /* the value in a header page */
        {8, 458 + 12, 8, 99},
        {8, 458 + 2, 2, 9},  /* too long for the pages that there are */
        {8, 458 + 6, 2, 50}, /* no room for the page number */
    };

    (void) state;
    whole();
    assert_int_equal(get16(5, 16), 490);
    assert_int_equal(get16(8, 20), 458);
    assert_int_equal(get16(3, 16), 504);
    for (size_t i = 0; i < PN_LEN(wrong); i++) {
        whole();
        put(wrong[i].page, wrong[i].at, wrong[i].value, wrong[i].bytes);
        if (check_whole() != PN_E_DAMAGED) {
            fail_msg("row %zu is not seen", i);
        }
    }
}

/* Every bit of every page: whatever is accepted must end. */
static void
test_any_bit_may_be_wrong(void **state)
{
    (void) state;
    for (unsigned page = 2; page <= 9; page++) {
        for (unsigned at = 0; at < PAGE; at++) {
            if (at >= 24 && at < 440) {
                continue; /* free space */
            }
            whole();
            file[page][at] ^= (uint8_t) (1U << at % 8);
            enum pn_err err = check_whole();

            assert_true(err == PN_OK || err == PN_E_DAMAGED);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees_as_lmdb_writes_them_are_fine),
        cmocka_unit_test(test_a_header_that_does_not_fit_the_tree_is_damage),
        cmocka_unit_test(test_each_word_of_a_page_that_is_wrong_is_damage),
        cmocka_unit_test(test_any_bit_may_be_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
