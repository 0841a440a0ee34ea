/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store -> index, on a real store and a real index, judged by what the gate
 * answers to a request.
 */
#include "daemon/publish/publish.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "core/decision.h"
#include "daemon/publish/records.h"
#include "index/gate.h"
#include "store_fixture.h"

enum { OWNER = 1, GROUP = 10, APP = 70, TOKEN = 5, YEAR = 365 * 86400 };

static int64_t
now(void)
{
    return (int64_t) time(NULL);
}

struct world {
    struct fixture *f;
    char index[96];
    struct pn_publisher *publisher;
};

static struct world
world_of(void **state)
{
    struct world w = {.f = *state};

    (void) snprintf(w.index, sizeof(w.index), "%s/index", w.f->dir);
    return w;
}

static struct pn_index_options
options_of(const struct world *w)
{
    return (struct pn_index_options){.dir = w->index, .map_reserve = 256 << 20};
}

static void
open_publisher(struct world *w)
{
    struct pn_index_options options = options_of(w);

    assert_int_equal(pn_publisher_new(w->f->store, &options, &w->publisher),
                     PN_OK);
}

static void
change(struct world *w, enum pn_change_kind kind, uint64_t id,
       const char *old_name)
{
    assert_int_equal(pn_store_change_add(w->f->store, kind, id, old_name),
                     PN_OK);
}

static void
publish(struct world *w)
{
    assert_int_equal(pn_publisher_run(w->publisher), PN_OK);
    pn_publisher_heartbeat(w->publisher, now());
}

/* An owner in the group that may make tokens, an app, and a token. */
static void
furnish(struct world *w)
{
    struct pn_app app = app_of(w->f, APP, "{\"name\":\"jira\"}");
    struct pn_token token = token_of(w->f, TOKEN, OWNER, "backup");

    put_policy(w->f, "{\"creation\":{\"enabled\":true,\"grants\":[{\"group\":"
                     "\"makers\",\"max_lifetime_days\":null}]},"
                     "\"tls_required\":false}");
    add_group(w->f, GROUP, "makers");
    add_user(w->f, OWNER, "alice");
    join(w->f, OWNER, 1, (uint64_t[]){GROUP});
    assert_int_equal(pn_store_app_insert(w->f->store, &app), PN_OK);
    token.created_at = now();
    assert_int_equal(pn_store_token_insert(w->f->store, &token), PN_OK);
    change(w, PN_CHANGE_POLICY, 0, NULL);
    change(w, PN_CHANGE_OWNER, OWNER, NULL);
    change(w, PN_CHANGE_APP, APP, NULL);
    change(w, PN_CHANGE_TOKEN, TOKEN, NULL);
}

/* --- asking the gate ----------------------------------------------------- */

struct question {
    uint64_t secret_id;
    const char *app;
    const char *target;
    char *groups; /* out: the groups header, if not NULL; 64 bytes */
};

static void
credential_of(uint64_t secret_id, const struct pn_prefixes *prefixes,
              struct pn_buf *scratch, struct pn_credential *out)
{
    struct pn_secret text = {0};
    char header[128];

    token_text(secret_id, &text);
    (void) snprintf(header, sizeof(header), "Bearer %.100s", text.bytes);
    pn_credential_parse(pn_str_from(header), prefixes, scratch, out);
    pn_secret_done(&text);
}

/* The code of the decision; "not_ready" when the index cannot be read. */
static const char *
answer(const struct world *w, const struct question *question)
{
    struct pn_gate *gate = NULL;
    char bytes[1024];
    struct pn_buf scratch = PN_BUF(bytes);
    struct pn_request request = {.method = PN_STR("GET"),
                                 .target = pn_str_from(question->target),
                                 .mode = PN_MODE_REQUIRED,
                                 .has_address = true,
                                 .now = now()};
    struct pn_credential credential = {0};
    struct pn_decision decision = {0};
    struct pn_identity identity = {0};
    const struct pn_counters counters = {.look_only = true};

    assert_int_equal(pn_ip_parse(PN_STR("192.0.2.7"), &request.address), PN_OK);
    assert_int_equal(pn_gate_new(w->index, &gate), PN_OK);
    if (pn_gate_begin(gate, now()) != PN_OK) {
        printf("# %s\n", pn_gate_why(gate));
    } else {
        credential_of(question->secret_id, &pn_gate_policy(gate)->prefixes,
                      &scratch, &credential);
        pn_gate_decide(gate, pn_gate_app(gate, pn_str_from(question->app)),
                       &request, &credential, &counters, &decision, &identity);
        if (question->groups != NULL) {
            (void) snprintf(question->groups, 64, "%.*s",
                            (int) identity.owner.group_names.len,
                            identity.owner.group_names.ptr);
        }
    }
    pn_gate_end(gate);
    pn_gate_free(gate);
    return pn_reason_code(decision.reason);
}

