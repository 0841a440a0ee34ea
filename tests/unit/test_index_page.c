/* SPDX-License-Identifier: Apache-2.0 */
/* DIR/current: which bytes are a page, and when it is stale. */
#include "index/page.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "index/index.h"
#include "index_fixture.h"

static struct pn_index_page
good_page(void)
{
    struct pn_index_page page = {.format = PN_INDEX_FORMAT,
                                 .page_len = PN_INDEX_PAGE_LEN};

    memcpy(page.magic, PN_INDEX_PAGE_MAGIC, sizeof(page.magic));
    return page;
}

static enum pn_err
check(const struct pn_index_page *page)
{
    return pn_index_page_check(
        (struct pn_str){(const char *) page, sizeof(*page)});
}

static void
test_only_a_whole_page_of_this_format_is_read(void **state)
{
    struct pn_index_page page = good_page();

    (void) state;
    assert_int_equal(check(&page), PN_OK);
    assert_int_equal(
        pn_index_page_check((struct pn_str){(const char *) &page, 4095}),
        PN_E_DAMAGED);
    assert_int_equal(pn_index_page_check(PN_STR("")), PN_E_DAMAGED);
    page.format = PN_INDEX_FORMAT + 1;
    assert_int_equal(check(&page), PN_E_VERSION);
    page.format = PN_INDEX_FORMAT - 1;
    assert_int_equal(check(&page), PN_E_VERSION);
    page = good_page();
    page.magic[0] = 'p';
    assert_int_equal(check(&page), PN_E_DAMAGED);
    page = good_page();
    page.page_len = 8192;
    assert_int_equal(check(&page), PN_E_DAMAGED);
    page = good_page();
    page.zero[sizeof(page.zero) - 1] = 1;
    assert_int_equal(check(&page), PN_E_DAMAGED);
}

static void
test_layout_is_that_of_the_format_page(void **state)
{
    (void) state;
    assert_int_equal(offsetof(struct pn_index_page, format), 8);
    assert_int_equal(offsetof(struct pn_index_page, page_len), 12);
    assert_int_equal(offsetof(struct pn_index_page, generation), 16);
    assert_int_equal(offsetof(struct pn_index_page, epoch), 24);
    assert_int_equal(offsetof(struct pn_index_page, policy_version), 32);
    assert_int_equal(offsetof(struct pn_index_page, beat_boot_ms), 40);
    assert_int_equal(offsetof(struct pn_index_page, beat_wall), 48);
    assert_int_equal(offsetof(struct pn_index_page, stale_after_s), 56);
    assert_int_equal(offsetof(struct pn_index_page, boot_id), 64);
    assert_int_equal(offsetof(struct pn_index_page, zero), 80);
}

static void
test_a_page_is_stale_after_its_own_limit(void **state)
{
    struct pn_index_page page = good_page();
    struct pn_index_boot boot = {{1, 2}}, other = {{1, 3}};

    (void) state;
    page.boot_id[0] = 1;
    page.boot_id[1] = 2;
    page.beat_boot_ms = 10000;
    assert_false(pn_index_page_is_stale(&page, &boot, 1000000000));
    assert_false(pn_index_page_is_stale(&page, &other, 1000000000));
    page.stale_after_s = 60;
    assert_false(pn_index_page_is_stale(&page, &boot, 10000));
    assert_false(pn_index_page_is_stale(&page, &boot, 70000));
    assert_true(pn_index_page_is_stale(&page, &boot, 70001));
    /* A beat from the future: a moment is a race, more is another clock. */
    assert_false(pn_index_page_is_stale(&page, &boot, 9999));
    page.beat_boot_ms = 100000;
    assert_true(pn_index_page_is_stale(&page, &boot, 10000));
}

static void
test_a_beat_before_the_last_boot_is_stale(void **state)
{
    struct pn_index_page page = good_page();
    struct pn_index_boot boot = {{1, 2}}, other = {{1, 3}};

    (void) state;
    page.boot_id[0] = 1;
    page.boot_id[1] = 2;
    page.stale_after_s = 60;
    page.beat_boot_ms = 10000;
    assert_false(pn_index_page_is_stale(&page, &boot, 10001));
    assert_true(pn_index_page_is_stale(&page, &other, 10001));
}

static void
test_this_boot_has_an_id(void **state)
{
    struct pn_index_boot a, b;

    (void) state;
    pn_index_boot_read(&a);
    pn_index_boot_read(&b);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_true(a.id[0] != 0 && a.id[1] != 0);
    assert_true(pn_index_boot_ms() > 0);
}

static void
test_a_page_once_made_keeps_its_inode(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_map first = {0}, second = {0};
    char path[128];
    int fd;

    assert_int_equal(mkdir(fix->dir, 0755), 0);
    assert_int_equal(pn_index_map_create(fix->dir, (gid_t) -1, &first), PN_OK);
    first.page->generation = 5;
    (void) snprintf(path, sizeof(path), "%s/current", fix->dir);
    assert_int_equal(pn_index_map_create(fix->dir, (gid_t) -1, &second), PN_OK);
    assert_int_equal(second.inode, first.inode);
    assert_int_equal(second.page->generation, 5);
    pn_index_map_done(&second);

    /* One of a later version is laid out anew, in the same file. */
    first.page->format = PN_INDEX_FORMAT + 1;
    assert_int_equal(pn_index_map_open(fix->dir, &second), PN_E_VERSION);
    assert_int_equal(pn_index_map_create(fix->dir, (gid_t) -1, &second), PN_OK);
    assert_int_equal(second.inode, first.inode);
    assert_int_equal(first.page->format, PN_INDEX_FORMAT);
    assert_int_equal(first.page->generation, 0);
    pn_index_map_done(&second);
    pn_index_map_done(&first);

    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(pn_index_map_open(fix->dir, &second), PN_E_DAMAGED);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(pn_index_map_open(fix->dir, &second), PN_E_DAMAGED);
    assert_int_equal(unlink(path), 0);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, PN_INDEX_PAGE_LEN), 0);
    (void) close(fd);
    assert_int_equal(pn_index_map_open(fix->dir, &second), PN_E_DAMAGED);
}

static void
test_a_page_made_anew_has_another_policy_version(void **state)
{
    struct index_fixture *fix = *state;
    struct pn_index_map map = {0};
    char path[128];
    uint64_t version;

    assert_int_equal(mkdir(fix->dir, 0755), 0);
    assert_int_equal(pn_index_map_create(fix->dir, (gid_t) -1, &map), PN_OK);
    version = map.page->policy_version;
    pn_index_map_done(&map);
    (void) snprintf(path, sizeof(path), "%s/current", fix->dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(pn_index_map_create(fix->dir, (gid_t) -1, &map), PN_OK);
    assert_true(map.page->policy_version > version);
    pn_index_map_done(&map);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_a_whole_page_of_this_format_is_read),
        cmocka_unit_test(test_layout_is_that_of_the_format_page),
        cmocka_unit_test(test_a_page_is_stale_after_its_own_limit),
        cmocka_unit_test(test_a_beat_before_the_last_boot_is_stale),
        cmocka_unit_test(test_this_boot_has_an_id),
        cmocka_unit_test_setup_teardown(test_a_page_once_made_keeps_its_inode,
                                        index_fixture_setup,
                                        index_fixture_done),
        cmocka_unit_test_setup_teardown(
            test_a_page_made_anew_has_another_policy_version,
            index_fixture_setup, index_fixture_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
