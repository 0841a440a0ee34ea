/* SPDX-License-Identifier: Apache-2.0 */
/* The audit's chain and its pages. */
#include "daemon/store/audit.h"

#include "audit_fixture.h"

/* --- the chain ----------------------------------------------------------- */

static void
test_an_untouched_chain_holds(void **state)
{
    struct fixture *f = *state;
    struct pn_audit_list list;

    assert_holds(f, 0);
    for (int i = 0; i < 5; i++) {
        add_event(f, "token.create");
    }
    assert_holds(f, 5);
    list = page_of(f, (struct pn_audit_query){.page = {"", 3}});
    assert_int_equal(list.count, 3);
    assert_int_equal(list.item[2].position, 3);
    list = page_of(f, (struct pn_audit_query){.page = {list.next, 3}});
    assert_int_equal(list.count, 2);
    assert_string_equal(list.item[0].action, "token.create");
    assert_string_equal(list.next, "");
}

/* docs/formats/audit.md shows this event and its hash. */
static void
test_the_hash_is_the_documented_one(void **state)
{
    static const char expected[] =
        "07a8925236e42d1846e750578095bff372d3178ff8e117d2c173afd78f6aada5";
    char salts[PN_CHAIN_SALTS_LEN], hex[2 * PN_HASH_LEN + 1];
    const struct pn_chain_row row = {
        .position = 1,
        .at = NOW,
        .actor = PN_STR("alice"),
        .actor_kind = PN_STR("session"),
        .action = PN_STR("token.create"),
        .subject = PN_STR("tok_1"),
        .detail = PN_STR("{}"),
        .personal = PN_STR("{\"owner\":\"alice\"}"),
        .address = PN_STR("192.0.2.7"),
        .request_id = PN_STR("req_1"),
        .salts = {salts, sizeof(salts)},
    };
    const struct pn_hash zeros = {{0}};
    struct pn_hash hash;

    (void) state;
    for (size_t i = 0; i < sizeof(salts); i++) {
        salts[i] = (char) i;
    }
    assert_int_equal(pn_chain_hash(&zeros, &row, &hash), PN_OK);
    pn_hex(hash.bytes, PN_HASH_LEN, hex);
    assert_string_equal(hex, expected);
}

static void
test_audit_rows_cannot_be_changed_or_deleted(void **state)
{
    struct fixture *f = *state;

    add_event(f, "token.create");
    assert_int_not_equal(database_run(&f->db, "UPDATE audit SET actor = 'x'"),
                         0);
    assert_int_not_equal(database_run(&f->db, "DELETE FROM audit"), 0);
    /* Even while erasing is allowed, what happened cannot be changed. */
    assert_int_not_equal(database_run(&f->db,
                                      "UPDATE audit_guard SET erasing = 1;"
                                      "UPDATE audit SET action = 'x'"),
                         0);
    assert_int_not_equal(database_run(&f->db, "UPDATE audit SET at = 1"), 0);
    assert_int_not_equal(database_run(&f->db, "DELETE FROM audit"), 0);
    assert_int_not_equal(database_run(&f->db,
                                      "UPDATE audit_guard SET trim_up_to = 0;"
                                      "DELETE FROM audit WHERE position = 1"),
                         0);
}

/* Words that PostgreSQL does not have, on PostgreSQL. */
static bool
is_sqlites(const char *sql)
{
    return !database_is_sqlite()
           && (strstr(sql, "zeroblob") != NULL || strstr(sql, "x'") != NULL);
}