static const char *
answer_to(const struct world *w, uint64_t token_id)
{
    return answer(w, &(struct question){token_id + 1000000, "jira", "/", NULL});
}

static struct pn_token
stored(struct world *w, uint64_t id)
{
    struct pn_token token;

    assert_int_equal(pn_store_token_by_id(w->f->store, id, w->f->arena, &token),
                     PN_OK);
    return token;
}

static void
update_token(struct world *w, const struct pn_token *token)
{
    assert_int_equal(pn_store_token_update(w->f->store, token), PN_OK);
    change(w, PN_CHANGE_TOKEN, token->id, NULL);
}

static void
revoke_token(struct world *w, uint64_t id)
{
    struct pn_token token = stored(w, id);

    token.revoked_at = now();
    update_token(w, &token);
}

/* --- tokens and owners --------------------------------------------------- */

static void
test_a_token_works_once_published_and_not_once_revoked(void **state)
{
    struct world w = world_of(state);

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    assert_string_equal(answer_to(&w, TOKEN + 1), "token_unknown");
    revoke_token(&w, TOKEN);
    assert_string_equal(answer_to(&w, TOKEN), "ok"); /* not published yet */
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "token_revoked");
    pn_publisher_free(w.publisher);
}

static void
test_two_secrets_work_during_an_overlap_and_the_old_one_is_known_after(
    void **state)
{
    struct world w = world_of(state);
    const struct question fresh = {2000000, "jira", "/", NULL};
    struct pn_token token;

    open_publisher(&w);
    furnish(&w);
    token = stored(&w, TOKEN);
    token.secrets[1] = token.secrets[0];
    token.secrets[1].ends_at = now() + 3600;
    token.secrets[0] = secret_of(2000000);
    token.secret_count = 2;
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    assert_string_equal(answer(&w, &fresh), "ok");
    token.secrets[1].ends_at = now();
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "token_superseded");
    assert_string_equal(answer(&w, &fresh), "ok");
    assert_int_equal(pn_publisher_rebuild(w.publisher), PN_OK);
    assert_string_equal(answer_to(&w, TOKEN), "token_superseded");
    pn_publisher_free(w.publisher);
}

static void
test_the_earlier_end_counts_and_long_ended_tokens_go(void **state)
{
    struct world w = world_of(state);
    struct pn_token token;

    open_publisher(&w);
    furnish(&w);
    token = stored(&w, TOKEN);
    token.expires_at = now() + YEAR;
    token.policy_expires_at = now() - 1;
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "token_expired");
    token.policy_expires_at = now() - (int64_t) 91 * PN_DAY_S;
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "token_unknown");
    token.policy_expires_at = 0; /* a revert of the enforcement works */
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    pn_publisher_free(w.publisher);
}

static void
test_rules_of_a_token_follow_it(void **state)
{
    struct world w = world_of(state);
    struct pn_app wiki = app_of(w.f, APP + 1, "{\"name\":\"wiki\"}");
    char *names[] = {words(w.f, "wiki")}, *paths[] = {words(w.f, "/rest/**")};
    struct pn_token token;

    open_publisher(&w);
    furnish(&w);
    assert_int_equal(pn_store_app_insert(w.f->store, &wiki), PN_OK);
    change(&w, PN_CHANGE_APP, APP + 1, NULL);
    token = stored(&w, TOKEN);
    token.apps = (struct pn_text_list){true, names, 1};
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "app_not_allowed");
    token.apps = (struct pn_text_list){0};
    token.paths = (struct pn_text_list){true, paths, 1};
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "path_not_allowed");
    token.paths = (struct pn_text_list){0};
    update_token(&w, &token);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    pn_publisher_free(w.publisher);
}

