/* SPDX-License-Identifier: Apache-2.0 */
/* The store: opening, migrating, transactions, people, apps and policy. */
#include "daemon/store/store.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "store_fixture.h"

/* --- opening ------------------------------------------------------------- */

static void
test_the_file_is_for_its_owner_only(void **state)
{
    struct fixture *f = *state;
    const char *const suffixes[] = {"", "-wal", "-shm"};

    add_user(f, 1, "alice"); /* so that there is a write-ahead log */
    for (size_t i = 0; i < PN_LEN(suffixes); i++) {
        char path[128];
        struct stat st;

        (void) snprintf(path, sizeof(path), "%s%s", f->file, suffixes[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void
test_an_unknown_kind_of_store_is_refused(void **state)
{
    struct pn_store *store = NULL;

    (void) state;
    assert_int_equal(pn_store_open("mysql:x", PN_STORE_WRITE, &store),
                     PN_E_SYNTAX);
    assert_int_equal(
        pn_store_open("sqlite:/nonexistent/x.db", PN_STORE_WRITE, &store),
        PN_E_IO);
    assert_null(store);
}

static void
test_memory_is_a_store_too(void **state)
{
    struct pn_store *store = NULL;
    int64_t position = -1;

    (void) state;
    assert_int_equal(pn_store_open("sqlite::memory:", PN_STORE_WRITE, &store),
                     PN_OK);
    assert_int_equal(pn_store_position(store, &position), PN_OK);
    assert_int_equal(position, 0);
    pn_store_close(store);
}

static void
reopen(struct fixture *f)
{
    pn_store_close(f->store);
    f->store = NULL;
    assert_int_equal(pn_store_open(f->url, PN_STORE_WRITE, &f->store), PN_OK);
}

static void
test_opening_again_keeps_everything(void **state)
{
    struct fixture *f = *state;
    uint64_t before = 0, after = 0;
    struct pn_user user;

    add_user(f, 1, "alice");
    assert_int_equal(pn_store_epoch(f->store, &before), PN_OK);
    assert_true(before != 0 && before <= INT64_MAX);
    reopen(f);
    assert_int_equal(pn_store_epoch(f->store, &after), PN_OK);
    assert_true(before == after);
    assert_int_equal(
        pn_store_user_by_name(f->store, PN_STR("alice"), f->arena, &user),
        PN_OK);
}

static void
test_two_stores_have_two_epochs(void **state)
{
    struct fixture *f = *state;
    struct pn_store *other = NULL;
    uint64_t one = 0, two = 0;

    assert_int_equal(pn_store_open("sqlite::memory:", PN_STORE_WRITE, &other),
                     PN_OK);
    assert_int_equal(pn_store_epoch(f->store, &one), PN_OK);
    assert_int_equal(pn_store_epoch(other, &two), PN_OK);
    assert_true(one != two);
    pn_store_close(other);
}

static void
test_a_newer_schema_is_refused(void **state)
{
    struct fixture *f = *state;
    struct pn_store *store = NULL;

    assert_int_equal(
        raw_sql(f, "INSERT INTO schema_migrations VALUES (4, 'x', 'y', 0)"),
        SQLITE_OK);
    assert_int_equal(pn_store_open(f->url, PN_STORE_WRITE, &store),
                     PN_E_VERSION);
    assert_int_equal(pn_store_open(f->url, PN_STORE_READ_ONLY, &store),
                     PN_E_VERSION);
    assert_null(store);
}

static void
test_a_migration_of_another_text_is_refused(void **state)
{
    struct fixture *f = *state;
    struct pn_store *store = NULL;

    assert_int_equal(raw_sql(f, "UPDATE schema_migrations SET sha256 = 'x'"
                                " WHERE version = 2"),
                     SQLITE_OK);
    assert_int_equal(pn_store_open(f->url, PN_STORE_WRITE, &store),
                     PN_E_DAMAGED);
}

static void
test_a_file_that_is_no_database_is_refused(void **state)
{
    struct fixture *f = *state;
    struct pn_store *store = NULL;
    char path[128], url[160];
    FILE *file;

    (void) snprintf(path, sizeof(path), "%s/notes.txt", f->dir);
    (void) snprintf(url, sizeof(url), "sqlite:%s", path);
    file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) {
        (void) fputs("these are notes\n", file);
    }
    (void) fclose(file);
    assert_int_equal(pn_store_open(url, PN_STORE_WRITE, &store), PN_E_DAMAGED);
}

static void
test_a_reader_sees_and_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct pn_user user = user_of(f, 2, "bob");
    struct pn_store *reader = NULL;

    add_user(f, 1, "alice");
    assert_int_equal(pn_store_open(f->url, PN_STORE_READ_ONLY, &reader), PN_OK);
    assert_int_equal(pn_store_user_insert(reader, &user), PN_E_PERMISSION);
    assert_int_equal(
        pn_store_user_by_name(reader, PN_STR("alice"), f->arena, &user), PN_OK);
    pn_store_close(reader);
}

/* --- transactions -------------------------------------------------------- */

static bool
exists(struct fixture *f, const char *username)
{
    struct pn_user user;

    return pn_store_user_by_name(f->store, pn_str_from(username), f->arena,
                                 &user)
           == PN_OK;
}

static void
test_a_savepoint_is_undone_alone(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(pn_store_begin(f->store), PN_OK);
    assert_int_equal(pn_store_savepoint(f->store), PN_OK);
    add_user(f, 1, "alice");
    assert_int_equal(pn_store_release(f->store), PN_OK);
    assert_int_equal(pn_store_savepoint(f->store), PN_OK);
    add_user(f, 2, "bob");
    assert_int_equal(pn_store_change_add(f->store, PN_CHANGE_OWNER, 2, NULL),
                     PN_OK);
    assert_int_equal(pn_store_rollback_to(f->store), PN_OK);
    assert_int_equal(pn_store_savepoint(f->store), PN_OK);
    add_user(f, 3, "carol");
    assert_int_equal(pn_store_change_add(f->store, PN_CHANGE_OWNER, 3, NULL),
                     PN_OK);
    assert_int_equal(pn_store_release(f->store), PN_OK);
    assert_int_equal(pn_store_commit(f->store), PN_OK);
    assert_true(exists(f, "alice"));
    assert_false(exists(f, "bob"));
    assert_true(exists(f, "carol"));
}

static void
test_a_rollback_gives_the_position_back(void **state)
{
    struct fixture *f = *state;
    int64_t position = 0;

    assert_int_equal(pn_store_begin(f->store), PN_OK);
    assert_int_equal(pn_store_change_add(f->store, PN_CHANGE_POLICY, 0, NULL),
                     PN_OK);
    pn_store_rollback(f->store);
    assert_int_equal(pn_store_begin(f->store), PN_OK);
    assert_int_equal(pn_store_change_add(f->store, PN_CHANGE_TOKEN, 9, NULL),
                     PN_OK);
    assert_int_equal(pn_store_change_add(f->store, PN_CHANGE_APP, 8, "old"),
                     PN_OK);
    assert_int_equal(pn_store_commit(f->store), PN_OK);
    assert_int_equal(pn_store_position(f->store, &position), PN_OK);
    assert_int_equal(position, 2);
}

static void
test_the_feed_is_read_in_order_after_a_position(void **state)
{
    struct fixture *f = *state;
    struct pn_feed_change *change = NULL;
    uint16_t count = 0;

    for (uint64_t i = 1; i <= 5; i++) {
        assert_int_equal(pn_store_change_add(f->store, PN_CHANGE_APP, i,
                                             i == 3 ? "old" : NULL),
                         PN_OK);
    }
    assert_int_equal(
        pn_store_changes(f->store, 1, 3, f->arena, &change, &count), PN_OK);
    assert_int_equal(count, 3);
    assert_int_equal(change[0].position, 2);
    assert_null(change[0].old_name.ptr);
    assert_true(pn_str_eq(change[1].old_name, PN_STR("old")));
    assert_int_equal(change[2].id, 4);
    assert_int_equal(pn_store_changes_trim(f->store, 4), PN_OK);
    assert_int_equal(
        pn_store_changes(f->store, 0, 10, f->arena, &change, &count), PN_OK);
    assert_int_equal(count, 1);
}

static void
test_a_second_writer_waits_its_turn_and_gives_up(void **state)
{
    struct fixture *f = *state;
    sqlite3 *other = NULL;

    /* Any lock will do; the store's own wait is five seconds. */
    assert_int_equal(sqlite3_open(f->file, &other), SQLITE_OK);
    assert_int_equal(pn_store_begin(f->store), PN_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                     SQLITE_BUSY);
    pn_store_rollback(f->store);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(pn_store_begin(f->store), PN_E_BUSY);
    (void) sqlite3_close(other);
}

/* A limit on file sizes stands for the full disk. */
static void
test_a_full_disk_ends_the_transaction_as_a_whole(void **state)
{
    struct fixture *f = *state;
    struct pn_user user = user_of(f, 9, "late");
    enum pn_err err = PN_OK;
    char *filler = pn_arena_alloc(f->arena, 60001);
    struct rlimit before, limit;

    assert_non_null(filler);
    memset(filler, 'x', 60000);
    add_user(f, 1, "alice");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 400000;
    (void) signal(SIGXFSZ, SIG_IGN); /* the write then fails with EFBIG */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(pn_store_begin(f->store), PN_OK);
    for (uint64_t id = 10; err == PN_OK && id < 100; id++) {
        struct pn_group group = {.id = id, .description = filler};
        char name[16];

        (void) snprintf(name, sizeof(name), "g%d", (int) id);
        group.name = name;
        err = pn_store_group_insert(f->store, &group);
    }
    if (err == PN_OK) {
        err = pn_store_commit(f->store);
    } else {
        /* Whether or not SQLite ended it by itself: no more of it. */
        assert_int_not_equal(pn_store_user_insert(f->store, &user),
                             PN_E_EXISTS);
    }
    assert_int_not_equal(err, PN_OK);
    pn_store_rollback(f->store);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(exists(f, "late"));
    assert_true(exists(f, "alice"));
    assert_int_equal(pn_store_user_insert(f->store, &user), PN_OK);
}

/* --- users and groups ---------------------------------------------------- */

static void
test_user_names_are_one_whatever_their_case(void **state)
{
    struct fixture *f = *state;
    struct pn_user user = user_of(f, 2, "ALICE");

    add_user(f, 1, "Alice");
    assert_int_equal(pn_store_user_insert(f->store, &user), PN_E_EXISTS);
    assert_int_equal(
        pn_store_user_by_name(f->store, PN_STR("aLICE"), f->arena, &user),
        PN_OK);
    assert_string_equal(user.username, "Alice");
}

static void
test_letters_outside_ascii_keep_their_case(void **state)
{
    struct fixture *f = *state;

    add_user(f, 1, "J\xc3\xb6rg");
    add_user(f, 2, "J\xc3\x96rg");
    assert_true(exists(f, "j\xc3\xb6RG"));
}

static void
test_a_user_reads_back_as_written(void **state)
{
    struct fixture *f = *state;
    struct pn_user user = user_of(f, 1, "alice"), again;

    add_group(f, 20, "b");
    add_group(f, 10, "a");
    user.display_name = words(f, "Alice A.");
    user.email = words(f, "alice@example.com");
    user.role = PN_ROLE_AUDITOR;
    user.must_change_password = true;
    user.groups = (struct pn_group[]){{.id = 20}, {.id = 10}};
    user.group_count = 2;
    assert_int_equal(pn_store_user_insert(f->store, &user), PN_OK);
    assert_int_equal(pn_store_user_by_id(f->store, 1, f->arena, &again), PN_OK);
    assert_string_equal(again.email, "alice@example.com");
    assert_string_equal(again.display_name, "Alice A.");
    assert_null(again.password_hash);
    assert_int_equal(again.role, PN_ROLE_AUDITOR);
    assert_true(again.active && again.must_change_password);
    assert_int_equal(again.group_count, 2);
    assert_int_equal(again.groups[0].id, 10); /* ascending */
    assert_string_equal(again.groups[1].name, "b");
    assert_int_equal(again.created_at, NOW);
}

static void
test_what_is_not_there_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct pn_user user = user_of(f, 9, "nobody");
    struct pn_group group = {.id = 9, .name = words(f, "none")};
    struct pn_app app = app_of(f, 9, "{\"name\":\"none\"}");
    struct pn_token token = token_of(f, 9, 9, "none");

    assert_int_equal(pn_store_user_update(f->store, &user), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_user_delete(f->store, 9), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_group_update(f->store, &group), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_group_delete(f->store, 9), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_app_update(f->store, &app), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_app_delete(f->store, 9), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_token_update(f->store, &token), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_session_delete(f->store, 9), PN_E_NOT_FOUND);
    assert_int_equal(pn_store_user_by_id(f->store, UINT64_MAX, f->arena, &user),
                     PN_E_NOT_FOUND);
}

static void
test_only_active_administrators_count(void **state)
{
    struct fixture *f = *state;
    uint32_t count = 9;

    for (uint64_t id = 1; id <= 4; id++) {
        char name[2] = {(char) ('a' + id), '\0'};
        struct pn_user user = user_of(f, id, name);

        user.role = id == 4 ? PN_ROLE_AUDITOR : PN_ROLE_ADMIN;
        user.active = id != 3;
        assert_int_equal(pn_store_user_insert(f->store, &user), PN_OK);
    }
    assert_int_equal(pn_store_active_admins(f->store, &count), PN_OK);
    assert_int_equal(count, 2);
}

static void
test_a_deleted_group_loses_its_members_and_says_whose_records_change(
    void **state)
{
    struct fixture *f = *state;
    struct pn_feed_change *change = NULL;
    struct pn_user user;
    uint16_t count = 0;

    add_group(f, 10, "a");
    add_user(f, 1, "alice");
    add_user(f, 2, "bob");
    join(f, 1, 1, (uint64_t[]){10});
    join(f, 2, 1, (uint64_t[]){10});
    assert_int_equal(pn_store_group_delete(f->store, 10), PN_OK);
    assert_int_equal(pn_store_user_by_id(f->store, 1, f->arena, &user), PN_OK);
    assert_int_equal(user.group_count, 0);
    assert_int_equal(
        pn_store_changes(f->store, 0, 10, f->arena, &change, &count), PN_OK);
    assert_int_equal(count, 2);
    assert_int_equal(change[0].kind, PN_CHANGE_OWNER);
    assert_int_equal(change[0].id, 1);
    assert_int_equal(change[1].id, 2);
}

static void
test_lists_go_page_by_page_in_order_while_rows_come_and_go(void **state)
{
    struct fixture *f = *state;
    struct pn_user_list list;

    add_user(f, 1, "Bea");
    add_user(f, 2, "al");
    add_user(f, 3, "cy");
    add_user(f, 4, "dee");
    assert_int_equal(
        pn_store_users(f->store, &(struct pn_page){"", 2}, f->arena, &list),
        PN_OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.item[0].username, "al");
    assert_string_equal(list.item[1].username, "Bea");
    assert_string_not_equal(list.next, "");
    add_user(f, 5, "aa");                                       /* before */
    assert_int_equal(pn_store_user_delete(f->store, 1), PN_OK); /* the last */
    assert_int_equal(pn_store_users(f->store, &(struct pn_page){list.next, 2},
                                    f->arena, &list),
                     PN_OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.item[0].username, "cy");
    assert_string_equal(list.item[1].username, "dee");
    assert_string_equal(list.next, "");
}

static void
test_a_cursor_that_we_did_not_write_is_refused(void **state)
{
    struct fixture *f = *state;
    const char *const wrong[] = {"x", "abc", "AB", "ff", "6g"};
    struct pn_user_list users;
    struct pn_audit_list events;

    for (size_t i = 0; i < PN_LEN(wrong); i++) {
        struct pn_page page = {wrong[i], 10};

        assert_int_equal(pn_store_users(f->store, &page, f->arena, &users),
                         PN_E_SYNTAX);
        assert_int_equal(pn_store_audit(f->store, &page, f->arena, &events),
                         PN_E_SYNTAX);
    }
}

static void
test_a_page_has_at_most_the_maximum(void **state)
{
    struct fixture *f = *state;
    struct pn_group_list list;

    assert_int_equal(pn_store_begin(f->store), PN_OK);
    for (uint64_t id = 1; id <= PN_LIST_MAX + 5; id++) {
        char name[16];

        (void) snprintf(name, sizeof(name), "g%04d", (int) id);
        add_group(f, id, name);
    }
    assert_int_equal(pn_store_commit(f->store), PN_OK);
    assert_int_equal(pn_store_groups(f->store, &(struct pn_page){"", 60000},
                                     f->arena, &list),
                     PN_OK);
    assert_int_equal(list.count, PN_LIST_MAX);
    assert_int_equal(pn_store_groups(f->store, &(struct pn_page){list.next, 0},
                                     f->arena, &list),
                     PN_OK);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.item[0].name, "g0201");
}