static void
test_tampering_is_found_at_its_position(void **state)
{
    static const struct {
        const char *sql;
        uint64_t bad;
        const char *why;
    } cases[] = {
        {"UPDATE audit SET actor = 'mallory' WHERE position = 3", 3, "changed"},
        {"UPDATE audit SET at = at + 1 WHERE position = 3", 3, "changed"},
        {"UPDATE audit SET actor = 'alices', actor_kind = 'ession'"
         " WHERE position = 3",
         3, "changed"},
        {"UPDATE audit SET personal = '{\"a\":1}' WHERE position = 3", 3,
         "changed"},
        {"UPDATE audit SET address = '' WHERE position = 3", 3, "changed"},
        {"UPDATE audit SET hash = zeroblob(32) WHERE position = 2", 2,
         "changed"},
        {"UPDATE audit SET hash = x'00' WHERE position = 2", 2, "changed"},
        {"UPDATE audit SET salts = x'00' WHERE position = 2", 2, "changed"},
        {"DELETE FROM audit WHERE position = 4", 4, "missing"},
        {"DELETE FROM audit WHERE position = 1", 1, "missing"},
        {"DELETE FROM audit WHERE position = 5", 5, "missing"}, /* the tail */
        {"DELETE FROM audit", 1, "missing"},
        /* two rows change places */
        {"UPDATE audit SET position = 99 WHERE position = 2;"
         "UPDATE audit SET position = 2 WHERE position = 3;"
         "UPDATE audit SET position = 3 WHERE position = 99",
         2, "changed"},
        /* the head set back to hide the tail, which is still there */
        {"UPDATE feed_head SET audit_position = 4, audit_hash ="
         " (SELECT hash FROM audit WHERE position = 4)",
         5, "head"},
        {"UPDATE feed_head SET audit_hash = zeroblob(32)", 6, "head"},
        /* an erasure that no act speaks of */
        {"UPDATE audit SET erased_who = 5, seals = zeroblob(96), actor ="
         " 'erased:1', address = '' WHERE position = 3",
         3, "changed"},
        /* a beginning cut off, with an anchor that fits */
        {"UPDATE audit_anchor SET position = 2, event_position = 5, hash ="
         " (SELECT hash FROM audit WHERE position = 2);"
         "DELETE FROM audit WHERE position < 3",
         3, "missing"},
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(cases); i++) {
        void *fixture = NULL;
        struct fixture *f;
        struct pn_audit_check check;

        if (is_sqlites(cases[i].sql)) {
            continue;
        }
        (void) fixture_open(&fixture);
        f = fixture;
        for (int n = 0; n < 5; n++) {
            add_event(f, "token.create");
        }
        tamper(f, cases[i].sql);
        check = verify(f);
        if (check.bad != cases[i].bad) {
            printf("# %s\n", cases[i].sql);
        }
        assert_int_equal(check.bad, cases[i].bad);
        assert_string_equal(check.why, cases[i].why);
        assert_true(check.done);
        (void) fixture_close(&fixture);
    }
}

/* Who can write the file can cut the tail and set the head; a checkpoint that
 * somebody kept shows it. */
static void
test_a_kept_checkpoint_shows_a_cut_tail(void **state)
{
    struct fixture *f = *state;
    struct pn_audit_check check;

    for (int n = 0; n < 5; n++) {
        add_event(f, "token.create");
    }
    check = verify(f);
    const struct pn_audit_check later = {.kept = check.head};

    assert_int_equal(verify_with(f, later).bad, 0);
    tamper(f, "DELETE FROM audit WHERE position = 5;"
              "UPDATE feed_head SET audit_position = 4, audit_hash ="
              " (SELECT hash FROM audit WHERE position = 4)");
    assert_int_equal(verify(f).bad, 0); /* the head alone does not */
    check = verify_with(f, later);
    assert_int_equal(check.bad, 5);
    assert_string_equal(check.why, "missing");
    /* Another event in its place is no better. */
    add_event(f, "token.edit");
    add_event(f, "token.edit");
    check = verify_with(f, later);
    assert_int_equal(check.bad, 5);
    assert_string_equal(check.why, "checkpoint");
}

static void
test_verifying_goes_on_where_it_stopped(void **state)
{
    struct fixture *f = *state;
    struct pn_audit_check check = {.limit = 2};

    for (int n = 0; n < 5; n++) {
        add_event(f, "token.create");
    }
    for (int call = 0; call < 3; call++) {
        check = verify_with(f, check);
        assert_int_equal(check.bad, 0);
        assert_int_equal(check.checked, call < 2 ? 2 : 1);
        assert_int_equal(check.done, call == 2);
    }
    assert_int_equal(check.at.position, 5);
}

