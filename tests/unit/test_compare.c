/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The comparison of index and store: each way in which an index can be wrong is
 * really made, and found by its name; nothing is found where nothing is wrong,
 * also while everything changes.
 */
#include "daemon/publish/compare.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "core/id.h"
#include "publish_fixture.h"

/* What a comparison said. */
struct findings {
    unsigned of[PN_INDEX_UNUSABLE + 1];
    char last[PN_INDEX_KEY_TEXT_MAX];
    struct pn_compare compare;
};

static void
note(void *arg, enum pn_difference what, const char *subject)
{
    struct findings *f = arg;

    if (f->of[what]++ < 3) {
        printf("# %s: %s\n", pn_difference_text(what), subject);
    }
    (void) snprintf(f->last, sizeof(f->last), "%s", subject);
}

static struct findings
compared(const struct world *w)
{
    struct findings f = {
        .compare = {.index_dir = w->index, .found = note, .wait_s = 1}};

    f.compare.arg = &f;
    assert_int_equal(pn_compare_index(w->f->store, &f.compare), PN_OK);
    return f;
}

static void
assert_alike(const struct world *w)
{
    struct findings f = compared(w);

    assert_int_equal(f.compare.differences, 0);
    assert_true(f.compare.records > 0 && f.compare.pages > 0);
}

/* One difference, of this kind, about this. */
static void
assert_found(const struct world *w, enum pn_difference what,
             const char *subject)
{
    struct findings f = compared(w);

    assert_int_equal(f.compare.differences, 1);
    assert_int_equal(f.of[what], 1);
    if (subject != NULL) {
        assert_string_equal(f.last, subject);
    }
}

static void
close_publisher(struct world *w)
{
    pn_publisher_free(w->publisher);
    w->publisher = NULL;
}

/* A furnished world with an index that nobody writes. */
static struct world
furnished(void **state)
{
    struct world w = world_of(state);

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    close_publisher(&w);
    return w;
}

/* Behind the publisher's back: put, or with ptr NULL delete, at the position
 * that the index has. */
static void
meddle(const struct world *w, const struct pn_index_key *key,
       struct pn_str record)
{
    struct pn_index_options options = options_of(w);
    struct pn_index_writer *writer = NULL;
    int64_t position = 0;

    assert_int_equal(pn_store_epoch(w->f->store, &options.epoch), PN_OK);
    assert_int_equal(pn_index_writer_open(&options, &writer, &position), PN_OK);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    assert_int_equal(record.ptr != NULL ? pn_index_put(writer, key, record)
                                        : pn_index_del(writer, key),
                     PN_OK);
    assert_int_equal(pn_index_writer_commit(writer, position), PN_OK);
    pn_index_writer_free(writer);
}

static struct pn_index_key
key_of(enum pn_index_kind kind, uint64_t id)
{
    struct pn_index_key key;

    pn_index_key_id(kind, id, &key);
    return key;
}

/* --- alike --------------------------------------------------------------- */

static void
test_what_was_published_is_alike(void **state)
{
    struct world w = furnished(state);

    assert_alike(&w);
    open_publisher(&w);
    assert_int_equal(pn_publisher_rebuild(w.publisher), PN_OK);
    assert_alike(&w); /* beside a writer of this process */
    close_publisher(&w);
}

static void
test_an_empty_store_is_alike(void **state)
{
    struct world w = world_of(state);

    open_publisher(&w);
    close_publisher(&w);
    assert_alike(&w);
}

static void
test_a_token_that_ended_long_ago_may_be_there_or_not(void **state)
{
    struct world w = furnished(state);
    struct pn_token token;

    open_publisher(&w);
    add_token(w.f, 9, OWNER, "old");
    change(&w, PN_CHANGE_TOKEN, 9, NULL);
    publish(&w);
    /* it was published while it was not yet forgotten */
    token = stored(&w, 9);
    token.revoked_at = now() - (int64_t) 91 * PN_DAY_S;
    assert_int_equal(pn_store_token_update(w.f->store, &token), PN_OK);
    struct findings f = compared(&w);

    assert_int_equal(f.of[PN_INDEX_DIFFERS], 1); /* not its name, its record */
    change(&w, PN_CHANGE_TOKEN, 9, NULL);
    publish(&w);
    assert_alike(&w);
    close_publisher(&w);
}