static void
test_who_leaves_the_group_is_refused_and_works_again_on_return(void **state)
{
    struct world w = world_of(state);

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    join(w.f, OWNER, 0, NULL);
    change(&w, PN_CHANGE_OWNER, OWNER, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "owner_not_permitted");
    join(w.f, OWNER, 1, (uint64_t[]){GROUP});
    change(&w, PN_CHANGE_OWNER, OWNER, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    assert_int_equal(pn_store_user_delete(w.f->store, OWNER), PN_OK);
    change(&w, PN_CHANGE_OWNER, OWNER, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "owner_inactive");
    pn_publisher_free(w.publisher);
}

/* --- groups, apps, policy ------------------------------------------------ */

static void
test_a_grant_or_app_that_names_a_group_works_once_the_group_exists(void **state)
{
    struct world w = world_of(state);
    struct pn_app app =
        app_of(w.f, APP, "{\"name\":\"jira\",\"groups\":[\"later\"]}");

    open_publisher(&w);
    furnish(&w);
    put_policy(w.f, "{\"creation\":{\"enabled\":true,\"grants\":[{\"group\":"
                    "\"later\",\"max_lifetime_days\":1}]},"
                    "\"tls_required\":false}");
    change(&w, PN_CHANGE_POLICY, 0, NULL);
    assert_int_equal(pn_store_app_update(w.f->store, &app), PN_OK);
    change(&w, PN_CHANGE_APP, APP, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "owner_not_permitted");
    add_group(w.f, GROUP + 1, "later");
    join(w.f, OWNER, 1, (uint64_t[]){GROUP + 1});
    change(&w, PN_CHANGE_GROUP, GROUP + 1, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    pn_publisher_free(w.publisher);
}

static void
test_a_deleted_or_renamed_group_leaves_the_groups_header(void **state)
{
    struct world w = world_of(state);
    struct pn_group group = {.id = GROUP + 1};
    char groups[64] = "";
    const struct question question = {TOKEN + 1000000, "jira", "/", groups};

    open_publisher(&w);
    furnish(&w);
    add_group(w.f, GROUP + 1, "staff");
    join(w.f, OWNER, 2, (uint64_t[]){GROUP, GROUP + 1});
    change(&w, PN_CHANGE_OWNER, OWNER, NULL);
    publish(&w);
    assert_string_equal(answer(&w, &question), "ok");
    assert_string_equal(groups, "makers,staff");
    group.name = words(w.f, "team");
    assert_int_equal(pn_store_group_update(w.f->store, &group), PN_OK);
    change(&w, PN_CHANGE_GROUP, GROUP + 1, NULL);
    publish(&w);
    assert_string_equal(answer(&w, &question), "ok");
    assert_string_equal(groups, "makers,team");
    assert_int_equal(pn_store_group_delete(w.f->store, GROUP + 1), PN_OK);
    change(&w, PN_CHANGE_GROUP, GROUP + 1, NULL);
    publish(&w);
    assert_string_equal(answer(&w, &question), "ok");
    assert_string_equal(groups, "makers");
    pn_publisher_free(w.publisher);
}

static void
test_a_renamed_app_is_not_found_under_its_old_name(void **state)
{
    struct world w = world_of(state);
    const struct question renamed = {TOKEN + 1000000, "tickets", "/", NULL};
    struct pn_app app = app_of(w.f, APP, "{\"name\":\"tickets\"}");
    struct pn_app other = app_of(w.f, APP + 1, "{\"name\":\"jira\"}");

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    assert_int_equal(pn_store_app_update(w.f->store, &app), PN_OK);
    change(&w, PN_CHANGE_APP, APP, "jira");
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "not_ready");
    assert_string_equal(answer(&w, &renamed), "ok");
    /* Another app takes the old name, and both changes come at once, even
     * with the older one repeated after it. */
    assert_int_equal(pn_store_app_insert(w.f->store, &other), PN_OK);
    change(&w, PN_CHANGE_APP, APP + 1, NULL);
    change(&w, PN_CHANGE_APP, APP, "jira");
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    assert_int_equal(pn_store_app_delete(w.f->store, APP), PN_OK);
    change(&w, PN_CHANGE_APP, APP, "tickets");
    publish(&w);
    assert_string_equal(answer(&w, &renamed), "not_ready");
    pn_publisher_free(w.publisher);
}

static void
test_a_policy_that_makes_administrators_reaches_their_records(void **state)
{
    struct world w = world_of(state);

    open_publisher(&w);
    furnish(&w);
    put_policy(w.f, "{\"tls_required\":false}"); /* creation off */
    change(&w, PN_CHANGE_POLICY, 0, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "owner_not_permitted");
    put_policy(w.f, "{\"tls_required\":false,\"admin_groups\":[\"makers\"]}");
    change(&w, PN_CHANGE_POLICY, 0, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    put_policy(w.f, "{\"tls_required\":false}");
    change(&w, PN_CHANGE_POLICY, 0, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "owner_not_permitted");
    pn_publisher_free(w.publisher);
}

static void
test_an_owner_whose_record_cannot_be_made_stops_nobody_else(void **state)
{
    struct world w = world_of(state);

    open_publisher(&w);
    furnish(&w);
    add_user(w.f, OWNER + 1, "bell\x07");
    add_token(w.f, TOKEN + 1, OWNER + 1, "x");
    change(&w, PN_CHANGE_OWNER, OWNER + 1, NULL);
    change(&w, PN_CHANGE_TOKEN, TOKEN + 1, NULL);
    publish(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    assert_string_equal(answer_to(&w, TOKEN + 1), "owner_inactive");
    pn_publisher_free(w.publisher);
}

/* --- healing ------------------------------------------------------------- */

static void
close_publisher(struct world *w)
{
    pn_publisher_free(w->publisher);
    w->publisher = NULL;
}

static void
test_an_index_that_lags_catches_up_at_start(void **state)
{
    struct world w = world_of(state);
    struct pn_index_stats before, after;

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    assert_int_equal(pn_publisher_stats(w.publisher, &before), PN_OK);
    close_publisher(&w);
    revoke_token(&w, TOKEN);
    open_publisher(&w);
    assert_string_equal(answer_to(&w, TOKEN), "token_revoked");
    assert_int_equal(pn_publisher_stats(w.publisher, &after), PN_OK);
    assert_true(after.generation == before.generation); /* not built anew */
    assert_int_equal(after.position, before.position + 1);
    close_publisher(&w);
}

static void
test_a_missing_index_is_built_from_nothing(void **state)
{
    struct world w = world_of(state);

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    close_publisher(&w);
    (void) nftw(w.index, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    assert_string_equal(answer_to(&w, TOKEN), "not_ready");
    open_publisher(&w);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    close_publisher(&w);
}

/* What each of these statements does to the store under a good index. */
static void
check_rebuilt_after(void **state, const char *sql)
{
    struct world w = world_of(state);
    struct pn_index_stats before, after;

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    assert_int_equal(pn_publisher_stats(w.publisher, &before), PN_OK);
    close_publisher(&w);
    assert_int_equal(raw_sql(w.f, sql), SQLITE_OK);
    open_publisher(&w);
    assert_int_equal(pn_publisher_stats(w.publisher, &after), PN_OK);
    assert_true(after.generation != before.generation);
    assert_string_equal(answer_to(&w, TOKEN), "token_revoked");
    close_publisher(&w);
}

#define REVOKED "UPDATE tokens SET revoked_at = 1795000000;"

static void
test_an_index_of_another_epoch_is_rebuilt(void **state)
{
    check_rebuilt_after(state, REVOKED "UPDATE feed_head SET epoch = 1");
}

static void
test_an_index_ahead_of_the_store_is_rebuilt(void **state)
{
    check_rebuilt_after(state,
                        REVOKED "UPDATE feed_head SET position = 1;"
                                "DELETE FROM changes WHERE position > 1");
}

static void
test_a_feed_that_was_trimmed_too_far_leads_to_a_rebuild(void **state)
{
    check_rebuilt_after(state,
                        REVOKED "UPDATE feed_head SET position = 50;"
                                "INSERT INTO changes VALUES (50, 4, 0, NULL)");
}

static void
test_a_feed_without_its_end_leads_to_a_rebuild(void **state)
{
    check_rebuilt_after(state, REVOKED "UPDATE feed_head SET position = 50");
}

static void
test_a_new_generation_holds_the_same(void **state)
{
    struct world w = world_of(state);
    struct pn_index_options options = options_of(&w);
    struct pn_publisher *second = NULL;

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    revoke_token(&w, TOKEN);
    assert_int_equal(pn_publisher_new_generation(w.f->store, &options, &second),
                     PN_OK);
    assert_string_equal(answer_to(&w, TOKEN), "token_revoked");
    pn_publisher_free(second);
    close_publisher(&w);
}

static void
test_a_batch_larger_than_one_read_is_one_commit(void **state)
{
    struct world w = world_of(state);
    struct pn_index_stats stats;

    open_publisher(&w);
    furnish(&w);
    assert_int_equal(pn_store_begin(w.f->store), PN_OK);
    for (uint64_t id = 100; id < 1700; id++) {
        char name[16];

        (void) snprintf(name, sizeof(name), "t%d", (int) id);
        add_token(w.f, id, OWNER, name);
        change(&w, PN_CHANGE_TOKEN, id, NULL);
    }
    assert_int_equal(pn_store_commit(w.f->store), PN_OK);
    publish(&w);
    assert_int_equal(pn_publisher_stats(w.publisher, &stats), PN_OK);
    assert_int_equal(stats.tokens, 1601);
    assert_int_equal(stats.position, 1604);
    assert_string_equal(answer_to(&w, 1699), "ok");
    close_publisher(&w);
}

/* --- crashes ------------------------------------------------------------- */

/*
 * A child that opens store and index of its own, and makes and revokes tokens
 * until it is killed; after each revocation is published it says so by one
 * byte.
 */
static void
child_works(const struct world *parent, int answers)
{
    struct world w = *parent;

    if (pn_store_open(parent->f->url, PN_STORE_WRITE, &w.f->store) != PN_OK) {
        _exit(2);
    }
    open_publisher(&w);
    for (uint64_t id = TOKEN;; id++) {
        char name[16];

        (void) snprintf(name, sizeof(name), "t%d", (int) id + 1);
        assert_int_equal(pn_store_begin(w.f->store), PN_OK);
        add_token(w.f, id + 1, OWNER, name);
        change(&w, PN_CHANGE_TOKEN, id + 1, NULL);
        revoke_token(&w, id);
        assert_int_equal(pn_store_commit(w.f->store), PN_OK);
        publish(&w);
        if (write(answers, "r", 1) != 1) {
            _exit(3);
        }
    }
}

/* Let a child work until it answered this often, then kill it. */
static uint64_t
answered_before_kill(const struct world *w, uint64_t wanted, unsigned wait_us)
{
    int ends[2];
    uint64_t answered = 0;
    char byte;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void) close(ends[0]);
        child_works(w, ends[1]);
        _exit(0);
    }
    (void) close(ends[1]);
    while (answered < wanted && read(ends[0], &byte, 1) == 1) {
        answered++;
    }
    (void) usleep(wait_us); /* somewhere in the middle of the next one */
    (void) kill(child, SIGKILL);
    while (read(ends[0], &byte, 1) == 1) {
        answered++;
    }
    (void) close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(answered >= wanted);
    return answered;
}

static void
test_a_crash_between_commit_and_publish_heals_at_start(void **state)
{
    struct world w = world_of(state);
    pid_t child;

    open_publisher(&w);
    furnish(&w);
    publish(&w);
    close_publisher(&w);
    pn_store_close(w.f->store);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct pn_index_options options = options_of(&w);

        if (pn_store_open(w.f->url, PN_STORE_WRITE, &w.f->store) != PN_OK
            || pn_publisher_new(w.f->store, &options, &w.publisher) != PN_OK)
        {
            _exit(2);
        }
        revoke_token(&w, TOKEN); /* committed */
        (void) raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_string_equal(answer_to(&w, TOKEN), "ok");
    assert_int_equal(pn_store_open(w.f->url, PN_STORE_WRITE, &w.f->store),
                     PN_OK);
    open_publisher(&w);
    assert_string_equal(answer_to(&w, TOKEN), "token_revoked");
    close_publisher(&w);
}

static void
test_killed_anywhere_nothing_that_was_answered_is_lost(void **state)
{
    struct world w = world_of(state);

    for (unsigned round = 0; round < 8; round++) {
        uint64_t answered;

        (void) fixture_close(state);
        (void) fixture_open(state);
        w = world_of(state);
        open_publisher(&w);
        furnish(&w);
        publish(&w);
        close_publisher(&w);
        pn_store_close(w.f->store);
        w.f->store = NULL;
        answered = answered_before_kill(&w, 2 + round, 300 * round);
        for (uint64_t id = TOKEN; id < TOKEN + answered; id++) {
            assert_string_equal(answer_to(&w, id), "token_revoked");
        }
        assert_int_equal(pn_store_open(w.f->url, PN_STORE_WRITE, &w.f->store),
                         PN_OK);
        open_publisher(&w);
        for (uint64_t id = TOKEN; id < TOKEN + answered; id++) {
            assert_string_equal(answer_to(&w, id), "token_revoked");
        }
        close_publisher(&w);
    }
}

/* --- records ------------------------------------------------------------- */

static void
test_more_group_names_than_fit_are_cut_between_names(void **state)
{
    struct world w = world_of(state);
    static char record[PN_RECORD_MAX + 16];
    struct pn_buf buf = {.ptr = record, .cap = sizeof(record)};
    struct pn_user user = user_of(w.f, 1, "alice");
    struct pn_owner_record rec;
    struct pn_policy policy;
    static char name[PN_NAME_MAX + 1];

    memset(name, 'g', PN_NAME_MAX);
    pn_policy_default(&policy);
    user.groups = pn_arena_array(w.f->arena, 600, sizeof(*user.groups));
    user.group_count = 600;
    for (uint16_t i = 0; i < 600; i++) {
        user.groups[i] = (struct pn_group){.id = i + 1U, .name = name};
    }
    assert_int_equal(pn_record_of_owner(&user, &policy, w.f->arena, &buf),
                     PN_OK);
    assert_int_equal(pn_owner_record_decode(pn_buf_str(&buf), &rec), PN_OK);
    assert_int_equal(rec.groups.count, PN_GROUPS_MAX);
    assert_int_equal((rec.group_names.len + 1) % (PN_NAME_MAX + 1), 0);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_token_works_once_published_and_not_once_revoked),
        TEST(
            test_two_secrets_work_during_an_overlap_and_the_old_one_is_known_after),
        TEST(test_the_earlier_end_counts_and_long_ended_tokens_go),
        TEST(test_rules_of_a_token_follow_it),
        TEST(test_who_leaves_the_group_is_refused_and_works_again_on_return),
        TEST(
            test_a_grant_or_app_that_names_a_group_works_once_the_group_exists),
        TEST(test_a_deleted_or_renamed_group_leaves_the_groups_header),
        TEST(test_a_renamed_app_is_not_found_under_its_old_name),
        TEST(test_a_policy_that_makes_administrators_reaches_their_records),
        TEST(test_an_owner_whose_record_cannot_be_made_stops_nobody_else),
        TEST(test_an_index_that_lags_catches_up_at_start),
        TEST(test_a_missing_index_is_built_from_nothing),
        TEST(test_an_index_of_another_epoch_is_rebuilt),
        TEST(test_an_index_ahead_of_the_store_is_rebuilt),
        TEST(test_a_feed_that_was_trimmed_too_far_leads_to_a_rebuild),
        TEST(test_a_feed_without_its_end_leads_to_a_rebuild),
        TEST(test_a_new_generation_holds_the_same),
        TEST(test_a_batch_larger_than_one_read_is_one_commit),
        TEST(test_a_crash_between_commit_and_publish_heals_at_start),
        TEST(test_killed_anywhere_nothing_that_was_answered_is_lost),
        TEST(test_more_group_names_than_fit_are_cut_between_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