static void
test_an_undone_event_leaves_the_chain_whole(void **state)
{
    struct fixture *f = *state;

    add_event(f, "token.create");
    assert_int_equal(pn_store_begin(f->store), PN_OK);
    add_event(f, "token.create");
    assert_int_equal(pn_store_savepoint(f->store), PN_OK);
    add_event(f, "token.revoke");
    assert_int_equal(pn_store_rollback_to(f->store), PN_OK);
    assert_int_equal(pn_store_savepoint(f->store), PN_OK);
    add_event(f, "token.disable");
    assert_int_equal(pn_store_release(f->store), PN_OK);
    assert_int_equal(pn_store_commit(f->store), PN_OK);
    assert_holds(f, 3);
    assert_int_equal(pn_store_begin(f->store), PN_OK);
    add_event(f, "token.enable");
    pn_store_rollback(f->store);
    add_event(f, "token.enable");
    assert_holds(f, 4);
}

/* --- pages --------------------------------------------------------------- */

static void
test_filters_choose_and_combine(void **state)
{
    struct fixture *f = *state;
    static const char *const events[][4] = {
        {"alice", "token.create", "tok_1", ""},
        {"bob", "token.create", "tok_2", ""},
        {"alice", "token.revoke", "tok_1", ""},
        {"ada", "user.edit", "Alice", ""},
        {"ada", "tokens.count", "x", ""},
    };
    static const struct {
        struct pn_audit_filter filter;
        unsigned found; /* bit per event */
    } cases[] = {
        {{.actor = NULL}, 0x1f},
        {{.actor = "alice"}, 0x05},
        {{.actor = "ALICE"}, 0x05},
        {{.actor = "alic"}, 0},
        {{.action = "token.create"}, 0x03},
        {{.action = "token"}, 0x07}, /* not "tokens.count" */
        {{.action = "tok"}, 0},
        {{.subject = "alice"}, 0x08},
        {{.subject = "tok_1"}, 0x05},
        {{.actor = "alice", .action = "token.revoke"}, 0x04},
        {{.actor = "%"}, 0},
        {{.since = NOW + 2}, 0x1c},
        {{.until = NOW + 2}, 0x03},
        {{.since = NOW + 1, .until = NOW + 3}, 0x06},
        {{.address = "192.0.2.7"}, 0x1f},
        {{.address = "192.0.2.8"}, 0},
        {{.request_id = "req_1", .actor = "bob"}, 0x02},
        {{.request_id = "req_2"}, 0},
    };

    for (size_t i = 0; i < PN_LEN(events); i++) {
        add_from(f, events[i], NOW + (int64_t) i);
    }
    for (size_t i = 0; i < 2 * PN_LEN(cases); i++) {
        struct pn_audit_list list =
            page_of(f, (struct pn_audit_query){
                           .filter = cases[i / 2].filter,
                           .order = i % 2 == 0 ? PN_AUDIT_OLDEST_FIRST
                                               : PN_AUDIT_NEWEST_FIRST});
        unsigned found = 0;

        for (uint16_t n = 0; n < list.count; n++) {
            found |= 1U << (list.item[n].position - 1);
        }
        if (found != cases[i / 2].found) {
            printf("# case %d: %x\n", (int) i / 2, found);
        }
        assert_int_equal(found, cases[i / 2].found);
    }
}

static void
test_pages_stay_right_in_both_directions_while_events_come(void **state)
{
    struct fixture *f = *state;
    const char *cursor = "";
    uint64_t expected = 7;

    for (int n = 0; n < 7; n++) {
        add_event(f, "token.create");
    }
    do {
        struct pn_audit_list list =
            page_of(f, (struct pn_audit_query){.order = PN_AUDIT_NEWEST_FIRST,
                                               .page = {cursor, 2}});

        for (uint16_t n = 0; n < list.count; n++) {
            assert_int_equal(list.item[n].position, expected--);
        }
        add_event(f, "token.edit");
        cursor = list.next;
    } while (cursor[0] != '\0');
    assert_int_equal(expected, 0);
}

