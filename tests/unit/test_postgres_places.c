/* SPDX-License-Identifier: Apache-2.0 */
/* Where a URL leads: hosts, addresses, ports, and how long to wait. */
#include "daemon/store/postgres_places.h"

#include <stdio.h>
#include <string.h>

#include "check.h"

static const struct {
    const char *url;
    const char *places; /* "host|address|port" each, with blanks between */
    unsigned wait_s;
    bool verifies;
} rows[] = {
    {"postgresql://u@10.0.0.1/db", "10.0.0.1|10.0.0.1|", 5, true},
    {"postgresql://u@10.0.0.1:6000/db", "10.0.0.1|10.0.0.1|6000", 5, true},
    {"postgres://u@[::1]:6000/db", "::1|::1|6000", 5, true},
    {"postgresql://u@10.0.0.1,10.0.0.2:6000/db",
     "10.0.0.1|10.0.0.1| 10.0.0.2|10.0.0.2|6000", 5, true},
    {"postgresql://u@a.invalid/db", "a.invalid||", 5, true},
    {"postgresql://u@a.invalid,10.0.0.2/db", "a.invalid|| 10.0.0.2|10.0.0.2|",
     5, true},
    {"postgresql://u@a.invalid,b.invalid/db?hostaddr=10.0.0.1,10.0.0.2",
     "a.invalid|10.0.0.1| b.invalid|10.0.0.2|", 5, true},
    {"postgresql:///db?hostaddr=10.0.0.1,10.0.0.2&port=6000",
     "|10.0.0.1|6000 |10.0.0.2|6000", 5, true},
    {"postgresql://u@/db?host=/run/postgresql", "/run/postgresql||", 5, true},
    {"postgresql://u@/db?host=/one,/two&port=1,2", "/one||1 /two||2", 5, true},
    {"postgresql:///db", "||", 5, true},
    {"postgresql:///db?service=x", "||", 5, true},
    {"postgresql:///db?connect_timeout=2", "||", 2, true},
    {"postgresql:///db?connect_timeout=0", "||", 60, true},
    {"postgresql:///db?connect_timeout=-1", "||", 60, true},
    {"postgresql:///db?connect_timeout=99999999999", "||", 60, true},
    {"postgresql:///db?sslmode=verify-full", "||", 5, true},
    {"postgresql:///db?sslmode=verify-ca", "||", 5, true},
    {"postgresql:///db?sslmode=require", "||", 5, false},
    {"postgresql:///db?sslmode=disable", "||", 5, false},
};

static void
test_a_url_leads_where_the_table_says(void **state)
{
    (void) state;
    for (size_t i = 0; i < PN_LEN(rows); i++) {
        struct pn_places places;
        char why[PN_DB_WHY_MAX] = "";
        char text[1024] = "";
        size_t len = 0;

        if (pn_places_find(rows[i].url, &places, why) != PN_OK) {
            printf("# %s: %s\n", rows[i].url, why);
            fail();
        }
        for (unsigned p = 0; p < places.count; p++) {
            len += (size_t) snprintf(
                text + len, sizeof(text) - len, "%s%s|%s|%s", p > 0 ? " " : "",
                places.place[p].host, places.place[p].address,
                places.place[p].port);
        }
        assert_string_equal(text, rows[i].places);
        assert_int_equal(places.wait_s, rows[i].wait_s);
        assert_int_equal(places.verifies, rows[i].verifies);
    }
}

static void
test_what_is_no_url_is_refused_and_not_repeated(void **state)
{
    static const char long_host[] = "postgresql://%0300d/db";
    static const char *const bad[] = {
        "postgresql://u:sec/ret@10.0.0.1/db",
        "postgresql://u:secret@10.0.0.1:port/db",
        "postgresql://u@10.0.0.1/db?secret=1",
        "postgresql://u:secret@[::1/db",
        "postgresql://u:%secret@10.0.0.1/db",
    };
    struct pn_places places;
    char why[PN_DB_WHY_MAX], url[400];

    (void) state;
    for (size_t i = 0; i < PN_LEN(bad); i++) {
        assert_int_equal(pn_places_find(bad[i], &places, why), PN_E_SYNTAX);
        assert_null(strstr(why, "sec"));
    }
    (void) snprintf(url, sizeof(url), long_host, 1);
    assert_int_equal(pn_places_find(url, &places, why), PN_E_SYNTAX);
}

static void
test_more_hosts_than_there_is_room_for_are_left_out(void **state)
{
    char url[4096] = "postgresql://u@10.0.0.1", why[PN_DB_WHY_MAX];
    struct pn_places places;
    size_t len = strlen(url);

    (void) state;
    for (unsigned i = 0; i < 2 * PN_PLACES_MAX; i++) {
        len += (size_t) snprintf(url + len, sizeof(url) - len, ",10.0.0.1");
    }
    (void) snprintf(url + len, sizeof(url) - len, "/db");
    assert_int_equal(pn_places_find(url, &places, why), PN_OK);
    assert_int_equal(places.count, PN_PLACES_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_url_leads_where_the_table_says),
        cmocka_unit_test(test_what_is_no_url_is_refused_and_not_repeated),
        cmocka_unit_test(test_more_hosts_than_there_is_room_for_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