static void
test_more_than_one_snapshot_is_alike(void **state)
{
    struct world w = furnished(state);

    open_publisher(&w);
    assert_int_equal(pn_store_begin(w.f->store), PN_OK);
    for (uint64_t id = 100; id < 1700; id++) {
        char name[16];

        (void) snprintf(name, sizeof(name), "t%d", (int) id);
        add_token(w.f, id, OWNER, name);
        add_user(w.f, id, name);
        change(&w, PN_CHANGE_TOKEN, id, NULL);
        change(&w, PN_CHANGE_OWNER, id, NULL);
    }
    assert_int_equal(pn_store_commit(w.f->store), PN_OK);
    publish(&w);
    close_publisher(&w);
    assert_alike(&w);
}

/* --- wrong records ------------------------------------------------------- */

static void
test_a_missing_record_is_named(void **state)
{
    struct world w = furnished(state);
    struct pn_index_key key = key_of(PN_INDEX_KIND_OWNER, OWNER);
    char words[64] = "owner ";

    pn_id_format(PN_ID_USER, OWNER, words + 6);
    meddle(&w, &key, (struct pn_str){NULL, 0});
    assert_found(&w, PN_INDEX_MISSING, words);
}

static void
test_an_extra_record_is_named(void **state)
{
    struct world w = furnished(state);
    struct pn_index_key key = key_of(PN_INDEX_KIND_TOKEN_NAME, 4711);

    meddle(&w, &key, PN_STR("a token that nobody made"));
    assert_found(&w, PN_INDEX_EXTRA, NULL);
    meddle(&w, &key, (struct pn_str){NULL, 0});
    assert_alike(&w);
    /* last of all keys: nothing of the store comes after it */
    memset(key.bytes, 0xff, sizeof(key.bytes));
    key.bytes[0] = PN_INDEX_KIND_TOKEN;
    key.len = 1 + PN_HASH_KEY_LEN;
    meddle(&w, &key, PN_STR("no record"));
    struct findings f = compared(&w);

    assert_int_equal(f.of[PN_INDEX_UNREADABLE], 1);
    assert_int_equal(f.compare.differences, 1);
}

/* The way a revoked token would live on. */
static void
test_a_revocation_that_never_came_is_found(void **state)
{
    struct world w = furnished(state);
    struct pn_token token = stored(&w, TOKEN);

    token.revoked_at = now();
    assert_int_equal(pn_store_token_update(w.f->store, &token), PN_OK);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    assert_found(&w, PN_INDEX_DIFFERS, NULL);
}

static void
test_groups_apps_and_policy_are_compared(void **state)
{
    struct world w = furnished(state);

    put_policy(w.f, "{\"tls_required\":true}");
    assert_found(&w, PN_INDEX_DIFFERS, "policy");
    change(&w, PN_CHANGE_POLICY, 0, NULL);
    open_publisher(&w);
    close_publisher(&w);
    assert_alike(&w);

    struct pn_app app =
        app_of(w.f, APP, "{\"name\":\"jira\",\"passwords\":\"block\"}");

    assert_int_equal(pn_store_app_update(w.f->store, &app), PN_OK);
    assert_found(&w, PN_INDEX_DIFFERS, "app \"jira\"");
    change(&w, PN_CHANGE_APP, APP, NULL);
    open_publisher(&w);
    close_publisher(&w);
    join(w.f, OWNER, 0, NULL);
    assert_found(&w, PN_INDEX_DIFFERS, NULL);
}

/* --- damaged files ------------------------------------------------------- */

/* The present generation's file, mapped. */
struct file {
    char path[160];
    uint8_t *bytes;
    size_t len;
};