/* A rare event costs several pages, none of which looks at everything. */
static void
test_a_rare_event_is_found_page_by_page_with_bounded_work(void **state)
{
    struct fixture *f = *state;
    struct pn_audit_query query = {.filter.action = "rare.one"};
    struct pn_audit_list list;

    add_event(f, "rare.one");
    assert_int_equal(
        database_run(
            &f->db,
            "INSERT INTO audit (position, at, actor, actor_kind, action,"
            " subject, detail, address, request_id, hash)"
            " WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL"
            "  SELECT i + 1 FROM n WHERE i < 120000)"
            " SELECT i, 1, '', '', 'common.one', '', '', '', '',"
            " (SELECT audit_hash FROM feed_head) FROM n;"
            "UPDATE feed_head SET audit_position = 120000"),
        0);
    for (int order = 0; order < 2; order++) {
        unsigned found = 0, pages = 0;

        query.order =
            order == 0 ? PN_AUDIT_OLDEST_FIRST : PN_AUDIT_NEWEST_FIRST;
        query.page.cursor = "";
        do {
            list = page_of(f, query);
            found += list.count;
            query.page.cursor = list.next;
            pages++;
        } while (list.next[0] != '\0');
        assert_int_equal(found, 1);
        assert_int_equal(pages, 3);
    }
}

/* --- checkpoints as text, receivers -------------------------------------- */

#define HASH_TEXT                                                              \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void
test_a_checkpoint_reads_back_as_written(void **state)
{
    static const char good[] = "00112233445566778899aabbccddeeff"
                               "00112233445566778899aabbccddeeff@42";
    static const char *const wrong[] = {
        "",
        "@1",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff@",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff@0",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff@x",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff@-1",
        "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff@1",
        "0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff@1",
        HASH_TEXT "@99999999999999999999",
    };
    struct pn_audit_mark mark;
    char text[PN_AUDIT_MARK_LEN + 1];

    (void) state;
    assert_int_equal(pn_audit_mark_parse(pn_str_from(good), &mark), PN_OK);
    assert_int_equal(mark.position, 42);
    pn_audit_mark_format(&mark, text);
    assert_string_equal(text, good);
    for (size_t i = 0; i < PN_LEN(wrong); i++) {
        assert_int_equal(pn_audit_mark_parse(pn_str_from(wrong[i]), &mark),
                         PN_E_SYNTAX);
    }
}

static void
test_a_receivers_position_is_kept(void **state)
{
    struct fixture *f = *state;
    uint64_t position = 9;

    assert_int_equal(pn_store_audit_sink(f->store, "syslog", &position),
                     PN_E_NOT_FOUND);
    assert_int_equal(position, 9);
    for (uint64_t at = 0; at < 7; at++) {
        assert_int_equal(pn_store_audit_sink_put(f->store, "syslog", at),
                         PN_OK);
        assert_int_equal(pn_store_audit_sink(f->store, "syslog", &position),
                         PN_OK);
        assert_int_equal(position, at);
    }
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_untouched_chain_holds),
        TEST(test_the_hash_is_the_documented_one),
        TEST(test_audit_rows_cannot_be_changed_or_deleted),
        cmocka_unit_test(test_tampering_is_found_at_its_position),
        TEST(test_a_kept_checkpoint_shows_a_cut_tail),
        TEST(test_verifying_goes_on_where_it_stopped),
        TEST(test_an_undone_event_leaves_the_chain_whole),
        TEST(test_filters_choose_and_combine),
        TEST(test_pages_stay_right_in_both_directions_while_events_come),
        TEST(test_a_rare_event_is_found_page_by_page_with_bounded_work),
        cmocka_unit_test(test_a_checkpoint_reads_back_as_written),
        TEST(test_a_receivers_position_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
