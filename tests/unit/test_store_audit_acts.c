/* SPDX-License-Identifier: Apache-2.0 */
/* What may be taken out of the audit, and what an older version left in it. */
#include "daemon/store/audit.h"

#include "audit_fixture.h"

static const char *old_store; /* argv[1]: a store of the first version */

/* --- removing the oldest ------------------------------------------------- */

static struct pn_audit_trim
trim(struct fixture *f, int64_t before, uint64_t up_to)
{
    struct pn_audit_trim trim;
    char hex[2 * PN_HASH_LEN + 1], detail[200];

    assert_int_equal(pn_store_audit_trim_find(f->store, before, up_to, &trim),
                     PN_OK);
    if (trim.count > 0) {
        assert_int_equal(pn_store_begin(f->store), PN_OK);
        assert_int_equal(pn_store_audit_trim(f->store, &trim), PN_OK);
        pn_hex(trim.last.hash.bytes, PN_HASH_LEN, hex);
        (void) snprintf(detail, sizeof(detail),
                        "{\"up_to\":%d,\"hash\":\"%s\"}",
                        (int) trim.last.position, hex);
        add_act(f, "audit.trim", "", detail);
        assert_int_equal(pn_store_commit(f->store), PN_OK);
    }
    return trim;
}

static void
ten_events(struct fixture *f)
{
    static const char *const text[4] = {"alice", "token.edit", "tok_1", ""};

    for (int n = 1; n <= 10; n++) {
        add_from(f, text, NOW + n);
    }
}

static void
test_the_oldest_events_go_and_the_chain_holds(void **state)
{
    struct fixture *f = *state;
    struct pn_audit_list list;

    ten_events(f);
    assert_int_equal(trim(f, NOW + 1, UINT64_MAX).count, 0);
    assert_int_equal(trim(f, NOW + 4, UINT64_MAX).count, 3);
    assert_holds(f, 8); /* 4 to 10, and the act */
    assert_int_equal(verify(f).from, 4);
    list = page_of(f, (struct pn_audit_query){.page = {"", 100}});
    assert_int_equal(list.item[0].position, 4);
    assert_int_equal(list.count, 8);
    assert_int_equal(trim(f, NOW + 100, 6).count, 3); /* not beyond 6 */
    assert_holds(f, 6);
    /* Nothing more may be deleted when the act is over. */
    assert_int_not_equal(
        database_run(&f->db, "DELETE FROM audit WHERE position = 8"), 0);
    /* A checkpoint from before still counts where it can be compared. */
    assert_int_equal(
        verify_with(f,
                    (struct pn_audit_check){.kept = {8, event_at(f, 8).hash}})
            .bad,
        0);
}

/* With an anchor moved to hide it. */
#define MOVED_ANCHOR                                                           \
    "UPDATE audit_anchor SET position = 4, hash ="                             \
    " (SELECT hash FROM audit WHERE position = 4);"                            \
    "DELETE FROM audit WHERE position = 4"
#define NO_ANCHOR                                                              \
    "UPDATE audit_anchor SET position = 0, hash ="                             \
    " (SELECT audit_hash FROM feed_head)"

static void
test_events_that_go_without_an_act_are_missed(void **state)
{
    static const char *const cases[] = {
        "DELETE FROM audit WHERE position = 4",
        "DELETE FROM audit WHERE position IN (4, 5)",
        MOVED_ANCHOR,
        NO_ANCHOR,
        "UPDATE audit_anchor SET event_position = 9",
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(cases); i++) {
        void *fixture = NULL;
        struct fixture *f;

        (void) fixture_open(&fixture);
        f = fixture;
        ten_events(f);
        assert_int_equal(trim(f, NOW + 4, UINT64_MAX).count, 3);
        tamper(f, cases[i]);
        assert_int_not_equal(verify(f).bad, 0);
        (void) fixture_close(&fixture);
    }
}

/* --- erasing a person ---------------------------------------------------- */

