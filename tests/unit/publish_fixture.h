/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store and the index that is published from it, and the gate's answer to a
 * request: for the tests of publish.
 */
#ifndef PN_TESTS_PUBLISH_FIXTURE_H
#define PN_TESTS_PUBLISH_FIXTURE_H

#include <time.h>

#include "core/decision.h"
#include "daemon/publish/publish.h"
#include "index/gate.h"
#include "store_fixture.h"

enum { OWNER = 1, GROUP = 10, APP = 70, TOKEN = 5, YEAR = 365 * 86400 };

static inline int64_t
now(void)
{
    return (int64_t) time(NULL);
}

struct world {
    struct fixture *f;
    char index[96];
    struct pn_publisher *publisher;
};

static inline struct world
world_of(void **state)
{
    struct world w = {.f = *state};

    (void) snprintf(w.index, sizeof(w.index), "%s/index", w.f->dir);
    return w;
}

static inline struct pn_index_options
options_of(const struct world *w)
{
    return (struct pn_index_options){.dir = w->index, .map_reserve = 256 << 20};
}

static inline void
open_publisher(struct world *w)
{
    struct pn_index_options options = options_of(w);

    assert_int_equal(pn_publisher_new(w->f->store, &options, &w->publisher),
                     PN_OK);
}

static inline void
change(struct world *w, enum pn_change_kind kind, uint64_t id,
       const char *old_name)
{
    assert_int_equal(pn_store_change_add(w->f->store, kind, id, old_name),
                     PN_OK);
}

static inline void
publish(struct world *w)
{
    assert_int_equal(pn_publisher_run(w->publisher), PN_OK);
    pn_publisher_heartbeat(w->publisher, now());
}

/* An owner in the group that may make tokens, an app, and a token. */
static inline void
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

static inline void
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
static inline const char *
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

static inline const char *
answer_to(const struct world *w, uint64_t token_id)
{
    return answer(w, &(struct question){token_id + 1000000, "jira", "/", NULL});
}

static inline struct pn_token
stored(struct world *w, uint64_t id)
{
    struct pn_token token;

    assert_int_equal(pn_store_token_by_id(w->f->store, id, w->f->arena, &token),
                     PN_OK);
    return token;
}

static inline void
update_token(struct world *w, const struct pn_token *token)
{
    assert_int_equal(pn_store_token_update(w->f->store, token), PN_OK);
    change(w, PN_CHANGE_TOKEN, token->id, NULL);
}

static inline void
revoke_token(struct world *w, uint64_t id)
{
    struct pn_token token = stored(w, id);

    token.revoked_at = now();
    update_token(w, &token);
}

#endif
