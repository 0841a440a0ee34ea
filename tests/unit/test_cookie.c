/* SPDX-License-Identifier: Apache-2.0 */
/* Cookies and origins: what a browser sends along. */
#include "check.h"

#include "daemon/api/cookie.h"

static void
finds(const char *header, const char *value)
{
    struct pn_str out = PN_STR("untouched");

    assert_int_equal(
        pn_cookie_find(pn_str_from(header), PN_STR("postern"), &out), PN_OK);
    assert_true(pn_str_eq(out, pn_str_from(value)));
}

static void
fails(const char *header, enum pn_err err)
{
    struct pn_str out = PN_STR("untouched");

    assert_int_equal(
        pn_cookie_find(pn_str_from(header), PN_STR("postern"), &out), err);
    assert_true(pn_str_eq(out, PN_STR("untouched")));
}

static void
test_a_cookie_is_found_by_its_whole_name(void **state)
{
    (void) state;
    finds("postern=a", "a");
    finds("x=1; postern=a=b ; y=2", "a=b");
    finds("x=1;postern=a", "a");
    finds("postern=", "");
    fails("", PN_E_NOT_FOUND);
    fails("postern", PN_E_NOT_FOUND);
    fails("Postern=a", PN_E_NOT_FOUND);
    fails("xpostern=a", PN_E_NOT_FOUND);
    fails("__Host-postern=a", PN_E_NOT_FOUND);
    fails("x=postern=a", PN_E_NOT_FOUND);
}

static void
test_a_cookie_that_is_there_twice_is_refused(void **state)
{
    (void) state;
    fails("postern=a; postern=b", PN_E_EXISTS);
    fails("postern=a; x=1; postern=a", PN_E_EXISTS);
}

static void
test_an_origin_is_ours_only_as_a_whole(void **state)
{
    const struct pn_str host = PN_STR("a.example:8443");

    (void) state;
    assert_true(
        pn_origin_is(PN_STR("https://a.example:8443"), PN_STR("https"), host));
    assert_true(
        pn_origin_is(PN_STR("https://A.EXAMPLE:8443"), PN_STR("https"), host));
    assert_false(
        pn_origin_is(PN_STR("http://a.example:8443"), PN_STR("https"), host));
    assert_false(
        pn_origin_is(PN_STR("https://a.example:8443/"), PN_STR("https"), host));
    assert_false(
        pn_origin_is(PN_STR("https://xa.example:8443"), PN_STR("https"), host));
    assert_false(pn_origin_is(PN_STR("null"), PN_STR("https"), host));
    assert_false(pn_origin_is(PN_STR("https://"), PN_STR("https"), PN_STR("")));
}

static void
test_loopback_is_an_address_and_no_name_that_begins_like_one(void **state)
{
    static const char *const yes[] = {"localhost", "LOCALHOST:80",
                                      "127.0.0.1", "127.8.9.1:8080",
                                      "[::1]",     "[::1]:80"};
    static const char *const no[] = {
        "",         "localhost.evil", "127.evil", "1127.0.0.1",
        "10.0.0.1", "[::1].evil",     "[::2]",    "127.0.0.1.evil:80"};

    (void) state;
    for (size_t i = 0; i < PN_LEN(yes); i++) {
        assert_true(pn_host_is_loopback(pn_str_from(yes[i])));
    }
    for (size_t i = 0; i < PN_LEN(no); i++) {
        assert_false(pn_host_is_loopback(pn_str_from(no[i])));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cookie_is_found_by_its_whole_name),
        cmocka_unit_test(test_a_cookie_that_is_there_twice_is_refused),
        cmocka_unit_test(test_an_origin_is_ours_only_as_a_whole),
        cmocka_unit_test(
            test_loopback_is_an_address_and_no_name_that_begins_like_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