static const char *const people[][4] = {
    /* 1 */ {"ada", "user.create", "Bob", "{\"after\":{\"email\":\"b@x\"}}"},
    /* 2 */ {"", "session.refused", "bob", ""},
    /* 3 */ {"bob", "session.open", "bob", ""},
    /* 4 */ {"bob", "token.create", "tok_2", "{\"after\":{\"name\":\"pc\"}}"},
    /* 5 */ {"ada", "token.revoke", "tok_2", "{\"owner\":\"bob\"}"},
    /* 6 */ {"bob", "group.create", "bob", "{\"after\":{\"name\":\"team\"}}"},
    /* 7 */ {"alice", "token.create", "tok_3", "{\"owner\":\"alice\"}"},
    /* 8 */
    {"ada", "user.edit", "bobby",
     "{\"before\":{\"username\":"
     "\"bobby\"},\"after\":{\"username\":\"bob\"}}"},
    /* 9 */ {"bobby", "session.open", "bobby", ""},
    /* 10 */ {"ada", "user.delete", "bob", "{\"before\":{\"email\":\"b@x\"}}"},
};

static size_t
erase(struct fixture *f, const char *name, const char *pseudonym)
{
    static struct pn_audit_hit hit[PN_AUDIT_ERASE_MAX];
    struct pn_audit_person person = {.name = {words(f, name)}, .count = 1};
    uint64_t after = 0;
    size_t count = 0;
    char detail[1000];
    struct pn_buf buf = PN_BUF(detail);

    assert_int_equal(pn_store_audit_names(f->store, f->arena, &person), PN_OK);
    assert_int_equal(
        pn_store_audit_find(f->store, &person, &after, hit, &count), PN_OK);
    pn_buf_add_cstr(&buf, "{\"events\":[");
    for (size_t i = 0; i < count; i++) {
        pn_buf_addf(&buf, "%s[%d,%d]", i > 0 ? "," : "", (int) hit[i].position,
                    hit[i].parts);
    }
    pn_buf_add_cstr(&buf, "]}");
    assert_int_equal(pn_store_begin(f->store), PN_OK);
    assert_int_equal(pn_store_audit_erase(f->store, hit, count, pseudonym),
                     PN_OK);
    add_act(f, "audit.erase", pseudonym, pn_buf_cstr(&buf));
    assert_int_equal(pn_store_commit(f->store), PN_OK);
    return count;
}

static void
add_people(struct fixture *f)
{
    for (size_t i = 0; i < PN_LEN(people); i++) {
        add_from(f, people[i], NOW + (int64_t) i);
    }
}

static void
test_a_person_is_erased_and_the_chain_holds(void **state)
{
    struct fixture *f = *state;
    struct pn_audit_event event;

    add_people(f);
    assert_int_equal(erase(f, "bob", "erased:1"), 9);
    assert_holds(f, PN_LEN(people) + 1);
    for (uint64_t position = 1; position <= PN_LEN(people); position++) {
        event = event_at(f, position);
        if (position != 7) {
            assert_null(strstr(event.personal, "bob"));
            assert_null(strstr(event.personal, "b@x"));
            assert_int_not_equal(strcmp(event.actor, "bob"), 0);
            assert_int_not_equal(strcmp(event.actor, "bobby"), 0);
        }
    }
    /* What happened, and what others did, stays. */
    event = event_at(f, 1);
    assert_string_equal(event.actor, "ada");
    assert_string_equal(event.address, "192.0.2.7");
    assert_string_equal(event.action, "user.create");
    assert_string_equal(event.subject, "erased:1");
    assert_true(event.erased_subject && event.erased_detail);
    assert_false(event.erased_actor);
    event = event_at(f, 2);
    assert_string_equal(event.actor, "");
    assert_string_equal(event.address, ""); /* his, as far as anybody knows */
    event = event_at(f, 4);
    assert_string_equal(event.actor, "erased:1");
    assert_string_equal(event.subject, "tok_2");
    assert_string_equal(event.address, "");
    /* A group may be called like a person. */
    assert_string_equal(event_at(f, 6).subject, "bob");
    assert_string_equal(event_at(f, 7).personal, "{\"owner\":\"alice\"}");
    assert_string_equal(event_at(f, 9).actor, "erased:1"); /* a former name */
}