/* --- apps and policy ----------------------------------------------------- */

static void
test_an_app_reads_back_as_written(void **state)
{
    struct fixture *f = *state;
    struct pn_app app = app_of(
        f, 7,
        "{\"name\":\"jira\",\"paths\":[\"/rest/**\"],\"context_path\":"
        "\"/jira\",\"groups\":[\"a\"],\"ip_rules\":{\"allow\":[{\"range\":"
        "\"10.0.0.0/8\",\"note\":\"lab\"}]}}");
    struct pn_app again;

    assert_int_equal(pn_store_app_insert(f->store, &app), PN_OK);
    assert_int_equal(
        pn_store_app_by_name(f->store, PN_STR("jira"), f->arena, &again),
        PN_OK);
    assert_int_equal(again.id, 7);
    assert_true(json_equal(pn_app_to_json(&app, f->arena),
                           pn_app_to_json(&again, f->arena)));
    app.name = words(f, "tickets");
    assert_int_equal(pn_store_app_update(f->store, &app), PN_OK);
    assert_int_equal(
        pn_store_app_by_name(f->store, PN_STR("jira"), f->arena, &again),
        PN_E_NOT_FOUND);
    assert_int_equal(pn_store_app_by_id(f->store, 7, f->arena, &again), PN_OK);
    assert_string_equal(again.name, "tickets");
}