static struct file
file_of(const struct world *w)
{
    struct file f;
    struct stat st = {0};

    (void) snprintf(f.path, sizeof(f.path), "%s/1/data.mdb", w->index);
    int fd = open(f.path, O_RDWR);

    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    f.len = (size_t) st.st_size;
    f.bytes = mmap(NULL, f.len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(f.bytes != MAP_FAILED);
    (void) close(fd);
    return f;
}

/* Each place of needle in the file, given to change. */
static unsigned
at_each(const struct world *w, struct pn_str needle,
        void (*change_it)(uint8_t *file, size_t at))
{
    struct file f = file_of(w);
    const uint8_t *at = f.bytes;
    unsigned found = 0;

    while ((at = memmem(at, f.len - (size_t) (at - f.bytes), needle.ptr,
                        needle.len))
           != NULL)
    {
        change_it(f.bytes, (size_t) (at - f.bytes));
        found++;
        at++;
    }
    assert_int_equal(munmap(f.bytes, f.len), 0);
    return found;
}

static void
one_bit(uint8_t *file, size_t at)
{
    file[at] ^= 1;
}

static void
test_a_flipped_bit_in_a_record_is_found(void **state)
{
    struct world w = furnished(state);

    assert_true(at_each(&w, PN_STR("alice"), one_bit) > 0);
    assert_found(&w, PN_INDEX_UNREADABLE, NULL);
}

static void
another_count(uint8_t *file, size_t at)
{
    struct pn_index_meta meta;
    char bytes[PN_INDEX_META_LEN];
    struct pn_buf buf = PN_BUF(bytes);

    if (pn_index_meta_decode(
            (struct pn_str){(char *) file + at, PN_INDEX_META_LEN}, &meta)
        == PN_OK)
    {
        meta.tokens++;
        pn_index_meta_encode(&meta, &buf);
        memcpy(file + at, bytes, sizeof(bytes));
    }
}

static void
test_a_wrong_count_is_found(void **state)
{
    struct world w = furnished(state);

    assert_true(at_each(&w, PN_STR("PNIM"), another_count) > 0);
    assert_found(&w, PN_INDEX_COUNTS,
                 "1 secrets, 1 owners, 1 apps, not 2, 1, 1");
}

/* Each leaf that holds the marked name gets an upper end that none can have. */
static void
spoil_page(uint8_t *file, size_t at)
{
    uint8_t *page = file + at - at % 4096;

    page[14] = page[15] = 0xff;
}

/* Far behind what is looked at when the file is opened. */
static void
test_a_damaged_page_far_behind_is_found(void **state)
{
    enum { NAMES = 9000, LEN = 1900 };
    struct world w = furnished(state);
    struct pn_index_options options = options_of(&w);
    struct pn_index_writer *writer = NULL;
    char name[LEN + 1];
    int64_t position = 0;

    assert_int_equal(pn_store_epoch(w.f->store, &options.epoch), PN_OK);
    assert_int_equal(pn_index_writer_open(&options, &writer, &position), PN_OK);
    assert_int_equal(pn_index_writer_begin(writer), PN_OK);
    for (uint64_t id = 1000; id < 1000 + NAMES; id++) {
        (void) snprintf(name, sizeof(name), "name <%06d>%*s", (int) id,
                        LEN - 20, "");
        assert_int_equal(pn_index_put_token_name(writer, id, pn_str_from(name)),
                         PN_OK);
    }
    assert_int_equal(pn_index_writer_commit(writer, position), PN_OK);
    pn_index_writer_free(writer);
    assert_true(compared(&w).of[PN_INDEX_PAGES] == 0);
    assert_true(at_each(&w, PN_STR("name <009998>"), spoil_page) > 0);
    assert_found(&w, PN_INDEX_PAGES, NULL);
}

static void
test_a_file_that_cannot_be_opened_is_said(void **state)
{
    struct world w = furnished(state);
    char path[160];

    (void) snprintf(path, sizeof(path), "%s/1/data.mdb", w.index);
    assert_int_equal(truncate(path, 5000), 0);
    assert_found(&w, PN_INDEX_UNUSABLE, "damaged data");
    (void) nftw(w.index, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    assert_found(&w, PN_INDEX_UNUSABLE, "not found");
}

/* --- another place in the feed ------------------------------------------- */

static void
test_an_index_that_lags_ahead_or_is_foreign_is_said(void **state)
{
    struct world w = furnished(state);

    change(&w, PN_CHANGE_POLICY, 0, NULL);
    assert_found(&w, PN_INDEX_LAGS, NULL);
    assert_int_equal(
        database_run(&w.f->db, "UPDATE feed_head SET position = 1"), 0);
    assert_found(&w, PN_INDEX_FOREIGN, "the index is ahead of the store");
    assert_int_equal(database_run(&w.f->db, "UPDATE feed_head SET position = 4,"
                                            " epoch = 1"),
                     0);
    assert_found(&w, PN_INDEX_FOREIGN, "it was made from another store");
}

static bool
no_further(void *arg, uint64_t records)
{
    (void) records;
    return *(bool *) arg;
}

static void
test_it_can_be_ended(void **state)
{
    struct world w = furnished(state);
    bool go_on = false;
    struct pn_compare compare = {
        .index_dir = w.index, .progress = no_further, .arg = &go_on};

    assert_int_equal(pn_compare_index(w.f->store, &compare), PN_E_STATE);
    go_on = true;
    assert_int_equal(pn_compare_index(w.f->store, &compare), PN_OK);
}

/* --- while everything changes -------------------------------------------- */

static void
child_works(const struct world *parent, int answers)
{
    struct world w = *parent;

    assert_int_equal(
        pn_store_open(parent->f->db.url, PN_STORE_WRITE, &w.f->store), PN_OK);
    open_publisher(&w);
    for (uint64_t id = 100;; id++) {
        char name[16];

        (void) snprintf(name, sizeof(name), "t%d", (int) id);
        assert_int_equal(pn_store_begin(w.f->store), PN_OK);
        /* secrets in no order: their hashes come between those that are read */
        add_token(w.f, id, OWNER, name);
        change(&w, PN_CHANGE_TOKEN, id, NULL);
        if (id > 110) {
            revoke_token(&w, id - 10);
        }
        assert_int_equal(pn_store_commit(w.f->store), PN_OK);
        publish(&w);
        if (write(answers, "", 1) != 1) {
            _exit(0);
        }
    }
}

static void
test_nothing_is_found_while_tokens_come_and_go(void **state)
{
    enum { ROUNDS = 20 };
    struct world w = furnished(state);
    int answers[2];
    char byte;

    assert_int_equal(pipe(answers), 0);
    pid_t pid = fork();

    if (pid == 0) {
        (void) close(answers[0]);
        child_works(&w, answers[1]);
    }
    (void) close(answers[1]);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(read(answers[0], &byte, 1), 1);
        struct findings f = compared(&w);

        assert_int_equal(f.compare.differences, 0);
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    (void) close(answers[0]);
    /* a lock of PostgreSQL's that the dead one held ends by and by */
    open_publisher(&w);
    close_publisher(&w);
    assert_alike(&w);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_published_is_alike),
        TEST(test_an_empty_store_is_alike),
        TEST(test_a_token_that_ended_long_ago_may_be_there_or_not),
        TEST(test_more_than_one_snapshot_is_alike),
        TEST(test_a_missing_record_is_named),
        TEST(test_an_extra_record_is_named),
        TEST(test_a_revocation_that_never_came_is_found),
        TEST(test_groups_apps_and_policy_are_compared),
        TEST(test_a_flipped_bit_in_a_record_is_found),
        TEST(test_a_wrong_count_is_found),
        TEST(test_a_damaged_page_far_behind_is_found),
        TEST(test_a_file_that_cannot_be_opened_is_said),
        TEST(test_an_index_that_lags_ahead_or_is_foreign_is_said),
        TEST(test_it_can_be_ended),
        TEST(test_nothing_is_found_while_tokens_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