static void
test_two_people_are_erased_from_the_same_event(void **state)
{
    struct fixture *f = *state;
    struct pn_audit_event event;

    add_people(f);
    assert_int_equal(erase(f, "bob", "erased:1"), 9);
    assert_int_equal(erase(f, "ada", "erased:2"), 4);
    assert_holds(f, PN_LEN(people) + 2);
    event = event_at(f, 1);
    assert_string_equal(event.actor, "erased:2");
    assert_string_equal(event.subject, "erased:1");
    assert_int_equal(erase(f, "ada", "erased:3"), 0);
}

static void
test_nothing_left_behind_lets_a_name_be_guessed(void **state)
{
    struct fixture *f = *state;
    struct pn_stmt *q;
    static const char zeros[PN_CHAIN_SALTS_LEN];

    add_people(f);
    (void) erase(f, "bob", "erased:1");
    q = pn_db_query(f->store->db, "SELECT salts FROM audit"
                                  " WHERE position = 3");
    assert_int_equal(pn_stmt_step(q), PN_OK);
    assert_memory_equal(pn_stmt_col_blob(q, 0).ptr, zeros,
                        2 * (size_t) PN_CHAIN_SALT_LEN); /* who and whom */
    pn_stmt_done(q);
}

static void
test_an_erasure_that_is_not_the_documented_one_is_found(void **state)
{
    static const struct {
        const char *sql;
        uint64_t bad;
    } cases[] = {
        {"UPDATE audit SET actor = 'alice' WHERE position = 3", 3},
        {"UPDATE audit SET actor = 'erased:2' WHERE position = 3", 3},
        {"UPDATE audit SET personal = '{}' WHERE position = 4", 4},
        {"UPDATE audit SET seals = salts WHERE position = 3", 3},
        {"UPDATE audit SET erased_who = 0 WHERE position = 3", 3},
        {"UPDATE audit SET erased_who = 10 WHERE position = 3", 3},
        {"DELETE FROM audit WHERE position = 11", 1}, /* the act itself */
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(cases); i++) {
        void *fixture = NULL;
        struct fixture *f;

        (void) fixture_open(&fixture);
        f = fixture;
        add_people(f);
        (void) erase(f, "bob", "erased:1");
        assert_holds(f, PN_LEN(people) + 1);
        tamper(f, cases[i].sql);
        assert_int_equal(verify(f).bad, cases[i].bad);
        (void) fixture_close(&fixture);
    }
}

/* Somebody who erases by hand, with digests that fit, has no act for it. */
static void
test_an_erasure_without_its_act_is_found(void **state)
{
    struct fixture *f = *state;
    static const struct pn_audit_hit hit = {7, PN_AUDIT_WHO};

    add_people(f);
    assert_int_equal(pn_store_begin(f->store), PN_OK);
    assert_int_equal(pn_store_audit_erase(f->store, &hit, 1, "erased:9"),
                     PN_OK);
    add_event(f, "token.edit"); /* where the act should be */
    assert_int_equal(pn_store_commit(f->store), PN_OK);
    assert_int_equal(verify(f).bad, 7);
    assert_string_equal(verify(f).why, "erased");
}

static void
test_erased_events_can_go_later(void **state)
{
    struct fixture *f = *state;

    add_people(f);
    (void) erase(f, "bob", "erased:1");
    assert_int_equal(trim(f, NOW + 3, UINT64_MAX).count, 3);
    assert_holds(f, PN_LEN(people) + 2 - 3);
}

/* --- the first version --------------------------------------------------- */