static void
test_app_names_are_unique(void **state)
{
    struct fixture *f = *state;
    struct pn_app app = app_of(f, 1, "{\"name\":\"jira\"}");

    assert_int_equal(pn_store_app_insert(f->store, &app), PN_OK);
    app.id = 2;
    assert_int_equal(pn_store_app_insert(f->store, &app), PN_E_EXISTS);
}

static void
test_policy_has_versions_and_the_newest_counts(void **state)
{
    struct fixture *f = *state;
    struct pn_policy policy;
    struct pn_text_list admins;

    assert_int_equal(pn_store_policy(f->store, f->arena, &policy), PN_OK);
    assert_int_equal(policy.version, 1);
    assert_true(policy.tls_required);
    put_policy(f, "{\"tls_required\":false,\"admin_groups\":[\"old\"]}");
    put_policy(f, "{\"tls_required\":true,\"admin_groups\":[\"ops\"]}");
    assert_int_equal(pn_store_policy(f->store, f->arena, &policy), PN_OK);
    assert_int_equal(policy.version, 3);
    assert_true(policy.tls_required);
    assert_int_equal(pn_store_admin_groups(f->store, f->arena, &admins), PN_OK);
    assert_int_equal(admins.count, 2);
}

static void
test_a_stored_document_that_is_damaged_is_an_error_not_a_default(void **state)
{
    struct fixture *f = *state;
    struct pn_policy policy;

    put_policy(f, "{}");
    assert_int_equal(raw_sql(f, "UPDATE policies SET document = '{\"x\":1}'"),
                     SQLITE_OK);
    assert_int_equal(pn_store_policy(f->store, f->arena, &policy),
                     PN_E_DAMAGED);
}

static void
test_the_default_prefix_is_there(void **state)
{
    struct fixture *f = *state;
    struct pn_prefixes prefixes;

    assert_int_equal(pn_store_prefixes(f->store, f->arena, &prefixes), PN_OK);
    assert_int_equal(prefixes.count, 1);
    assert_true(pn_str_eq(prefixes.item[0], PN_STR("pst_")));
    assert_int_equal(raw_sql(f, "INSERT INTO prefixes VALUES (2, 'new_')"),
                     SQLITE_OK);
    assert_int_equal(pn_store_prefixes(f->store, f->arena, &prefixes), PN_OK);
    assert_true(pn_str_eq(prefixes.item[0], PN_STR("new_")));
}

/* --- sessions ------------------------------------------------------------ */

static void
add_session(struct fixture *f, uint64_t id, uint64_t user_id, int64_t at)
{
    struct pn_session ses = {.id = id,
                             .user_id = user_id,
                             .created_at = at,
                             .last_seen_at = at,
                             .signed_in_at = at,
                             .address = words(f, "192.0.2.7"),
                             .user_agent = words(f, "test")};

    ses.hash.bytes[0] = (uint8_t) id;
    assert_int_equal(pn_store_session_insert(f->store, &ses), PN_OK);
}

static bool
has_session(struct fixture *f, uint64_t id)
{
    struct pn_hash hash = {{(uint8_t) id}};
    struct pn_session ses;

    return pn_store_session_by_hash(f->store, &hash, f->arena, &ses) == PN_OK
           && ses.id == id;
}