/* The fixture's file, made anew from the dump of an older posternd's. */
static void
load_old_store(struct fixture *f, const char *then)
{
    static char sql[64 << 10];
    FILE *file = fopen(old_store, "r");
    size_t len;

    assert_non_null(file);
    len = fread(sql, 1, sizeof(sql) - 1, file);
    sql[len] = '\0';
    (void) fclose(file);
    pn_store_close(f->store);
    f->store = NULL;
    assert_int_equal(unlink(f->db.file), 0);
    assert_int_equal(database_run(&f->db, sql), 0);
    assert_int_equal(database_run(&f->db, then), 0);
    assert_int_equal(pn_store_open(f->db.url, PN_STORE_WRITE, &f->store),
                     PN_OK);
}

enum { OLD_EVENTS = 8 };

static void
test_events_of_the_first_version_stay_verifiable(void **state)
{
    struct fixture *f = *state;
    struct pn_audit_check check = {.limit = 0};
    struct pn_audit_event event;

    load_old_store(f, "");
    assert_holds(f, OLD_EVENTS + 1);
    event = event_at(f, OLD_EVENTS + 1);
    assert_string_equal(event.action, "audit.upgrade");
    event = event_at(f, 2);
    assert_non_null(strstr(event.personal, "bob@example.com"));
    /* A checkpoint that was kept before the upgrade, and a wrong one. */
    assert_int_equal(
        pn_audit_mark_parse(
            PN_STR("64f59d87327c867880fe9dec31e528002bed65225d5fedc9f43bc9"
                   "def487a642@8"),
            &check.kept),
        PN_OK);
    assert_int_equal(verify_with(f, check).bad, 0);
    check.kept.hash.bytes[0] ^= 1;
    assert_int_equal(verify_with(f, check).bad, 8);
    /* All that follows works on them, too. */
    assert_int_equal(erase(f, "bob", "erased:1"), 5);
    assert_holds(f, OLD_EVENTS + 2);
    assert_int_equal(trim(f, event.at + 1, 4).count, 4);
    assert_holds(f, OLD_EVENTS + 3 - 4);
}

static void
test_what_was_wrong_before_the_upgrade_is_wrong_after_it(void **state)
{
    static const char open[] = "DROP TRIGGER audit_keeps_content;"
                               "DROP TRIGGER audit_keeps_rows;";
    static const char closed[] =
        "CREATE TRIGGER audit_keeps_content BEFORE UPDATE ON audit BEGIN"
        " SELECT 1; END;"
        "CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit BEGIN"
        " SELECT 1; END;";
    static const struct {
        const char *sql;
        uint64_t bad;
    } cases[] = {
        {"UPDATE audit SET actor = 'mallory' WHERE position = 3", 3},
        {"DELETE FROM audit WHERE position = 4", 4},
        {"DELETE FROM audit WHERE position = 8", 8},
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(cases); i++) {
        void *fixture = NULL;
        char sql[800];

        (void) snprintf(sql, sizeof(sql), "%s%s;%s", open, cases[i].sql,
                        closed);
        (void) fixture_open(&fixture);
        load_old_store(fixture, sql);
        assert_int_equal(verify(fixture).bad, cases[i].bad);
        (void) fixture_close(&fixture);
    }
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_oldest_events_go_and_the_chain_holds),
        cmocka_unit_test(test_events_that_go_without_an_act_are_missed),
        TEST(test_a_person_is_erased_and_the_chain_holds),
        TEST(test_two_people_are_erased_from_the_same_event),
        TEST(test_nothing_left_behind_lets_a_name_be_guessed),
        cmocka_unit_test(
            test_an_erasure_that_is_not_the_documented_one_is_found),
        TEST(test_an_erasure_without_its_act_is_found),
        TEST(test_erased_events_can_go_later),
        TEST(test_events_of_the_first_version_stay_verifiable),
        cmocka_unit_test(
            test_what_was_wrong_before_the_upgrade_is_wrong_after_it),
    };

    assert_int_equal(argc, 2);
    old_store = argv[1];
    /* The first version was never on PostgreSQL. */
    size_t count = PN_LEN(tests) - (database_is_sqlite() ? 0 : 2);
    return _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
}