static void
test_sessions_end_by_hand_by_age_and_with_their_user(void **state)
{
    struct fixture *f = *state;

    add_user(f, 1, "alice");
    add_user(f, 2, "bob");
    for (uint64_t id = 1; id <= 5; id++) {
        add_session(f, id, id == 5 ? 2 : 1, NOW + (int64_t) id);
    }
    assert_int_equal(pn_store_session_delete(f->store, 1), PN_OK);
    assert_false(has_session(f, 1));
    assert_int_equal(pn_store_session_seen(f->store, 2, NOW + 100), PN_OK);
    assert_int_equal(pn_store_sessions_purge(f->store, NOW, NOW + 4), PN_OK);
    assert_true(has_session(f, 2)); /* seen since */
    assert_false(has_session(f, 3));
    assert_int_equal(pn_store_sessions_delete_of(f->store, 1, 4, NULL), PN_OK);
    assert_true(has_session(f, 4)); /* the exception */
    assert_false(has_session(f, 2));
    assert_int_equal(pn_store_user_delete(f->store, 2), PN_OK);
    assert_false(has_session(f, 5));
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_file_is_for_its_owner_only),
        cmocka_unit_test(test_an_unknown_kind_of_store_is_refused),
        cmocka_unit_test(test_memory_is_a_store_too),
        TEST(test_opening_again_keeps_everything),
        TEST(test_two_stores_have_two_epochs),
        TEST(test_a_newer_schema_is_refused),
        TEST(test_a_migration_of_another_text_is_refused),
        TEST(test_a_file_that_is_no_database_is_refused),
        TEST(test_a_reader_sees_and_cannot_write),
        TEST(test_a_savepoint_is_undone_alone),
        TEST(test_a_rollback_gives_the_position_back),
        TEST(test_the_feed_is_read_in_order_after_a_position),
        TEST(test_a_second_writer_waits_its_turn_and_gives_up),
        TEST(test_a_full_disk_ends_the_transaction_as_a_whole),
        TEST(test_user_names_are_one_whatever_their_case),
        TEST(test_letters_outside_ascii_keep_their_case),
        TEST(test_a_user_reads_back_as_written),
        TEST(test_what_is_not_there_is_not_found),
        TEST(test_only_active_administrators_count),
        TEST(
            test_a_deleted_group_loses_its_members_and_says_whose_records_change),
        TEST(test_lists_go_page_by_page_in_order_while_rows_come_and_go),
        TEST(test_a_cursor_that_we_did_not_write_is_refused),
        TEST(test_a_page_has_at_most_the_maximum),
        TEST(test_an_app_reads_back_as_written),
        TEST(test_app_names_are_unique),
        TEST(test_policy_has_versions_and_the_newest_counts),
        TEST(test_a_stored_document_that_is_damaged_is_an_error_not_a_default),
        TEST(test_the_default_prefix_is_there),
        TEST(test_sessions_end_by_hand_by_age_and_with_their_user),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
